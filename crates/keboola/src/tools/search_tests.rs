use serde_json::{Value, json};

use crate::testing::{FakeKeboola, fails, run};

const TOOL: &str = "keboola_search";
const COMPONENTS: &str = "Get connection /v2/storage/branch/default/components";
const GLOBAL: &str = "Get connection /v2/storage/global-search";

fn components() -> Value {
    json!([
        {"id": "ex", "type": "extractor", "configurations": [{
            "id": "1", "name": "Customers", "created": "2026-01-01T00:00:00Z",
            "configuration": {"parameters": {"host": "db.customers.example", "#password": "customers"}},
            "rows": [{"id": "r", "name": "customer rows", "configuration": {"parameters": {"table": "x"}}}],
        }]},
        {"id": "keboola.flow", "type": "other", "configurations": [{
            "id": "2", "name": "customer flow", "created": "2026-05-01T00:00:00Z", "configuration": [],
        }]},
    ])
}

#[test]
fn names_are_compared_here_where_there_is_no_index() {
    let fake = FakeKeboola::new();
    let buckets = "Get connection /v2/storage/branch/default/buckets";
    fake.on(buckets, 200, json!([{"id": "in.c-crm", "name": "c-crm", "metadata": []}]));
    fake.on(
        &format!("{buckets}/in.c-crm/tables"),
        200,
        json!([{"id": "in.c-crm.t", "name": "t",
        "columns": ["CUSTOMER_ID"], "columnMetadata": []}]),
    );
    fake.on(COMPONENTS, 200, components());
    let found = run(&fake, TOOL, json!({"patterns": ["customer"]}));
    let kinds: Vec<_> =
        found["hits"].as_array().unwrap().iter().map(|hit| hit["item_type"].clone()).collect();
    assert_eq!(kinds, ["flow", "configuration", "configuration-row", "table"]);
    assert_eq!((&found["total"], &found["by_type"]["table"]), (&json!(4), &json!(1)));
    let url = found["hits"][3]["links"][0]["url"].as_str().unwrap();
    assert!(url.ends_with("/storage/in.c-crm/table/t"), "{url}");
    let found = run(&fake, TOOL, json!({"patterns": ["customer"], "limit": 1, "offset": 1}));
    assert_eq!(found["hits"][0]["item_type"], "configuration");
    for (limit, offset) in [(0, -1), (-5, 0), (101, 0)] {
        let beyond = json!({"patterns": ["customer"], "limit": limit, "offset": offset});
        assert_eq!(run(&fake, TOOL, beyond)["hits"].as_array().unwrap().len(), 4);
    }
}

#[test]
fn contents_are_searched_in_their_scopes_and_secrets_never() {
    let fake = FakeKeboola::new();
    fake.on(COMPONENTS, 200, components());
    let search = |scopes: Value| json!({"patterns": ["customers"], "search_type": "config-based", "scopes": scopes});
    let found = run(&fake, TOOL, search(json!([])));
    assert_eq!(found["hits"].as_array().unwrap().len(), 1);
    assert_eq!(
        found["hits"][0]["matches"],
        json!([{"scope": "parameters.host", "patterns": ["customers"]}])
    );
    assert_eq!(run(&fake, TOOL, search(json!(["storage"])))["total"], 0);
    let why = fails(&fake, TOOL, search(json!(["a..b"])));
    assert!(why.contains("The scope \"a..b\""), "{why}");
}

#[test]
fn the_index_is_asked_where_the_project_has_one() {
    let fake = FakeKeboola::with_project(json!({"features": ["global-search"]}));
    fake.on(GLOBAL, 200, json!({"all": 0, "items": [], "byType": {"total": 0}}));
    fake.on(GLOBAL, 200, json!({"all": 2, "byType": {"total": 2, "configuration": 2}, "items": [
        {"id": "2", "type": "configuration", "name": "f", "componentId": "keboola.flow", "created": "2026-01-01T00:00:00Z",
         "fullPath": {"branch": {"id": 9, "name": "Trial"}}},
        {"id": "3", "type": "configuration", "name": "c", "componentId": "ex", "created": "2026-01-01T00:00:00Z", "fullPath": {}},
    ]}));
    let found = run(&fake, TOOL, json!({"patterns": ["f"], "item_types": ["flow"]}));
    assert_eq!(found["branch_scope"], "all-branches");
    assert_eq!(found["hits"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&found["hits"][0]["item_type"], &found["hits"][0]["branch_id"]),
        (&json!("flow"), &json!("9"))
    );
    let lines = fake.lines();
    let query = "?query=f&projectIds%5B%5D=58&limit=100&offset=0&types%5B%5D=flow&types%5B%5D=configuration";
    assert_eq!(
        lines,
        [format!("{GLOBAL}{query}&branchTypes%5B%5D=production"), format!("{GLOBAL}{query}")]
    );
}

#[test]
fn blank_patterns_are_refused() {
    let fake = FakeKeboola::new();
    assert!(fails(&fake, TOOL, json!({"patterns": ["  "]})).contains("blank"));
    assert!(fails(&fake, TOOL, json!({"patterns": []})).contains("- patterns"));
    assert!(
        fails(&fake, TOOL, json!({"patterns": ["x"], "item_types": ["y"]}))
            .contains("- item_types[0]")
    );
    assert!(fake.lines().is_empty());
}
