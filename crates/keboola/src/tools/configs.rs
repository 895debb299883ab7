//! Configurations: lists by component, or some in full.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{
    component, config_view,
    lookup::{self, Missed},
};
use crate::call::{Call, Outcome, ShortCircuit, all, items};

/// The types of components whose configurations are listed.
const TYPES: [&str; 4] = ["application", "extractor", "transformation", "writer"];

pub(super) async fn run(call: &Call<'_>) -> Outcome {
    let asked = call.get("configs").and_then(Value::as_array).into_iter().flatten();
    let mut seen = HashSet::new();
    let asked: Vec<Value> = asked.filter(|one| seen.insert(ids(one))).cloned().collect();
    call.budget();
    if !asked.is_empty() {
        let read = async |one: Value| read(call, &one).await;
        return Ok(lookup::each(asked, id_of_both, read).await?.into_answer("configs"));
    }
    let ids = call.texts("component_ids");
    let folders = config_view::folders(call).await;
    let listed = match ids.is_empty() {
        true => by_types(call, &folders).await?,
        false => all(ids, async |id: String| by_component(call, &id, &folders).await).await?,
    };
    let links = call.links();
    Ok(json!({
        "components_with_configs": listed,
        "links": [links.used_components(), links.transformations()],
    }))
}

/// The ids of a configuration that is asked for.
fn ids(asked: &Value) -> (&str, &str) {
    let text = |name: &str| asked.get(name).and_then(Value::as_str).unwrap_or_default();
    (text("component_id"), text("configuration_id"))
}

/// Both in one, for those that are not found.
fn id_of_both(asked: &Value) -> String {
    let (component, id) = ids(asked);
    format!("{component}/{id}")
}

async fn read(call: &Call<'_>, asked: &Value) -> Result<Value, Missed> {
    let (component, id) = ids(asked);
    let path = call.configs(component).part(id);
    let record = call.storage(path.clone(), &[]).await?;
    let record = config_view::with_metadata(call, path, record).await;
    let about = component::read(call, component).await?;
    let name = record.get("name").and_then(Value::as_str).unwrap_or_default();
    Ok(json!({
        "configuration_root": config_view::root(component, &record),
        "configuration_rows": config_view::full_rows(component, &record),
        "component": component::summary(&about, json!([])),
        "links": call.links().config_and_component(component, id, name),
    }))
}

async fn by_types(call: &Call<'_>, folders: &[Value]) -> Result<Vec<Value>, ShortCircuit> {
    let mut types = call.texts("component_types");
    if types.is_empty() {
        types = TYPES.map(str::to_owned).to_vec();
    }
    types.sort();
    let of_types = all(types, async |kind: String| {
        let query = [("componentType", kind), ("include", "configuration".to_owned())];
        Ok(items(call.storage(call.below("components"), &query).await?)?)
    })
    .await?;
    let components = of_types.into_iter().flatten();
    let with_own = |record: Value| -> Result<Value, ShortCircuit> {
        let configurations = record.get("configurations").cloned().map(items).transpose()?;
        Ok(with_configs(call, &record, configurations.unwrap_or_default(), folders))
    };
    components.map(with_own).collect()
}

async fn by_component(call: &Call<'_>, id: &str, folders: &[Value]) -> Result<Value, ShortCircuit> {
    let configurations = items(call.storage(call.configs(id), &[]).await?)?;
    let record = call.storage(call.below("components").part(id), &[]).await?;
    Ok(with_configs(call, &record, configurations, folders))
}

fn with_configs(
    call: &Call<'_>,
    record: &Value,
    configurations: Vec<Value>,
    folders: &[Value],
) -> Value {
    let links = call.links();
    let (id, name) = (component::id(record), component::name(record));
    let configs: Vec<Value> = configurations
        .into_iter()
        .map(|mut configuration| {
            config_view::file(folders, &id, &mut configuration);
            let name = configuration.get("name").and_then(Value::as_str).unwrap_or_default();
            let own = crate::call::id_of(&configuration);
            json!({
                "configuration_root": config_view::root_summary(&id, &configuration),
                "configuration_rows": config_view::row_summaries(&id, &configuration),
                "links": [links.config(&id, &own, name)],
            })
        })
        .collect();
    json!({
        "component": component::summary(record, json!([links.component(&id, Some(&name))])),
        "configs": configs,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        call::{MAX_ANSWER, MAX_BYTES},
        testing::{FakeKeboola, fails, run},
    };

    const TOOL: &str = "keboola_get_configs";
    const COMPONENTS: &str = "Get connection /v2/storage/branch/default/components";

    fn config() -> Value {
        json!({
            "id": "7", "name": "orders", "description": "", "version": 3, "isDisabled": false,
            "metadata": [{"id": "1", "key": "KBC.configuration.folderName", "value": "sales"}],
            "configuration": {
                "parameters": {"db": {"#password": "hunter2", "#key": "KBC::ProjectSecure::abc"}},
                "storage": [], "processors": [],
            },
            "rows": [{"id": "r", "name": "row", "version": 1, "configuration": {"parameters": {"#token": "plain"}}}],
        })
    }

    #[test]
    fn a_configuration_in_full_shows_no_secret() {
        let fake = FakeKeboola::new();
        fake.on(&format!("{COMPONENTS}/ex/configs/7"), 200, config());
        fake.on(
            &format!("{COMPONENTS}/ex"),
            200,
            json!({"id": "ex", "name": "Ex", "type": "extractor"}),
        );
        let read =
            run(&fake, TOOL, json!({"configs": [{"component_id": "ex", "configuration_id": "7"}]}));
        let root = &read["configs"][0]["configuration_root"];
        assert_eq!(
            root["parameters"],
            json!({"db": {"#password": "[REDACTED]", "#key": "KBC::ProjectSecure::abc"}})
        );
        assert_eq!(
            (&root["folder"], &root["processors"], &root["storage"]),
            (&json!("sales"), &json!(null), &json!({}))
        );
        let row = &read["configs"][0]["configuration_rows"][0];
        assert_eq!(row["parameters"]["#token"], "[REDACTED]");
        let whole = read.to_string();
        assert!(!whole.contains("hunter2") && !whole.contains("plain"), "{whole}");
    }

    #[test]
    fn configurations_beyond_the_budget_are_named_and_each_is_read_once() {
        let fake = FakeKeboola::new();
        let one = |id: &str| json!({"component_id": "ex", "configuration_id": id});
        let route = |id: &str| format!("{COMPONENTS}/ex/configs/{id}");
        let ids: Vec<String> = (0..6).map(|n| n.to_string()).collect();
        for id in &ids {
            let mut large = config();
            large["description"] = json!("x".repeat(MAX_ANSWER - 10_000));
            fake.on(&route(id), 200, large);
        }
        fake.on(&format!("{COMPONENTS}/ex"), 200, json!({"id": "ex", "type": "extractor"}));
        let asked: Vec<Value> = ids.iter().chain(&ids).map(|id| one(id)).collect();
        let read = run(&fake, TOOL, json!({ "configs": asked }));
        assert!(ids.iter().all(|id| fake.count(&route(id)) <= 1), "{:?}", fake.lines());
        let shown = read["configs"].as_array().unwrap().len();
        let errors = read["errors"].as_array().unwrap();
        assert!(shown >= 3 && shown + errors.len() == ids.len(), "{errors:?}");
        let why = errors[0]["reason"].as_str().unwrap();
        assert!(why.contains("32 MiB in 200 requests") && why.contains("fewer"), "{why}");
        assert!(fake.bytes() <= MAX_BYTES + 10_000);
    }

    #[test]
    fn lists_are_by_type_and_by_component() {
        let fake = FakeKeboola::new();
        let with =
            json!([{"id": "ex", "name": "Ex", "type": "extractor", "configurations": [config()]}]);
        fake.on(COMPONENTS, 200, json!([]));
        fake.on(&format!("{COMPONENTS}?componentType=extractor&include=configuration"), 200, with);
        let listed = run(&fake, TOOL, json!({}));
        assert_eq!(fake.lines().len(), 5);
        let of = &listed["components_with_configs"];
        assert_eq!(of.as_array().unwrap().len(), 1);
        assert_eq!(of[0]["configs"][0]["configuration_root"]["folder"], "sales");
        assert!(!listed.to_string().contains("hunter2"));
        fake.on(&format!("{COMPONENTS}/ex/configs"), 200, json!([config()]));
        fake.on(
            &format!("{COMPONENTS}/ex"),
            200,
            json!({"id": "ex", "name": "Ex", "type": "extractor"}),
        );
        let listed = run(&fake, TOOL, json!({"component_ids": ["ex"]}));
        assert_eq!(
            listed["components_with_configs"][0]["configs"][0]["configuration_rows"][0]["row_configuration_id"],
            "r"
        );
        let why = fails(&fake, TOOL, json!({"component_types": ["other"]}));
        assert!(why.contains("- component_types[0]"), "{why}");
    }

    #[test]
    fn folders_come_from_the_search_and_metadata_from_their_own_address() {
        let fake = FakeKeboola::new();
        let mut bare = config();
        bare.as_object_mut().unwrap().remove("metadata");
        let folder =
            json!([{"id": "1", "key": "KBC.configuration.folderName", "value": "reports"}]);
        fake.on(&format!("{COMPONENTS}/ex/configs"), 200, json!([bare]));
        fake.on(&format!("{COMPONENTS}/ex/configs/7"), 200, bare);
        fake.on(&format!("{COMPONENTS}/ex/configs/7/metadata"), 200, folder.clone());
        fake.on(&format!("{COMPONENTS}/ex"), 200, json!({"id": "ex", "type": "extractor"}));
        let search = "Get connection /v2/storage/branch/default/search/component-configurations";
        fake.on(
            search,
            200,
            json!([{"idComponent": "ex", "configurationId": "7", "metadata": folder}]),
        );
        let listed = run(&fake, TOOL, json!({"component_ids": ["ex"]}));
        let root = &listed["components_with_configs"][0]["configs"][0]["configuration_root"];
        assert_eq!(root["folder"], "reports");
        let one = json!({"configs": [{"component_id": "ex", "configuration_id": "7"}]});
        let root = &run(&fake, TOOL, one)["configs"][0]["configuration_root"];
        assert_eq!(
            (&root["folder"], root["configuration_metadata"].as_array().unwrap().len()),
            (&json!("reports"), 1)
        );
    }

    #[test]
    fn an_unknown_configuration_is_told_in_keboolas_words() {
        let fake = FakeKeboola::new();
        let error =
            json!({"error": "Configuration 8 not found", "code": "storage.configuration.notFound"});
        fake.on(&format!("{COMPONENTS}/ex/configs/8"), 404, error);
        let why = fails(
            &fake,
            TOOL,
            json!({"configs": [{"component_id": "ex", "configuration_id": "8"}]}),
        );
        assert!(
            why.contains("Configuration 8 not found (code storage.configuration.notFound"),
            "{why}"
        );
        fake.on(&format!("{COMPONENTS}/ex/configs/9"), 500, json!({"error": "down"}));
        fake.on(&format!("{COMPONENTS}/ex/configs/7"), 200, config());
        fake.on(&format!("{COMPONENTS}/ex"), 200, json!({"id": "ex", "type": "extractor"}));
        let one = |id: &str| json!({"component_id": "ex", "configuration_id": id});
        let read = run(&fake, TOOL, json!({"configs": [one("8"), one("7"), one("9")]}));
        assert_eq!(read["configs"].as_array().unwrap().len(), 1);
        assert_eq!(
            (&read["not_found"][0]["id"], &read["errors"][0]["id"]),
            (&json!("ex/8"), &json!("ex/9"))
        );
        assert!(read["errors"][0]["reason"].as_str().unwrap().contains("down"), "{read}");
    }
}
