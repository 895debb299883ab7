//! Headers of a caller that travel to an upstream because its configuration names them (`forward_headers`).
//!
//! Invariant: an upstream gets the headers that its own configuration names, and no other. A request whose header
//! cannot be passed on is not sent: without it, it could mean something else there.

use std::{borrow::Cow, collections::BTreeSet, fmt};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::config::{Upstream, Upstreams};

/// Bytes of one value.
const MAX_VALUE: usize = 1_024;
/// Bytes of all values of a request.
const MAX_VALUES: usize = 8 << 10;
/// Stands beside the headers of a caller who may only read. No header has such a name.
const READS_ONLY: &str = ":reads-only";
/// Headers that tell requests apart for those who look at them, and mean nothing else to a server.
const OF_TRACING: [&str; 6] =
    ["b3", "baggage", "traceparent", "tracestate", "x-correlation-id", "x-request-id"];

/// Headers for one upstream.
pub type Headers = Vec<(Cow<'static, str>, String)>;

/// A header that cannot be passed on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "the header `{0}` cannot be passed on: expected at most {MAX_VALUE} visible ASCII characters, and {MAX_VALUES} in \
     all headers that are passed on"
)]
pub struct Unfit(String);

/// The headers of a request that upstreams want: names in small letters, and values.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Forwarded(Vec<(String, String)>);

impl fmt::Debug for Forwarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl Forwarded {
    /// Those of a request that any of the upstreams wants. `header` finds one of its headers.
    pub fn read(upstreams: &Upstreams, header: impl Fn(&str) -> Option<String>) -> Self {
        let mut names = BTreeSet::new();
        for upstream in upstreams.iter() {
            names.extend(upstream.forward_headers.iter().map(String::as_str));
        }
        let found = |name: &str| Some((name.to_owned(), header(name)?));
        Self(names.into_iter().filter_map(found).collect())
    }

    /// The same of a caller who may only read, which upstreams are told that have a header for it.
    #[must_use]
    pub fn reading_only(mut self) -> Self {
        self.0.push((READS_ONLY.to_owned(), String::new()));
        self
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text that a header of a request to an object carries. None: there is none. Values that are not passed on
    /// are known by their length or their characters on the other side too.
    pub fn to_text(&self) -> Option<String> {
        let cut = |(name, value): &(String, String)| {
            let value: String = value.chars().take(MAX_VALUE.saturating_add(1)).collect();
            (name.clone(), value)
        };
        let cut: Vec<(String, String)> = self.0.iter().map(cut).collect();
        let json = serde_json::to_vec(&cut).unwrap_or_default();
        (!self.is_empty()).then(|| URL_SAFE_NO_PAD.encode(json))
    }

    /// Reads it back.
    pub fn from_text(text: &str) -> Option<Self> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
    }

    /// The headers that an upstream gets.
    ///
    /// # Errors
    /// Where one of them cannot be passed on.
    pub fn for_upstream(&self, upstream: &Upstream) -> Result<Headers, Unfit> {
        let mut bytes = 0_usize;
        let wanted = |(name, _): &&(String, String)| upstream.forward_headers.contains(name);
        let told = self.0.iter().any(|(name, _)| name == READS_ONLY);
        let told = upstream.read_only_header().filter(|_| told);
        let told = told.map(|(name, value)| Ok((Cow::Borrowed(name), value.to_owned())));
        let checked = self.0.iter().filter(wanted).map(|(name, value)| {
            bytes = bytes.saturating_add(value.len());
            let fits = value.len() <= MAX_VALUE
                && bytes <= MAX_VALUES
                && value.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~'));
            match fits {
                true => Ok((Cow::Owned(name.clone()), value.clone())),
                false => Err(Unfit(name.clone())),
            }
        });
        checked.chain(told).collect()
    }
}

/// Stands for the values of headers in what is remembered: sessions and lists of an upstream may be others with another
/// value. None: nothing depends on them.
pub fn digest(headers: &[(Cow<'static, str>, String)]) -> Option<u64> {
    let is_told = |name: &str| !OF_TRACING.contains(&name) && !name.starts_with("x-b3-");
    let mut told = headers.iter().filter(|(name, _)| is_told(name)).peekable();
    told.peek()?;
    let mut hash = Sha256::new();
    for (name, value) in told {
        for part in [&**name, value] {
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        }
    }
    let digest = hash.finalize();
    Some(digest.iter().take(8).fold(0, |bits, byte| (bits << 8) | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{address::Surroundings, config::Rules};

    fn upstreams() -> Upstreams {
        let all = json!({
            "tickets": { "url": "https://t.example/mcp", "forward_headers": ["X-Tenant", "traceparent"] },
            "wiki": { "url": "https://w.example/mcp", "forward_headers": ["X-Space"] },
            "shop": { "url": "https://s.example/mcp" },
        });
        let secret = |_: &str| None;
        let rules = Rules { reserved: &[], surroundings: Surroundings::default(), secret: &secret };
        let upstreams = Upstreams::read(Some(&all.to_string()), &rules);
        assert!(upstreams.errors.is_empty());
        upstreams
    }

    fn headers(pairs: &[(&str, &str)]) -> Headers {
        pairs
            .iter()
            .map(|(name, value)| (Cow::Owned((*name).to_owned()), (*value).to_owned()))
            .collect()
    }

    fn read(sent: &[(&str, &str)]) -> Forwarded {
        Forwarded::read(&upstreams(), |name| {
            sent.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn an_upstream_gets_the_headers_that_it_names_and_no_other() {
        let sent = [
            ("x-tenant", "acme"),
            ("x-space", "main"),
            ("authorization", "Bearer key"),
            ("cookie", "a=b"),
        ];
        let (read, all) = (read(&sent), upstreams());
        let of = |name: &str| read.for_upstream(all.get(name).unwrap()).unwrap();
        assert_eq!(of("tickets"), headers(&[("x-tenant", "acme")]));
        assert_eq!(of("wiki"), headers(&[("x-space", "main")]));
        assert_eq!(of("shop"), Headers::new());
        assert_eq!(Forwarded::from_text(&read.to_text().unwrap()), Some(read.clone()));
        assert!(!format!("{read:?}").contains("acme"));
    }

    #[test]
    fn a_value_that_no_header_should_carry_is_not_passed_on() {
        let all = upstreams();
        let tickets = all.get("tickets").unwrap();
        let longest = "x".repeat(MAX_VALUE);
        for fits in ["", "a, b", "a\tb", &longest] {
            assert!(read(&[("x-tenant", fits)]).for_upstream(tickets).is_ok(), "{fits:?}");
        }
        for unfit in ["a\r\nb: c", "a\0", "a\u{7f}", "gr\u{f6}\u{df}e", &format!("{longest}x")] {
            let sent = read(&[("x-tenant", unfit), ("x-space", "main")]);
            for sent in [Forwarded::from_text(&sent.to_text().unwrap()).unwrap(), sent] {
                let refused = sent.for_upstream(tickets).unwrap_err();
                assert_eq!(refused, Unfit("x-tenant".into()), "{unfit:?}");
                assert!(!refused.to_string().contains(unfit));
                assert!(sent.for_upstream(all.get("wiki").unwrap()).is_ok());
            }
        }
    }

    #[test]
    fn all_values_of_a_request_together_have_an_end() {
        let names: Vec<String> = (0..9).map(|n| format!("x-h{n}")).collect();
        let all = json!({ "t": { "url": "https://t.example/mcp", "forward_headers": names } });
        let secret = |_: &str| None;
        let rules = Rules { reserved: &[], surroundings: Surroundings::default(), secret: &secret };
        let all = Upstreams::read(Some(&all.to_string()), &rules);
        let of = |bytes: usize| Forwarded::read(&all, |_| Some("x".repeat(bytes)));
        assert!(of(900).for_upstream(all.get("t").unwrap()).is_ok());
        assert!(of(1_000).for_upstream(all.get("t").unwrap()).is_err());
    }

    #[test]
    fn what_is_remembered_depends_on_values_but_for_those_of_tracing() {
        assert_eq!(digest(&[]), None);
        assert_eq!(digest(&headers(&[("traceparent", "a"), ("x-b3-spanid", "b")])), None);
        let acme = digest(&headers(&[("x-tenant", "acme"), ("x-request-id", "1")]));
        assert_eq!(acme, digest(&headers(&[("x-tenant", "acme"), ("x-request-id", "2")])));
        for other in [&[("x-tenant", "beta")][..], &[("x-tenan", "tacme")], &[("x-tenant", "")]] {
            assert!(digest(&headers(other)) != acme && digest(&headers(other)).is_some());
        }
    }

    #[test]
    fn an_upstream_of_a_template_is_told_who_may_only_read() {
        let keboola = Upstream::keboola(&json!({ "template": "keboola" })).unwrap();
        let all = upstreams();
        let sent = read(&[("x-tenant", "acme"), ("x-read-only-mode", "false")]);
        assert_eq!(sent.for_upstream(&keboola), Ok(Headers::new()));
        let marked = Forwarded::from_text(&sent.reading_only().to_text().unwrap()).unwrap();
        let told = headers(&[("x-read-only-mode", "true")]);
        assert_eq!(marked.for_upstream(&keboola), Ok(told.clone()));
        assert!(digest(&told).is_some(), "their lists are others");
        let tickets = all.get("tickets").unwrap();
        assert_eq!(marked.for_upstream(tickets), Ok(headers(&[("x-tenant", "acme")])));
    }

    proptest! {
        #[test]
        fn what_an_object_reads_is_what_the_worker_would_pass_on(value in ".{0,1100}") {
            let all = upstreams();
            let sent = read(&[("x-tenant", &value)]);
            let there = Forwarded::from_text(&sent.to_text().unwrap()).unwrap();
            let tickets = all.get("tickets").unwrap();
            prop_assert_eq!(there.for_upstream(tickets), sent.for_upstream(tickets));
        }
    }
}
