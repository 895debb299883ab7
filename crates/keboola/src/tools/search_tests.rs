use serde_json::{Value, json};

use crate::{
    call::{MAX_ANSWER, MAX_BYTES, MAX_REQUESTS},
    testing::{FakeKeboola, fails, run},
};

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

/// Components with one configuration each, whose text is this long.
fn large(components: usize, bytes: usize) -> Vec<Value> {
    let one = |n: usize| {
        let text = format!("needle {}", "x".repeat(bytes));
        let configuration = json!({"parameters": {"text": text}});
        let created = format!("2026-01-01T00:{n:02}:00Z");
        json!({"id": n.to_string(), "name": format!("needle {n}"), "created": created,
            "configuration": configuration, "rows": []})
    };
    (0..components).map(one).collect()
}

/// A project whose configurations are too much for one answer.
fn large_project(configs: &[Value]) -> std::rc::Rc<FakeKeboola> {
    let fake = FakeKeboola::new();
    let component = |n: usize| json!({"id": format!("ex{n}"), "type": "extractor"});
    let whole: Vec<Value> = configs
        .iter()
        .enumerate()
        .map(|(n, config)| {
            let mut component = component(n);
            component["configurations"] = json!([config]);
            component
        })
        .collect();
    let short: Vec<Value> = (0..configs.len()).map(component).collect();
    fake.on(&format!("{COMPONENTS}?include=configuration%2Crows"), 200, json!(whole));
    fake.on(COMPONENTS, 200, json!(short));
    for (n, config) in configs.iter().enumerate() {
        fake.on(&format!("{COMPONENTS}/ex{n}/configs"), 200, json!([config]));
    }
    fake
}

fn needles(more: Value) -> Value {
    let mut arguments = json!({"patterns": ["needle"], "item_types": ["configuration"]});
    arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    arguments
}

#[test]
fn a_project_that_is_larger_than_the_budget_is_searched_as_far_as_it_goes() {
    let fake = large_project(&large(12, MAX_ANSWER / 2));
    for by in ["textual", "config-based"] {
        let before = fake.bytes();
        let found = run(&fake, TOOL, needles(json!({"search_type": by})));
        let (hits, read) = (found["hits"].as_array().unwrap().len(), fake.bytes() - before);
        assert!((3..12).contains(&hits) && found["total"] == hits, "{hits}: {}", found["total"]);
        assert!(read <= MAX_BYTES, "{read}");
        let why = found["incomplete"].as_str().unwrap();
        let unread: Vec<String> = (hits..12).map(|n| format!("ex{n}")).collect();
        assert!(why.contains(&format!("the configurations of {}", unread.join(", "))), "{why}");
        assert!(why.contains("32 MiB") && why.contains("item_types"), "{why}");
    }
    let small = large_project(&large(3, 10));
    let found = run(&small, TOOL, needles(json!({})));
    assert_eq!((&found["total"], &found["incomplete"]), (&json!(3), &json!(null)));
}

#[test]
fn a_component_that_is_too_large_leaves_the_others_searched() {
    let mut configs = large(3, 10);
    configs[1] = large(2, MAX_ANSWER).swap_remove(1);
    let found = run(&large_project(&configs), TOOL, needles(json!({})));
    assert_eq!(found["total"], 2);
    let why = found["incomplete"].as_str().unwrap();
    assert!(why.contains("Not read: the configurations of ex1."), "{why}");
}

#[test]
fn only_components_that_are_wanted_are_read_one_by_one() {
    let fake = large_project(&large(3, MAX_ANSWER / 2));
    let found = run(&fake, TOOL, json!({"patterns": ["needle"], "item_types": ["flow"]}));
    assert_eq!((&found["total"], &found["incomplete"]), (&json!(0), &json!(null)));
    assert_eq!(fake.lines().len(), 2, "{:?}", fake.lines());
}

#[test]
fn a_call_makes_a_bounded_number_of_requests() {
    let fake = FakeKeboola::new();
    let buckets = "Get connection /v2/storage/branch/default/buckets";
    let bucket = |n: usize| json!({"id": format!("in.c-b{n:03}"), "name": format!("b{n:03}"), "metadata": []});
    fake.on(buckets, 200, (0..300).map(bucket).collect());
    for n in 0..300 {
        let tables = json!([{"id": format!("in.c-b{n:03}.needle"), "name": "needle"}]);
        fake.on(&format!("{buckets}/in.c-b{n:03}/tables"), 200, tables);
    }
    let found = run(&fake, TOOL, json!({"patterns": ["needle"], "item_types": ["table"]}));
    assert_eq!(fake.lines().len(), MAX_REQUESTS);
    assert_eq!(found["total"], MAX_REQUESTS - 1);
    let why = found["incomplete"].as_str().unwrap();
    assert!(why.contains("the tables of in.c-b199, ") && why.contains("and 91 more"), "{why}");
}

#[test]
fn buckets_that_are_too_much_for_one_answer_are_said_to_be_unread() {
    let fake = FakeKeboola::new();
    let long = json!([{"id": "in.c-a", "name": "x".repeat(MAX_ANSWER)}]);
    fake.on("Get connection /v2/storage/branch/default/buckets", 200, long);
    fake.on(COMPONENTS, 200, components());
    let found = run(&fake, TOOL, json!({"patterns": ["customer"]}));
    assert_eq!(found["total"], 3);
    let why = found["incomplete"].as_str().unwrap();
    assert!(why.contains("Not read: buckets, with their tables."), "{why}");
}

#[test]
fn few_large_answers_are_in_memory_at_a_time_and_the_budget_is_used_to_its_end() {
    let fake = FakeKeboola::parallel();
    let buckets = "Get connection /v2/storage/branch/default/buckets";
    let bucket = |n: usize| json!({"id": format!("in.c-b{n:02}"), "name": format!("b{n:02}"), "metadata": []});
    fake.on(buckets, 200, (0..32).map(bucket).collect());
    let long = "x".repeat(1024 * 1024);
    for n in 0..32 {
        let tables =
            json!([{"id": format!("in.c-b{n:02}.needle"), "name": "needle", "long": long}]);
        fake.on(&format!("{buckets}/in.c-b{n:02}/tables"), 200, tables);
    }
    let found = run(&fake, TOOL, json!({"patterns": ["needle"], "item_types": ["table"]}));
    assert!(fake.most_under_way() <= 2 * MAX_ANSWER, "{}", fake.most_under_way());
    // What is reserved for one answer does not keep another from being read later.
    assert_eq!(found["total"], 31);
    assert!(found["incomplete"].as_str().unwrap().contains("the tables of"));
}
