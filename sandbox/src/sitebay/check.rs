//! The checks a single input value can fail, worded as the API's framework words them.
//!
//! Types are taken as the contract states them: where the framework would also read `"yes"` as
//! a boolean, the sandbox does not, so that a client which leans on that is found out.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::engine::clock::{self, Time};

/// Why a value does not fit.
#[derive(Debug)]
pub(crate) struct Problem {
    /// The framework's name for the kind of error.
    pub(crate) kind: &'static str,
    /// The message for people.
    pub(crate) message: String,
    /// The context of the message, if the framework gives it.
    pub(crate) context: Option<Value>,
}

/// A value, or why it is none.
pub(crate) type Checked<T> = Result<T, Problem>;

fn problem<T>(kind: &'static str, message: impl Into<String>) -> Checked<T> {
    let message = message.into();
    Err(Problem { kind, message, context: None })
}

fn explained<T>(kind: &'static str, message: String, context: Value) -> Checked<T> {
    Err(Problem { kind, message, context: Some(context) })
}

/// Any text.
pub(crate) fn string(value: &Value) -> Checked<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        _ => problem("string_type", "Input should be a valid string"),
    }
}

/// Text that is not empty.
pub(crate) fn filled(value: &Value) -> Checked<String> {
    let text = string(value)?;
    if text.is_empty() {
        return explained(
            "string_too_short",
            "String should have at least 1 character".to_owned(),
            json!({ "min_length": 1 }),
        );
    }
    Ok(text)
}

/// A list of anything.
pub(crate) fn list(value: &Value) -> Checked<Vec<Value>> {
    match value {
        Value::Array(entries) => Ok(entries.clone()),
        _ => problem("list_type", "Input should be a valid list"),
    }
}

/// An object of any fields.
pub(crate) fn object(value: &Value) -> Checked<Value> {
    match value {
        Value::Object(_) => Ok(value.clone()),
        _ => problem("dict_type", "Input should be a valid dictionary"),
    }
}

/// A boolean, as a query writes it.
pub(crate) fn flag(value: &Value) -> Checked<bool> {
    match value.as_str() {
        Some("true" | "1") => Ok(true),
        Some("false" | "0") => Ok(false),
        _ => problem("bool_parsing", "Input should be a valid boolean, unable to interpret input"),
    }
}

/// A whole number in a body.
pub(crate) fn integer(value: &Value) -> Checked<i64> {
    match value.as_i64() {
        Some(number) => Ok(number),
        None => problem("int_type", "Input should be a valid integer"),
    }
}

/// A boolean.
pub(crate) fn boolean(value: &Value) -> Checked<bool> {
    match value {
        Value::Bool(flag) => Ok(*flag),
        Value::String(_) => {
            problem("bool_parsing", "Input should be a valid boolean, unable to interpret input")
        }
        _ => problem("bool_type", "Input should be a valid boolean"),
    }
}

/// A UUID of version 4.
pub(crate) fn uuid4(value: &Value) -> Checked<Uuid> {
    let Value::String(text) = value else {
        return problem("uuid_type", "UUID input should be a string, bytes or UUID object");
    };
    match Uuid::parse_str(text) {
        Ok(id) if id.get_version_num() == 4 => Ok(id),
        Ok(_) => explained(
            "uuid_version",
            "UUID version 4 expected".to_owned(),
            json!({ "expected_version": 4 }),
        ),
        Err(error) => explained(
            "uuid_parsing",
            format!("Input should be a valid UUID, {error}"),
            json!({ "error": error.to_string() }),
        ),
    }
}

/// An e-mail address, as far as its shape goes.
pub(crate) fn email(value: &Value) -> Checked<String> {
    let text = string(value)?;
    let reason = match text.split_once('@') {
        None => "An email address must have an @-sign.",
        Some(("", _)) => "There must be something before the @-sign.",
        Some((_, domain)) if !domain.contains('.') => {
            "The part after the @-sign is not valid. It should have a period."
        }
        Some((_, domain)) if domain.contains('@') || domain.split('.').any(str::is_empty) => {
            "The part after the @-sign is not valid."
        }
        Some(_) if text.contains(char::is_whitespace) => {
            "The email address contains invalid characters."
        }
        Some(_) => return Ok(text),
    };
    explained(
        "value_error",
        format!("value is not a valid email address: {reason}"),
        json!({ "reason": reason }),
    )
}

/// A date-time, or a day for its midnight.
pub(crate) fn date_time(value: &Value) -> Checked<Time> {
    let Value::String(text) = value else {
        return problem("datetime_type", "Input should be a valid datetime");
    };
    match clock::parse(text) {
        Some(time) => Ok(time),
        None => explained(
            "datetime_from_date_parsing",
            "Input should be a valid datetime or date, invalid datetime".to_owned(),
            json!({ "error": "invalid datetime" }),
        ),
    }
}

/// A whole number, as a query writes it.
pub(crate) fn whole(value: &Value) -> Checked<i64> {
    match value.as_str().map(str::parse) {
        Some(Ok(number)) => Ok(number),
        _ => problem(
            "int_parsing",
            "Input should be a valid integer, unable to parse string as an integer",
        ),
    }
}

/// A whole number within bounds, as a query writes it.
pub(crate) fn between(least: i64, most: i64) -> impl Fn(&Value) -> Checked<usize> {
    move |value| bounded(whole(value)?, least, most)
}

/// A whole number within bounds, in a body.
pub(crate) fn integer_between(least: i64, most: i64) -> impl Fn(&Value) -> Checked<usize> {
    move |value| bounded(integer(value)?, least, most)
}

fn bounded(number: i64, least: i64, most: i64) -> Checked<usize> {
    if number < least {
        return explained(
            "greater_than_equal",
            format!("Input should be greater than or equal to {least}"),
            json!({ "ge": least }),
        );
    }
    if number > most {
        return explained(
            "less_than_equal",
            format!("Input should be less than or equal to {most}"),
            json!({ "le": most }),
        );
    }
    Ok(usize::try_from(number).unwrap_or_default())
}

/// One of the given words.
pub(crate) fn one_of(words: &'static [&'static str]) -> impl Fn(&Value) -> Checked<String> {
    move |value| {
        if let Value::String(text) = value
            && words.contains(&text.as_str())
        {
            return Ok(text.clone());
        }
        let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
        let expected = match quoted.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
            _ => quoted.concat(),
        };
        explained("enum", format!("Input should be {expected}"), json!({ "expected": expected }))
    }
}
