//! Components with their documentation and schemas.

use serde_json::json;

use super::{component, lookup};
use crate::call::{Call, Outcome};

pub(super) async fn run(call: &Call<'_>) -> Outcome {
    let links = call.links();
    call.budget();
    let read = async |id: String| {
        let record = component::read(call, &id).await?;
        let name = component::name(&record);
        Ok(component::detail(&record, json!([links.component(&id, Some(&name))])))
    };
    let found = lookup::each(call.texts("component_ids"), String::clone, read).await?;
    let mut answer = found.into_answer("components");
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("links".to_owned(), json!([links.used_components()]));
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{FakeKeboola, fails, run};

    const TOOL: &str = "keboola_get_components";

    #[test]
    fn a_component_comes_from_the_catalogue_with_its_schemas() {
        let fake = FakeKeboola::new();
        fake.on("Get ai /docs/components/keboola.ex-db", 200, json!({
            "componentId": "keboola.ex-db", "componentName": "Database", "componentType": "extractor",
            "componentCategories": ["db"], "componentFlags": ["genericDockerUI-rows", "genericDockerUI-tableOutput"],
            "documentation": "How to", "configurationSchema": {"required": ["db"]}, "configurationRowSchema": [],
        }));
        fake.on(
            "Get connection /v2/storage/branch/default/components/keboola.ex-db",
            200,
            json!({"id": "keboola.ex-db", "data": {"synchronous_actions": ["testConnection"]}}),
        );
        let read = run(&fake, TOOL, json!({"component_ids": ["keboola.ex-db"]}));
        let one = &read["components"][0];
        assert_eq!(one["component_name"], "Database");
        assert_eq!(
            (&one["capabilities"]["is_row_based"], &one["capabilities"]["has_table_input"]),
            (&json!(true), &json!(false))
        );
        assert_eq!(
            (&one["configuration_schema"], &one["configuration_row_schema"]),
            (&json!({"required": ["db"]}), &json!(null))
        );
        assert_eq!(one["sync_actions"], json!(["testConnection"]));
    }

    #[test]
    fn a_private_component_is_only_in_storage() {
        let fake = FakeKeboola::new();
        let route = "Get connection /v2/storage/branch/default/components/mine";
        fake.on(
            route,
            200,
            json!({"id": "mine", "name": "Mine", "type": "application", "flags": []}),
        );
        let read = run(&fake, TOOL, json!({"component_ids": ["mine"]}));
        assert_eq!(read["components"][0]["component_type"], "application");
        let read = run(&fake, TOOL, json!({"component_ids": ["mine", "gone"]}));
        assert_eq!(read["components"].as_array().unwrap().len(), 1);
        assert_eq!((&read["not_found"][0]["id"], &read["errors"]), (&json!("gone"), &json!(null)));
        let why = fails(&fake, TOOL, json!({"component_ids": ["gone"]}));
        assert!(why.contains("404"), "{why}");
        assert!(fails(&fake, TOOL, json!({"component_ids": []})).contains("- component_ids"));
    }
}
