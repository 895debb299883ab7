//! Replacing values inside a JSON text.
//!
//! Invariant: every byte outside of a replaced value stays as it was, so that numbers of any size, unknown fields, the
//! order of fields and white space survive.

use std::{borrow::Cow, ops::Range};

use serde_json::value::RawValue;

use crate::object::quoted;

/// A JSON text and the values to replace in it.
#[derive(Debug)]
pub struct Splice<'a> {
    text: &'a str,
    edits: Vec<(Range<usize>, String)>,
}

impl<'a> Splice<'a> {
    /// A text in which nothing is replaced yet.
    pub fn new(text: &'a str) -> Self {
        Self { text, edits: Vec::new() }
    }

    /// Replaces a value with JSON text. The value must have been read from this text without a copy, as
    /// [`fields`](crate::fields::fields) and [`elements`](crate::raw::elements) do; one from elsewhere changes nothing.
    pub fn replace(&mut self, value: &RawValue, json: String) {
        if let Some(range) = self.place(value.get()) {
            self.edits.push((range, json));
        }
    }

    /// Replaces a value with a text.
    pub fn replace_text(&mut self, value: &RawValue, text: &str) {
        self.replace(value, quoted(text));
    }

    /// The text with all its replacements. Of two that overlap, the one that begins first counts.
    pub fn end(mut self) -> Cow<'a, str> {
        if self.edits.is_empty() {
            return Cow::Borrowed(self.text);
        }
        self.edits.sort_by_key(|(range, _)| range.start);
        let more: usize = self.edits.iter().map(|(_, json)| json.len()).sum();
        let mut out = String::with_capacity(self.text.len().saturating_add(more));
        let mut at = 0;
        for (range, json) in &self.edits {
            if let Some(before) = self.text.get(at..range.start) {
                out.push_str(before);
                out.push_str(json);
                at = range.end;
            }
        }
        out.push_str(self.text.get(at..).unwrap_or_default());
        Cow::Owned(out)
    }

    /// Where a piece of the text is.
    fn place(&self, piece: &str) -> Option<Range<usize>> {
        let start = piece.as_ptr().addr().checked_sub(self.text.as_ptr().addr())?;
        let end = start.checked_add(piece.len())?;
        let range = start..end;
        self.text.get(range.clone()).filter(|found| *found == piece).map(|_| range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fields::fields, raw::elements, testing::raw};

    #[test]
    fn only_the_replaced_values_change() {
        let text = " {\"a\" : 1e400,\t\"b\":[ \"x\" , 9007199254740993 ] , \"a2\":{}} ";
        let [a, b] = fields(text, ["a2", "b"]).unwrap();
        let items = elements(b.unwrap().get()).unwrap();
        let mut splice = Splice::new(text);
        splice.replace(a.unwrap(), "[1,2]".to_owned());
        splice.replace_text(items[0], "long\n\u{fc}");
        let changed =
            " {\"a\" : 1e400,\t\"b\":[ \"long\\n\u{fc}\" , 9007199254740993 ] , \"a2\":[1,2]} ";
        assert_eq!(splice.end(), changed);
    }

    #[test]
    fn a_value_from_elsewhere_and_the_inner_of_two_change_nothing() {
        let text = r#"{"a":{"b":1}}"#;
        let mut splice = Splice::new(text);
        splice.replace(&raw("1"), "2".to_owned());
        assert!(matches!(splice.end(), Cow::Borrowed(same) if same == text));
        let [a] = fields(text, ["a"]).unwrap();
        let [b] = fields(a.unwrap().get(), ["b"]).unwrap();
        let mut splice = Splice::new(text);
        splice.replace(b.unwrap(), "2".to_owned());
        splice.replace(a.unwrap(), "{}".to_owned());
        assert_eq!(splice.end(), r#"{"a":{}}"#);
    }
}
