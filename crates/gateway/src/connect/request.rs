//! What a subject's hub is asked about keys that the person connected, and what it answers. Only the Worker and objects
//! reach a hub.

use mcp_platform::record::Record;
use serde::{Deserialize, Serialize};

use super::keboola::Project;
use super::stored::{LinkFault, StoredCredential, Visit};

/// The path of these requests at a hub.
pub const PATH: &str = "/connect";

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectRequest {
    /// For the key of an upstream, which is about to be used.
    Find {
        /// The upstream's configured name.
        upstream: String,
    },
    /// To note that the upstream refused a key. Answered as [`Self::Find`].
    Refuse {
        /// The upstream's configured name.
        upstream: String,
        /// The [name](super::stored::revision) of the key that was refused.
        revision: String,
    },
    /// To renew the token of an account, where it is still this one. Answered as [`Self::Find`].
    Renew {
        /// The upstream's configured name.
        upstream: String,
        /// The [name](super::stored::revision) of what is kept of the account.
        revision: String,
    },
    /// A browser opens the page of a link.
    Open(Visit),
    /// A browser leaves for the upstream's authorization server.
    Leave {
        /// Which browser, and with which link.
        visit: Visit,
        /// The sealed errand.
        errand: String,
    },
    /// A browser comes back from there, once.
    Return(Visit),
    /// A browser has a key checked.
    Try(Visit),
    /// A browser connects a key, which uses the link up.
    Connect {
        /// Which browser, and with which link.
        visit: Visit,
        /// The sealed key.
        sealed: String,
        /// What it opens, where the person chose a stack.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        project: Option<Project>,
    },
    /// A person who agrees that an app may act for them connects a key on the way.
    Keep {
        /// The upstream's configured name.
        upstream: String,
        /// The sealed key.
        sealed: String,
        /// What it opens, where the person chose a stack.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        project: Option<Project>,
    },
    /// A browser removes a key, which uses the link up.
    Remove(Visit),
    /// A person who is signed in removes a key.
    Forget {
        /// The upstream's configured name.
        upstream: String,
    },
    /// For all keys.
    List,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectAnswer {
    /// It is done.
    Done,
    /// The key. None: none is connected.
    Found(Option<StoredCredential>),
    /// The page may be shown. Since when a key is connected, in milliseconds since 1970.
    Opened(Option<u64>),
    /// The sealed errand of a browser that comes back. None: it did not leave, or came back before.
    Errand(Option<String>),
    /// The link is no good.
    Refused(LinkFault),
    /// All keys.
    All(Vec<ListedCredential>),
}

/// A key that is connected, as its person is shown it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedCredential {
    /// The upstream's configured name.
    pub upstream: String,
    /// When it was connected, in milliseconds since 1970.
    pub connected_ms: u64,
    /// Whether the upstream refused it since.
    #[serde(default)]
    pub is_refused: bool,
    /// What it opens, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<Project>,
}

impl Record for ConnectRequest {}
impl Record for ConnectAnswer {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_answers_are_read_as_they_were_written() {
        let visit = Visit { upstream: "t".into(), link: [1; 32], browser: [2; 32], issued_ms: 7 };
        let upstream = "t".to_owned();
        let project = Some(Project { stack: "eu".into(), id: "7".into(), ..Project::default() });
        for ask in [
            ConnectRequest::Find { upstream: upstream.clone() },
            ConnectRequest::Refuse { upstream: upstream.clone(), revision: "r".into() },
            ConnectRequest::Renew { upstream: upstream.clone(), revision: "r".into() },
            ConnectRequest::Leave { visit: visit.clone(), errand: "e".into() },
            ConnectRequest::Return(visit.clone()),
            ConnectRequest::Open(visit.clone()),
            ConnectRequest::Try(visit.clone()),
            ConnectRequest::Connect { visit: visit.clone(), sealed: "s".into(), project: None },
            ConnectRequest::Keep {
                upstream: upstream.clone(),
                sealed: "s".into(),
                project: project.clone(),
            },
            ConnectRequest::Remove(visit),
            ConnectRequest::Forget { upstream },
            ConnectRequest::List,
        ] {
            assert_eq!(ConnectRequest::from_json(&ask.to_json()), Some(ask));
        }
        let stored = StoredCredential {
            sealed: "s".into(),
            connected_ms: 7,
            is_refused: true,
            project: project.clone(),
        };
        let listed =
            ListedCredential { upstream: "t".into(), connected_ms: 7, is_refused: true, project };
        for answer in [
            ConnectAnswer::Done,
            ConnectAnswer::Found(Some(stored)),
            ConnectAnswer::Found(None),
            ConnectAnswer::Opened(Some(7)),
            ConnectAnswer::Errand(Some("e".into())),
            ConnectAnswer::Refused(LinkFault::OtherBrowser),
            ConnectAnswer::All(vec![listed]),
        ] {
            assert_eq!(ConnectAnswer::from_json(&answer.to_json()), Some(answer));
        }
    }
}
