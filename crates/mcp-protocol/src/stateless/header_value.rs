//! Values of the headers that repeat the body: white space around them, and the Base64 form.
//!
//! Invariant: what comes out is what the sender meant, or nothing; no form is guessed. Source: MCP
//! 2026-07-28 `basic/transports/streamable-http` "Value Encoding"; RFC 9110 §5.5; RFC 4648 §4.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use thiserror::Error;

const PREFIX: &str = "=?base64?";
const SUFFIX: &str = "?=";

/// Why a header value cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HeaderValueError {
    /// It has characters that a header value must not have.
    #[error("has characters outside of visible ASCII, space and tab")]
    Characters,
    /// The Base64 between the marks is not right: alphabet, padding, or spare bits.
    #[error("is marked as Base64 and is not (RFC 4648 §4, with padding)")]
    Base64,
    /// The bytes behind the Base64 are no text.
    #[error("is Base64 of bytes that are not UTF-8")]
    Utf8,
}

/// The value without the optional white space around it.
///
/// # Errors
/// Where it has characters that a header value must not have.
pub fn plain(value: &str) -> Result<&str, HeaderValueError> {
    let value = value.trim_matches([' ', '\t']);
    let allowed = |byte| matches!(byte, b'\t' | b' '..=b'~');
    if value.bytes().all(allowed) { Ok(value) } else { Err(HeaderValueError::Characters) }
}

/// The same, decoded where it is marked as Base64 on both sides; with one mark it is literal.
///
/// # Errors
/// Where it is marked as Base64 of a text and is not.
pub fn decoded(value: &str) -> Result<Cow<'_, str>, HeaderValueError> {
    let value = plain(value)?;
    match value.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(SUFFIX)) {
        None => Ok(value.into()),
        Some(text) => {
            let bytes = STANDARD.decode(text).map_err(|_| HeaderValueError::Base64)?;
            String::from_utf8(bytes).map(Cow::Owned).map_err(|_| HeaderValueError::Utf8)
        }
    }
}

/// The text as a header carries it: as it is where a header can, else in the Base64 form.
pub fn encoded(text: &str) -> Cow<'_, str> {
    let marked = text.starts_with(PREFIX) && text.ends_with(SUFFIX);
    match plain(text) {
        Ok(kept) if kept == text && !marked => text.into(),
        _ => format!("{PREFIX}{}{SUFFIX}", STANDARD.encode(text)).into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::ANY_TEXT;

    #[test]
    fn white_space_around_a_value_is_none_of_it() {
        assert_eq!(plain("\t tools/call  "), Ok("tools/call"));
        assert_eq!(decoded(" a b "), Ok("a b".into()));
        assert_eq!(decoded("  =?base64?SGVsbG8=?=\t"), Ok("Hello".into()));
        assert_eq!(plain(""), Ok(""));
    }

    #[test]
    fn other_characters_are_refused() {
        for value in ["café", "a\u{7f}b", "a\nb", "a\0", "\u{a0}x"] {
            assert_eq!(plain(value), Err(HeaderValueError::Characters), "{value:?}");
            assert_eq!(decoded(value), Err(HeaderValueError::Characters), "{value:?}");
        }
    }

    #[test]
    fn the_examples_of_the_specification_are_decoded() {
        for (value, meant) in [
            ("us-west1", "us-west1"),
            ("=?base64?SGVsbG8sIOS4lueVjA==?=", "Hello, 世界"),
            ("=?base64?IHBhZGRlZCA=?=", " padded "),
            ("=?base64?bGluZTEKbGluZTI=?=", "line1\nline2"),
            ("=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=", "=?base64?literal?="),
            ("=?base64??=", ""),
        ] {
            assert_eq!(decoded(value).as_deref(), Ok(meant), "{value}");
        }
    }

    #[test]
    fn a_value_with_one_mark_is_literal() {
        for value in
            ["SGVsbG8=", "=?base64?SGVsbG8=", "SGVsbG8=?=", "=?BASE64?SGVsbG8=?=", "=?base64?="]
        {
            assert_eq!(decoded(value).as_deref(), Ok(value), "{value}");
        }
    }

    #[test]
    fn wrong_base64_is_refused() {
        for text in ["SGVsbG8", "SGVs!!!bG8=", "SGVsbG8==", "SGVsbG9=", "SGVs bG8=", "_-__", "="] {
            let value = format!("=?base64?{text}?=");
            assert_eq!(decoded(&value), Err(HeaderValueError::Base64), "{value}");
        }
        assert_eq!(decoded("=?base64?/w==?="), Err(HeaderValueError::Utf8));
    }

    #[test]
    fn a_text_that_a_header_can_carry_stays_as_it_is() {
        for (text, header) in [
            ("greet", "greet"),
            ("a b", "a b"),
            ("", ""),
            (" padded ", "=?base64?IHBhZGRlZCA=?="),
            ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
            ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
            ("=?base64?", "=?base64?"),
        ] {
            assert_eq!(encoded(text), header, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_a_header_and_decodes_to_itself(text in ANY_TEXT) {
            let header = encoded(&text);
            prop_assert!(header.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')));
            prop_assert_eq!(decoded(&header), Ok(text.as_str().into()));
        }

        #[test]
        fn every_text_survives_its_base64_form(text in ANY_TEXT, around in "[ \t]{0,2}") {
            let value = format!("{around}{PREFIX}{}{SUFFIX}{around}", STANDARD.encode(&text));
            prop_assert_eq!(decoded(&value), Ok(text.into()));
        }

        #[test]
        fn every_plain_text_without_marks_survives_as_it_is(text in "([!-~]([ -~]{0,20}[!-~])?)?") {
            prop_assume!(!text.starts_with(PREFIX));
            prop_assert_eq!(decoded(&text), Ok(text.as_str().into()));
        }

        #[test]
        fn what_is_decoded_was_literal_or_the_base64_of_it(
            value in "[ \t]{0,2}(=\\?base64\\?)?[A-Da-d+/ é]{0,8}={0,2}(\\?=)?",
        ) {
            let (Ok(plain), Ok(meant)) = (plain(&value), decoded(&value)) else { return Ok(()) };
            let marked = format!("{PREFIX}{}{SUFFIX}", STANDARD.encode(&*meant));
            prop_assert!(meant == plain || marked == plain, "{value:?} means {meant:?}");
        }
    }
}
