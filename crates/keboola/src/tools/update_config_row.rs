//! Changes parts of a row of a configuration.

use super::config_write::{self, Draft};
use crate::{
    api::Path,
    call::{Call, Outcome, ShortCircuit},
    configuration::{assemble::Level, printable::foreign},
};

fn config(call: &Call<'_>) -> Path {
    call.configs(call.required("component_id")).part(call.required("configuration_id"))
}

fn path(call: &Call<'_>) -> Path {
    config(call).then("rows").part(call.required("configuration_row_id"))
}

/// The change, line by line.
pub(super) async fn plan(call: &Call<'_>) -> Result<String, ShortCircuit> {
    let draft = Draft::of(call, path(call), Level::Row).await?;
    let id = call.required("configuration_id");
    Ok(format!("- Row of configuration {}\n{}", foreign(id), draft.plan(call).await?))
}

pub(super) async fn run(call: &Call<'_>) -> Outcome {
    let draft = Draft::of(call, path(call), Level::Row).await?;
    let body = draft.body(call).await?;
    let begun = call.ctx.begin().await?;
    let record = config_write::stored(call, &begun, path(call), &draft, &body).await?;
    let mut notes = vec![draft.summary.clone()];
    let version = config_write::version(&record);
    notes.extend(config_write::mark_version(call, &begun, config(call), version).await);
    let (component, id) = (call.required("component_id"), call.required("configuration_id"));
    Ok(config_write::answer(call, component, id, &record, notes))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{FakeKeboola, fails, run};

    const TOOL: &str = "keboola_update_config_row";
    const ROW: &str = "connection /v2/storage/branch/default/components/ex/configs/7/rows/r";

    #[test]
    fn a_row_is_changed_and_switched_off() {
        let fake = FakeKeboola::new();
        fake.on(
            "Get connection /v2/storage/branch/default/components/ex",
            200,
            json!({"id": "ex", "type": "extractor"}),
        );
        fake.on(
            &format!("Get {ROW}"),
            200,
            json!({"id": "r", "name": "row", "version": 1, "configuration": {"parameters": []}}),
        );
        fake.on(
            &format!("Put {ROW}"),
            200,
            json!({"id": "r", "name": "row", "version": 2, "description": "d"}),
        );
        let mut arguments = json!({"change_description": "off", "component_id": "ex", "configuration_id": "7",
            "configuration_row_id": "r", "is_disabled": true, "parameter_updates": [{"op": "set", "path": "t", "value": 1}]});
        let why = fails(&fake, TOOL, arguments.clone());
        assert!(why.contains("Row of configuration \"7\"") && why.contains("isDisabled"), "{why}");
        arguments["confirm"] = json!(true);
        assert_eq!(run(&fake, TOOL, arguments)["version"], 2);
        let body = fake.body(&format!("Put {ROW}"));
        assert_eq!(
            (&body["isDisabled"], &body["configuration"]["parameters"]),
            (&json!(true), &json!({"t": 1}))
        );
    }
}
