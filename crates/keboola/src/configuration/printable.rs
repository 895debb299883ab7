//! Texts of others for a person's eyes: short, on one line, and without characters that hide or reorder it.

use std::fmt::Write as _;

use serde_json::Value;

use super::secrets::is_secret_key;

/// What stands for a secret.
const SECRET: &str = "[secret]";
/// The most characters of a text of others in a form for consent.
const MOST_FOREIGN: usize = 200;
/// The most of them in a list.
const MOST_LISTED: usize = 20;

/// A text in quotes, cut after this many characters.
pub(crate) fn quoted(text: &str, most: usize) -> String {
    let mut out = Bounded::new(most);
    out.quoted(text);
    out.finish()
}

/// A text of others in a form for consent: it cannot be taken for a line of the form.
pub(crate) fn foreign(text: &str) -> String {
    quoted(text, MOST_FOREIGN)
}

/// Several of them, the first twenty.
pub(crate) fn foreign_list<T: AsRef<str>>(texts: &[T]) -> String {
    let mut shown: Vec<String> =
        texts.iter().take(MOST_LISTED).map(|text| foreign(text.as_ref())).collect();
    let more = texts.len().saturating_sub(shown.len());
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    shown.join(", ")
}

/// A value as JSON, cut after this many characters. Values of secret keys are left out.
pub(crate) fn json(value: &Value, most: usize) -> String {
    let mut out = Bounded::new(most);
    out.json(value);
    out.finish()
}

/// A value in words, such as `the string "a"`, for an error.
pub(crate) fn described(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the string {}", quoted(text, 40)),
        Value::Array(items) => format!("an array of {} items", items.len()),
        Value::Object(map) if map.is_empty() => "an empty object".to_owned(),
        Value::Object(map) => {
            let names: Vec<String> = map.keys().take(8).map(|key| quoted(key, 40)).collect();
            let more = if map.len() > names.len() { ", …" } else { "" };
            format!("an object with the keys {}{more}", names.join(", "))
        }
    }
}

/// Whether a character is not seen, or changes how its neighbours are seen.
pub(crate) fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// A text that grows up to a number of characters.
struct Bounded {
    text: String,
    left: usize,
    is_cut: bool,
}

impl Bounded {
    fn new(most: usize) -> Self {
        Self { text: String::new(), left: most, is_cut: false }
    }

    fn finish(mut self) -> String {
        if self.is_cut {
            self.text.push('…');
        }
        self.text
    }

    fn push(&mut self, character: char) {
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                self.text.push(character);
            }
            None => self.is_cut = true,
        }
    }

    fn push_str(&mut self, text: &str) {
        text.chars().for_each(|character| self.push(character));
    }

    fn quoted(&mut self, text: &str) {
        self.push('"');
        for character in text.chars() {
            if self.is_cut {
                return;
            }
            match character {
                '"' | '\\' => {
                    self.push('\\');
                    self.push(character);
                }
                '\n' => self.push_str("\\n"),
                '\r' => self.push_str("\\r"),
                '\t' => self.push_str("\\t"),
                hidden if is_invisible(hidden) => {
                    let mut escaped = String::new();
                    let _ = write!(escaped, "\\u{{{:x}}}", u32::from(hidden));
                    self.push_str(&escaped);
                }
                seen => self.push(seen),
            }
        }
        self.push('"');
    }

    fn json(&mut self, value: &Value) {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => self.push_str(&value.to_string()),
            Value::String(text) => self.quoted(text),
            Value::Array(items) => {
                self.push('[');
                for (at, item) in items.iter().enumerate() {
                    self.separate(at);
                    if self.is_cut {
                        return;
                    }
                    self.json(item);
                }
                self.push(']');
            }
            Value::Object(map) => {
                self.push('{');
                for (at, (key, item)) in map.iter().enumerate() {
                    self.separate(at);
                    if self.is_cut {
                        return;
                    }
                    self.quoted(key);
                    self.push_str(": ");
                    if is_secret_key(key) {
                        self.push_str(SECRET);
                    } else {
                        self.json(item);
                    }
                }
                self.push('}');
            }
        }
    }

    fn separate(&mut self, at: usize) {
        if at > 0 {
            self.push_str(", ");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json as value;

    use super::*;

    #[test]
    fn secrets_are_left_out_of_json() {
        let shown =
            json(&value!({ "user": "a", "#password": "p", "in": [{ "#k": "KBC::x" }] }), 200);
        assert_eq!(shown, r##"{"#password": [secret], "in": [{"#k": [secret]}], "user": "a"}"##);
    }

    #[test]
    fn characters_that_hide_or_reorder_text_are_written_out() {
        assert_eq!(quoted("a\u{202e}b\nc\u{200b}", 40), "\"a\\u{202e}b\\nc\\u{200b}\"");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(quoted("žluťoučký", 4), "\"žlu…");
        assert_eq!(json(&value!([1, 2, 3, 4, 5]), 6), "[1, 2,…");
    }

    #[test]
    fn a_list_of_texts_is_cut_and_counted() {
        assert_eq!(foreign_list(&["a\n- Rows: all", "b"]), r#""a\n- Rows: all", "b""#);
        let many = vec!["r"; 25];
        assert!(foreign_list(&many).ends_with("\"r\", and 5 more"));
    }

    #[test]
    fn a_value_is_described_with_what_helps() {
        assert_eq!(
            described(&value!({ "host": 1, "port": 2 })),
            r#"an object with the keys "host", "port""#
        );
        assert_eq!(described(&value!("x")), r#"the string "x""#);
        assert_eq!(described(&value!([1, 2])), "an array of 2 items");
    }

    proptest! {
        #[test]
        fn what_is_shown_is_bounded_and_on_one_line(text in ".*", most in 0_usize..50) {
            for shown in [quoted(&text, most), json(&value!({ "k": [text] }), most)] {
                prop_assert!(shown.chars().count() <= most.saturating_add(1));
                prop_assert!(!shown.chars().any(is_invisible));
            }
        }
    }
}
