//! JSON objects, written as text.
//!
//! Messages are put together from what is text already, field by field, without a tree of values in
//! between.

use serde_json::Value;

/// An object that is being written.
#[derive(Debug, Clone)]
pub struct Object(String);

impl Object {
    /// One without fields.
    #[must_use]
    pub fn new() -> Self {
        Self("{".to_owned())
    }

    /// One without fields, for about so many bytes.
    #[must_use]
    pub fn with_room(bytes: usize) -> Self {
        let mut text = String::with_capacity(bytes);
        text.push('{');
        Self(text)
    }

    /// Adds a text in place.
    pub fn put(&mut self, name: &str, text: &str) {
        self.begin(name);
        push_text(&mut self.0, text);
    }

    /// Adds an integer in place.
    pub fn put_number(&mut self, name: &str, number: u64) {
        self.begin(name);
        self.0.push_str(&number.to_string());
    }

    /// Adds a field whose value is JSON text already.
    #[must_use]
    pub fn raw(mut self, name: &str, json: &str) -> Self {
        self.begin(name);
        self.0.push_str(json);
        self
    }

    /// Adds a text.
    #[must_use]
    pub fn text(mut self, name: &str, text: &str) -> Self {
        self.begin(name);
        push_text(&mut self.0, text);
        self
    }

    /// Adds a text, where there is one.
    #[must_use]
    pub fn text_if(self, name: &str, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.text(name, text),
            None => self,
        }
    }

    /// Adds a number; one that JSON cannot say is `null`.
    #[must_use]
    pub fn float(self, name: &str, number: f64) -> Self {
        self.raw(name, &Value::from(number).to_string())
    }

    /// Adds an integer.
    #[must_use]
    pub fn number(self, name: &str, number: u64) -> Self {
        self.raw(name, &number.to_string())
    }

    /// Adds a truth value.
    #[must_use]
    pub fn flag(self, name: &str, flag: bool) -> Self {
        self.raw(name, if flag { "true" } else { "false" })
    }

    /// Adds an array of texts.
    #[must_use]
    pub fn texts<'a>(self, name: &str, texts: impl IntoIterator<Item = &'a str>) -> Self {
        let items: Vec<String> = texts.into_iter().map(quoted).collect();
        self.raw(name, &array(&items))
    }

    /// The text.
    #[must_use]
    pub fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }

    fn begin(&mut self, name: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        push_text(&mut self.0, name);
        self.0.push(':');
    }
}

impl Default for Object {
    fn default() -> Self {
        Self::new()
    }
}

/// An array of values that are JSON text already.
pub fn array(items: &[String]) -> String {
    format!("[{}]", items.join(","))
}

/// A text as JSON.
pub fn quoted(text: &str) -> String {
    let mut json = String::with_capacity(text.len().saturating_add(2));
    push_text(&mut json, text);
    json
}

/// RFC 8259 §7: what must be escaped, and nothing else.
fn push_text(json: &mut String, text: &str) {
    json.push('"');
    let mut rest = text;
    while let Some((plain, odd)) = rest
        .bytes()
        .position(|byte| byte < b' ' || byte == b'"' || byte == b'\\')
        .and_then(|place| rest.split_at_checked(place))
    {
        json.push_str(plain);
        let mut odd = odd.chars();
        match odd.next() {
            Some('\n') => json.push_str("\\n"),
            Some('\r') => json.push_str("\\r"),
            Some('\t') => json.push_str("\\t"),
            Some(c @ '\0'..' ') => json.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => {
                json.push('\\');
                json.extend(c);
            }
        }
        rest = odd.as_str();
    }
    json.push_str(rest);
    json.push('"');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_is_written_in_the_order_of_its_fields() {
        let text = Object::new()
            .text("b", "x")
            .number("a", u64::MAX)
            .flag("c", true)
            .raw("d", "[1]")
            .texts("e", ["f", "g"])
            .end();
        let written = r#"{"b":"x","a":18446744073709551615,"c":true,"d":[1],"e":["f","g"]}"#;
        assert_eq!(text, written);
        assert_eq!(Object::new().end(), "{}");
    }

    #[test]
    fn a_text_is_escaped_as_json_wants_it() {
        let strange: String = ('\0'..='\u{a0}').chain("\u{2028}ü😀\"\\".chars()).collect();
        assert_eq!(serde_json::from_str::<Value>(&quoted(&strange)).unwrap(), json!(strange));
    }
}
