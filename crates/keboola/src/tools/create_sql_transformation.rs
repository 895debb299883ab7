//! Creates an SQL transformation of the project's dialect.

use serde::Deserialize as _;
use serde_json::Value;

use super::create_config;
use crate::{
    call::{Call, Outcome, failed},
    configuration::transformation::{self, SqlCode},
};

pub(super) async fn run(call: &Call<'_>) -> Outcome {
    let codes = call.get("sql_code_blocks").unwrap_or(&Value::Null);
    let codes = match Vec::<SqlCode>::deserialize(codes) {
        Ok(codes) => codes,
        Err(why) => return failed(format!("Nothing was changed. sql_code_blocks: {why}.")),
    };
    let tables = call.texts("created_table_names");
    match transformation::create(call.required("name"), &codes, &tables) {
        Ok(made) => create_config::created(call, call.project.sql_component(), made).await,
        Err(why) => failed(format!("Nothing was changed. {why}.")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{FakeKeboola, fails, run};

    const TOOL: &str = "keboola_create_sql_transformation";
    const ID: &str = "00000001000040008000000000000000";

    #[test]
    fn statements_are_split_and_created_tables_mapped() {
        let fake = FakeKeboola::with_project(json!({"defaultBackend": "bigquery"}));
        let create = "Post connection /v2/storage/branch/default/components/keboola.google-bigquery-transformation/configs";
        fake.on(create, 201, json!({"id": ID, "version": 1, "name": "Sums"}));
        fake.on(&format!("{create}/{ID}/metadata"), 201, json!([]));
        let made = run(
            &fake,
            TOOL,
            json!({"name": "Sums", "description": "d", "folder": "sales",
            "sql_code_blocks": [{"name": "one", "script": "SELECT 1; CREATE TABLE `sums` AS SELECT 2;"}],
            "created_table_names": ["sums"]}),
        );
        assert_eq!(made["component_id"], "keboola.google-bigquery-transformation");
        let body = fake.body(create);
        let scripts = &body["configuration"]["parameters"]["blocks"][0]["codes"][0]["script"];
        assert_eq!(scripts.as_array().unwrap().len(), 2, "{scripts}");
        assert_eq!(
            body["configuration"]["storage"]["output"]["tables"][0]["destination"],
            "out.c-Sums.sums"
        );
        assert_eq!(fake.count(&format!("{create}/{ID}/metadata")), 2);
    }

    #[test]
    fn code_without_a_script_is_refused() {
        let fake = FakeKeboola::new();
        let why = fails(
            &fake,
            TOOL,
            json!({"name": "x", "description": "", "sql_code_blocks": [{"name": "one"}]}),
        );
        assert!(why.contains("- sql_code_blocks[0].script: required"), "{why}");
        assert!(fake.requests().is_empty());
    }
}
