use serde_json::{Value, json};

use crate::testing::{FakeKeboola, fails, run};

const TOOL: &str = "keboola_create_config";
const COMPONENT: &str = "Get connection /v2/storage/branch/default/components/ex";
const CREATE: &str = "Post connection /v2/storage/branch/default/components/ex/configs";
const ID: &str = "00000001000040008000000000000000";
const ENCRYPT: &str = "Post encryption /encrypt";

fn fake() -> std::rc::Rc<FakeKeboola> {
    let fake = FakeKeboola::new();
    fake.on(
        "Get ai /docs/components/ex",
        200,
        json!({"componentId": "ex", "componentName": "Ex",
        "componentType": "extractor", "configurationSchema": {"required": ["host"]}}),
    );
    fake.on(COMPONENT, 200, json!({"id": "ex"}));
    fake.on(&format!("{CREATE}/{ID}/metadata"), 201, json!([]));
    fake
}

fn arguments(parameters: Value) -> Value {
    json!({"name": "Orders", "description": "all orders", "component_id": "ex", "parameters": parameters})
}

#[test]
fn secrets_are_encrypted_before_anything_is_written() {
    let fake = fake();
    fake.on(ENCRYPT, 200, json!({"#0": "KBC::ProjectSecure::abc"}));
    fake.on(
        CREATE,
        201,
        json!({"id": ID, "version": 1, "name": "Orders", "description": "all orders"}),
    );
    let made = run(&fake, TOOL, arguments(json!({"host": "a", "#password": "hunter2"})));
    assert_eq!((&made["configuration_id"], &made["version"]), (&json!(ID), &json!(1)));
    assert_eq!(made["timestamp"].as_str().unwrap().get(..17), Some("2026-11-20T08:00:"));
    let body = fake.body(CREATE);
    assert_eq!(body["configurationId"], ID);
    assert_eq!(
        body["configuration"]["parameters"],
        json!({"host": "a", "#password": "KBC::ProjectSecure::abc"})
    );
    assert_eq!(fake.body(ENCRYPT), json!({"#0": "hunter2"}));
    assert_eq!(
        fake.body(&format!("{CREATE}/{ID}/metadata")),
        json!({"metadata": [{"key": "KBC.MCP.createdBy", "value": "true"}]})
    );
    let encrypt = fake.requests().into_iter().find(|r| r.url.contains("/encrypt")).unwrap();
    assert!(encrypt.url.ends_with("?componentId=ex&projectId=58"), "{}", encrypt.url);
    assert!(encrypt.headers.iter().all(|(name, _)| *name != "X-StorageApi-Token"));
    for request in fake.requests().iter().filter(|r| !r.url.contains("/encrypt")) {
        assert!(!request.body.as_deref().unwrap_or_default().contains("hunter2"));
    }
}

#[test]
fn without_encryption_nothing_is_written() {
    for (status, answer) in
        [(500, json!({"error": "down"})), (200, json!({"#0": "hunter2"})), (200, json!({}))]
    {
        let fake = fake();
        fake.on(ENCRYPT, status, answer);
        let why = fails(&fake, TOOL, arguments(json!({"host": "a", "#password": "hunter2"})));
        assert!(why.starts_with("Nothing was changed.") && !why.contains("hunter2"), "{why}");
        assert_eq!(fake.count(CREATE), 0);
    }
    let fake = fake();
    let why = fails(&fake, TOOL, arguments(json!({"host": "a", "#password": "[REDACTED]"})));
    assert!(why.contains("#password"), "{why}");
    assert_eq!((fake.count(ENCRYPT), fake.count(CREATE)), (0, 0));
}

#[test]
fn ciphers_stay_and_need_no_encryption() {
    let fake = fake();
    fake.on(CREATE, 201, json!({"id": ID, "version": 1}));
    run(&fake, TOOL, arguments(json!({"host": "a", "#password": "KBC::ProjectSecure::abc"})));
    assert_eq!(fake.count(ENCRYPT), 0);
    assert_eq!(
        fake.body(CREATE)["configuration"]["parameters"]["#password"],
        "KBC::ProjectSecure::abc"
    );
}

#[test]
fn what_the_schema_requires_is_asked_for() {
    let fake = fake();
    let why = fails(&fake, TOOL, arguments(json!({"port": 1})));
    assert!(why.contains("requires: host"), "{why}");
    assert_eq!(fake.count(CREATE), 0);
    for component in ["keboola.flow", "keboola.data-apps", "keboola.snowflake-transformation"] {
        let mut arguments = arguments(json!({"host": "a"}));
        arguments["component_id"] = json!(component);
        let why = fails(&fake, TOOL, arguments);
        assert!(why.starts_with("Nothing was changed: ") && why.contains(component), "{why}");
    }
}

#[test]
fn a_lost_answer_is_looked_up_by_the_configurations_own_id() {
    let fake = fake();
    fake.breaks(CREATE);
    fake.on(
        &format!("Get{}/{ID}", CREATE.trim_start_matches("Post")),
        200,
        json!({"id": ID, "version": 1, "name": "Orders"}),
    );
    let made = run(&fake, TOOL, arguments(json!({"host": "a"})));
    assert_eq!(made["configuration_id"], ID);
    assert_eq!(fake.count(CREATE), 1);
    let fake = self::fake();
    fake.on(CREATE, 504, json!({}));
    let why = fails(&fake, TOOL, arguments(json!({"host": "a"})));
    assert!(why.contains("shows no configuration") && why.contains("MAY have happened"), "{why}");
    assert_eq!(fake.count(CREATE), 1);
}

#[test]
fn more_than_four_megabytes_are_refused_before_they_are_sent() {
    let fake = fake();
    let why = fails(&fake, TOOL, arguments(json!({"host": "x".repeat(4 * 1024 * 1024 + 1)})));
    assert!(why.starts_with("Nothing was changed."), "{why}");
    assert_eq!(fake.count(CREATE), 0);
}

#[test]
fn a_link_to_variables_whose_answer_is_lost_may_be_there() {
    let variables =
        "Post connection /v2/storage/branch/default/components/keboola.variables/configs";
    for (status, part) in [(502, "MAY be linked"), (403, "has no variables yet")] {
        let fake = fake();
        fake.on(CREATE, 201, json!({"id": ID, "version": 1}));
        fake.on(&variables.replace("Post", "Get"), 200, json!([]));
        fake.on(variables, 201, json!({"id": "v", "version": 1}));
        let link = format!("Put{}/{ID}", CREATE.trim_start_matches("Post"));
        fake.on(&link, status, json!({"error": "no"}));
        let mut arguments = arguments(json!({"host": "a"}));
        arguments["variables"] = json!([{"name": "from"}]);
        let note = run(&fake, TOOL, arguments)["change_summary"].as_str().unwrap().to_owned();
        assert!(note.contains(part) && note.contains("were written"), "{note}");
        assert_eq!(note.contains("MAY"), status == 502, "{note}");
    }
}

#[test]
fn metadata_whose_answer_is_lost_may_be_set() {
    let fake = fake();
    fake.on(CREATE, 201, json!({"id": ID, "version": 1}));
    let metadata = format!("{CREATE}/{ID}/metadata");
    fake.clear(&metadata);
    fake.breaks(&metadata);
    let made = run(&fake, TOOL, arguments(json!({"host": "a"})));
    let note = made["change_summary"].as_str().unwrap();
    assert!(note.contains("MAY not be set") && !note.contains("could not be set"), "{note}");
}
