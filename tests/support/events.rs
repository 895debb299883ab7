//! Server-sent events as a client reads them.

use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::Response;
use serde_json::Value;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub id: Option<String>,
    pub data: String,
}

impl Event {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }
}

/// The events of a whole stream; comments are left out.
pub fn parse(text: &str) -> Vec<Event> {
    text.split("\n\n").filter_map(event).collect()
}

fn event(block: &str) -> Option<Event> {
    let field = |name: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.strip_prefix(' ').unwrap_or(line).to_owned())
    };
    Some(Event { id: field("id:"), data: field("data:")? })
}

/// A stream that is still open.
pub struct Live {
    response: Response,
    text: String,
}

impl Live {
    pub fn new(response: Response) -> Self {
        assert_eq!(response.status(), 200, "{response:?}");
        Self { response, text: String::new() }
    }

    /// Reads until the text so far has `what`, or the time is over.
    pub async fn until(&mut self, what: &str) -> &str {
        assert!(self.reaches(what).await, "the stream ended before {what:?}: {}", self.text);
        &self.text
    }

    /// The same; false where the stream ends before.
    pub async fn reaches(&mut self, what: &str) -> bool {
        let wait = async {
            // Searched bytes are not searched again: there may be thousands of chunks.
            let mut from = 0;
            while !self.text[from..].contains(what) {
                from = self.text.floor_char_boundary(self.text.len().saturating_sub(what.len()));
                match self.response.chunk().await.expect("a chunk") {
                    Some(chunk) => self.text.push_str(std::str::from_utf8(&chunk).unwrap()),
                    None => return false,
                }
            }
            true
        };
        let waited = tokio::time::timeout(Duration::from_secs(30), wait).await;
        waited.unwrap_or_else(|_| panic!("no {what:?} within 30 s: {}", self.text))
    }

    /// The text so far.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Forgets the whole events that came so far.
    pub fn forget(&mut self) {
        let whole = self.text.rfind("\n\n").map_or(0, |end| end + 2);
        self.text.drain(..whole);
    }

    /// Reads until a message fits: the first one that came and was not forgotten.
    pub async fn message(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        let wait = async {
            loop {
                let whole = self.text.rfind("\n\n").map_or("", |end| &self.text[..end]);
                let events = parse(whole);
                let messages = events.iter().filter(|event| event.data.starts_with('{'));
                if let Some(found) = messages.map(Event::json).find(|message| fits(message)) {
                    return found;
                }
                match self.response.chunk().await.expect("a chunk") {
                    Some(chunk) => self.text.push_str(std::str::from_utf8(&chunk).unwrap()),
                    None => panic!("the stream ended: {}", self.text),
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(30), wait).await.expect("a message in time")
    }

    /// The id of the last whole event that was read.
    pub fn last_id(&self) -> String {
        let whole = self.text.rfind("\n\n").map_or("", |end| &self.text[..end]);
        parse(whole).last().and_then(|event| event.id.clone()).expect("an event with an id")
    }

    /// Reads to the end of the stream.
    pub async fn rest(self) -> String {
        let mut text = self.text;
        let mut stream = self.response.bytes_stream();
        let wait = async {
            while let Some(Ok(chunk)) = stream.next().await {
                text.push_str(std::str::from_utf8(&chunk).unwrap());
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(30), wait).await;
        assert!(waited.is_ok(), "the stream did not end within 30 s: {text}");
        text
    }
}
