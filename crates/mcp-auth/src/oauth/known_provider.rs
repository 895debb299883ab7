//! An isolate's cache of the OpenID provider: its endpoints, or that it does not answer.
//!
//! Invariant: anybody can have it asked, so that a provider which fails or hangs is asked only so often.

use super::oidc::OidcEndpoints;
use crate::start_limit::StartLimit;

/// How long what it says of itself is good, in seconds.
const FRESH: u64 = 3_600;
/// Between two fetches where the first one failed, in seconds.
const PAUSE: u64 = 10;

/// The result of a lookup.
#[derive(Debug, PartialEq, Eq)]
pub enum ProviderLookup {
    /// The endpoints.
    Endpoints(OidcEndpoints),
    /// Its document must be fetched.
    Fetch,
    /// Enough requests are asking for it.
    Wait,
    /// It did not answer a moment ago.
    Unreachable,
}

/// An isolate's cache. Times are seconds since 1970; 0: never.
#[derive(Debug, Default)]
pub struct KnownProvider {
    endpoints: Option<(OidcEndpoints, u64)>,
    failed: u64,
    starts: StartLimit,
}

impl KnownProvider {
    /// Looks for the endpoints. A fetch that this asks for is counted as begun.
    pub fn find(&mut self, now_s: u64) -> ProviderLookup {
        match &self.endpoints {
            Some((endpoints, read)) if now_s.abs_diff(*read) < FRESH => {
                ProviderLookup::Endpoints(endpoints.clone())
            }
            _ if now_s.abs_diff(self.failed) < PAUSE => ProviderLookup::Unreachable,
            _ if self.starts.begin(now_s) => ProviderLookup::Fetch,
            _ => ProviderLookup::Wait,
        }
    }

    /// Notes what came of a fetch. None: no endpoints.
    pub fn note(&mut self, endpoints: Option<OidcEndpoints>, now_s: u64) {
        match endpoints {
            Some(endpoints) => self.endpoints = Some((endpoints, now_s)),
            None => self.failed = now_s,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoints() -> OidcEndpoints {
        OidcEndpoints {
            authorization: "https://id.example/a".into(),
            token: "https://id.example/t".into(),
        }
    }

    #[test]
    fn endpoints_are_good_for_an_hour() {
        let mut known = KnownProvider::default();
        assert_eq!(known.find(10_000), ProviderLookup::Fetch);
        known.note(Some(endpoints()), 10_000);
        assert_eq!(known.find(13_599), ProviderLookup::Endpoints(endpoints()));
        assert_eq!(known.find(13_600), ProviderLookup::Fetch);
    }

    #[test]
    fn a_provider_that_fails_is_asked_again_after_10_s() {
        let mut known = KnownProvider::default();
        known.note(None, 10_000);
        assert_eq!(known.find(10_009), ProviderLookup::Unreachable);
        assert_eq!(known.find(10_010), ProviderLookup::Fetch);
    }

    #[test]
    fn a_provider_that_hangs_is_not_asked_by_everybody() {
        let mut known = KnownProvider::default();
        let fetches = (0..100).filter(|_| known.find(10_000) == ProviderLookup::Fetch).count();
        assert!((1..100).contains(&fetches), "{fetches}");
        assert_eq!(known.find(10_000), ProviderLookup::Wait);
        known.note(Some(endpoints()), 10_001);
        assert_eq!(known.find(10_001), ProviderLookup::Endpoints(endpoints()));
    }
}
