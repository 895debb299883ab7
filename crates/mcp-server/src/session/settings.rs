//! The settings of a session that must outlive the object's memory.

use serde::{Deserialize, Serialize};

use mcp_platform::record::Record;
use mcp_protocol::{
    jsonrpc::{INVALID_PARAMS, RpcError},
    log_level::LoggingLevel,
    uri::same,
};

/// Resources that one session may watch.
const MAX_SUBSCRIPTIONS: usize = 256;
/// Characters of a URI.
const MAX_URI: usize = 2_048;

/// A session's settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The least severe log message that the client wants; None: all from `info` on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<LoggingLevel>,
    /// The resources it watches.
    pub subscriptions: Vec<String>,
    /// The toolsets that were enabled in it, one bit each.
    pub toolsets: u32,
    /// The upstreams that were enabled in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub upstreams: Vec<String>,
}

impl Record for Settings {}

impl Settings {
    /// Bytes of what it names.
    pub fn weight(&self) -> usize {
        self.subscriptions.iter().chain(&self.upstreams).map(String::len).sum()
    }

    /// Enables toolsets and upstreams; false where all of them were.
    pub fn enable(&mut self, toolsets: u32, upstreams: &[String]) -> bool {
        let mut changed = self.toolsets & toolsets != toolsets;
        self.toolsets |= toolsets;
        for upstream in upstreams {
            if !self.upstreams.contains(upstream) {
                self.upstreams.push(upstream.clone());
                changed = true;
            }
        }
        changed
    }

    /// Whether the client wants messages of this level.
    pub fn wants(&self, level: LoggingLevel) -> bool {
        level >= self.level.unwrap_or(LoggingLevel::Info)
    }

    /// Whether the client watches anything.
    pub fn watches_any(&self) -> bool {
        !self.subscriptions.is_empty()
    }

    /// Whether the client watches a resource by this very address.
    pub fn watches(&self, uri: &str) -> bool {
        self.subscriptions.iter().any(|watched| watched == uri)
    }

    /// The addresses by which the client watches a resource.
    pub fn watched_as(&self, uri: &str) -> Vec<String> {
        self.subscriptions.iter().filter(|watched| same(watched, uri)).cloned().collect()
    }

    /// Watches a resource.
    ///
    /// # Errors
    /// −32602 where there are too many, or the URI is too long.
    pub fn subscribe(&mut self, uri: &str) -> Result<(), RpcError> {
        let refuse = |why: String| Err(RpcError::new(INVALID_PARAMS, why));
        if uri.len() > MAX_URI {
            return refuse(format!("`uri` has more than {MAX_URI} characters"));
        }
        if self.watches(uri) {
            return Ok(());
        }
        if self.subscriptions.len() >= MAX_SUBSCRIPTIONS {
            return refuse(format!("a session watches at most {MAX_SUBSCRIPTIONS} resources"));
        }
        self.subscriptions.push(uri.to_owned());
        Ok(())
    }

    /// Watches a resource no more; false where it did not.
    pub fn unsubscribe(&mut self, uri: &str) -> bool {
        let watched = self.subscriptions.len();
        self.subscriptions.retain(|known| !same(known, uri));
        self.subscriptions.len() < watched
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_support::stored::of_0_1_0;

    #[test]
    fn settings_are_read_as_they_were_written() {
        let mut settings = Settings::default();
        assert_eq!(Settings::from_json(&settings.to_json()), Some(settings.clone()));
        settings.level = Some(LoggingLevel::Alert);
        settings.subscribe("a://\"b\"").unwrap();
        settings.toolsets = u32::MAX;
        let written = settings.to_json();
        for json in [of_0_1_0("session-settings", &written), written] {
            assert_eq!(Settings::from_json(&json), Some(settings.clone()));
        }
        let upstream = ["tickets".to_owned()];
        assert!(settings.enable(u32::MAX, &upstream) && !settings.enable(1, &upstream));
        assert_eq!(Settings::from_json(&settings.to_json()), Some(settings));
    }

    #[test]
    fn a_level_lets_through_itself_and_worse() {
        let set = Settings { level: Some(LoggingLevel::Warning), ..Settings::default() };
        assert!(
            set.wants(LoggingLevel::Error)
                && set.wants(LoggingLevel::Warning)
                && !set.wants(LoggingLevel::Notice)
        );
        assert!(
            Settings::default().wants(LoggingLevel::Info)
                && !Settings::default().wants(LoggingLevel::Debug)
        );
    }

    #[test]
    fn a_resource_is_watched_by_the_addresses_that_the_client_wrote() {
        let mut settings = Settings::default();
        settings.subscribe("SITEBAY://sites/").unwrap();
        settings.subscribe("sitebay://teams").unwrap();
        assert_eq!(settings.watched_as("sitebay://sites"), ["SITEBAY://sites/"]);
        assert_eq!(settings.watched_as("sitebay://site"), [""; 0]);
        assert!(
            settings.unsubscribe("sitebay://sites") && !settings.unsubscribe("sitebay://sites")
        );
    }

    #[test]
    fn subscriptions_are_bounded() {
        let mut settings = Settings::default();
        for number in 0..MAX_SUBSCRIPTIONS {
            settings.subscribe(&format!("a://{number}")).unwrap();
        }
        assert!(settings.subscribe("a://one-more").is_err());
        assert!(settings.subscribe("a://0").is_ok());
    }
}
