//! Connections that are bound to a branch.

use serde_json::{Value, json};

use crate::testing::{FakeKeboola, bind, fails, run};

const LIST: &str = "Get connection /v2/storage/branch/default/buckets";

fn listed(branch: Option<&str>) -> Value {
    branch.map_or_else(|| json!({}), |branch| json!({ "branch_id": branch }))
}

#[test]
fn a_connection_that_is_bound_to_a_branch_refuses_every_other_one() {
    let fake = FakeKeboola::new();
    fake.on(LIST, 200, json!([]));
    bind(Some("9"));
    for other in ["default", "main", "production", "5"] {
        let why = fails(&fake, "keboola_get_buckets", listed(Some(other)));
        assert!(why.contains("in the branch 9 of Keboola alone"), "{other}: {why}");
    }
    let made = json!({
        "name": "n", "description": "d", "component_id": "ex", "parameters": {}, "branch_id": "default",
    });
    let why = fails(&fake, "keboola_create_config", made);
    assert!(why.starts_with("Nothing was read or changed"), "{why}");
    assert_eq!(fake.lines(), ["Get connection /v2/storage/dev-branches"]);
    for own in [None, Some("9")] {
        run(&fake, "keboola_get_buckets", listed(own));
        let project = "Get connection /v2/storage/branch/9/metadata";
        fake.on(project, 200, json!([]));
        let info = run(&fake, "keboola_get_project_info", listed(own));
        assert_eq!(info["branch_id"], 9);
    }
    bind(None);
}

#[test]
fn a_connection_may_be_bound_to_main() {
    let fake = FakeKeboola::new();
    fake.on(LIST, 200, json!([]));
    bind(Some("default"));
    let why = fails(&fake, "keboola_get_buckets", listed(Some("9")));
    assert!(why.contains("in the branch main of Keboola alone"), "{why}");
    for own in [None, Some("default"), Some("5")] {
        run(&fake, "keboola_get_buckets", listed(own));
    }
    bind(None);
}

#[test]
fn a_connection_that_is_bound_to_no_branch_works_in_any() {
    let fake = FakeKeboola::new();
    fake.on(LIST, 200, json!([]));
    for any in [None, Some("default"), Some("9")] {
        run(&fake, "keboola_get_buckets", listed(any));
    }
}

#[test]
fn a_job_of_another_branch_is_not_stopped_from_a_branch() {
    let fake = FakeKeboola::new();
    bind(Some("9"));
    let kill = "Post queue /jobs/7/kill";
    let job = |branch: &str| json!({"id": "7", "status": "processing", "branchId": branch});
    fake.on("Get queue /jobs/7", 200, job("5"));
    fake.on(kill, 200, job("5"));
    let arguments = json!({"job_id": "7", "confirm": true});
    let why = fails(&fake, "keboola_stop_job", arguments.clone());
    assert!(why.contains("another branch"), "{why}");
    assert_eq!(fake.count(kill), 0);
    fake.clear("Get queue /jobs/7");
    fake.on("Get queue /jobs/7", 200, job("9"));
    run(&fake, "keboola_stop_job", arguments);
    assert_eq!(fake.count(kill), 1);
    bind(None);
}

#[test]
fn a_branch_that_was_made_a_moment_ago_is_found() {
    let fake = FakeKeboola::new();
    fake.on(LIST, 200, json!([]));
    run(&fake, "keboola_get_buckets", json!({"branch_id": "9"}));
    let branches = "Get connection /v2/storage/dev-branches";
    fake.clear(branches);
    fake.on(branches, 200, json!([{"id": 5, "isDefault": true}, {"id": 11, "name": "New"}]));
    run(&fake, "keboola_get_buckets", json!({"branch_id": "11"}));
    assert_eq!(fake.count(branches), 2);
    // One that is not there is asked for once more, and not twice in a call.
    let why = fails(&fake, "keboola_get_buckets", json!({"branch_id": "77"}));
    assert!(why.contains("no branch"), "{why}");
    assert_eq!(fake.count(branches), 3);
}
