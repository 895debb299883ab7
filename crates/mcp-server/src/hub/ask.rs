//! What a hub is asked for: the path of a request that only the Worker and objects can send.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

use mcp_auth::subject::Subject;

/// The name of a subject's hub.
pub fn hub_name(subject: Subject) -> String {
    format!("hub-{}", URL_SAFE_NO_PAD.encode(subject.0))
}

/// One request. Times are seconds since 1970; names of objects have no slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// A socket on which the listener in the header hears of changes.
    Listen,
    /// To tell everybody of the news in the body, but not the object where they arose.
    Announce(String),
    /// To tell the session object of changes until then.
    Watch(String, u64),
    /// To look, until then, at the resources in the body, a line each, for the session object.
    Look(String, u64),
    /// To tell it no more.
    Unwatch(String),
    /// Since when sessions count.
    NotBefore,
    /// To end all sessions that were issued then or before.
    End(u32),
    /// To keep the text in the body under this id.
    Keep(Uuid),
    /// A page of a kept text, from 1.
    Page(Uuid, usize),
    /// To list the OAuth grant of this name until then, with what the body says of it.
    PutGrant(String, u64),
    /// To list it no more.
    DropGrant(String),
    /// For the grants that are listed.
    Grants,
    /// For the session objects that are told of changes.
    Watchers,
    /// To consume a nonce, and to remember it until then.
    Consume([u8; 16], u64),
}

impl Ask {
    /// The request's path.
    pub fn path(&self) -> String {
        match self {
            Self::Listen => "/listen".to_owned(),
            Self::Announce(origin) => format!("/announce/{origin}"),
            Self::Watch(object, until) => format!("/watch/{object}/{until}"),
            Self::Look(object, until) => format!("/look/{object}/{until}"),
            Self::Unwatch(object) => format!("/unwatch/{object}"),
            Self::NotBefore => "/not-before".to_owned(),
            Self::End(not_before) => format!("/end/{not_before}"),
            Self::Keep(id) => format!("/keep/{}", id.simple()),
            Self::Page(id, page) => format!("/page/{}/{page}", id.simple()),
            Self::PutGrant(grant, until) => format!("/put-grant/{grant}/{until}"),
            Self::DropGrant(grant) => format!("/drop-grant/{grant}"),
            Self::Grants => "/grants".to_owned(),
            Self::Watchers => "/watchers".to_owned(),
            Self::Consume(nonce, until) => {
                format!("/consume/{}/{until}", URL_SAFE_NO_PAD.encode(nonce))
            }
        }
    }

    /// Reads a path.
    pub fn read(path: &str) -> Option<Self> {
        let mut parts = path.strip_prefix('/')?.split('/');
        let (what, mut next) = (parts.next()?, || parts.next());
        Some(match what {
            "listen" => Self::Listen,
            "announce" => Self::Announce(next()?.to_owned()),
            "watch" => Self::Watch(next()?.to_owned(), next()?.parse().ok()?),
            "look" => Self::Look(next()?.to_owned(), next()?.parse().ok()?),
            "unwatch" => Self::Unwatch(next()?.to_owned()),
            "not-before" => Self::NotBefore,
            "end" => Self::End(next()?.parse().ok()?),
            "keep" => Self::Keep(next()?.parse().ok()?),
            "page" => Self::Page(next()?.parse().ok()?, next()?.parse().ok()?),
            "put-grant" => Self::PutGrant(next()?.to_owned(), next()?.parse().ok()?),
            "drop-grant" => Self::DropGrant(next()?.to_owned()),
            "grants" => Self::Grants,
            "watchers" => Self::Watchers,
            "consume" => {
                let nonce = URL_SAFE_NO_PAD.decode(next()?).ok()?.try_into().ok()?;
                Self::Consume(nonce, next()?.parse().ok()?)
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcp_auth::session_id::{Claims, Placement};
    use test_support::stored::{lines_of_0_1_0, of_0_1_0};

    #[test]
    fn objects_have_the_names_that_they_had() {
        assert_eq!(of_0_1_0("name-hub", &hub_name(Subject([7; 16]))), "hub-BwcHBwcHBwcHBwcHBwcHBw");
        let claims = |placement| {
            let kept = test_support::stored::read_0_1_0("kept-session");
            Claims { placement, ..crate::session::kept::read(&kept).unwrap().0 }
        };
        for (name, placement) in [
            ("name-session", Placement::Session),
            ("name-sessions-of-a-subject", Placement::Subject),
        ] {
            let object = claims(placement).object();
            assert_eq!(of_0_1_0(name, &object), object);
        }
    }

    #[test]
    fn a_path_leads_back_to_what_was_asked() {
        let asks = [
            Ask::Listen,
            Ask::Announce(String::new()),
            Ask::Announce("subject-_-".into()),
            Ask::Watch("object".into(), 7),
            Ask::Look("object".into(), 7),
            Ask::Unwatch("object".into()),
            Ask::NotBefore,
            Ask::End(u32::MAX),
            Ask::PutGrant("grant-_".into(), 7),
            Ask::DropGrant("grant".into()),
            Ask::Grants,
            Ask::Watchers,
            Ask::Consume([0xff; 16], u64::MAX),
            Ask::Keep(Uuid::from_u128(7)),
            Ask::Page(Uuid::from_u128(7), 9),
        ];
        let paths = lines_of_0_1_0("messages-hub", &asks.each_ref().map(Ask::path));
        for (path, ask) in paths.iter().zip(asks) {
            assert_eq!(Ask::read(path), Some(ask));
        }
        for wrong in ["", "/", "/no", "/watch/x", "/watch/x/y", "/consume/AAAA/1", "/end/-1"] {
            assert_eq!(Ask::read(wrong), None, "{wrong}");
        }
    }
}
