//! SiteBay's answers, made to fit the shapes of the catalogue.

use serde_json::json;

use crate::operations;
use catalogue::{
    Shape,
    conform::{MAX_WARNINGS, conform, hide, records},
};

fn site() -> &'static Shape {
    operations::find("sitebay_get_site").unwrap().output
}

#[test]
fn a_field_of_another_type_becomes_null_and_is_told() {
    let mut record = json!({"fqdn": "a.org", "active": "yes", "current_storage": 1.5,
        "tracked_tables": ["a", 1], "site_stage": {"fqdn": 7}, "team": [], "new": {"x": 1},
        "git_url": null, "current_cycle_visits": 3.0, "warnings": 1});
    let mut warnings = Vec::new();
    conform(site(), record.as_object_mut().unwrap(), "", &mut warnings);
    assert_eq!(
        record,
        json!({"fqdn": "a.org", "active": null, "current_storage": null,
            "tracked_tables": null, "site_stage": {"fqdn": null}, "team": null,
            "new": {"x": 1}, "git_url": null, "current_cycle_visits": 3.0})
    );
    assert!(warnings.contains(&"active is a string, not a boolean; it is null here".into()));
    assert!(warnings.iter().any(|line| line.starts_with("site_stage.fqdn is a number")));
    assert_eq!(warnings.len(), 5);
}

#[test]
fn secret_fields_are_hidden_unless_asked_for() {
    let cookie = operations::find("sitebay_browser_admin_cookie").unwrap().output;
    let given = json!({"name": "n", "value": {"odd": "secret"}, "domain": null});
    for (reveal, shown) in [(false, json!("[redacted]")), (true, given["value"].clone())] {
        let mut record = given.clone();
        hide(cookie, record.as_object_mut().unwrap(), reveal);
        assert_eq!(record, json!({"name": "n", "value": shown, "domain": null}));
    }
}

#[test]
fn what_is_no_object_is_left_out_of_a_list_and_warnings_end() {
    let mut warnings = Vec::new();
    let items = (0..50).map(|_| json!("page")).chain([json!({"fqdn": "a.org"})]).collect();
    let records = records(site(), items, "sites", &mut warnings);
    assert_eq!(records.len(), 1);
    assert_eq!(warnings.len(), MAX_WARNINGS + 1);
    assert_eq!(warnings[0], "sites[0] is a string, not an object; it was left out");
}
