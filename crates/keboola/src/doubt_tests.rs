//! Changes whose answers are lost, over every tool that changes something.

use std::{collections::BTreeSet, rc::Rc};

use mcp_platform::NetworkFailure;
use mcp_server::{testing::answer, toolset::Effect};
use serde_json::{Value, json};

use crate::{
    operations::OPERATIONS,
    testing::{FakeKeboola, Seen, run_in},
};

const BASE: &str = "Get connection /v2/storage/branch/default";

/// What is said of a change that was refused.
const DENIALS: [&str; 7] = [
    "Nothing was changed",
    "could not be written",
    "could not be set",
    "could not be cleared",
    "could not be deleted",
    "not written",
    "not linked",
];

/// The calls that are tried: each tool with the arguments that make all its requests.
fn calls() -> Vec<(&'static str, Value)> {
    let config = json!({"component_id": "ex", "configuration_id": "7", "confirm": true});
    let sql = json!({"configuration_id": "7", "confirm": true});
    let update =
        |base: &Value, more: Value| with(base, with(&json!({"change_description": "why"}), more));
    let variables = json!([{"name": "from", "default_value": "1"}]);
    let new = json!({"name": "New", "description": "d"});
    let created =
        json!({"component_id": "ex", "parameters": {"host": "a"}, "variables": variables});
    let row = json!({"component_id": "ex", "configuration_id": "7", "parameters": {"t": 1}});
    let code = json!([{"name": "one", "script": "SELECT 1;"}]);
    let described = json!([{"item_id": "in.c-a", "description": "new"}]);
    vec![
        ("keboola_update_descriptions", json!({"confirm": true, "updates": described})),
        ("keboola_run_job", config.clone()),
        ("keboola_stop_job", json!({"job_id": "7", "confirm": true})),
        ("keboola_create_config", with(&new, created)),
        ("keboola_add_config_row", with(&new, row)),
        (
            "keboola_create_sql_transformation",
            with(&new, json!({"sql_code_blocks": code, "folder": "f"})),
        ),
        ("keboola_update_config", update(&config, json!({"variables": variables, "folder": "f"}))),
        ("keboola_update_config", update(&config, json!({"variables": [], "folder": ""}))),
        (
            "keboola_update_config_row",
            update(&config, json!({"configuration_row_id": "r", "is_disabled": true})),
        ),
        ("keboola_rollback_config", with(&config, json!({"version": 1}))),
        ("keboola_update_sql_transformation", update(&sql, json!({"name": "Newer"}))),
    ]
}

fn with(base: &Value, more: Value) -> Value {
    let mut all = base.clone();
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    all
}

/// A project that has what the calls name, and takes every change.
fn fake() -> Rc<FakeKeboola> {
    let fake = FakeKeboola::new();
    fake.takes_writes();
    let ex = json!({"id": "ex", "type": "extractor", "flags": ["genericDockerUI-rows"]});
    fake.on(&format!("{BASE}/components/ex"), 200, ex);
    fake.on(&format!("{BASE}/buckets/in.c-a"), 200, json!({"id": "in.c-a", "metadata": []}));
    let described = json!([{"key": "KBC.description", "value": "new", "timestamp": "2026-11-20T09:00:00+0100"}]);
    fake.on("Post connection /v2/storage/buckets/in.c-a/metadata", 200, described);
    let config = format!("{BASE}/components/ex/configs/7");
    let record = |parameters: Value| json!({"id": "7", "name": "Orders", "version": 2, "configuration": parameters});
    fake.on(&config, 200, record(json!({"parameters": {"host": "a"}, "variables_id": "50"})));
    let folder = json!([{"id": "1", "key": "KBC.configuration.folderName", "value": "old"}]);
    fake.on(&format!("{config}/metadata"), 200, folder);
    fake.on(&format!("{config}/rows/r"), 200, record(json!({"parameters": {}})));
    let sql = format!("{BASE}/components/keboola.snowflake-transformation/configs/7");
    fake.on(&sql, 200, record(json!({"parameters": {"blocks": []}})));
    let variables = format!("{BASE}/components/keboola.variables/configs");
    fake.on(&variables, 200, json!([]));
    let name = "Variables definition for ex/7";
    let rows = json!([{"id": "60", "name": "Default Values"}]);
    fake.on(&format!("{variables}/50"), 200, json!({"id": "50", "name": name, "rows": rows}));
    fake
}

fn called(fake: &Rc<FakeKeboola>, tool: &str, arguments: &Value) -> (Seen, bool) {
    let ctx = fake.context();
    let seen = run_in(&ctx, tool, arguments.clone());
    let is_unknown = ctx.changes.is_unknown();
    (seen, is_unknown)
}

fn text(seen: &Seen) -> String {
    if seen.is_error { seen.text.clone() } else { seen.data.to_string() }
}

#[test]
fn every_tool_that_changes_something_is_tried() {
    let changing = OPERATIONS.iter().filter(|operation| operation.effect != Effect::Read);
    let changing: BTreeSet<&str> = changing.map(|operation| operation.name).collect();
    let tried: BTreeSet<&str> = calls().iter().map(|(tool, _)| *tool).collect();
    assert_eq!(tried, changing);
}

#[test]
fn a_change_whose_answer_is_lost_is_said_to_be_possible_and_how_it_is_looked_up() {
    let mut requests = 0;
    for (tool, arguments) in calls() {
        let whole = fake();
        let (seen, is_unknown) = called(&whole, tool, &arguments);
        assert!(!seen.is_error && !is_unknown, "{tool}: {}: {:?}", seen.text, whole.lines());
        assert!(!text(&seen).contains("MAY"), "{tool}: {}", text(&seen));
        assert!(!whole.writes().is_empty(), "{tool}");
        for route in whole.writes() {
            for lost in [Err(NetworkFailure::Broken("reset".into())), Ok(answer(504, ""))] {
                let fake = fake();
                fake.clear(&route);
                fake.script(&route, lost);
                let (seen, is_unknown) = called(&fake, tool, &arguments);
                let text = text(&seen);
                assert!(is_unknown, "{tool} {route}: the audit does not say so: {text}");
                assert!(text.contains("MAY"), "{tool} {route}: {text}");
                assert!(text.contains("with keboola_get_"), "{tool} {route}: {text}");
                for denial in DENIALS {
                    assert!(!text.contains(denial), "{tool} {route}: {denial}: {text}");
                }
                assert_eq!(fake.count(&route), whole.count(&route), "{tool} {route}");
                requests += 1;
            }
        }
    }
    assert!(requests >= 40, "{requests}");
}

#[test]
fn a_change_that_was_refused_is_denied() {
    for (tool, arguments) in calls() {
        let whole = fake();
        called(&whole, tool, &arguments);
        for route in whole.writes() {
            let fake = fake();
            fake.clear(&route);
            fake.on(&route, 403, json!({"error": "no rights"}));
            let (seen, is_unknown) = called(&fake, tool, &arguments);
            let text = text(&seen);
            assert!(!is_unknown && !text.contains("MAY"), "{tool} {route}: {text}");
            assert!(text.contains("no rights"), "{tool} {route}: {text}");
        }
    }
}

#[test]
fn a_failure_after_the_variables_were_written_does_not_deny_them() {
    let fake = fake();
    let put = "Put connection /v2/storage/branch/default/components/ex/configs/7";
    fake.on(put, 403, json!({"error": "no rights"}));
    let (tool, arguments) = calls().swap_remove(6);
    let (seen, _) = called(&fake, tool, &arguments);
    let expected = "The variables were written, but the configuration itself was not changed.";
    assert!(seen.is_error && seen.text.starts_with(expected), "{}", seen.text);
}

#[test]
fn a_workspace_whose_making_is_in_doubt_is_said_to_be_possible() {
    let configs = format!("{BASE}/components/keboola.mcp-server-tool/configs");
    let query = json!({"sql_query": "SELECT 1", "query_name": "x"});
    let stand = |refused: bool| {
        let fake = fake();
        fake.on(&configs, 200, json!([]));
        if refused {
            let post = format!("{}/7/workspaces", configs.replace("Get ", "Post "));
            fake.on(&configs.replace("Get ", "Post "), 200, json!({"id": "7"}));
            fake.on(&post, 403, json!({"error": "no rights"}));
        }
        fake
    };
    for refused in [false, true] {
        let whole = stand(refused);
        called(&whole, "keboola_query_data", &query);
        let writes = whole.writes();
        assert_eq!(writes.len(), if refused { 3 } else { 2 }, "{writes:?}");
        for route in writes {
            let fake = stand(refused);
            fake.clear(&route);
            fake.breaks(&route);
            let (seen, is_unknown) = called(&fake, "keboola_query_data", &query);
            let text = text(&seen);
            assert!(is_unknown && text.contains("MAY"), "{route}: {text}");
            assert!(text.contains("keboola_get_"), "{route}: {text}");
        }
    }
}
