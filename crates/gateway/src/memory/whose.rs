//! Whose a list is that an isolate remembers.

use mcp_auth::subject::Subject;
use mcp_protocol::capabilities::ClientCapabilities;

/// Whose a list is: its subject, unless it is the same for everybody, and what the upstream knew when it was asked, by which
/// some servers choose their tools.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Whose {
    /// None: everybody.
    pub subject: Option<Subject>,
    /// What the client in front can be asked.
    pub capabilities: ClientCapabilities,
    /// Stands for the caller's headers that went to the upstream with the request for it. None: none did that matter.
    pub headers: Option<u64>,
    /// Stands for the person's key that went with it: another account may have other tools. None: none did.
    pub key: Option<u64>,
}

impl Whose {
    /// Whether a list that is remembered is the caller's.
    pub(super) fn sees(self, kept: Self) -> bool {
        let is_own = kept.subject.is_none() || kept.subject == self.subject;
        is_own && Self { subject: self.subject, ..kept } == self
    }

    /// Whether a new list takes the place of one that is remembered. Once it is somebody's, there is none for everybody, and
    /// the other way round; and a person has one key at a time.
    pub(super) fn replaces(self, kept: Self) -> bool {
        let turned = kept.subject.is_none() != self.subject.is_none();
        turned || Self { key: self.key, ..kept } == self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_goes_with_the_key_that_it_was_asked_for_with() {
        let subject = |n| Some(Subject([n; 16]));
        let with = |key| Whose { subject: subject(1), key: Some(key), ..Whose::default() };
        assert!(with(1).sees(with(1)) && !with(2).sees(with(1)));
        assert!(with(2).replaces(with(1)), "a person has one key at a time");
        let another = Whose { subject: subject(2), ..with(1) };
        assert!(!another.sees(with(1)) && !another.replaces(with(1)));
        let elsewhere = Whose { headers: Some(1), ..with(1) };
        assert!(!elsewhere.sees(with(1)) && !elsewhere.replaces(with(1)));
    }
}
