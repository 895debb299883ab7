//! What a person is shown of a change, and what never is.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn lines(old: Value, new: Value) -> Vec<String> {
    Diff::of(&old, &new).changes().iter().map(Change::line).collect()
}

#[test]
fn each_change_has_a_line_with_its_path() {
    let old =
        json!({ "name": "a", "parameters": { "db": { "host": "old", "port": 1 }, "gone": [1] } });
    let new =
        json!({ "name": "a", "parameters": { "db": { "host": "new", "port": 1 }, "x.y": null } });
    let expected = [
        r#"parameters.db.host: "old" → "new""#,
        "parameters.gone: removed [1]",
        r#"parameters["x.y"]: added null"#,
    ];
    assert_eq!(lines(old, new), expected);
}

#[test]
fn secrets_are_named_but_not_shown() {
    let old = json!({ "#a": "KBC::ProjectSecure::x", "#b": "p", "#c": { "d": "p" }, "l": [] });
    let new = json!({ "#a": "hunter2", "#c": { "d": "hunter2" }, "#e": "hunter2", "l": [{ "#k": "hunter2", "v": 1 }] });
    let expected = [
        "#a: secret changed",
        "#b: secret removed",
        "#c: secret changed",
        r##"l[0]: added {"#k": [secret], "v": 1}"##,
        "#e: secret added",
    ];
    assert_eq!(lines(old, new), expected);
}

#[test]
fn an_item_put_into_an_array_is_one_change() {
    for (old, new, expected) in [
        (json!([1, 2, 3]), json!([9, 1, 2, 3]), vec!["[0]: added 9"]),
        (json!([1, 2, 3]), json!([1, 3]), vec!["[1]: removed 2"]),
        (json!([1, 2, 3]), json!([1, 2, 3, 4]), vec!["[3]: added 4"]),
        (json!([{ "a": 1 }, 2]), json!([{ "a": 3 }, 2]), vec!["[0].a: 1 → 3"]),
        (json!([1]), json!({}), vec!["$: [1] → {}"]),
    ] {
        assert_eq!(lines(old, new), expected);
    }
}

#[test]
fn an_empty_array_and_an_empty_object_are_the_same() {
    let old = json!({ "processors": [], "l": [{ "a": {} }, 1], "k": [] });
    let new = json!({ "processors": {}, "l": [{ "a": [] }, 1], "k": { "a": 1 } });
    assert_eq!(lines(old, new), [r#"k: [] → {"a": 1}"#]);
}

#[test]
fn long_texts_are_shown_where_they_differ() {
    let sql = |table: &str| format!("SELECT {} FROM {table}", "a, ".repeat(100));
    let shown = lines(json!({ "s": sql("old_table") }), json!({ "s": sql("new_table") }));
    let expected = r#"s: …" a, a, a,  FROM old_table" → …" a, a, a,  FROM new_table""#;
    assert_eq!(shown, [expected]);
}

#[test]
fn hidden_characters_cannot_change_what_is_read() {
    let shown =
        lines(json!({ "k": "a" }), json!({ "k": "\u{202e}b\n\"", "x\nname: \"a\" → \"b\"": 1 }));
    assert_eq!(shown[0], r#"k: "a" → "\u{202e}b\n\"""#);
    assert_eq!(shown[1], r#"["x\nname: \"a\" → \"b\""]: added 1"#);
}

#[test]
fn the_text_is_bounded_and_counts_the_rest() {
    let many = |value: &str| {
        let pairs = (0..1000).map(|at| (format!("k{at:03}"), json!(value)));
        Value::Object(pairs.collect())
    };
    let diff = Diff::of(&many("a"), &many("b"));
    let text = diff.text(Limits { lines: 3, bytes: 1000 });
    assert_eq!(text, "k000: \"a\" → \"b\"\nk001: \"a\" → \"b\"\n… and 998 more changes");
    assert_eq!(diff.text(Limits { lines: 9, bytes: 50 }), "1000 changes");
    assert_eq!(diff.count(), 1000);
    assert_eq!(
        diff.summary(),
        "Changed 200 (k000, k001, k002, k003, k004, …); and 800 more changes."
    );
}

#[test]
fn exactly_as_many_changes_as_lines_are_all_shown() {
    let diff = Diff::of(&json!({}), &json!({ "a": 1, "b": 2 }));
    assert_eq!(diff.text(Limits { lines: 2, bytes: 1000 }), "a: added 1\nb: added 2");
}

#[test]
fn the_summary_counts_each_kind() {
    let diff = Diff::of(&json!({ "a": 1, "b": 1, "#c": 1 }), &json!({ "a": 2, "#c": 2, "d": 1 }));
    assert_eq!(diff.summary(), "Changed 2 (#c, a); added 1 (d); removed 1 (b).");
    assert_eq!(Diff::of(&json!(1), &json!(1)).summary(), "Nothing changed.");
    assert_eq!(Diff::of(&json!(1), &json!(1)).text(CONSENT), "nothing changes");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<i8>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        Just(Value::from("ž".repeat(300))),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[ab]{1,2}|.{1,3}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_change_is_found_and_its_text_is_bounded(old in any_json(), new in any_json()) {
        let diff = Diff::of(&old, &new);
        prop_assert_eq!(diff.is_empty(), without_empty(&old) == without_empty(&new));
        for limits in [CONSENT, Limits { lines: 2, bytes: 100 }] {
            let text = diff.text(limits);
            prop_assert!(text.len() <= limits.bytes && text.lines().count() <= limits.lines);
            prop_assert!(!text.chars().any(|c| c != '\n' && printable::is_invisible(c)), "{}", text);
        }
    }

    #[test]
    fn a_secret_is_in_no_text(value in any_json(), other in any_json()) {
        let secret = "S3CR3T";
        let old = json!({ "v": value, "#a": secret, "l": [{ "#b": secret }], "o": { "#c": [secret] } });
        for new in [other.clone(), json!({ "v": other, "#a": 1, "l": {}, "o": { "#c": {} } })] {
            for diff in [Diff::of(&old, &new), Diff::of(&new, &old)] {
                let shown = format!("{diff:?}{}", diff.summary());
                prop_assert!(!shown.contains(secret), "{}", shown);
            }
        }
    }
}

/// The same with an empty object for each empty array.
fn without_empty(value: &Value) -> Value {
    match value {
        Value::Array(items) if items.is_empty() => json!({}),
        Value::Array(items) => items.iter().map(without_empty).collect(),
        Value::Object(map) => Value::Object(
            map.iter().map(|(key, inner)| (key.clone(), without_empty(inner))).collect(),
        ),
        other => other.clone(),
    }
}
