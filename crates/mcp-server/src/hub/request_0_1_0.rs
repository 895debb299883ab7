//! Requests to a hub, and its answers, as version 0.1.0 sends them: names and times are parts of the path, an
//! answer is a number or lines of text.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::request::{AboutGrant, Answer, HubRequest, ListedGrant, Page, Watcher};
use crate::notifier::ChangeEvent;
use mcp_platform::{
    message::{Message, OldRequest},
    record::Record as _,
};
use mcp_protocol::base64url;

impl Message for HubRequest {
    type Answer = Answer;

    fn to_0_1_0(&self) -> OldRequest {
        let (path, body) = match self {
            Self::Announce { origin, news } => {
                (format!("/announce/{origin}"), Some(news.to_json()))
            }
            Self::Watch { object, until } => (format!("/watch/{object}/{until}"), None),
            Self::Look { object, until, uris } => {
                (format!("/look/{object}/{until}"), Some(uris.join("\n")))
            }
            Self::Unwatch { object } => (format!("/unwatch/{object}"), None),
            Self::NotBefore => ("/not-before".to_owned(), None),
            Self::End { not_before } => (format!("/end/{not_before}"), None),
            Self::Page { id, page } => (format!("/page/{}/{page}", id.simple()), None),
            Self::PutGrant { grant, until, about } => {
                (format!("/put-grant/{grant}/{until}"), Some(about.to_json()))
            }
            Self::DropGrant { grant } => (format!("/drop-grant/{grant}"), None),
            Self::Grants => ("/grants".to_owned(), None),
            Self::Watchers => ("/watchers".to_owned(), None),
            Self::Consume { nonce, until } => {
                (format!("/consume/{}/{until}", URL_SAFE_NO_PAD.encode(nonce)), None)
            }
        };
        OldRequest { path, body }
    }

    fn read_0_1_0(path: &str, body: &str) -> Option<Self> {
        let mut parts = path.strip_prefix('/')?.split('/');
        let (what, mut next) = (parts.next()?, || parts.next());
        Some(match what {
            "announce" => {
                let (origin, news) = (next()?.to_owned(), ChangeEvent::from_json(body)?);
                Self::Announce { origin, news }
            }
            "watch" => Self::Watch { object: next()?.to_owned(), until: next()?.parse().ok()? },
            "look" => {
                let (object, until) = (next()?.to_owned(), next()?.parse().ok()?);
                Self::Look { object, until, uris: body.lines().map(str::to_owned).collect() }
            }
            "unwatch" => Self::Unwatch { object: next()?.to_owned() },
            "not-before" => Self::NotBefore,
            "end" => Self::End { not_before: next()?.parse().ok()? },
            "page" => Self::Page { id: next()?.parse().ok()?, page: next()?.parse().ok()? },
            "put-grant" => {
                let (grant, until) = (next()?.to_owned(), next()?.parse().ok()?);
                Self::PutGrant { grant, until, about: AboutGrant::from_json(body)? }
            }
            "drop-grant" => Self::DropGrant { grant: next()?.to_owned() },
            "grants" => Self::Grants,
            "watchers" => Self::Watchers,
            "consume" => {
                let (nonce, until) = (base64url::read(next()?)?, next()?.parse().ok()?);
                Self::Consume { nonce, until }
            }
            _ => return None,
        })
    }

    fn answer_to_0_1_0(answer: &Answer) -> (u16, String) {
        match answer {
            Answer::Done | Answer::Consumed(true) => (200, String::new()),
            Answer::Full => (429, "too many".to_owned()),
            Answer::Consumed(false) => (409, "consumed before".to_owned()),
            Answer::NotBefore(not_before) => (200, not_before.to_string()),
            Answer::Page(Some(page)) => (200, format!("{}\n{}", page.pages, page.text)),
            Answer::Page(None) => (404, "no such page".to_owned()),
            Answer::Grants(grants) => {
                let line = |one: &ListedGrant| format!("{} {}\n", one.grant, one.about.to_json());
                (200, grants.iter().map(line).collect())
            }
            Answer::Watchers(watchers) => {
                let line = |one: &Watcher| format!("{} {}\n", one.object, one.until);
                (200, watchers.iter().map(line).collect())
            }
        }
    }

    fn read_answer_of_0_1_0(&self, status: u16, text: &str) -> Option<Answer> {
        match (self, status) {
            (Self::Consume { .. }, 200 | 409) => Some(Answer::Consumed(status == 200)),
            (Self::Page { .. }, 404) => Some(Answer::Page(None)),
            (_, 429) => Some(Answer::Full),
            (Self::NotBefore | Self::End { .. }, 200) => text.parse().ok().map(Answer::NotBefore),
            // Earlier versions say nothing.
            (Self::Watch { .. }, 200) => Some(Answer::NotBefore(text.parse().unwrap_or_default())),
            (Self::Page { .. }, 200) => {
                let (pages, text) = text.split_once('\n')?;
                let page = Page { pages: pages.parse().ok()?, text: text.to_owned() };
                Some(Answer::Page(Some(page)))
            }
            (Self::Grants, 200) => Some(Answer::Grants(text.lines().filter_map(grant).collect())),
            (Self::Watchers, 200) => {
                Some(Answer::Watchers(text.lines().filter_map(watcher).collect()))
            }
            (_, 200) => Some(Answer::Done),
            _ => None,
        }
    }
}

fn grant(line: &str) -> Option<ListedGrant> {
    let (grant, about) = line.split_once(' ')?;
    Some(ListedGrant { grant: grant.to_owned(), about: AboutGrant::from_json(about)? })
}

fn watcher(line: &str) -> Option<Watcher> {
    let (object, until) = line.split_once(' ')?;
    Some(Watcher { object: object.to_owned(), until: until.parse().ok()? })
}
