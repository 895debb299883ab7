//! The requests that the sandbox received, for tests to inspect afterwards.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::engine::call::Call;

/// One API request as it was received.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Recorded {
    /// The method.
    pub method: String,
    /// The path as received: still percent-encoded, with the prefix, without the query.
    pub path: String,
    /// The query as received, without the question mark; empty when there was none.
    pub query: String,
    /// The headers by lower-case name; of SiteBay's authorization only its last four characters.
    pub headers: BTreeMap<String, String>,
    /// The body: parsed when it is JSON, else as a string, `None` when empty.
    pub body: Option<Value>,
    /// The answer's status; 0 while there is none, and for good if the connection was cut.
    pub status: u16,
}

/// All requests so far, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: Vec<(u64, Recorded)>,
    next: u64,
}

impl Log {
    /// Notes a request on arrival, so that one that never gets an answer is seen too.
    pub(crate) fn note(&mut self, call: &Call, keep_credentials: bool) -> u64 {
        let ticket = self.next;
        self.next = self.next.wrapping_add(1);
        self.entries.push((ticket, recorded(call, keep_credentials)));
        ticket
    }

    /// Fills in how a noted request was answered. Tickets outlive a clearing, so a slow request
    /// from before it cannot touch an entry from after it.
    pub(crate) fn settle(&mut self, ticket: u64, status: u16) {
        let found = self.entries.iter_mut().rev().find(|(id, _)| *id == ticket);
        if let Some((_, entry)) = found {
            entry.status = status;
        }
    }

    /// A copy of everything noted.
    pub(crate) fn all(&self) -> Vec<Recorded> {
        self.entries.iter().map(|(_, entry)| entry.clone()).collect()
    }

    /// How many requests there were.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
}

fn recorded(call: &Call, keep_credentials: bool) -> Recorded {
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in &call.headers {
        let mut value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        if name == "authorization" && !keep_credentials {
            value = shortened(&value);
        }
        headers
            .entry(name.as_str().to_owned())
            .and_modify(|kept| {
                kept.push_str(", ");
                kept.push_str(&value);
            })
            .or_insert(value);
    }
    let body = (!call.body.is_empty()).then(|| {
        serde_json::from_slice(&call.body)
            .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&call.body)))
    });
    Recorded {
        method: call.method.clone(),
        path: call.path.clone(),
        query: call.query.clone(),
        headers,
        body,
        status: 0,
    }
}

/// Enough of a credential to tell two apart, not enough to use one.
fn shortened(value: &str) -> String {
    let (scheme, secret) = value.split_once(' ').unwrap_or(("", value));
    let skip = secret.chars().count().saturating_sub(4);
    let last: String = secret.chars().skip(skip).collect();
    format!("{scheme} …{last}").trim_start().to_owned()
}
