//! What a hub is asked, and what it answers. Only the Worker and objects reach a hub.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::notifier::ChangeEvent;
use mcp_auth::subject::Subject;
use mcp_platform::record::Record;
use mcp_protocol::base64url;

/// The name of a subject's hub.
pub fn hub_name(subject: Subject) -> String {
    format!("hub-{}", URL_SAFE_NO_PAD.encode(subject.0))
}

const KEEP: &str = "/keep/";

/// The path of a request to store a large text under this id. The body is the text itself: as a part of a JSON
/// message it would be copied twice more, with every quote escaped.
pub fn keep_path(id: Uuid) -> String {
    format!("{KEEP}{}", id.simple())
}

/// The id in such a path.
pub fn kept_id(path: &str) -> Option<Uuid> {
    path.strip_prefix(KEEP)?.parse().ok()
}

/// Any other request. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HubRequest {
    /// Announces a change to all listeners and session objects, except the object where it was made.
    Announce {
        /// The object; empty where they arose in none.
        #[serde(default)]
        origin: String,
        /// The news.
        news: ChangeEvent,
    },
    /// To tell the session object of changes until then.
    Watch {
        /// The object.
        object: String,
        /// When that ends.
        until: u64,
    },
    /// To look at these resources, until then, for the session object.
    Look {
        /// The object.
        object: String,
        /// When that ends.
        until: u64,
        /// The resources.
        #[serde(default)]
        uris: Vec<String>,
    },
    /// To tell the session object no more.
    Unwatch {
        /// The object.
        object: String,
    },
    /// Since when sessions count.
    NotBefore,
    /// To end all sessions that were issued then or before.
    End {
        /// When.
        not_before: u32,
    },
    /// A page of a kept text.
    Page {
        /// Its id.
        id: Uuid,
        /// Which page, from 1.
        page: usize,
    },
    /// To list an OAuth grant until then.
    PutGrant {
        /// The grant's name.
        grant: String,
        /// When that ends.
        until: u64,
        /// What there is to know of it.
        about: AboutGrant,
    },
    /// To list the grant of this name no more.
    DropGrant {
        /// The grant's name.
        grant: String,
    },
    /// For the grants that are listed.
    Grants,
    /// For the session objects that receive changes.
    Watchers,
    /// To consume a nonce, and to remember it until then.
    Consume {
        /// The nonce.
        #[serde(with = "base64url")]
        nonce: [u8; 16],
        /// Until when.
        until: u64,
    },
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It is done.
    Done,
    /// There is no room for more of this kind.
    Full,
    /// Sessions that were issued at this time or before are over.
    NotBefore(u32),
    /// Whether the nonce was not consumed before.
    Consumed(bool),
    /// A page of a kept text; None: there is no such page.
    Page(Option<Page>),
    /// The listed grants.
    Grants(Vec<ListedGrant>),
    /// The session objects that receive changes.
    Watchers(Vec<Watcher>),
}

impl Record for HubRequest {}
impl Record for Answer {}

/// A page of a kept text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// How many pages there are.
    pub pages: usize,
    /// The text of this one.
    pub text: String,
}

/// What a person is shown of an OAuth grant; the row of a hub that lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AboutGrant {
    /// The client's name.
    #[serde(default)]
    pub client: String,
    /// Where the person was sent back to.
    pub redirect: String,
    /// The names of its scopes.
    pub scopes: String,
    /// When it is over, if it is not used.
    pub until: u64,
}

impl Record for AboutGrant {}

/// A grant that a hub lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedGrant {
    /// Its name.
    pub grant: String,
    /// What there is to know of it.
    pub about: AboutGrant,
}

/// A session object that receives changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watcher {
    /// Its name.
    pub object: String,
    /// When its registration ends.
    pub until: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::record::Attachment;
    use mcp_auth::session_id::{Claims, Placement};
    use mcp_platform::message::{self, Message as _, MessageForm};
    use test_support::stored::{lines_of_0_1_0, of_0_1_0, read_0_1_0};

    fn about() -> AboutGrant {
        let (redirect, scopes) = ("https://x.example/cb".into(), "read".into());
        AboutGrant { client: "\"app\"".into(), redirect, scopes, until: 9 }
    }

    /// Each kind of request, with its answers.
    fn all() -> Vec<(HubRequest, Vec<Answer>)> {
        let (object, until, id) = ("object".to_owned(), 7, Uuid::from_u128(7));
        let news = ChangeEvent::ResourceUpdated("sitebay://sites".into());
        let uris = vec!["sitebay://sites".to_owned(), "sitebay://teams".to_owned()];
        let page = Page { pages: 2, text: "a\nb".into() };
        let watcher = Watcher { object: object.clone(), until: 9 };
        let grant = ListedGrant { grant: "grant-_".into(), about: about() };
        vec![
            (
                HubRequest::Announce { origin: "subject-_-".into(), news: news.clone() },
                vec![Answer::Done],
            ),
            (HubRequest::Announce { origin: String::new(), news }, vec![Answer::Done]),
            (
                HubRequest::Watch { object: object.clone(), until },
                vec![Answer::NotBefore(5), Answer::Full],
            ),
            (HubRequest::Look { object: object.clone(), until, uris }, vec![Answer::Done]),
            (
                HubRequest::Look { object: object.clone(), until, uris: Vec::new() },
                vec![Answer::Done],
            ),
            (HubRequest::Unwatch { object }, vec![Answer::Done]),
            (HubRequest::NotBefore, vec![Answer::NotBefore(0)]),
            (HubRequest::End { not_before: u32::MAX }, vec![Answer::NotBefore(u32::MAX)]),
            (
                HubRequest::PutGrant { grant: "grant-_".into(), until, about: about() },
                vec![Answer::Done, Answer::Full],
            ),
            (HubRequest::DropGrant { grant: "grant".into() }, vec![Answer::Done]),
            (HubRequest::Grants, vec![Answer::Grants(vec![grant]), Answer::Grants(Vec::new())]),
            (HubRequest::Watchers, vec![Answer::Watchers(vec![watcher])]),
            (
                HubRequest::Consume { nonce: [0xff; 16], until: u64::MAX },
                vec![Answer::Consumed(true), Answer::Consumed(false)],
            ),
            (HubRequest::Page { id, page: 9 }, vec![Answer::Page(Some(page)), Answer::Page(None)]),
        ]
    }

    #[test]
    fn requests_and_answers_are_read_in_both_forms() {
        for (ask, answers) in all() {
            let read = message::read("/ask/x", &ask.to_json());
            assert_eq!(read, Some((ask.clone(), MessageForm::Json)));
            let old = ask.to_0_1_0();
            let read = message::read(&old.path, old.body.as_deref().unwrap_or_default());
            assert_eq!(read, Some((ask.clone(), MessageForm::Old)), "{old:?}");
            for answer in answers {
                let (status, text) = message::answer::<HubRequest>(&answer, MessageForm::Json);
                assert_eq!(message::read_answer::<HubRequest>(status, &text), Some(answer.clone()));
                let (status, text) = message::answer::<HubRequest>(&answer, MessageForm::Old);
                assert_eq!(message::read_answer::<HubRequest>(status, &text), None, "{text}");
                let read = ask.read_answer_of_0_1_0(status, &text);
                assert_eq!(read, Some(answer), "{status} {text}");
            }
        }
    }

    #[test]
    fn objects_have_the_names_that_they_had() {
        let name = hub_name(Subject([7; 16]));
        assert_eq!(of_0_1_0("name-hub", &name), "hub-BwcHBwcHBwcHBwcHBwcHBw");
        let kept = Attachment::from_json(&read_0_1_0("attachment-session-stream")).unwrap();
        for (name, placement) in [
            ("name-session", Placement::Session),
            ("name-sessions-of-a-subject", Placement::Subject),
        ] {
            let object = Claims { placement, ..kept.claims.clone() }.object();
            assert_eq!(of_0_1_0(name, &object), object);
        }
    }

    #[test]
    fn the_texts_of_0_1_0_are_written_as_it_wrote_them() {
        let object = || "object".to_owned();
        let announce = |origin: &str| HubRequest::Announce {
            origin: origin.into(),
            news: ChangeEvent::ToolsChanged,
        };
        let asks = [
            announce(""),
            announce("subject-_-"),
            HubRequest::Watch { object: object(), until: 7 },
            HubRequest::Look { object: object(), until: 7, uris: Vec::new() },
            HubRequest::Unwatch { object: object() },
            HubRequest::NotBefore,
            HubRequest::End { not_before: u32::MAX },
            HubRequest::PutGrant { grant: "grant-_".into(), until: 7, about: about() },
            HubRequest::DropGrant { grant: "grant".into() },
            HubRequest::Grants,
            HubRequest::Watchers,
            HubRequest::Consume { nonce: [0xff; 16], until: u64::MAX },
            HubRequest::Page { id: Uuid::from_u128(7), page: 9 },
        ];
        let mut paths = vec!["/listen".to_owned()];
        paths.extend(asks.iter().map(|ask| ask.to_0_1_0().path));
        let keep = keep_path(Uuid::from_u128(7));
        assert_eq!(kept_id(&keep), Some(Uuid::from_u128(7)));
        paths.insert(paths.len() - 1, keep);
        assert_eq!(lines_of_0_1_0("messages-hub", &paths), paths);
        let grants = HubRequest::Grants.read_answer_of_0_1_0(200, &read_0_1_0("answer-hub-list"));
        let about = AboutGrant {
            client: "An \"app\"".into(),
            redirect: "cursor://x/cb".into(),
            scopes: "read write".into(),
            until: 1_600,
        };
        // The second one says nothing.
        let listed = ListedGrant { grant: "AQEBAQEBAQEBAQEBAQEBAQ".into(), about };
        assert_eq!(grants, Some(Answer::Grants(vec![listed])));
        let page = Answer::Page(Some(Page { pages: 2, text: "a page\nwith ü".into() }));
        let text = of_0_1_0("answer-hub-page", &HubRequest::answer_to_0_1_0(&page).1);
        let ask = HubRequest::Page { id: Uuid::from_u128(7), page: 1 };
        assert_eq!(ask.read_answer_of_0_1_0(200, &text), Some(page));
    }

    #[test]
    fn what_is_no_request_is_none() {
        for path in ["", "/", "/no", "/watch/x", "/watch/x/y", "/consume/AAAA/1", "/end/-1"] {
            assert_eq!(message::read::<HubRequest>(path, ""), None, "{path}");
        }
        assert_eq!(message::read::<HubRequest>("/ask/no", r#"{"no":{}}"#), None);
    }

    #[test]
    fn a_request_is_json() {
        let ask = HubRequest::Consume { nonce: [1; 16], until: 7 };
        insta::assert_snapshot!(
            ask.to_json(),
            @r#"{"consume":{"nonce":"AQEBAQEBAQEBAQEBAQEBAQ","until":7}}"#
        );
        let ask = HubRequest::PutGrant { grant: "g".into(), until: 7, about: about() };
        insta::assert_snapshot!(
            ask.to_json(),
            @r#"{"put_grant":{"grant":"g","until":7,"about":{"client":"\"app\"","redirect":"https://x.example/cb","scopes":"read","until":9}}}"#
        );
        let ask = HubRequest::Announce { origin: String::new(), news: ChangeEvent::ToolsChanged };
        insta::assert_snapshot!(ask.to_json(), @r#"{"announce":{"origin":"","news":{"list":"tools"}}}"#);
        assert_eq!(HubRequest::NotBefore.to_json(), r#""not_before""#);
    }
}
