//! The arguments of SiteBay's tools, right and wrong.

use serde_json::{Value, json};

use crate::operations::{self, OPERATIONS};
use catalogue::arguments::Arguments;
use mcp_server::arguments::{KEYWORDS, Problems};

const BLOCKS: &str = "<<<<<< SEARCH\na\n======\nb\n>>>>>> REPLACE";

fn check(tool: &str, arguments: Value) -> Result<Arguments, Problems> {
    let raw = serde_json::value::to_raw_value(&arguments).unwrap();
    Arguments::check(operations::find(tool).unwrap(), Some(&raw))
}

fn problems(tool: &str, arguments: Value) -> Vec<String> {
    check(tool, arguments).unwrap_err().lines()
}

#[test]
fn all_problems_are_told_at_once() {
    let found = problems(
        "sitebay_backup_list_commits",
        json!({"fqnd": "a.org", "number_to_fetch": "5", "restore_point": "yesterday"}),
    );
    assert_eq!(
        found,
        [
            "- fqnd: there is no such parameter; did you mean fqdn?",
            "- fqdn: required: expected a host name such as www.example.org, without scheme, \
             port, path or spaces",
            "- number_to_fetch: expected an integer from 1 to 100; got the string \"5\"",
            "- restore_point: expected an RFC 3339 date and time such as \
             2026-11-20T08:00:00Z; got the string \"yesterday\"",
        ]
    );
}

#[test]
fn a_secret_is_not_repeated_in_a_complaint() {
    let found = problems("sitebay_create_site", json!({"wordpress_password": 12_345_678}));
    let line = found.iter().find(|line| line.contains("wordpress_password")).unwrap();
    assert_eq!(line, "- wordpress_password: expected a string that is not empty; got a number");
    let found = problems("sitebay_create_site", json!("{\"wordpress_password\": \"hunter2\"}"));
    assert_eq!(found, ["- arguments: expected a JSON object; got a string"]);
}

#[test]
fn null_and_nothing_are_the_same_for_an_optional_argument() {
    let arguments = check("sitebay_list_sites", json!({"team_id": null})).unwrap();
    assert_eq!(arguments.get("team_id"), None);
    let found = problems("sitebay_get_site", json!({"fqdn": null}));
    assert!(found[0].ends_with("got null"), "{found:?}");
}

#[test]
fn defaults_are_filled_in_and_empty_ones_stay_away() {
    let arguments = check("sitebay_wordpress_proxy", json!({"fqdn": "A.org"})).unwrap();
    assert_eq!(arguments.text("fqdn"), Some("a.org"));
    assert_eq!(arguments.text("path"), Some("/wp-json/wp/v2/"));
    assert_eq!(arguments.text("method"), Some("get"));
    assert_eq!(arguments.get("query_params_json"), None);
}

#[test]
fn an_unknown_name_without_a_neighbour_gets_the_list() {
    let found = problems("sitebay_account_affiliates", json!({"x": 1}));
    assert_eq!(found, ["- x: this tool takes no parameters"]);
    let found = problems("sitebay_get_site", json!({"fqdn": "a.org", "verbose": true}));
    assert_eq!(found, ["- verbose: there is no such parameter; there are fqdn, reveal"]);
}

#[test]
fn arguments_that_are_no_object_are_refused() {
    for wrong in [json!([]), json!("x"), json!(1)] {
        let found = problems("sitebay_list_teams", wrong);
        assert!(found[0].starts_with("- arguments: expected a JSON object; got the "), "{found:?}");
    }
}

#[test]
fn a_wrong_object_of_an_array_is_named() {
    let edit = json!({"file_path": "wp-content/a.php", "search_replace_blocks": BLOCKS});
    let call =
        |edits: Value| check("sitebay_multi_edit_files", json!({"fqdn": "a.org", "edits": edits}));
    let sent = call(json!([edit])).unwrap();
    let sent = &sent.get("edits").unwrap()[0];
    assert_eq!(sent["file_path"], "a.php");
    assert!(sent["search_replace_blocks"].as_str().unwrap().starts_with("<<<<<<< SEARCH"));
    for (wrong, told) in [
        (
            json!([]),
            "- edits: expected an array of objects with file_path and search_replace_blocks",
        ),
        (json!({}), "- edits: expected an array of objects"),
        (json!([edit, 1]), "- edits[1]: expected a JSON object; got the number 1"),
        (
            json!([{"file_path": "../a", "search_replace_blocks": BLOCKS}]),
            "- edits[0].file_path: expected a path below wp-content",
        ),
        (
            json!([{"file_path": "a"}]),
            "- edits[0].search_replace_blocks: required: expected at least one",
        ),
        (
            json!([{"file_path": "a", "search_replace_blocks": BLOCKS, "x": 1}]),
            "- edits[0].x: there is no such parameter",
        ),
    ] {
        let found = call(wrong).unwrap_err().lines();
        assert!(found.len() == 1 && found[0].starts_with(told), "{told}: {found:?}");
    }
}

#[test]
fn every_keyword_of_the_catalogue_is_checked() {
    fn unknown(schema: &Value, found: &mut Vec<String>) {
        const SAID: [&str; 2] = ["description", "format"];
        for (name, value) in schema.as_object().unwrap() {
            if !KEYWORDS.contains(&name.as_str()) && !SAID.contains(&name.as_str()) {
                found.push(format!("{name}: {value}"));
            }
        }
        schema["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .for_each(|(_, of)| unknown(of, found));
        if schema["items"].is_object() {
            unknown(&schema["items"], found);
        }
    }
    for operation in OPERATIONS {
        let definition: Value = serde_json::from_str(operation.definition).unwrap();
        let mut found = Vec::new();
        unknown(&definition["inputSchema"], &mut found);
        assert!(found.is_empty(), "{}: {found:?}", operation.name);
    }
}
