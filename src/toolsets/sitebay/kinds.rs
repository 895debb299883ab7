//! What each kind of argument accepts, and the normal form that is sent.
//!
//! Invariant: a value that passes needs no further check before it is placed.

use serde_json::Value;

use super::{
    catalogue::{Kind, Parameter},
    fqdn,
};
use crate::{protocol::raw, sitebay::is_rfc3339};

/// The value in its normal form, or what was expected instead.
pub(crate) fn accept(parameter: &Parameter, value: &Value) -> Result<Value, String> {
    let accepted = match value {
        Value::String(text) => text_value(parameter, text),
        Value::Bool(_) => (parameter.kind == Kind::Flag).then(|| value.clone()),
        Value::Number(_) if parameter.kind == Kind::Integer => integer(parameter, value),
        Value::Array(items) if parameter.kind == Kind::Texts => {
            items.iter().all(Value::is_string).then(|| value.clone())
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
        Kind::UrlPath => is_url_path(text).then(|| text.to_owned())?,
        Kind::JsonObject => is_json_object(text).then(|| text.to_owned())?,
        Kind::Flag | Kind::Integer | Kind::Texts | Kind::Object => return None,
    };
    let length = normal.chars().count();
    let fits = parameter.min_length.is_none_or(|least| length >= least)
        && parameter.max_length.is_none_or(|most| length <= most);
    fits.then(|| Value::from(normal))
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
        Kind::UrlPath => "a path that starts with one /".into(),
        Kind::JsonObject => "a JSON object written as a string, such as {\"per_page\": 5}".into(),
        Kind::Flag => "true or false".into(),
        Kind::Integer => format!("an integer{}", range_words(parameter)),
        Kind::Texts => "an array of strings".into(),
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
    use crate::toolsets::sitebay::catalogue::{Empty, Place};

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
    fn a_choice_may_be_written_in_capitals() {
        let parameter = Parameter { choices: &["get", "post"], ..parameter(Kind::Text) };
        assert_eq!(accept(&parameter, &json!("POST")), Ok(json!("post")));
        assert_eq!(accept(&parameter, &json!("trace")), Err("one of get, post".into()));
    }
}
