//! Changes blocks, codes and scripts of an SQL transformation.

use std::fmt::Display;

use serde_json::Value;

use super::{config_write::Draft, update_config};
use crate::{
    api::Path,
    call::{Call, Outcome, ShortCircuit},
    configuration::{
        assemble::{self, Component},
        transformation,
    },
};

fn path(call: &Call<'_>) -> Path {
    call.configs(call.project.sql_component()).part(call.required("configuration_id"))
}

/// The change, line by line.
pub(super) async fn plan(call: &Call<'_>) -> Result<String, ShortCircuit> {
    draft(call).await?.plan(call).await
}

pub(super) async fn run(call: &Call<'_>) -> Outcome {
    let draft = draft(call).await?;
    update_config::written(call, call.project.sql_component(), path(call), draft).await
}

async fn draft(call: &Call<'_>) -> Result<Draft, ShortCircuit> {
    let refused = |why: &dyn Display| ShortCircuit::Failed(format!("Nothing was changed. {why}."));
    let steps = call.get("parameter_updates").map(transformation::read).transpose();
    let steps = steps.map_err(|why| refused(&why))?.unwrap_or_default();
    let record = call.storage(path(call), &[]).await?;
    let id = call.project.sql_component();
    let component = Component { id, kind: "transformation", has_rows: false };
    let stored = record.get("configuration").unwrap_or(&Value::Null);
    let updated = assemble::update_sql(component, stored, &steps, call.get("storage"));
    let (configuration, summary) = updated.map_err(|why| refused(&why))?;
    let mut draft = Draft::new(call, record, configuration)?;
    draft.require_change(call)?;
    draft.component = id.to_owned();
    if !summary.is_empty() {
        draft.summary = summary;
    }
    Ok(draft)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{FakeKeboola, fails, run};

    const TOOL: &str = "keboola_update_sql_transformation";
    const CONFIG: &str = "connection /v2/storage/branch/default/components/keboola.snowflake-transformation/configs/7";

    fn arguments(updates: serde_json::Value) -> serde_json::Value {
        json!({"change_description": "newer", "configuration_id": "7", "parameter_updates": updates, "confirm": true})
    }

    fn fake() -> std::rc::Rc<FakeKeboola> {
        let fake = FakeKeboola::new();
        fake.on(&format!("Get {CONFIG}"), 200, json!({"id": "7", "name": "Sums", "version": 2, "configuration": {
            "parameters": {"blocks": [{"name": "b", "codes": [{"name": "c", "script": ["SELECT 1;"]}]}]},
            "storage": []}}));
        fake.on(&format!("Put {CONFIG}"), 200, json!({"id": "7", "name": "Sums", "version": 3}));
        fake
    }

    #[test]
    fn a_script_is_replaced_by_its_ids() {
        let fake = fake();
        let set = json!([{"op": "set_code", "block_id": "b0", "code_id": "b0.c0", "script": "SELECT 2; SELECT 3;"}]);
        let mut asks = arguments(set.clone());
        asks["confirm"] = json!(false);
        let why = fails(&fake, TOOL, asks);
        assert!(why.contains("\"Sums\" (\"7\"), version 2") && why.contains("SELECT 2"), "{why}");
        let done = run(&fake, TOOL, arguments(set));
        assert_eq!(done["version"], 3);
        assert_eq!(done["links"][1]["title"], "Transformations dashboard");
        let body = fake.body(&format!("Put {CONFIG}"));
        let script = &body["configuration"]["parameters"]["blocks"][0]["codes"][0]["script"];
        assert_eq!(script.as_array().unwrap().len(), 2, "{script}");
    }

    #[test]
    fn an_id_that_is_not_there_changes_nothing() {
        let fake = fake();
        let set = json!([{"op": "remove_code", "block_id": "b0", "code_id": "b0.c9"}]);
        let why = fails(&fake, TOOL, arguments(set));
        assert!(why.starts_with("Nothing was changed.") && why.contains("b0.c9"), "{why}");
        assert!(fails(&fake, TOOL, arguments(json!([]))).contains("stored already"));
        assert_eq!(fake.count(&format!("Put {CONFIG}")), 0);
    }
}
