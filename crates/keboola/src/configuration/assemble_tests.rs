//! What a tool's arguments become, and what is refused.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::configuration::size::{MAX_CONFIGURATION_BYTES, json_bytes};

const EXTRACTOR: Component<'_> =
    Component { id: "keboola.ex-http", kind: "extractor", has_rows: false };

fn writer(has_rows: bool) -> Component<'static> {
    Component { id: "keboola.wr-db", kind: "writer", has_rows }
}

fn processor(id: &str) -> Value {
    json!({ "definition": { "component": id }, "parameters": {} })
}

#[test]
fn a_new_configuration_has_parameters_storage_and_given_processors() {
    let created = create(EXTRACTOR, Level::Root, &json!({ "a": 1 }), Parts::default()).unwrap();
    assert_eq!(created, json!({ "parameters": { "a": 1 }, "storage": {} }));

    let (before, after) = (json!([processor("p.a")]), json!([]));
    let storage = json!({ "output": { "tables": [] } });
    let parts = Parts {
        storage: Some(&storage),
        processors_before: Some(&before),
        processors_after: Some(&after),
        ..Parts::default()
    };
    let created = create(EXTRACTOR, Level::Row, &json!([]), parts).unwrap();
    let expected =
        json!({ "parameters": {}, "storage": storage, "processors": { "before": before } });
    assert_eq!(created, expected);
}

#[test]
fn parameters_and_storage_may_come_with_their_names() {
    let wrapped = json!({ "storage": { "input": { "tables": [1] } } });
    let parts = Parts { storage: Some(&wrapped), ..Parts::default() };
    let created =
        create(EXTRACTOR, Level::Root, &json!({ "parameters": { "a": 1 } }), parts).unwrap();
    assert_eq!(created["parameters"], json!({ "a": 1 }));
    assert_eq!(created["storage"], json!({ "input": { "tables": [1] } }));

    let named = json!({ "parameters": { "a": 1 }, "b": 2 });
    let created = create(EXTRACTOR, Level::Root, &named, Parts::default()).unwrap();
    assert_eq!(created["parameters"], named);
    let text = json!({ "parameters": "a=1" });
    let created = create(EXTRACTOR, Level::Root, &text, Parts::default()).unwrap();
    assert_eq!(created["parameters"], text);
}

#[test]
fn an_update_keeps_what_it_does_not_name() {
    let stored = json!({
        "parameters": { "a": 1, "b": 2 }, "storage": { "input": { "tables": [1] } }, "processors": [],
        "runtime": { "parallelism": 2 }, "variables_id": "9",
    });
    let updates = updates::read(&json!([{ "op": "set", "path": "a", "value": 5 }])).unwrap();
    let after = json!([processor("p.b")]);
    let parts = Parts { processors_after: Some(&after), ..Parts::default() };
    let updated = update(EXTRACTOR, Level::Root, &stored, &updates, parts).unwrap();
    let expected = json!({
        "parameters": { "a": 5, "b": 2 }, "storage": { "input": { "tables": [1] } },
        "processors": { "after": after }, "runtime": { "parallelism": 2 }, "variables_id": "9",
    });
    assert_eq!(updated, expected);
}

#[test]
fn an_update_replaces_storage_and_empties_processors() {
    let stored =
        json!({ "storage": { "input": {} }, "processors": { "before": [processor("p.a")] } });
    let (storage, none) = (json!({ "output": { "files": [] } }), json!([]));
    let parts =
        Parts { storage: Some(&storage), processors_before: Some(&none), ..Parts::default() };
    let updated = update(EXTRACTOR, Level::Root, &stored, &[], parts).unwrap();
    assert_eq!(updated, json!({ "storage": storage, "processors": { "before": [] } }));
}

#[test]
fn parameters_that_storage_returned_as_an_empty_array_can_be_set() {
    let updates = updates::read(&json!([{ "op": "set", "path": "a.b", "value": 1 }])).unwrap();
    for stored in [json!([]), json!({}), json!({ "parameters": [] })] {
        let updated = update(EXTRACTOR, Level::Root, &stored, &updates, Parts::default()).unwrap();
        assert_eq!(updated["parameters"], json!({ "a": { "b": 1 } }));
    }
}

#[test]
fn a_parameter_that_is_called_parameters_survives_an_update() {
    let stored = json!({ "parameters": { "parameters": { "x": 1 } } });
    let updates = updates::read(&json!([{ "op": "set", "path": "y", "value": 1 }])).unwrap();
    let updated = update(EXTRACTOR, Level::Root, &stored, &updates, Parts::default()).unwrap();
    assert_eq!(updated["parameters"], json!({ "parameters": { "x": 1 }, "y": 1 }));
}

#[test]
fn a_transformation_is_updated_by_its_blocks() {
    let sql = Component { id: SQL_TRANSFORMATIONS[1], kind: "transformation", has_rows: false };
    let stored =
        json!({ "parameters": { "blocks": [], "query_timeout": 5 }, "storage": [], "runtime": [] });
    let added = json!([{ "op": "add_block", "block": { "name": "b", "codes": [{ "name": "c", "script": "SELECT 1; SELECT 2" }] } }]);
    let updates = transformation::read(&added).unwrap();
    let storage = json!({ "storage": { "output": { "tables": [1] } } });
    let (updated, summary) = update_sql(sql, &stored, &updates, Some(&storage)).unwrap();
    let expected = json!({
        "parameters": {
            "blocks": [{ "name": "b", "codes": [{ "name": "c", "script": ["SELECT 1;", "SELECT 2"] }] }],
            "query_timeout": 5,
        },
        "storage": { "output": { "tables": [1] } }, "runtime": {},
    });
    assert_eq!(updated, expected);
    assert!(summary.contains("code b0.c0"), "{summary}");

    let (same, summary) = update_sql(sql, &updated, &[], None).unwrap();
    assert_eq!((same, summary.as_str()), (expected, ""));
    let none = json!({});
    let refused = update_sql(sql, &stored, &updates, Some(&none)).unwrap_err();
    assert_eq!(refused, AssembleError::NoMappings(sql.id.to_owned()));
    let refused = update_sql(sql, &json!(1), &updates, None).unwrap_err().to_string();
    assert_eq!(refused, "configuration: expected an object, found the number 1");
}

#[test]
fn parts_of_another_form_are_refused() {
    let text = json!("x");
    let with = |parts| create(EXTRACTOR, Level::Root, &json!({}), parts).unwrap_err().to_string();
    let storage = with(Parts { storage: Some(&text), ..Parts::default() });
    assert_eq!(storage, r#"storage: expected an object, found the string "x""#);
    let before = with(Parts { processors_before: Some(&text), ..Parts::default() });
    assert_eq!(
        before,
        r#"processors_before: expected an array of processors, found the string "x""#
    );
    let odd = json!([{ "definition": {} }]);
    let after = with(Parts { processors_after: Some(&odd), ..Parts::default() });
    assert!(after.starts_with("processors_after: expected processors with"), "{after}");
    let parameters = create(EXTRACTOR, Level::Root, &json!([1]), Parts::default()).unwrap_err();
    assert_eq!(parameters.to_string(), "parameters: expected an object, found an array of 1 items");
}

#[test]
fn mappings_are_where_the_component_needs_them() {
    let (none, input, output) =
        (json!({}), json!({ "input": { "tables": [1] } }), json!({ "output": { "tables": [1] } }));
    let sql = Component { id: SQL_TRANSFORMATIONS[0], kind: "transformation", has_rows: false };
    for (component, level, storage, is_taken) in [
        (sql, Level::Root, &none, false),
        (sql, Level::Root, &output, true),
        (writer(true), Level::Root, &none, true),
        (writer(true), Level::Root, &input, false),
        (writer(true), Level::Row, &input, true),
        (writer(true), Level::Row, &none, false),
        (writer(false), Level::Root, &input, true),
        (writer(false), Level::Root, &output, false),
        (EXTRACTOR, Level::Root, &none, true),
    ] {
        let parts = Parts { storage: Some(storage), ..Parts::default() };
        let created = create(component, level, &json!({}), parts);
        assert_eq!(created.is_ok(), is_taken, "{component:?} {level:?} {storage}");
    }
}

#[test]
fn four_megabytes_pass_and_one_byte_more_is_refused() {
    let empty = json_bytes(&json!({ "parameters": { "a": "" }, "storage": {} }));
    let create = |bytes: usize| {
        let parameters = json!({ "a": "x".repeat(bytes - empty) });
        create(EXTRACTOR, Level::Root, &parameters, Parts::default())
    };
    assert!(create(MAX_CONFIGURATION_BYTES).is_ok());
    let refused = create(MAX_CONFIGURATION_BYTES + 1).unwrap_err();
    assert_eq!(refused, AssembleError::Size(SizeError::TooLarge(MAX_CONFIGURATION_BYTES + 1)));
}

#[test]
fn components_with_tools_of_their_own_are_known() {
    assert!(other_tool("keboola.flow").is_some_and(|tool| tool.contains("update_flow")));
    assert!(other_tool("keboola.snowflake-transformation").is_some());
    assert!(other_tool("keboola.data-apps").is_some());
    assert_eq!(other_tool("keboola.python-transformation-v2"), None);
}

proptest! {
    #[test]
    fn an_update_without_changes_changes_nothing(
        keys in prop::collection::btree_map("[a-z]{1,4}", any::<i32>(), 0..5), other in "[a-z]{1,8}",
    ) {
        let parameters = json!(keys);
        let stored = json!({ "parameters": parameters, "storage": { "input": { "tables": [other] } }, "x": other });
        let updated = update(EXTRACTOR, Level::Root, &stored, &[], Parts::default());
        prop_assert_eq!(updated, Ok(stored));
    }
}
