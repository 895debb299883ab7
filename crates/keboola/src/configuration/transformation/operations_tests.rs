//! Each operation, what it refuses, and that a refused call changes nothing.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn stored() -> Value {
    json!({ "blocks": [
        { "name": "load", "codes": [
            { "name": "a", "script": ["SELECT old;", "SELECT 2; -- end"] },
            { "name": "b", "script": ["SELECT old FROM old;"] },
        ] },
        { "name": "save", "codes": [{ "name": "c", "script": ["SELECT 3"] }] },
    ] })
}

fn after(updates: Value) -> Result<Updated, String> {
    let updates = read(&updates).map_err(|error| error.to_string())?;
    apply(&stored(), &updates).map_err(|error| error.to_string())
}

fn changed(updates: Value) -> (Value, String) {
    let updated = after(updates).unwrap();
    (updated.parameters, updated.change_summary)
}

#[test]
fn blocks_are_added_renamed_and_removed() {
    let (parameters, summary) = changed(json!([
        { "op": "rename_block", "block_id": "b1", "block_name": "store" },
        { "op": "add_block", "position": "start", "block": { "name": "first", "codes": [
            { "name": "x", "script": "SELECT 1; SELECT 2;" },
        ] } },
        { "op": "remove_block", "block_id": "b0" },
    ]));
    let expected = json!({ "blocks": [
        { "name": "first", "codes": [{ "name": "x", "script": ["SELECT 1;", "SELECT 2;"] }] },
        { "name": "store", "codes": [{ "name": "c", "script": ["SELECT 3"] }] },
    ] });
    assert_eq!(parameters, expected);
    let expected = r#"Renamed the block b1 to "store".
Added the block "first".
Removed the block "load".
The blocks and codes have these ids now:
- block b0: "first"
  - code b0.c0: "x": "SELECT 1; SELECT 2;"
- block b1: "store"
  - code b1.c0: "c": "SELECT 3""#;
    assert_eq!(summary, expected);
}

#[test]
fn codes_are_added_renamed_removed_and_set() {
    let (parameters, _) = changed(json!([
        { "op": "remove_code", "block_id": "b0", "code_id": "b0.c0" },
        { "op": "set_code", "block_id": "b0", "code_id": "b0.c1", "script": "SELECT 7; SELECT 8" },
        { "op": "rename_code", "block_id": "b0", "code_id": "b0.c1", "code_name": "seven" },
        { "op": "add_code", "block_id": "b0", "code": { "name": "z", "script": "SELECT 9" } },
    ]));
    let expected = json!([
        { "name": "seven", "script": ["SELECT 7;", "SELECT 8"] },
        { "name": "z", "script": ["SELECT 9"] },
    ]);
    assert_eq!(parameters["blocks"][0]["codes"], expected);
    assert_eq!(parameters["blocks"][1], stored()["blocks"][1]);
}

#[test]
fn a_script_is_added_on_lines_of_its_own() {
    let script = |position: &str, script: &str| {
        let (parameters, _) = changed(json!([
            { "op": "add_script", "block_id": "b0", "code_id": "b0.c0", "script": script, "position": position },
        ]));
        parameters["blocks"][0]["codes"][0]["script"].clone()
    };
    let end = json!(["SELECT old;", "SELECT 2;", "-- end\n\nSELECT 4;"]);
    assert_eq!(script("end", "SELECT 4;"), end);
    let start = json!(["SELECT 4;", "-- first\n\nSELECT old;", "SELECT 2;", "-- end"]);
    assert_eq!(script("start", "SELECT 4; -- first"), start);
}

#[test]
fn a_text_is_replaced_in_its_scope() {
    let replace = |scope: Value| {
        let mut update = json!({ "op": "str_replace", "search_for": "old", "replace_with": "new" });
        update.as_object_mut().unwrap().extend(scope.as_object().unwrap().clone());
        changed(json!([update]))
    };
    let (parameters, summary) = replace(json!({}));
    assert_eq!(summary, r#"Replaced "old" 3 times in the transformation."#);
    assert!(!parameters.to_string().contains("old"));
    let (parameters, summary) = replace(json!({ "block_id": "b0", "code_id": "b0.c0" }));
    assert_eq!(summary, r#"Replaced "old" once in the code b0.c0."#);
    assert_eq!(parameters["blocks"][0]["codes"][1], stored()["blocks"][0]["codes"][1]);
    assert_eq!(parameters["blocks"][0]["codes"][0]["script"][0], "SELECT new;");
    let (_, summary) = replace(json!({ "block_id": "b0", "code_id": null }));
    assert_eq!(summary, r#"Replaced "old" 3 times in the block b0."#);
}

#[test]
fn what_cannot_be_done_is_refused_with_the_reason() {
    for (update, problem) in [
        (
            json!({ "op": "remove_block", "block_id": "b7" }),
            r#"(remove_block): there is no block "b7": expected one of b0, b1"#,
        ),
        (
            json!({ "op": "rename_block", "block_id": "b0", "block_name": " " }),
            "(rename_block): block_name: expected a text that is not empty",
        ),
        (
            json!({ "op": "set_code", "block_id": "b1", "code_id": "b0.c0", "script": "x" }),
            r#"(set_code): there is no code "b0.c0" in the block b1: expected one of b1.c0"#,
        ),
        (
            json!({ "op": "set_code", "block_id": "b1", "code_id": "b1.c0", "script": "" }),
            "(set_code): script: expected a text that is not empty",
        ),
        (
            json!({ "op": "add_block", "block": { "name": "", "codes": [] } }),
            "(add_block): block.name: expected a text that is not empty",
        ),
        (
            json!({ "op": "str_replace", "search_for": "", "replace_with": "x" }),
            "(str_replace): search_for is empty: expected the text to replace",
        ),
        (
            json!({ "op": "str_replace", "search_for": "x", "replace_with": "x" }),
            r#"(str_replace): search_for and replace_with are the same: "x""#,
        ),
        (
            json!({ "op": "str_replace", "search_for": "zzz", "replace_with": "x" }),
            r#"(str_replace): the text "zzz" was not found in the transformation"#,
        ),
        (
            json!({ "op": "str_replace", "code_id": "b0.c0", "search_for": "a", "replace_with": "x" }),
            "(str_replace): code_id: expected block_id beside it",
        ),
    ] {
        assert_eq!(after(json!([update])), Err(format!("parameter_updates[0] {problem}")));
    }
}

#[test]
fn another_form_is_refused_with_the_place() {
    for (updates, part) in [
        (json!({}), "parameter_updates: expected an array of updates"),
        (json!([{ "op": "drop" }]), "parameter_updates[0]: unknown variant `drop`"),
        (json!([{ "op": "remove_block" }]), "parameter_updates[0]: missing field `block_id`"),
        (json!([{ "op": "add_block", "block": { "name": "x" } }]), "missing field `codes`"),
        (
            json!(vec![json!({ "op": "remove_block", "block_id": "b0" }); 201]),
            "at most 200 updates, found 201",
        ),
    ] {
        let refused = after(updates).unwrap_err();
        assert!(refused.contains(part), "{refused}");
    }
}

#[test]
fn a_removed_block_is_not_found_again_and_the_rest_keeps_its_ids() {
    let twice = json!([
        { "op": "remove_block", "block_id": "b0" },
        { "op": "remove_block", "block_id": "b0" },
    ]);
    assert!(after(twice).unwrap_err().contains(
        r#"parameter_updates[1] (remove_block): there is no block "b0": expected one of b1"#
    ));
    let both = json!([
        { "op": "remove_block", "block_id": "b0" },
        { "op": "remove_block", "block_id": "b1" },
    ]);
    let (parameters, summary) = changed(both);
    assert_eq!(parameters, json!({ "blocks": [] }));
    assert!(summary.ends_with("The transformation has no blocks now."));
}

#[test]
fn too_much_sql_is_refused_before_it_is_built() {
    let many = json!({ "blocks": [{ "name": "b", "codes": [{ "name": "c", "script": ["a".repeat(1 << 19)] }] }] });
    let update =
        json!([{ "op": "str_replace", "search_for": "a", "replace_with": "b".repeat(1 << 20) }]);
    let refused = apply(&many, &read(&update).unwrap()).unwrap_err().to_string();
    assert!(refused.contains("split it over several transformations"), "{refused}");
}

proptest! {
    #[test]
    fn a_new_name_changes_only_the_name(name in "[a-zé]{1,10}", place in 0_usize..3) {
        let (block_id, code_id) = [("b0", "b0.c0"), ("b0", "b0.c1"), ("b1", "b1.c0")][place];
        let (parameters, _) = changed(json!([
            { "op": "rename_code", "block_id": block_id, "code_id": code_id, "code_name": name },
        ]));
        let mut expected = stored();
        let (block, code) = [(0, 0), (0, 1), (1, 0)][place];
        expected["blocks"][block]["codes"][code]["name"] = json!(name);
        prop_assert_eq!(parameters, expected);
    }

    #[test]
    fn any_id_is_found_or_refused(id in ".{0,12}") {
        let refused = after(json!([{ "op": "remove_block", "block_id": id }]));
        prop_assert_eq!(refused.is_ok(), id == "b0" || id == "b1");
    }
}
