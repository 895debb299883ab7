//! `Mcp-Param-*`: headers that repeat arguments which a tool marks with `x-mcp-header`.
//!
//! Invariant: an argument that is there is repeated, one that is not is not, and both say the
//! same. Source: MCP 2026-07-28 `basic/transports/streamable-http` "Server Behavior for Custom
//! Headers", "Server Validation" (SEP-2243).

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::{
    fields::entries,
    raw,
    stateless::{
        header_value,
        headers::{HeaderError, HeaderSource},
        param_declarations::{ParamHeader, ParamKind},
    },
};

/// Checks the headers of a tool against the arguments of its call. Reads no header of a tool that
/// marks nothing.
///
/// # Errors
/// When one is missing, unreadable, or says otherwise than the arguments.
pub fn check(
    headers: &impl HeaderSource,
    declared: &[ParamHeader],
    arguments: Option<&RawValue>,
) -> Result<(), HeaderError> {
    declared.iter().try_for_each(|one| check_one(headers, one, arguments))
}

fn check_one(
    headers: &impl HeaderSource,
    declared: &ParamHeader,
    arguments: Option<&RawValue>,
) -> Result<(), HeaderError> {
    let name = &declared.header;
    let body = arguments.and_then(|arguments| shown(&declared.path, arguments));
    let sent = headers.header(name);
    let sent = sent.as_deref().map(header_value::decoded).transpose();
    let sent = sent.map_err(|fault| HeaderError::unreadable(name, fault))?;
    match (sent, body) {
        (None, None) => Ok(()),
        (None, Some(body)) => Err(HeaderError::missing(name, &body)),
        (Some(sent), None) => Err(HeaderError::unexpected(name, &sent)),
        (Some(sent), Some(body)) if same(declared.kind, &sent, &body) => Ok(()),
        (Some(sent), Some(body)) => Err(HeaderError::differs(name, &sent, &body)),
    }
}

/// The headers that repeat the arguments of a call, as a client sends them.
pub fn written(declared: &[ParamHeader], arguments: Option<&RawValue>) -> Vec<(String, String)> {
    let header = |one: &ParamHeader| {
        let value = shown(&one.path, arguments?)?;
        Some((one.header.clone(), header_value::encoded(&value).into_owned()))
    };
    declared.iter().filter_map(header).collect()
}

/// The argument as a client writes it into the header. None: it is absent, `null`, or nothing that
/// could stand in a header, which the tool itself refuses.
fn shown<'a>(path: &[String], arguments: &'a RawValue) -> Option<Cow<'a, str>> {
    let value = path.iter().try_fold(arguments, |at, name| step(at, name))?;
    match value.get().as_bytes().first()? {
        b'"' => raw::text(value),
        b'{' | b'[' | b'n' => None,
        _ => Some(value.get().into()),
    }
}

/// One step down, over texts: no depth is too much, and a number stays as exact as it was written.
fn step<'a>(at: &'a RawValue, name: &str) -> Option<&'a RawValue> {
    let entries = entries(at.get()).ok()?;
    entries.into_iter().rev().find(|(known, _)| known == name).map(|(_, value)| value)
}

/// Numbers are the same where they mean the same: `42` and `42.0`.
fn same(kind: ParamKind, sent: &str, body: &str) -> bool {
    match (kind, decimal(sent), decimal(body)) {
        (ParamKind::Integer, Some(sent), Some(body)) => sent == body,
        _ => sent == body,
    }
}

/// A decimal number by its parts, without zeros that mean nothing: sign, whole, fraction. Exact,
/// however long.
fn decimal(text: &str) -> Option<(bool, &str, &str)> {
    let unsigned = text.strip_prefix('-');
    let (whole, fraction) = match unsigned.unwrap_or(text).split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return None,
        None => (unsigned.unwrap_or(text), ""),
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let zero = whole.is_empty() && fraction.is_empty();
    Some((unsigned.is_some() && !zero, whole, fraction))
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{
        stateless::{error::StatelessError, testing::Headers},
        testing::{ANY_TEXT, raw},
    };

    fn declared() -> Vec<ParamHeader> {
        ParamHeader::all_in(&json!({ "properties": {
            "value": { "type": "string", "x-mcp-header": "Value" },
            "n": { "type": "integer", "x-mcp-header": "N" },
            "yes": { "type": "boolean", "x-mcp-header": "Yes" },
            "in": { "properties": { "deep": { "type": "string", "x-mcp-header": "Deep" } } },
        } }))
        .unwrap()
    }

    fn checked(arguments: &str, headers: &[(&str, &str)]) -> Result<(), HeaderError> {
        let arguments = raw(arguments);
        check(&Headers::of(headers), &declared(), Some(&arguments))
    }

    #[test]
    fn headers_that_are_written_repeat_the_arguments() {
        for (arguments, headers) in [
            (r#"{"value":"Hello","n":12345678901234567890,"yes":true}"#, 3),
            (r#"{"value":" grüße\n","in":{"deep":"=?base64?x?="}}"#, 2),
            (r#"{"value":null,"n":[1],"other":"x"}"#, 0),
            ("{}", 0),
        ] {
            let raw = raw(arguments);
            let written = written(&declared(), Some(&raw));
            assert_eq!(written.len(), headers, "{written:?}");
            let lines: Vec<(&str, &str)> =
                written.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            assert_eq!(checked(arguments, &lines), Ok(()), "{arguments}");
        }
    }

    #[test]
    fn headers_that_repeat_the_arguments_are_fine() {
        for (arguments, header, sent) in [
            (r#"{"value":"Hello"}"#, "Mcp-Param-Value", "Hello"),
            (r#"{"value":"Hello"}"#, "mcp-param-value", "  =?base64?SGVsbG8=?= "),
            (r#"{"value":"SGVsbG8="}"#, "Mcp-Param-Value", "SGVsbG8="),
            (r#"{"value":"=?base64?SGVsbG8="}"#, "Mcp-Param-Value", "=?base64?SGVsbG8="),
            (r#"{"value":""}"#, "Mcp-Param-Value", ""),
            (r#"{"value":""}"#, "Mcp-Param-Value", "=?base64??="),
            (r#"{"in":{"deep":"x"}}"#, "Mcp-Param-Deep", "x"),
            (r#"{"n":42}"#, "Mcp-Param-N", "42"),
            (r#"{"n":42}"#, "Mcp-Param-N", "42.0"),
            (r#"{"n":42.0}"#, "Mcp-Param-N", "042"),
            (r#"{"n":-7}"#, "Mcp-Param-N", "-7.00"),
            (r#"{"n":0}"#, "Mcp-Param-N", "-0"),
            (r#"{"n":9007199254740993}"#, "Mcp-Param-N", "9007199254740993"),
            (r#"{"n":90071992547409931234567}"#, "Mcp-Param-N", "90071992547409931234567"),
            (r#"{"yes":true}"#, "Mcp-Param-Yes", "true"),
            (r#"{"yes":false}"#, "Mcp-Param-Yes", "false"),
        ] {
            assert_eq!(checked(arguments, &[(header, sent)]), Ok(()), "{arguments} {sent}");
        }
    }

    #[test]
    fn an_absent_or_null_argument_has_no_header() {
        for arguments in ["{}", r#"{"value":null,"in":{}}"#, r#"{"in":null}"#, "null"] {
            assert_eq!(checked(arguments, &[]), Ok(()), "{arguments}");
        }
        assert_eq!(check(&Headers::default(), &declared(), None), Ok(()));
    }

    #[test]
    fn what_could_not_stand_in_a_header_is_left_to_the_tool() {
        assert_eq!(checked(r#"{"value":["x"],"n":{}}"#, &[]), Ok(()));
    }

    #[test]
    fn every_wrong_header_is_named_with_400() {
        for (arguments, header, sent) in [
            (r#"{"value":"Hello"}"#, "Mcp-Param-Value", None),
            (r#"{"value":""}"#, "Mcp-Param-Value", None),
            (r#"{"n":0}"#, "Mcp-Param-N", None),
            (r#"{"yes":false}"#, "Mcp-Param-Yes", None),
            (r#"{"in":{"deep":"x"}}"#, "Mcp-Param-Deep", None),
            (r#"{"value":"Hello"}"#, "Mcp-Param-Value", Some("hello")),
            (r#"{"value":"Hello"}"#, "Mcp-Param-Value", Some("=?base64?SGVsbG8?=")),
            (r#"{"value":"Hello"}"#, "Mcp-Param-Value", Some("=?base64?SGVs!!!bG8=?=")),
            (r#"{"value":"Hellö"}"#, "Mcp-Param-Value", Some("Hellö")),
            (r#"{"value":"42"}"#, "Mcp-Param-Value", Some("42.0")),
            (r#"{"n":42}"#, "Mcp-Param-N", Some("43")),
            (r#"{"n":42}"#, "Mcp-Param-N", Some("42.5")),
            (r#"{"n":42}"#, "Mcp-Param-N", Some("42.")),
            (r#"{"n":42}"#, "Mcp-Param-N", Some("0x2a")),
            (r#"{"n":42}"#, "Mcp-Param-N", Some("4.2e1")),
            (r#"{"n":42}"#, "Mcp-Param-N", Some("-42")),
            (r#"{"n":42}"#, "Mcp-Param-N", Some("")),
            (r#"{"n":9007199254740993}"#, "Mcp-Param-N", Some("9007199254740992")),
            (r#"{"yes":true}"#, "Mcp-Param-Yes", Some("True")),
            (r#"{"yes":true}"#, "Mcp-Param-Yes", Some("1")),
            (r#"{"yes":true}"#, "Mcp-Param-Yes", Some("false")),
            ("{}", "Mcp-Param-Value", Some("x")),
            ("[]", "Mcp-Param-Value", Some("x")),
            (r#"{"n":null}"#, "Mcp-Param-N", Some("0")),
        ] {
            let headers: Vec<_> = sent.map(|sent| (header, sent)).into_iter().collect();
            let error = StatelessError::from(checked(arguments, &headers).unwrap_err());
            assert_eq!((error.status(), error.code()), (400, -32020), "{arguments} {sent:?}");
            assert!(error.to_string().contains(header), "{error}");
        }
    }

    #[test]
    fn an_argument_beside_deep_nesting_is_still_compared() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        let arguments = format!(r#"{{"deep":{deep},"value":"Hello"}}"#);
        assert!(checked(&arguments, &[]).is_err());
        assert_eq!(checked(&arguments, &[("Mcp-Param-Value", "Hello")]), Ok(()));
    }

    #[test]
    fn a_tool_without_marks_has_no_header_read() {
        struct Untouchable;
        impl HeaderSource for Untouchable {
            fn header(&self, name: &str) -> Option<Cow<'_, str>> {
                panic!("{name} was read")
            }
        }
        assert_eq!(check(&Untouchable, &[], Some(&raw("{}"))), Ok(()));
    }

    proptest! {
        #[test]
        fn a_text_is_repeated_by_itself_alone(text in ANY_TEXT, other in ANY_TEXT) {
            let arguments = json!({ "value": text }).to_string();
            let sent = |text: &str| format!("=?base64?{}?=", STANDARD.encode(text));
            let fits = |text: &str| checked(&arguments, &[("Mcp-Param-Value", &sent(text))]).is_ok();
            prop_assert!(fits(&text));
            prop_assert_eq!(fits(&other), other == text);
        }

        #[test]
        fn a_number_is_repeated_by_texts_of_that_number_alone(
            n: i64, other: i64, zeros in 0..4_usize, fraction in "0{0,3}",
        ) {
            let arguments = json!({ "n": n }).to_string();
            let fits = |text: &str| checked(&arguments, &[("Mcp-Param-N", text)]).is_ok();
            let sign = if n < 0 { "-" } else { "" };
            let padded = format!("{sign}{}{}", "0".repeat(zeros), n.unsigned_abs());
            prop_assert!(fits(&padded), "{padded}");
            let pointed = format!("{padded}.{fraction}");
            prop_assert_eq!(fits(&pointed), !fraction.is_empty(), "{}", pointed);
            let broken = format!("{padded}.{fraction}5");
            prop_assert!(!fits(&broken), "{broken}");
            prop_assert_eq!(fits(&other.to_string()), other == n);
        }
    }
}
