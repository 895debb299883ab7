//! A call of a native tool, and what Keboola is to receive for it.

use sandbox::Recorded;
use serde_json::{Value, json};

/// A request as the stand-in receives it: method, service, path with its query, decoded; and its body, null where it
/// has none. An id that this server makes up is `{uuid}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    pub line: String,
    pub body: Value,
}

/// Wrong arguments of a tool.
#[derive(Debug, Clone)]
pub struct Wrong {
    /// What differs from the row's arguments; null leaves an argument out.
    pub arguments: Value,
    /// A part of the answer, which is an error.
    pub words: &'static str,
    /// The requests that come before it is found out: none where the arguments alone show it.
    pub sent: Vec<Sent>,
}

/// A call, written as a row of the table: `call(…).get(…)`. `{id}` in it stands for what `given` made.
#[derive(Debug, Clone)]
pub struct Row {
    /// The tool by its name at Keboola's own door.
    pub tool: &'static str,
    pub arguments: Value,
    /// Sent to the stand-in before, by the owner of the token.
    pub given: Vec<Sent>,
    pub sent: Vec<Sent>,
    /// A part of the answer's text.
    pub says: &'static str,
    pub wrong: Vec<Wrong>,
}

pub fn call(tool: &'static str, arguments: Value) -> Row {
    Row { tool, arguments, given: Vec::new(), sent: Vec::new(), says: "", wrong: Vec::new() }
}

/// A request without a body.
pub fn reads(line: &str) -> Sent {
    Sent { line: format!("GET {line}"), body: Value::Null }
}

impl Row {
    /// The stand-in is sent this before, such as `POST queue /jobs`; the last answer has the `{id}`.
    pub fn given(mut self, line: &str, body: Value) -> Self {
        self.given.push(Sent { line: line.to_owned(), body });
        self
    }

    pub fn get(self, line: &str) -> Self {
        self.sends("GET", line, Value::Null)
    }

    pub fn post(self, line: &str, body: Value) -> Self {
        self.sends("POST", line, body)
    }

    pub fn put(self, line: &str, body: Value) -> Self {
        self.sends("PUT", line, body)
    }

    pub fn says(self, says: &'static str) -> Self {
        Self { says, ..self }
    }

    /// With these arguments it is refused in these words, and nothing is sent.
    pub fn wrong(self, arguments: Value, words: &'static str) -> Self {
        self.wrong_after(arguments, words, Vec::new())
    }

    /// With these arguments it is refused in these words, after these reads.
    pub fn wrong_after(mut self, arguments: Value, words: &'static str, sent: Vec<Sent>) -> Self {
        self.wrong.push(Wrong { arguments, words, sent });
        self
    }

    /// The same with the id that was made.
    pub fn with_id(mut self, id: &str) -> Self {
        let filled = |value: &Value| -> Value {
            serde_json::from_str(&value.to_string().replace("{id}", id)).unwrap()
        };
        let fill = |all: &mut Vec<Sent>| {
            for sent in all {
                sent.line = sent.line.replace("{id}", id);
                sent.body = filled(&sent.body);
            }
        };
        self.arguments = filled(&self.arguments);
        fill(&mut self.sent);
        for wrong in &mut self.wrong {
            wrong.arguments = filled(&wrong.arguments);
            fill(&mut wrong.sent);
        }
        self
    }

    fn sends(mut self, method: &str, line: &str, body: Value) -> Self {
        self.sent.push(Sent { line: format!("{method} {line}"), body });
        self
    }
}

impl Wrong {
    /// The whole arguments, of a row's.
    pub fn of(&self, right: &Value) -> Value {
        let Some(changed) = self.arguments.as_object() else { return self.arguments.clone() };
        let mut whole = right.clone();
        for (name, value) in changed {
            whole[name] = value.clone();
        }
        if let Some(whole) = whole.as_object_mut() {
            whole.retain(|_, value| !value.is_null());
        }
        whole
    }
}

impl From<&Recorded> for Sent {
    fn from(received: &Recorded) -> Self {
        let mut parts = received.path.splitn(4, '/').skip(2);
        let (service, path) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let query = match received.query.as_str() {
            "" => String::new(),
            query => format!("?{}", decoded(query)),
        };
        let line = format!("{} {service} /{}{query}", received.method, decoded(path));
        let body = received.body.as_ref().map_or_else(String::new, Value::to_string);
        let body = serde_json::from_str(&without_ids(&body)).unwrap_or_default();
        Self { line: without_ids(&line), body }
    }
}

impl Sent {
    /// Whether it changes nothing.
    pub fn is_read(&self) -> bool {
        self.line.starts_with("GET ")
    }

    /// Whether an answer to it is kept for the next calls: it is sent by whichever call is the first.
    pub fn is_remembered(&self) -> bool {
        let kept = ["tokens/verify", "dev-branches", "/v2/storage?exclude=components"];
        self.is_read()
            && (kept.iter().any(|end| self.line.ends_with(end))
                || self.line.contains("/keboola.mcp-server-tool/"))
    }
}

/// Fails unless these are the requests: changes as often and in the order, reads at least once, in any order. They go
/// out side by side, and a task begins with the reads of its call.
#[track_caller]
pub fn compare(what: &str, expected: &[Sent], received: &[Recorded]) {
    let received: Vec<Sent> = received.iter().map(Sent::from).collect();
    let split = |all: &[Sent]| {
        let counted = all.iter().filter(|one| !one.is_remembered()).cloned();
        let (reads, changes): (Vec<_>, Vec<_>) = counted.partition(Sent::is_read);
        let mut reads: Vec<String> = reads.into_iter().map(|read| read.line).collect();
        reads.sort();
        reads.dedup();
        (reads, changes)
    };
    let ((reads, changes), (read, changed)) = (split(expected), split(&received));
    let missing = |wanted: &[String], there: &[String]| {
        wanted.iter().filter(|one| !there.contains(one)).cloned().collect::<Vec<_>>()
    };
    let (lacking, surplus) = (missing(&reads, &read), missing(&read, &reads));
    assert!(
        lacking.is_empty() && surplus.is_empty(),
        "{what}: reads that did not come: {lacking:#?}; reads that should not: {surplus:#?}"
    );
    assert_eq!(changed, changes, "{what}: what was sent, and what was to be");
}

/// A part of an address without its escapes.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escape = after.get(..2).filter(|_| *first == b'%');
        let escape = escape.and_then(|digits| std::str::from_utf8(digits).ok());
        match escape.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(if *first == b'+' { b' ' } else { *first });
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A text with `{uuid}` for each of them, with dashes or without.
fn without_ids(text: &str) -> String {
    const FORMS: [&[usize]; 2] = [&[8, 4, 4, 4, 12], &[32]];
    let is_id = |text: &str, form: &[usize]| {
        let parts = text.split('-');
        let is_hex = |part: &str| part.bytes().all(|b| b.is_ascii_hexdigit());
        parts.clone().all(is_hex) && parts.map(str::len).eq(form.iter().copied())
    };
    let length = |from: &str| {
        FORMS.into_iter().find_map(|form| {
            let length = form.iter().sum::<usize>() + form.len() - 1;
            is_id(from.get(..length)?, form).then_some(length)
        })
    };
    let (mut shown, mut rest) = (String::new(), text);
    while let Some(first) = rest.chars().next() {
        let taken = match length(rest) {
            Some(id) => {
                shown.push_str("{uuid}");
                id
            }
            None => {
                shown.push(first);
                first.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    shown
}

/// The same arguments, to which the person agreed.
pub fn agreed(mut arguments: Value) -> Value {
    arguments["confirm"] = json!(true);
    arguments
}
