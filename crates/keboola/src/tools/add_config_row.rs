//! Adds a row to a configuration, under an id of its own.

use mcp_platform::Method;
use mcp_server::client_request::Stop;
use serde_json::{Value, json};

use super::{config_write, create_config};
use crate::{
    api::Service,
    call::{Call, Outcome},
    configuration::assemble::Level,
};

pub(super) async fn run(call: &Call<'_>) -> Outcome {
    let (component, id) = (call.required("component_id"), call.required("configuration_id"));
    let configuration = config_write::assembled(call, Level::Row).await?;
    let sealed = config_write::sealed(call, component, configuration).await?;
    let row = async { Ok::<_, Stop>(create_config::new_id(call)) };
    let row = call.ctx.once("id", row).await?;
    call.ctx.changes_what(call.target(&format!("{component}/{id}/{row}"))).await?;
    let begun = call.ctx.begin().await?;
    let body = json!({
        "rowId": row,
        "name": call.required("name"),
        "description": call.required("description"),
        "configuration": sealed,
    });
    let config = call.configs(component).part(id);
    let (rows, post, storage) = (config.clone().then("rows"), Method::Post, Service::Storage);
    let answer = call.client.change(&begun, post, storage, rows.clone(), &[], Some(&body)).await;
    let record: Value = match answer {
        Ok(record) => record,
        Err(error) if error.leaves_doubt() => {
            call.client.start_over();
            call.storage(rows.part(&row), &[]).await.map_err(|_| call.unchanged(&error))?
        }
        Err(error) => return Err(call.unchanged(&error)),
    };
    let version = config_write::version(&record);
    let note = config_write::mark_version(call, &begun, config, version).await;
    let mut notes = vec![format!("The row has the id {}.", crate::call::id_of(&record))];
    notes.extend(note);
    Ok(config_write::answer(call, component, id, &record, notes))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{FakeKeboola, fails, run};

    const TOOL: &str = "keboola_add_config_row";
    const ROWS: &str = "connection /v2/storage/branch/9/components/ex/configs/7/rows";
    const ID: &str = "00000001000040008000000000000000";

    fn arguments() -> serde_json::Value {
        json!({"name": "row", "description": "d", "component_id": "ex", "configuration_id": "7",
            "parameters": {"t": 1}, "branch_id": "9"})
    }

    fn fake() -> std::rc::Rc<FakeKeboola> {
        let fake = FakeKeboola::new();
        let component = json!({"id": "ex", "type": "extractor", "flags": ["genericDockerUI-rows"]});
        fake.on("Get connection /v2/storage/branch/9/components/ex", 200, component);
        fake
    }

    #[test]
    fn a_row_is_added_in_the_branch() {
        let fake = fake();
        fake.on(&format!("Post {ROWS}"), 201, json!({"id": ID, "version": 4, "description": "d"}));
        let added = run(&fake, TOOL, arguments());
        assert_eq!((&added["version"], &added["configuration_id"]), (&json!(4), &json!("7")));
        let summary = added["change_summary"].as_str().unwrap();
        assert!(
            summary.contains(ID) && summary.contains("KBC.MCP.updatedBy.version.4 could not"),
            "{summary}"
        );
        assert_eq!(fake.body(&format!("Post {ROWS}"))["rowId"], ID);
    }

    #[test]
    fn a_lost_answer_is_looked_up_by_the_rows_own_id() {
        let fake = fake();
        fake.breaks(&format!("Post {ROWS}"));
        fake.on(&format!("Get {ROWS}/{ID}"), 200, json!({"id": ID, "version": 4}));
        assert_eq!(run(&fake, TOOL, arguments())["version"], 4);
        let fake = self::fake();
        fake.breaks(&format!("Post {ROWS}"));
        assert!(fails(&fake, TOOL, arguments()).contains("MAY have happened"));
        assert_eq!(fake.count(&format!("Post {ROWS}")), 1);
    }
}
