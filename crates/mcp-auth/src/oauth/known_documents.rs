//! Client metadata documents that an isolate has read, and those that it could not.
//!
//! Invariant: bounded, values only. Failures have a table of their own, so that addresses which a
//! stranger makes up push no client out.

use super::{client::Client, error::OAuthError};

/// Clients, and failures, that one isolate remembers.
const MAX_KNOWN: usize = 100;
/// For how long a client's document is not fetched again, in seconds.
const FRESH: u64 = 300;
/// The same of one that could not be had, in seconds: its author may be mending it.
const FAILED: u64 = 30;

/// The cache. Times are seconds since 1970.
#[derive(Debug, Default)]
pub struct KnownDocuments {
    clients: Recent<Client>,
    failures: Recent<OAuthError>,
}

impl KnownDocuments {
    /// The client of an id, or why there is none; None where its document must be fetched.
    pub fn get(&self, id: &str, now_s: u64) -> Option<Result<Client, OAuthError>> {
        let client = self.clients.get(id, now_s, FRESH).cloned().map(Ok);
        client.or_else(|| self.failures.get(id, now_s, FAILED).copied().map(Err))
    }

    /// Notes what came of fetching the document of an id.
    pub fn note(&mut self, id: &str, outcome: Result<Client, OAuthError>, now_s: u64) {
        match outcome {
            Ok(client) => self.clients.put(id, client, now_s),
            Err(fault) => self.failures.put(id, fault, now_s),
        }
    }
}

/// Values by id, the one that was read longest ago first.
#[derive(Debug)]
struct Recent<T>(Vec<(String, T, u64)>);

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Recent<T> {
    fn get(&self, id: &str, now_s: u64, lasts: u64) -> Option<&T> {
        let (_, value, read) = self.0.iter().find(|(known, ..)| known == id)?;
        (now_s.abs_diff(*read) < lasts).then_some(value)
    }

    fn put(&mut self, id: &str, value: T, now_s: u64) {
        self.0.retain(|(known, ..)| known != id);
        if self.0.len() >= MAX_KNOWN {
            self.0.remove(0);
        }
        self.0.push((id.to_owned(), value, now_s));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> Client {
        Client {
            name: "App".into(),
            redirects: vec!["https://a.example/".into()],
            has_secret: false,
        }
    }

    const FAULT: OAuthError = OAuthError::request("no document");

    #[test]
    fn a_document_is_good_for_5_min_and_a_failure_for_30_s() {
        let mut known = KnownDocuments::default();
        assert_eq!(known.get("a", 1_000), None);
        known.note("a", Ok(client()), 1_000);
        known.note("b", Err(FAULT), 1_000);
        assert_eq!(known.get("a", 1_299), Some(Ok(client())));
        assert_eq!(known.get("b", 1_029), Some(Err(FAULT)));
        assert_eq!((known.get("a", 1_300), known.get("b", 1_030)), (None, None));
        assert_eq!(known.get("a", 100), None, "a clock that went back");
        // A corrected document is found as soon as the cached failure expires.
        known.note("b", Ok(client()), 1_030);
        assert_eq!(known.get("b", 1_031), Some(Ok(client())));
    }

    #[test]
    fn the_oldest_makes_room_and_failures_push_no_client_out() {
        let mut known = KnownDocuments::default();
        known.note("app", Ok(client()), 1_000);
        for number in 0..=MAX_KNOWN {
            known.note(&format!("made-up-{number}"), Err(FAULT), 1_000);
        }
        assert_eq!(known.failures.0.len(), MAX_KNOWN);
        assert_eq!(known.get("made-up-0", 1_000), None);
        assert!(known.get("app", 1_000).is_some());
        for number in 0..MAX_KNOWN {
            known.note(&format!("other-{number}"), Ok(client()), 1_000);
        }
        assert_eq!(known.clients.0.len(), MAX_KNOWN);
        assert_eq!(known.get("app", 1_000), None);
    }
}
