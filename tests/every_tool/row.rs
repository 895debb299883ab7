//! A call of a tool with valid arguments, and what SiteBay is to receive for it.

use sandbox::Recorded;
use serde_json::Value;

/// A request as the sandbox receives it: method, path below the API's prefix, query; and its body,
/// null where it has none.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    pub line: String,
    pub body: Value,
}

/// A call, written as a row of the table: `call(…).get(…)`. `{id}` in it stands for what `given` found.
#[derive(Debug, Clone)]
pub struct Row {
    pub tool: &'static str,
    pub arguments: Value,
    /// Asked of the sandbox before, and where in the answer the id is.
    pub given: Option<(Sent, &'static str)>,
    /// The request to SiteBay of March 2026.
    pub march: Vec<Sent>,
    /// The request to SiteBay of October 2026.
    pub october: Vec<Sent>,
    /// SiteBay of October 2026 has it no more.
    pub retired: bool,
}

pub fn call(tool: &'static str, arguments: Value) -> Row {
    Row { tool, arguments, given: None, march: Vec::new(), october: Vec::new(), retired: false }
}

impl Sent {
    /// Whether this is what was received. An id that SiteBay made up is written `*`.
    pub fn is(&self, received: &Self) -> bool {
        let line = match self.line.strip_suffix('*') {
            Some(start) => received.line.starts_with(start),
            None => received.line == self.line,
        };
        line && self.body == received.body
    }
}

impl From<&Recorded> for Sent {
    fn from(received: &Recorded) -> Self {
        let path = received.path.strip_prefix("/f/api/v1").expect("a path of the API");
        let query =
            if received.query.is_empty() { String::new() } else { format!("?{}", received.query) };
        let body = received.body.clone().unwrap_or_default();
        Self { line: format!("{} {path}{query}", received.method), body }
    }
}

impl Row {
    pub fn get(self, path: &str) -> Self {
        self.sends("GET", path, Value::Null)
    }

    pub fn post(self, path: &str, body: Value) -> Self {
        self.sends("POST", path, body)
    }

    pub fn patch(self, path: &str, body: Value) -> Self {
        self.sends("PATCH", path, body)
    }

    pub fn delete(self, path: &str) -> Self {
        self.sends("DELETE", path, Value::Null)
    }

    /// SiteBay of March refuses what was sent so far, and is then asked this, without a body.
    pub fn in_march(mut self, line: &str) -> Self {
        self.march.push(Sent { line: line.to_owned(), body: Value::Null });
        self
    }

    pub fn retired(self) -> Self {
        Self { retired: true, ..self }
    }

    /// Asks the sandbox for this first; where in the answer the id is, as a JSON pointer.
    pub fn given(self, line: &str, body: Value, id: &'static str) -> Self {
        Self { given: Some((Sent { line: line.to_owned(), body }, id)), ..self }
    }

    /// The same with the id that was found.
    pub fn with_id(mut self, id: &str) -> Self {
        let filled = |value: &Value| {
            let text = value.to_string().replace("{id}", id);
            serde_json::from_str::<Value>(&text).unwrap()
        };
        self.arguments = filled(&self.arguments);
        for sent in self.march.iter_mut().chain(&mut self.october) {
            sent.line = sent.line.replace("{id}", id);
            sent.body = filled(&sent.body);
        }
        self
    }

    /// The same for all pages of a list.
    pub fn whole(&self) -> Self {
        let mut row = self.clone();
        row.arguments.as_object_mut().unwrap().retain(|name, _| name != "page" && name != "size");
        row
    }

    fn sends(mut self, method: &str, path: &str, body: Value) -> Self {
        let sent = Sent { line: format!("{method} {path}"), body };
        self.march.push(sent.clone());
        self.october.push(sent);
        self
    }
}
