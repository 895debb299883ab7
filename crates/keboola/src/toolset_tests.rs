//! The toolset as a registry sees it.

use mcp_server::{
    context::Context,
    registry::Registry,
    tool_selection::ToolSelection,
    toolset::{Effect, Toolset as _},
};
use serde_json::{Value, json, value::to_raw_value};

use crate::{
    Keboola,
    operations::OPERATIONS,
    testing::{Connected, FakeKeboola, run_in},
};

static KEBOOLA: Keboola = Keboola::new(&Connected);
static REGISTRY: Registry = Registry::new(&[&KEBOOLA]);

#[test]
fn every_tool_is_listed_with_honest_hints() {
    let all = REGISTRY.tools(REGISTRY.choose("all").unwrap());
    assert_eq!(all.items().count(), OPERATIONS.len());
    for operation in OPERATIONS {
        let definition: Value = serde_json::from_str(operation.definition).unwrap();
        let hints = &definition["annotations"];
        assert_eq!(hints["readOnlyHint"], operation.effect == Effect::Read, "{}", operation.name);
        assert_eq!(hints["destructiveHint"], operation.effect == Effect::Destructive);
        assert!(operation.name.starts_with("keboola_"), "{}", operation.name);
        for schema in ["inputSchema", "outputSchema"] {
            assert!(jsonschema::meta::is_valid(&definition[schema]), "{}", operation.name);
            assert_eq!(definition[schema]["type"], "object", "{}", operation.name);
        }
    }
}

#[test]
fn wrong_arguments_send_nothing() {
    for operation in OPERATIONS {
        let fake = FakeKeboola::new();
        let seen = run_in(&fake.context(), operation.name, json!({"nothing_of_the_kind": 1}));
        assert!(seen.is_error && seen.text.contains("- nothing_of_the_kind: "), "{}", seen.text);
        assert!(fake.requests().is_empty(), "{}", operation.name);
    }
}

#[test]
fn a_connection_that_only_reads_changes_nothing() {
    let fake = FakeKeboola::new();
    let choice = ToolSelection { read_only: true, ..ToolSelection::default() };
    let arguments = json!({"component_id": "ex", "configuration_id": "7", "confirm": true});
    let ctx = Context { choice, ..fake.context() };
    let seen = run_in(&ctx, "keboola_run_job", arguments);
    assert!(seen.is_error && seen.text.contains("only reads"), "{}", seen.text);
    assert!(fake.requests().is_empty());
}

#[test]
fn the_audit_names_what_a_call_is_about() {
    let target = |arguments: Value| KEBOOLA.target(Some(&to_raw_value(&arguments).unwrap()));
    assert_eq!(
        target(json!({"component_id": "ex", "configuration_id": "7"})).as_deref(),
        Some("keboola/ex/7")
    );
    assert_eq!(target(json!({"table_id": "in.c-a.t"})).as_deref(), Some("keboola/in.c-a.t"));
    assert_eq!(target(json!({})), None);
}
