//! An isolate's cache of keys that persons connected.
//!
//! Invariant: bounded, values only, and nothing is older than [`FRESH`]: that is how soon a key that was removed or replaced
//! elsewhere is not used any more. A key is given out only for the upstream that it was connected for, whatever has its name
//! by now. That no key is connected is never remembered: the next call must find one.

use mcp_auth::subject::Subject;

use super::Connected;
use crate::config::Upstream;

/// Keys that one isolate remembers.
const MAX_KEYS: usize = 1_000;
/// How long a key is remembered, in seconds.
pub const FRESH: u64 = 30;

struct Known {
    subject: Subject,
    upstream: String,
    connected: Connected,
    asked_s: u64,
}

impl Known {
    fn is_of(&self, subject: Subject, upstream: &str) -> bool {
        self.subject == subject && self.upstream == upstream
    }
}

/// The cache. Times are seconds since 1970.
#[derive(Default)]
pub struct KnownCredentials(Vec<Known>);

impl KnownCredentials {
    /// A subject's key for an upstream.
    pub fn get(&self, subject: Subject, upstream: &Upstream, now_s: u64) -> Option<Connected> {
        let known = self.0.iter().find(|known| known.is_of(subject, &upstream.name))?;
        let is_good = now_s.abs_diff(known.asked_s) < FRESH && known.connected.is_for(upstream);
        is_good.then(|| known.connected.clone())
    }

    /// Notes what the hub said.
    pub fn note(&mut self, subject: Subject, upstream: &str, connected: Connected, now_s: u64) {
        self.forget(subject, upstream);
        let known = Known { subject, upstream: upstream.to_owned(), connected, asked_s: now_s };
        let full = self.0.len() >= MAX_KEYS;
        match self.0.iter_mut().min_by_key(|known| known.asked_s).filter(|_| full) {
            Some(oldest) => *oldest = known,
            None => self.0.push(known),
        }
    }

    /// Has the hub asked again.
    pub fn forget(&mut self, subject: Subject, upstream: &str) {
        self.0.retain(|known| !known.is_of(subject, upstream));
    }
}

#[cfg(test)]
mod tests {
    use mcp_auth::secret::Secret;
    use serde_json::json;

    use super::*;

    const URL: &str = "https://tickets.example/mcp";

    fn upstream(url: &str, kind: &str) -> Upstream {
        Upstream::tickets(url, &json!({ "kind": kind }))
    }

    fn key(key: &str) -> Connected {
        Connected::new(Secret::new(key), key, &upstream(URL, "subject"))
    }

    #[test]
    fn a_key_is_its_subjects_and_its_upstreams_for_30_s() {
        let mut known = KnownCredentials::default();
        let (one, other) = (Subject([1; 16]), Subject([2; 16]));
        let tickets = upstream(URL, "subject");
        let ticket = Upstream { name: "ticket".into(), ..tickets.clone() };
        known.note(one, "tickets", key("a"), 100);
        assert_eq!(known.get(one, &tickets, 129), Some(key("a")));
        assert_eq!(known.get(one, &tickets, 130), None);
        assert_eq!(known.get(other, &tickets, 100), None);
        assert_eq!(known.get(one, &ticket, 100), None);
        known.note(one, "tickets", key("b"), 101);
        assert_eq!(known.get(one, &tickets, 101), Some(key("b")));
        known.forget(one, "tickets");
        assert_eq!(known.get(one, &tickets, 101), None);
    }

    #[test]
    fn an_upstream_that_has_the_name_now_does_not_get_the_key() {
        let mut known = KnownCredentials::default();
        let one = Subject([1; 16]);
        known.note(one, "tickets", key("a"), 100);
        for (url, kind) in [
            ("https://elsewhere.example/mcp", "subject"),
            ("https://tickets.example:8443/mcp", "subject"),
            (URL, "oauth"),
        ] {
            assert_eq!(known.get(one, &upstream(url, kind), 100), None, "{url} {kind}");
        }
        let moved_within = upstream("https://tickets.example/v2/mcp", "subject");
        assert_eq!(known.get(one, &moved_within, 100), Some(key("a")));
    }

    #[test]
    fn the_oldest_makes_room() {
        let mut known = KnownCredentials::default();
        let named = |n: usize| Upstream { name: format!("u{n}"), ..upstream(URL, "subject") };
        for n in 0..=MAX_KEYS {
            let (name, at) = (named(n).name, u64::try_from(n).unwrap());
            let connected = Connected::new(Secret::new("k"), "r", &named(n));
            known.note(Subject([1; 16]), &name, connected, at);
        }
        assert_eq!(known.0.len(), MAX_KEYS);
        assert_eq!(known.get(Subject([1; 16]), &named(0), 0), None);
        assert!(known.get(Subject([1; 16]), &named(MAX_KEYS), 1_000).is_some());
    }
}
