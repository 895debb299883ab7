use serde_json::{Value, json};

use crate::testing::{FakeKeboola, fails, run};

const CREATE: &str = "keboola_create_config";
const UPDATE: &str = "keboola_update_config";
const COMPONENTS: &str = "connection /v2/storage/branch/default/components";
const OWNER: &str = "00000001000040008000000000000000";
const VARIABLES: &str = "00000002000040008000000000000000";

fn fake() -> std::rc::Rc<FakeKeboola> {
    let fake = FakeKeboola::new();
    fake.on(
        "Get ai /docs/components/ex",
        200,
        json!({"componentId": "ex", "componentType": "extractor"}),
    );
    fake.on(&format!("Get {COMPONENTS}/ex"), 200, json!({"id": "ex"}));
    fake.on(&format!("Get {COMPONENTS}/keboola.variables/configs"), 200, json!([]));
    fake
}

fn variables() -> Value {
    json!([{"name": "from", "default_value": "2026-01-01"}, {"name": "key", "type": "vault"}])
}

fn creation() -> Value {
    json!({"name": "Orders", "description": "all", "component_id": "ex", "parameters": {"host": "a"},
        "variables": variables(), "runtime": {"backend": {"type": "large"}}})
}

/// One with configuration 7, which links to variables or not.
fn stored(links: Value) -> std::rc::Rc<FakeKeboola> {
    let fake = fake();
    let mut configuration = json!({"parameters": {"host": "a"}});
    for (name, value) in links.as_object().into_iter().flatten() {
        configuration[name] = value.clone();
    }
    let own = format!("{COMPONENTS}/ex/configs/7");
    let record = json!({"id": "7", "name": "Orders", "version": 2, "configuration": configuration});
    fake.on(&format!("Get {own}"), 200, record);
    fake.on(&format!("Put {own}"), 200, json!({"id": "7", "name": "Orders", "version": 3}));
    fake.on(&format!("Post {own}/metadata"), 201, json!([]));
    fake
}

fn change(variables: Value) -> Value {
    json!({"change_description": "vars", "component_id": "ex", "configuration_id": "7",
        "variables": variables, "confirm": true})
}

#[test]
fn a_new_configuration_is_linked_to_its_variables() {
    let fake = fake();
    let configs = format!("{COMPONENTS}/ex/configs");
    fake.on(&format!("Post {configs}"), 201, json!({"id": OWNER, "version": 1}));
    fake.on(&format!("Post {configs}/{OWNER}/metadata"), 201, json!([]));
    let own = format!("{COMPONENTS}/keboola.variables/configs");
    fake.on(&format!("Post {own}"), 201, json!({"id": VARIABLES, "version": 1}));
    fake.on(&format!("Post {own}/{VARIABLES}/rows"), 201, json!({"id": "r", "version": 1}));
    fake.on(&format!("Put {configs}/{OWNER}"), 200, json!({"id": OWNER, "version": 2}));
    let made = run(&fake, CREATE, creation());
    assert_eq!((&made["version"], &made["change_summary"]), (&json!(2), &json!(null)));
    let defined = fake.body(&format!("Post {own}"));
    assert_eq!(defined["name"], format!("Variables definition for ex/{OWNER}"));
    assert_eq!(
        defined["configuration"],
        json!({"variables": [{"name": "from", "type": "string"}, {"name": "key", "type": "vault"}]})
    );
    let row = fake.body(&format!("Post {own}/{VARIABLES}/rows"));
    assert_eq!(row["configuration"], json!({"values": [{"name": "from", "value": "2026-01-01"}]}));
    let linked = fake.body(&format!("Put {configs}/{OWNER}"));
    assert_eq!(linked["configuration"]["variables_id"], VARIABLES);
    assert_eq!(linked["configuration"]["variables_values_id"], row["rowId"]);
    assert_eq!(linked["configuration"]["runtime"], json!({"backend": {"type": "large"}}));
    assert_eq!(linked["configuration"]["parameters"], json!({"host": "a"}));
}

#[test]
fn a_configuration_without_its_variables_is_made_and_told_so() {
    let fake = fake();
    let configs = format!("{COMPONENTS}/ex/configs");
    fake.on(&format!("Post {configs}"), 201, json!({"id": OWNER, "version": 1}));
    fake.on(&format!("Post {configs}/{OWNER}/metadata"), 201, json!([]));
    let own = format!("Post {COMPONENTS}/keboola.variables/configs");
    fake.on(&own, 403, json!({"error": "no rights"}));
    let made = run(&fake, CREATE, creation());
    let why = made["change_summary"].as_str().unwrap();
    assert!(why.contains("no variables yet") && why.contains("no rights"), "{why}");
    assert_eq!(made["version"], 1);
}

#[test]
fn present_variables_are_replaced_before_the_configuration_is_written() {
    let fake = stored(json!({"variables_id": "50", "variables_values_id": "60"}));
    let own = format!("{COMPONENTS}/keboola.variables/configs/50");
    let rows = json!([{"id": "60", "name": "Default Values"}]);
    fake.on(&format!("Get {own}"), 200, json!({"id": "50", "rows": rows}));
    fake.on(&format!("Put {own}"), 200, json!({"id": "50", "version": 2}));
    fake.on(&format!("Put {own}/rows/60"), 200, json!({"id": "60", "version": 2}));
    let mut asks = change(variables());
    asks["confirm"] = json!(false);
    let why = fails(&fake, UPDATE, asks);
    let part = r#"- Variables: "from", "key"; configuration "50" of variables, "", is rewritten; by its name"#;
    assert!(why.contains(part), "{why}");
    assert_eq!(run(&fake, UPDATE, change(variables()))["version"], 3);
    let body = fake.body(&format!("Put {COMPONENTS}/ex/configs/7"));
    assert_eq!(
        (&body["configuration"]["variables_id"], &body["configuration"]["variables_values_id"]),
        (&json!("50"), &json!("60"))
    );
    assert_eq!(
        fake.body(&format!("Put {own}/rows/60"))["configuration"]["values"][0]["name"],
        "from"
    );
    let lines = fake.lines();
    let at = |part: &str| lines.iter().position(|line| line.contains(part)).unwrap();
    assert!(
        at(&format!("Put {own}")) < at("Put connection /v2/storage/branch/default/components/ex")
    );
}

#[test]
fn no_variables_unlink_and_delete_those_that_are_there() {
    let fake = stored(json!({"variables_id": "50", "variables_values_id": "60"}));
    let own = format!("{COMPONENTS}/keboola.variables/configs/50");
    let record = json!({"id": "50", "name": "Variables definition for ex/7"});
    fake.on(&format!("Get {own}"), 200, record);
    fake.on(&format!("Delete {own}"), 200, json!({}));
    let mut asks = change(json!([]));
    asks["confirm"] = json!(false);
    let why = fails(&fake, UPDATE, asks);
    let part = "- Variables: none; configuration \"50\" of variables, \"Variables definition for ex/7\", is deleted";
    assert!(why.contains(part), "{why}");
    run(&fake, UPDATE, change(json!([])));
    let body = fake.body(&format!("Put {COMPONENTS}/ex/configs/7"));
    assert_eq!(body["configuration"], json!({"parameters": {"host": "a"}}));
    let lines = fake.lines();
    let at = |part: &str| lines.iter().position(|line| line.starts_with(part)).unwrap();
    assert!(at("Put ") < at("Delete "), "{lines:?}");
}

#[test]
fn variables_of_another_configuration_are_unlinked_and_stay() {
    let fake = stored(json!({"variables_id": "50"}));
    let own = format!("{COMPONENTS}/keboola.variables/configs/50");
    let record = json!({"id": "50", "name": "Variables definition for ex/8"});
    fake.on(&format!("Get {own}"), 200, record);
    fake.on(&format!("Delete {own}"), 200, json!({}));
    let mut asks = change(json!([]));
    asks["confirm"] = json!(false);
    let why = fails(&fake, UPDATE, asks);
    assert!(why.contains("\"Variables definition for ex/8\", is used no more; it stays"), "{why}");
    run(&fake, UPDATE, change(json!([])));
    let body = fake.body(&format!("Put {COMPONENTS}/ex/configs/7"));
    assert_eq!(body["configuration"], json!({"parameters": {"host": "a"}}));
    assert_eq!(fake.count(&format!("Delete {own}")), 0);
}

#[test]
fn a_failure_says_what_was_written() {
    let fake = stored(json!({}));
    let own = format!("{COMPONENTS}/keboola.variables/configs");
    fake.on(&format!("Post {own}"), 403, json!({"error": "no rights"}));
    let why = fails(&fake, UPDATE, change(variables()));
    assert!(why.starts_with("The configuration itself was not changed."), "{why}");
    assert_eq!(fake.count(&format!("Put {COMPONENTS}/ex/configs/7")), 0);
    let why = fails(&fake, UPDATE, change(json!([{"name": "a"}, {"name": "a"}])));
    assert!(why.starts_with("Nothing was changed.") && why.contains("variables[1]"), "{why}");
}
