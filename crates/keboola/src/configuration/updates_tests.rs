//! Each operation on each kind of value, the error texts, and that a refused call changes nothing.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::configuration::size::{MAX_CONFIGURATION_DEPTH, is_deeper};

fn after(parameters: &Value, updates: Value) -> Result<Value, String> {
    let updates = read(&updates).map_err(|error| error.to_string())?;
    apply(parameters, &updates).map_err(|error| error.to_string())
}

fn set(parameters: Value, path: &str, value: Value) -> Result<Value, String> {
    after(&parameters, json!([{ "op": "set", "path": path, "value": value }]))
}

fn replace(parameters: Value, path: &str, search: &str, with: &str) -> Result<Value, String> {
    let update =
        json!([{ "op": "str_replace", "path": path, "search_for": search, "replace_with": with }]);
    after(&parameters, update)
}

fn remove(parameters: Value, path: &str) -> Result<Value, String> {
    after(&parameters, json!([{ "op": "remove", "path": path }]))
}

fn append(parameters: Value, path: &str, value: Value) -> Result<Value, String> {
    after(&parameters, json!([{ "op": "list_append", "path": path, "value": value }]))
}

#[test]
fn set_writes_existing_new_and_nested_values() {
    for (before, path, value, expected) in [
        (json!({ "a": 1, "b": 2 }), "a", json!("x"), json!({ "a": "x", "b": 2 })),
        (json!({ "a": 1 }), "n", json!(null), json!({ "a": 1, "n": null })),
        (json!({}), "c.d.e", json!([1]), json!({ "c": { "d": { "e": [1] } } })),
        (json!({ "m": [{ "t": 1 }, {}] }), "m[*].t", json!(9), json!({ "m": [{ "t": 9 }, {}] })),
        (json!({ "m": [1, 2, 3] }), "m[-1]", json!(9), json!({ "m": [1, 2, 9] })),
        (json!({ "m": [{}] }), "m[0].new", json!(9), json!({ "m": [{ "new": 9 }] })),
        (json!({ "a": 1 }), "$", json!({ "b": 2 }), json!({ "b": 2 })),
        (json!({ "p": { "#k": "old" } }), "p.#k", json!("new"), json!({ "p": { "#k": "new" } })),
        (json!({}), "0", json!(1), json!({ "0": 1 })),
        (json!({}), "headers[\"A.B\"]", json!(1), json!({ "headers": { "A.B": 1 } })),
    ] {
        assert_eq!(set(before.clone(), path, value), Ok(expected), "{before} {path}");
    }
}

#[test]
fn an_empty_array_becomes_the_object_that_is_meant() {
    assert_eq!(set(json!([]), "a", json!(1)), Ok(json!({ "a": 1 })));
    assert_eq!(
        set(json!({ "db": [] }), "db.host", json!("h")),
        Ok(json!({ "db": { "host": "h" } }))
    );
    assert_eq!(append(json!({ "list": [] }), "list", json!(1)), Ok(json!({ "list": [1] })));
}

#[test]
fn set_is_refused_where_it_would_go_through_something_else() {
    for (before, path, problem) in [
        (json!({ "a": "s" }), "a.x", r#"expected an object at "a", found the string "s""#),
        (json!({ "a": [1] }), "a.x", r#"expected an object at "a", found an array of 1 items"#),
        (json!({ "a": [1] }), "a.0", r#"expected an object at "a", found an array of 1 items"#),
        (json!({ "a": [1] }), "a[0].x", r#"expected an object at "a[0]", found the number 1"#),
        (json!({ "a": null }), "a.x", r#"expected an object at "a", found null"#),
        (json!({ "a": [1, 2] }), "a[5]", r#"the path does not exist: "a" is an array of 2 items"#),
        (
            json!({ "a": { "k": 1 } }),
            "a[0]",
            r#"the path does not exist: "a" is an object with the keys "k""#,
        ),
        (json!({}), "new[0].x", r#"the path does not exist: "$" is an empty object"#),
        (json!({ "a": [] }), "a[*].x", r#"the path does not exist: "a" is an array of 0 items"#),
    ] {
        let expected = format!("parameter_updates[0] (set {}): {problem}", quoted(path, 200));
        assert_eq!(set(before.clone(), path, json!(1)), Err(expected), "{before}");
    }
    let whole = set(json!({ "a": 1 }), "$", json!([1])).unwrap_err();
    assert!(
        whole.ends_with(r#"expected an object as the value at "$", found an array of 1 items"#)
    );
}

#[test]
fn str_replace_changes_strings_and_arrays_of_strings() {
    for (before, path, expected) in [
        (json!({ "k": "old old" }), "k", json!({ "k": "new new" })),
        (json!({ "s": ["old", "x"] }), "s", json!({ "s": ["new", "x"] })),
        (json!({ "s": ["old", "x old"] }), "s[*]", json!({ "s": ["new", "x new"] })),
        (json!({ "b": [{ "s": ["old"] }] }), "b[0].s", json!({ "b": [{ "s": ["new"] }] })),
        (json!({ "#k": "old" }), "#k", json!({ "#k": "new" })),
    ] {
        assert_eq!(replace(before, path, "old", "new"), Ok(expected), "{path}");
    }
    assert_eq!(replace(json!({ "k": "old_x" }), "k", "old_", ""), Ok(json!({ "k": "x" })));
}

#[test]
fn str_replace_says_why_it_replaced_nothing() {
    for (before, path, search, with, problem) in [
        (json!({ "k": "v" }), "k", "", "a", "search_for is empty: expected the text to replace"),
        (json!({ "k": "v" }), "k", "v", "v", r#"search_for and replace_with are the same: "v""#),
        (json!({ "k": "v" }), "k", "x", "y", r#"the text "x" was not found in "v""#),
        (
            json!({ "k": 4 }),
            "k",
            "4",
            "5",
            r#"expected a string or an array of strings at "k", found the number 4"#,
        ),
        (
            json!({ "k": [1] }),
            "k",
            "4",
            "5",
            r#"expected a string or an array of strings at "k", found an array of 1 items"#,
        ),
        (
            json!({ "k": "v" }),
            "n.k",
            "x",
            "y",
            r#"the path does not exist: "$" is an object with the keys "k""#,
        ),
    ] {
        let expected = format!("parameter_updates[0] (str_replace \"{path}\"): {problem}");
        assert_eq!(replace(before, path, search, with), Err(expected));
    }
}

#[test]
fn text_in_a_cipher_is_not_replaced() {
    let before = json!({ "#k": "KBC::ProjectSecure::abcold" });
    let refused = replace(before, "#k", "old", "new").unwrap_err();
    assert!(refused.contains("the value is encrypted"), "{refused}");
}

#[test]
fn remove_takes_keys_and_items() {
    for (before, path, expected) in [
        (json!({ "a": 1, "b": 2 }), "a", json!({ "b": 2 })),
        (json!({ "d": { "h": 1, "p": 2 } }), "d.p", json!({ "d": { "h": 1 } })),
        (json!({ "m": [{ "t": 1 }, { "u": 2 }] }), "m[*].t", json!({ "m": [{}, { "u": 2 }] })),
        (json!({ "m": [1, 2, 3] }), "m[0]", json!({ "m": [2, 3] })),
        (json!({ "m": [1, 2, 3] }), "m[-1]", json!({ "m": [1, 2] })),
        (json!({ "m": [1, 2, 3] }), "m[*]", json!({ "m": [] })),
        (json!({ "n": null }), "n", json!({})),
        (json!({ "__proto__": 1, "a": 2 }), "__proto__", json!({ "a": 2 })),
    ] {
        assert_eq!(remove(before, path), Ok(expected), "{path}");
    }
    for path in ["x", "a.x", "a[0]", "m[3]", "m.0", "m[-4]"] {
        let refused = remove(json!({ "a": 1, "m": [1, 2, 3] }), path).unwrap_err();
        assert!(refused.contains("the path does not exist"), "{path}: {refused}");
    }
    assert!(remove(json!({}), "$").unwrap_err().contains("cannot be removed"));
}

#[test]
fn list_append_adds_to_arrays_only() {
    assert_eq!(
        append(json!({ "l": [1] }), "l", json!({ "i": 2 })),
        Ok(json!({ "l": [1, { "i": 2 }] }))
    );
    let both = append(json!({ "m": [{ "l": [] }, { "l": [1] }] }), "m[*].l", json!(9));
    assert_eq!(both, Ok(json!({ "m": [{ "l": [9] }, { "l": [1, 9] }] })));
    let refused = append(json!({ "k": "my_value" }), "k", json!(1)).unwrap_err();
    let expected = r#"parameter_updates[0] (list_append "k"): expected an array at "k", found the string "my_value""#;
    assert_eq!(refused, expected);
}

#[test]
fn no_error_shows_a_secret() {
    let before = json!({ "#k": "hunter2", "o": { "#k": 7, "l": [{ "#t": "hunter2" }] } });
    for refused in [
        set(before.clone(), "#k.x", json!("hunter2")),
        append(before.clone(), "#k", json!("hunter2")),
        replace(before.clone(), "#k", "hunter3", "hunter2"),
        replace(before.clone(), "#k", "hunter2", "hunter2"),
        replace(before.clone(), "o.#k", "7", "8"),
        replace(before.clone(), "o.l", "7", "8"),
        set(before, "$", json!(["hunter2"])),
    ] {
        let refused = refused.unwrap_err();
        assert!(!refused.contains("hunter") && !refused.contains('7'), "{refused}");
    }
    let update = read(&json!([{ "op": "set", "path": "#k", "value": "hunter2" }])).unwrap();
    assert_eq!(format!("{update:?}"), r##"[set "#k"]"##);
}

#[test]
fn updates_build_on_each_other_and_the_failing_one_is_named() {
    let before = json!({ "u": "x" });
    let updates = json!([
        { "op": "set", "path": "u", "value": "http://old" },
        { "op": "str_replace", "path": "u", "search_for": "old", "replace_with": "new" },
        { "op": "remove", "path": "gone" },
    ]);
    let expected = r#"parameter_updates[2] (remove "gone"): the path does not exist: "$" is an object with the keys "u""#;
    assert_eq!(after(&before, updates), Err(expected.to_owned()));
    assert_eq!(before, json!({ "u": "x" }));
}

#[test]
fn another_form_is_refused_with_the_place() {
    for (updates, part) in [
        (json!({}), "parameter_updates: expected an array of updates, found an empty object"),
        (json!([1]), "parameter_updates[0]: "),
        (json!([{ "op": "move", "path": "a" }]), "`set`, `str_replace`, `remove`, `list_append`"),
        (json!([{ "op": "set", "path": "a" }]), "missing field `value`"),
        (json!([{ "op": "remove" }]), "missing field `path`"),
        (json!([{ "op": "set", "path": "", "value": 1 }]), "the path is empty"),
    ] {
        let refused = after(&json!({}), updates).unwrap_err();
        assert!(refused.contains(part), "{refused}");
    }
    let many = vec![json!({ "op": "remove", "path": "a" }); MAX_UPDATES + 1];
    assert!(after(&json!({}), json!(many)).unwrap_err().contains("at most 200 updates, found 201"));
}

#[test]
fn what_grows_beyond_a_configuration_is_refused_before_it_is_built() {
    let many = json!({ "m": vec![json!({ "t": 1 }); 10_000], "s": "a".repeat(1 << 20) });
    let large = "x".repeat(1 << 20);
    let too_large = "the configuration has";
    for refused in [
        set(many.clone(), "m[*].t", json!(large)),
        replace(many.clone(), "s", "a", &large),
        append(json!({ "m": vec![json!([]); 10_000] }), "m[*]", json!(large)),
    ] {
        assert!(refused.as_ref().is_err_and(|why| why.contains(too_large)), "{refused:?}");
    }
    let replaced = set(many.clone(), "s", json!("b".repeat(3 << 20)));
    assert!(replaced.is_ok());
    assert!(set(many, "s", json!("b".repeat(5 << 20))).unwrap_err().contains(too_large));
}

#[test]
fn deep_values_are_refused() {
    let deep = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!({ "a": inner }));
    assert!(set(json!({}), "v", deep(MAX_CONFIGURATION_DEPTH - 1)).is_ok());
    assert!(set(json!({}), "v", deep(MAX_CONFIGURATION_DEPTH)).unwrap_err().contains("levels"));
    let path = ["a"].repeat(64).join(".");
    assert!(set(json!({}), &path, json!(1)).is_ok_and(|set| is_deeper(&set, 63)));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-c]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[abc#]{1,2}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn any_path() -> impl Strategy<Value = String> {
    let step = prop_oneof!["[abc#]{1,2}", "[ab]\\[[0-2*]\\]", "[ab]\\[-1\\]"];
    prop::collection::vec(step, 1..4).prop_map(|steps| steps.join("."))
}

proptest! {
    #[test]
    fn a_refused_call_changes_nothing_and_no_call_panics(
        map in prop::collection::btree_map("[abc]", any_json(), 0..4),
        path in any_path(), value in any_json(), op in 0..4,
    ) {
        let before = Value::Object(map.into_iter().collect());
        let copy = before.clone();
        let updates = match op {
            0 => json!([{ "op": "set", "path": path, "value": value }]),
            1 => json!([{ "op": "str_replace", "path": path, "search_for": "a", "replace_with": "bb" }]),
            2 => json!([{ "op": "remove", "path": path }]),
            _ => json!([{ "op": "list_append", "path": path, "value": value }]),
        };
        let result = after(&before, updates);
        prop_assert_eq!(&before, &copy);
        if let (0, Ok(changed)) = (op, result) {
            let mut all_set = true;
            let path = ParameterPath::parse(&path).unwrap();
            prop_assert!(path.each(&changed, &mut |found| all_set &= *found == value) > 0);
            prop_assert!(all_set);
        }
    }

    #[test]
    fn a_key_that_was_set_is_removed_without_a_trace(
        map in prop::collection::btree_map("[abc]{1,2}", any_json(), 0..4), value in any_json(),
    ) {
        let before = Value::Object(map.into_iter().collect());
        let both = json!([{ "op": "set", "path": "new", "value": value }, { "op": "remove", "path": "new" }]);
        prop_assert_eq!(after(&before, both), Ok(before));
    }
}
