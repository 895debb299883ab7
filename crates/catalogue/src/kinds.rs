//! The valid values of each kind of text, and the normal form that is sent. Other values are checked by the schema.
//!
//! Invariant: a value that passes needs no further check before it is placed.

use std::fmt::Debug;

use serde_json::Value;

use crate::{
    fqdn,
    operation::{Empty, Kind, Parameter},
};
use mcp_platform::time::is_rfc3339;
use mcp_protocol::raw;
use mcp_server::{
    arguments::{ParsedText, TextFormat},
    schema_text::lengths,
};

/// The kinds of text that only one catalogue has.
pub trait OwnKind: Copy + Debug + PartialEq + Sync + 'static {
    /// A description of the values.
    fn expected(self) -> String;

    /// The text in the form that is sent.
    ///
    /// # Errors
    /// What was expected instead.
    fn read(self, parameter: &Parameter<Self>, text: &str) -> Result<String, String>;
}

/// For catalogues without a kind of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoKind {}

impl OwnKind for NoKind {
    fn expected(self) -> String {
        match self {}
    }

    fn read(self, _parameter: &Parameter<Self>, _text: &str) -> Result<String, String> {
        match self {}
    }
}

impl<K: OwnKind> TextFormat for Parameter<K> {
    fn expected(&self) -> String {
        expectation(self)
    }

    fn read(&self, text: &str) -> ParsedText {
        match self.empty {
            Empty::Absent if text.trim().is_empty() => return ParsedText::Nothing,
            Empty::Null if text.trim().is_empty() => return ParsedText::Fits(Value::Null),
            _ => {}
        }
        let normal = match self.kind {
            Kind::Own(kind) => kind.read(self, text),
            _ => text_value(self, text).ok_or_else(|| expectation(self)),
        };
        normal.map_or_else(ParsedText::Unfit, |text| ParsedText::Fits(text.into()))
    }
}

impl<K> Parameter<K> {
    /// Whether a text is neither too short nor too long.
    pub fn takes_length_of(&self, text: &str) -> bool {
        let length = text.chars().count();
        self.min_length.is_none_or(|least| length >= least)
            && self.max_length.is_none_or(|most| length <= most)
    }
}

/// Whether values of a kind are JSON strings.
pub(crate) fn is_text<K>(kind: &Kind<K>) -> bool {
    !matches!(
        kind,
        Kind::Flag
            | Kind::Integer
            | Kind::Texts
            | Kind::Values
            | Kind::Objects
            | Kind::Object
            | Kind::Any
    )
}

fn text_value<K: OwnKind>(parameter: &Parameter<K>, text: &str) -> Option<String> {
    let normal = match parameter.kind {
        Kind::Text if parameter.choices.is_empty() => text.to_owned(),
        Kind::Text => choice(parameter, text)?,
        Kind::Fqdn => fqdn::normalise(text)?,
        Kind::Uuid => is_uuid(text).then(|| text.to_ascii_lowercase())?,
        Kind::Email => is_email(text).then(|| text.to_owned())?,
        Kind::DateTime => is_rfc3339(text).then(|| text.to_owned())?,
        Kind::Date => is_date(text).then(|| text.to_owned())?,
        Kind::UrlPath => is_url_path(text).then(|| text.to_owned())?,
        Kind::JsonObject => is_json_object(text).then(|| text.to_owned())?,
        Kind::Flag
        | Kind::Integer
        | Kind::Texts
        | Kind::Values
        | Kind::Objects
        | Kind::Object
        | Kind::Any
        | Kind::Own(_) => return None,
    };
    parameter.takes_length_of(&normal).then_some(normal)
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && is_rfc3339(&format!("{text}T00:00:00Z"))
}

/// The choice as the catalogue writes it, however a caller does.
fn choice<K>(parameter: &Parameter<K>, text: &str) -> Option<String> {
    let mut choices = parameter.choices.iter();
    choices.find(|choice| choice.eq_ignore_ascii_case(text)).map(|choice| (*choice).to_owned())
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

/// A description of the values that a parameter takes.
pub(crate) fn expectation<K: OwnKind>(parameter: &Parameter<K>) -> String {
    if !parameter.choices.is_empty() {
        return format!("one of {}", parameter.choices.join(", "));
    }
    match parameter.kind {
        Kind::Text => format!("a string{}", lengths(parameter.min_length, parameter.max_length)),
        Kind::Fqdn => {
            "a host name such as www.example.org, without scheme, port, path or spaces".into()
        }
        Kind::Uuid => "a UUID such as 6f1c2b1e-8f0a-4c57-9d0e-0a9b8c7d6e5f".into(),
        Kind::Email => "an e-mail address such as jane@example.org".into(),
        Kind::DateTime => "an RFC 3339 date and time such as 2026-11-20T08:00:00Z".into(),
        Kind::Date => "a date such as 2026-11-20".into(),
        Kind::UrlPath => "a path that starts with one /".into(),
        Kind::Own(kind) => kind.expected(),
        Kind::JsonObject => "a JSON object written as a string, such as {\"per_page\": 5}".into(),
        // The schema says what these take.
        Kind::Flag
        | Kind::Integer
        | Kind::Texts
        | Kind::Values
        | Kind::Objects
        | Kind::Object
        | Kind::Any => "another value".into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::operation::Place;

    fn parameter(kind: Kind<NoKind>) -> Parameter<NoKind> {
        Parameter {
            name: "p",
            api: "p",
            place: Place::Body,
            kind,
            required: false,
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
            (Kind::Text, vec!["", "x"], vec![]),
            (Kind::Uuid, vec![uuid], vec!["x", "6f1c2b1e8f0a4c579d0e0a9b8c7d6e5f"]),
            (
                Kind::Email,
                vec!["jane.doe+x@example.org"],
                vec!["jane", "a@b", "a b@example.org", "a@b@c.org"],
            ),
            (Kind::UrlPath, vec!["/a?b=c"], vec!["a", "", "//evil.org/"]),
            (Kind::JsonObject, vec!["{}", ""], vec!["[]", "{"]),
            (Kind::Date, vec!["2026-11-20"], vec!["2026-02-30", "20.11.2026"]),
        ];
        for (kind, right, wrong) in cases {
            let parameter = parameter(kind);
            for text in right {
                assert!(matches!(parameter.read(text), ParsedText::Fits(_)), "{kind:?} {text}");
            }
            for text in wrong {
                assert!(matches!(parameter.read(text), ParsedText::Unfit(_)), "{kind:?} {text}");
            }
        }
    }

    #[test]
    fn a_choice_may_be_written_in_capitals() {
        let parameter = Parameter { choices: &["get", "post"], ..parameter(Kind::Text) };
        assert_eq!(parameter.read("POST"), ParsedText::Fits(json!("post")));
        assert_eq!(parameter.read("trace"), ParsedText::Unfit("one of get, post".into()));
        let parameter = Parameter { choices: &["startTime"], ..parameter };
        for text in ["startTime", "starttime"] {
            assert_eq!(parameter.read(text), ParsedText::Fits(json!("startTime")));
        }
    }
}
