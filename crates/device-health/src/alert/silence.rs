//! Silences: no messages about some incidents, until a time.
//!
//! Invariant: a silence has an end. It silences what concerns the security only where it says so.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::rule::{Rule, Subject};

/// The longest silence.
pub const MAX_SILENCE_MS: u64 = 30 * 86_400_000;

/// Which incidents are silent, and until when. What is not named is any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// The rule.
    #[serde(default)]
    pub rule: Option<Rule>,
    /// The device.
    #[serde(default)]
    pub device: Option<String>,
    /// The server.
    #[serde(default)]
    pub server: Option<String>,
    /// When it ends, in milliseconds since the epoch.
    pub until_ms: u64,
    /// Whether it is meant for [`Rule::Security`], too.
    #[serde(default)]
    pub with_security: bool,
}

/// A silence that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("expected an end of the silence that is in the future, at most 30 days from now")]
pub struct NoEnd;

impl Silence {
    /// Whether it may be set now.
    ///
    /// # Errors
    /// If its end is past or too far.
    pub fn check(&self, now_ms: u64) -> Result<(), NoEnd> {
        let left = self.until_ms.checked_sub(now_ms);
        let is_fine = left.is_some_and(|left| (1..=MAX_SILENCE_MS).contains(&left));
        if is_fine { Ok(()) } else { Err(NoEnd) }
    }

    /// Whether an incident is silent now.
    pub fn covers(&self, rule: Rule, subject: &Subject, now_ms: u64) -> bool {
        now_ms < self.until_ms
            && (rule != Rule::Security || self.with_security)
            && self.rule.is_none_or(|own| own == rule)
            && self.device.as_ref().is_none_or(|own| *own == subject.device)
            && (self.server.is_none() || self.server == subject.server)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_has_an_end_and_leaves_the_security_out_unless_it_says_so() {
        let all: Silence = serde_json::from_str(r#"{"until_ms":100}"#).unwrap();
        let subject = Subject::server("d", "s");
        assert!(all.covers(Rule::Hang, &subject, 99) && !all.covers(Rule::Hang, &subject, 100));
        assert!(!all.covers(Rule::Security, &subject, 0));
        let with = Silence { with_security: true, ..all.clone() };
        assert!(with.covers(Rule::Security, &subject, 0));
        let one =
            Silence { device: Some("d".to_owned()), server: Some("t".to_owned()), ..all.clone() };
        assert!(!one.covers(Rule::Hang, &subject, 0));
        assert!(one.covers(Rule::Hang, &Subject::server("d", "t"), 0));
        assert!(!one.covers(Rule::Hang, &Subject::device("d"), 0));
        assert_eq!((all.check(100), all.check(99)), (Err(NoEnd), Ok(())));
        let endless = Silence { until_ms: u64::MAX, ..all };
        assert_eq!(endless.check(0), Err(NoEnd));
    }
}
