//! What each kind of argument accepts, and the normal form that is sent.
//!
//! Invariant: a value that passes needs no further check before it is placed.

use serde_json::{Map, Value};

use super::{
    arguments::type_name,
    blocks,
    catalogue::{Kind, Parameter},
    content_path, fqdn,
};
use crate::{protocol::raw, sitebay::is_rfc3339};

/// The value in its normal form, or what was expected instead.
pub(crate) fn accept(parameter: &Parameter, value: &Value) -> Result<Value, String> {
    if parameter.kind == Kind::Objects {
        return objects(parameter, value);
    }
    if parameter.kind == Kind::Blocks
        && let Value::String(text) = value
    {
        let whole = |problem| format!("whole search and replace blocks ({problem})");
        return blocks::normalise(text).map(Value::from).map_err(whole);
    }
    let accepted = match value {
        Value::String(text) => text_value(parameter, text),
        Value::Bool(_) => (parameter.kind == Kind::Flag).then(|| value.clone()),
        Value::Number(_) if parameter.kind == Kind::Integer => integer(parameter, value),
        Value::Array(items) if parameter.kind == Kind::Texts => {
            let fits = items.iter().all(Value::is_string) && length_fits(parameter, items.len());
            fits.then(|| value.clone())
        }
        Value::Object(_) => (parameter.kind == Kind::Object).then(|| value.clone()),
        _ => None,
    };
    accepted.ok_or_else(|| expectation(parameter))
}

fn text_value(parameter: &Parameter, text: &str) -> Option<Value> {
    let normal = match parameter.kind {
        Kind::Text if parameter.choices.is_empty() => text.to_owned(),
        Kind::Text => choice(parameter, text)?,
        Kind::Fqdn => fqdn::normalise(text)?,
        Kind::Uuid => is_uuid(text).then(|| text.to_ascii_lowercase())?,
        Kind::Email => is_email(text).then(|| text.to_owned())?,
        Kind::DateTime => is_rfc3339(text).then(|| text.to_owned())?,
        Kind::Date => is_date(text).then(|| text.to_owned())?,
        Kind::UrlPath => is_url_path(text).then(|| text.to_owned())?,
        Kind::ContentPath => below_content(parameter, text)?,
        Kind::JsonObject => is_json_object(text).then(|| text.to_owned())?,
        Kind::Blocks | Kind::Flag | Kind::Integer | Kind::Texts | Kind::Objects | Kind::Object => {
            return None;
        }
    };
    length_fits(parameter, normal.chars().count()).then(|| Value::from(normal))
}

fn length_fits(parameter: &Parameter, length: usize) -> bool {
    parameter.min_length.is_none_or(|least| length >= least)
        && parameter.max_length.is_none_or(|most| length <= most)
}

/// Each object with its fields in normal form.
fn objects(parameter: &Parameter, value: &Value) -> Result<Value, String> {
    let Some(items) = value.as_array().filter(|items| length_fits(parameter, items.len())) else {
        return Err(expectation(parameter));
    };
    let object = |(at, item): (usize, &Value)| {
        object(parameter, item)
            .map_err(|problem| format!("{}, at [{at}]{problem}", expectation(parameter)))
    };
    items.iter().enumerate().map(object).collect::<Result<Vec<_>, _>>().map(Value::from)
}

fn object(parameter: &Parameter, value: &Value) -> Result<Value, String> {
    let Some(map) = value.as_object() else {
        return Err(format!(" an object, not {}", type_name(value)));
    };
    let known = |name: &String| parameter.items.iter().any(|item| item.name == name);
    if let Some(name) = map.keys().find(|name| !known(name)) {
        return Err(format!(" nothing called {}", crate::sitebay::cut(name, 80)));
    }
    let mut normal = Map::new();
    for item in parameter.items {
        match map.get(item.name) {
            None if !item.required => {}
            given => {
                let value = accept(item, given.unwrap_or(&Value::Null))
                    .map_err(|expected| format!(".{} {expected}", item.name))?;
                normal.insert(item.name.into(), value);
            }
        }
    }
    Ok(Value::Object(normal))
}

/// wp-content itself fits only where nothing has to be named.
fn below_content(parameter: &Parameter, text: &str) -> Option<String> {
    let below = content_path::normalise(text, false)?;
    let whole = !parameter.required || content_path::names_a_file(text, &below);
    whole.then_some(below)
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && is_rfc3339(&format!("{text}T00:00:00Z"))
}

fn choice(parameter: &Parameter, text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    parameter.choices.contains(&lower.as_str()).then_some(lower)
}

/// JSON Schema counts 3.0 as an integer.
fn integer(parameter: &Parameter, value: &Value) -> Option<Value> {
    let number = match value.as_i64() {
        Some(number) => number,
        None => whole(value.as_f64()?)?,
    };
    let fits = parameter.minimum.is_none_or(|least| number >= least)
        && parameter.maximum.is_none_or(|most| number <= most);
    fits.then(|| Value::from(number))
}

fn whole(number: f64) -> Option<i64> {
    let exact = number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0;
    exact.then_some(number as i64)
}

fn is_uuid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}

/// One `@`, a local part of printable characters, a host name.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let odd = |c: char| c.is_whitespace() || c.is_control() || "@<>,;\"".contains(c);
    let dots = !local.starts_with('.') && !local.ends_with('.') && !local.contains("..");
    (1..=64).contains(&local.len())
        && text.len() <= 254
        && dots
        && !local.contains(odd)
        && fqdn::normalise(domain).is_some()
}

fn is_url_path(text: &str) -> bool {
    text.starts_with('/') && !text.starts_with("//") && !text.contains(char::is_control)
}

fn is_json_object(text: &str) -> bool {
    text.trim().is_empty() || raw::value(text).is_ok_and(|json| json.is_object())
}

/// What a parameter takes, in words.
pub(crate) fn expectation(parameter: &Parameter) -> String {
    if !parameter.choices.is_empty() {
        return format!("one of {}", parameter.choices.join(", "));
    }
    match parameter.kind {
        Kind::Text => format!("a string{}", length_words(parameter)),
        Kind::Fqdn => {
            "a host name such as www.example.org, without scheme, port, path or spaces".into()
        }
        Kind::Uuid => "a UUID such as 6f1c2b1e-8f0a-4c57-9d0e-0a9b8c7d6e5f".into(),
        Kind::Email => "an e-mail address such as jane@example.org".into(),
        Kind::DateTime => "an RFC 3339 date and time such as 2026-11-20T08:00:00Z".into(),
        Kind::Date => "a date such as 2026-11-20".into(),
        Kind::UrlPath => "a path that starts with one /".into(),
        Kind::ContentPath => {
            "a path below wp-content without .. in it, such as themes/mine/style.css".into()
        }
        Kind::Blocks => blocks::EXPECTED.into(),
        Kind::JsonObject => "a JSON object written as a string, such as {\"per_page\": 5}".into(),
        Kind::Flag => "true or false".into(),
        Kind::Integer => format!("an integer{}", range_words(parameter)),
        Kind::Texts if parameter.min_length.is_some() => {
            "an array of strings that is not empty".into()
        }
        Kind::Texts => "an array of strings".into(),
        Kind::Objects => {
            let names: Vec<&str> = parameter.items.iter().map(|item| item.name).collect();
            format!("an array of objects with {}", names.join(" and "))
        }
        Kind::Object => "a JSON object".into(),
    }
}

fn length_words(parameter: &Parameter) -> String {
    match (parameter.min_length, parameter.max_length) {
        (None, None) => String::new(),
        (Some(1), None) => " that is not empty".into(),
        (Some(least), None) => format!(" of at least {least} characters"),
        (None, Some(most)) => format!(" of at most {most} characters"),
        (Some(least), Some(most)) => format!(" of {least} to {most} characters"),
    }
}

fn range_words(parameter: &Parameter) -> String {
    match (parameter.minimum, parameter.maximum) {
        (None, None) => String::new(),
        (Some(least), None) => format!(" of at least {least}"),
        (None, Some(most)) => format!(" of at most {most}"),
        (Some(least), Some(most)) => format!(" from {least} to {most}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::toolsets::sitebay::catalogue::{self, Empty, Place};

    const BLOCKS: &str = "<<<<<< SEARCH\na\n======\nb\n>>>>>> REPLACE";

    fn parameter(kind: Kind) -> Parameter {
        Parameter {
            name: "p",
            api: "p",
            place: Place::Body,
            kind,
            required: false,
            default: None,
            minimum: Some(1),
            maximum: Some(100),
            min_length: None,
            max_length: None,
            choices: &[],
            empty: Empty::Itself,
            secret: false,
            items: &[],
        }
    }

    #[test]
    fn every_kind_takes_its_own_values_and_no_others() {
        let uuid = "6F1C2B1E-8f0a-4c57-9d0e-0a9b8c7d6e5f";
        let cases = [
            (Kind::Text, vec![json!(""), json!("x")], vec![json!(1), json!(true), json!([])]),
            (Kind::Uuid, vec![json!(uuid)], vec![json!("x"), json!(uuid.replace('-', ""))]),
            (
                Kind::Email,
                vec![json!("jane.doe+x@example.org")],
                vec![json!("jane"), json!("a@b"), json!("a b@example.org"), json!("a@b@c.org")],
            ),
            (
                Kind::UrlPath,
                vec![json!("/a?b=c")],
                vec![json!("a"), json!(""), json!("//evil.org/")],
            ),
            (
                Kind::JsonObject,
                vec![json!("{}"), json!("")],
                vec![json!("[]"), json!("{"), json!({})],
            ),
            (Kind::Date, vec![json!("2026-11-20")], vec![json!("2026-02-30"), json!("20.11.2026")]),
            (Kind::ContentPath, vec![json!("a/b.php"), json!("")], vec![json!("../a")]),
            (Kind::Blocks, vec![json!(BLOCKS)], vec![json!(""), json!("x"), json!(1)]),
            (Kind::Flag, vec![json!(true)], vec![json!("true"), json!(1)]),
            (
                Kind::Integer,
                vec![json!(1), json!(100), json!(3.0)],
                vec![json!(0), json!(101), json!(1.5), json!("1"), json!(1e300)],
            ),
            (Kind::Texts, vec![json!([]), json!(["a"])], vec![json!([1]), json!("a")]),
            (Kind::Object, vec![json!({})], vec![json!("{}"), json!([])]),
        ];
        for (kind, right, wrong) in cases {
            let parameter = parameter(kind);
            for value in right {
                assert!(accept(&parameter, &value).is_ok(), "{kind:?} {value}");
            }
            for value in wrong {
                assert!(accept(&parameter, &value).is_err(), "{kind:?} {value}");
            }
        }
    }

    #[test]
    fn a_wrong_object_of_an_array_is_named() {
        let edits = catalogue::find("sitebay_multi_edit_files").unwrap().parameters;
        let edits = edits.iter().find(|parameter| parameter.name == "edits").unwrap();
        let edit = json!({"file_path": "wp-content/a.php", "search_replace_blocks": BLOCKS});
        let sent = accept(edits, &json!([edit])).unwrap();
        assert_eq!(sent[0]["file_path"], "a.php");
        assert!(sent[0]["search_replace_blocks"].as_str().unwrap().starts_with("<<<<<<< SEARCH"));
        for (wrong, told) in [
            (json!([]), "with file_path and search_replace_blocks"),
            (json!({}), "an array of objects"),
            (json!([edit, 1]), "at [1] an object, not a number"),
            (json!([{"file_path": "../a", "search_replace_blocks": BLOCKS}]), "at [0].file_path a"),
            (json!([{"file_path": "a"}]), "at [0].search_replace_blocks at least one block"),
            (json!([{"file_path": "a", "x": 1}]), "at [0] nothing called x"),
        ] {
            let problem = accept(edits, &wrong).unwrap_err();
            assert!(problem.contains(told), "{problem}");
        }
    }

    #[test]
    fn a_choice_may_be_written_in_capitals() {
        let parameter = Parameter { choices: &["get", "post"], ..parameter(Kind::Text) };
        assert_eq!(accept(&parameter, &json!("POST")), Ok(json!("post")));
        assert_eq!(accept(&parameter, &json!("trace")), Err("one of get, post".into()));
    }
}
