//! The link at which a person connects a key: `{origin}/connect/{name}?link=…`.
//!
//! Invariant: a link is signed, so that a forged one reaches no object. It is good for one upstream, one subject and
//! [`LINK_LASTS`], in the browser that opens it first, and connects once: a hub stores the hash of its secret from the
//! first opening on ([`OpenedLink`](super::stored::OpenedLink)).
//!
//! ```text
//! content of the ticket: subject 16 | secret 16 | issued 8 | needs account 1 | caller's name
//! ```

use mcp_auth::{
    keys::Keyring,
    oauth::{
        Hash, hash,
        ticket::{self, TicketPurpose},
    },
    subject::Subject,
};
use mcp_platform::url::with_parameters;
use mcp_protocol::{
    base64url,
    bytes::{Reader, put_text},
};

/// What the paths of the pages begin with.
pub const PATH: &str = "/connect/";
/// What the path ends with to which an upstream's authorization server sends people back.
pub const CALLBACK: &str = "/callback";
/// The parameter of the query that holds the ticket.
pub const PARAMETER: &str = "link";
/// How long a link is good, in seconds.
pub const LINK_LASTS: u32 = 600;

/// The upstream of a path, which may be called `callback`, and whether people come back there.
pub fn upstream_of(path: &str) -> Option<(&str, bool)> {
    let rest = path.strip_prefix(PATH)?;
    let parts = rest.find('/').and_then(|end| rest.split_at_checked(end));
    let Some((upstream, rest)) = parts else { return Some((rest, false)) };
    let stack = rest.strip_prefix(CALLBACK)?;
    let is_one = stack.strip_prefix('/').is_some_and(|one| !one.is_empty() && !one.contains('/'));
    (stack.is_empty() || is_one).then_some((upstream, true))
}

/// The path to which people are sent back from the authorization server of an upstream. Each stack has one of its own, so
/// that the code of one is not taken for that of another (RFC 9700 §4.4).
pub fn callback(upstream: &str, stack: Option<&str>) -> String {
    let path = format!("{PATH}{upstream}{CALLBACK}");
    match stack {
        None => path,
        Some(stack) => format!("{path}/{}", segment(stack)),
    }
}

/// The name of a stack as a segment of a path, which no other stack has.
fn segment(stack: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    match stack.starts_with(|first: char| first.is_ascii_alphanumeric())
        && stack.bytes().all(is_plain)
    {
        true => stack.to_owned(),
        false => format!("~{}", base64url::to_text(stack.as_bytes())),
    }
}

/// What a link says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Whose key is connected.
    pub subject: Subject,
    /// Random; what is stored of the link is found by its hash.
    pub secret: [u8; 16],
    /// When it was made, in milliseconds since 1970.
    pub issued_ms: u64,
    /// Whether only the person may open it who is signed in as the subject on the pages of this server.
    pub needs_account: bool,
    /// The name of the caller's key or program, for the person.
    pub caller: String,
}

impl Link {
    /// The URL for a person.
    pub fn url(&self, keys: &Keyring, origin: &str, upstream: &str) -> String {
        let ticket = self.sign(keys, TicketPurpose::ConnectLink, upstream);
        let page = format!("{origin}{PATH}{upstream}");
        with_parameters(&page, std::iter::once((PARAMETER, ticket.as_str())))
    }

    /// Reads what such a URL carries. None: it is none, is over, or is for another upstream.
    pub fn open(keys: &Keyring, upstream: &str, ticket: &str, now_s: u64) -> Option<Self> {
        let content = ticket::open(keys, TicketPurpose::ConnectLink, upstream, ticket, now_s)?;
        Self::read(&content)
    }

    /// The ticket of a form behind the link, which counts in this browser only.
    pub fn form(&self, keys: &Keyring, upstream: &str, browser: &str) -> String {
        self.sign(keys, TicketPurpose::ConnectForm, &bound(upstream, browser))
    }

    /// Reads it back. None: it is none, is over, or comes from elsewhere.
    pub fn of_form(
        keys: &Keyring,
        (upstream, browser): (&str, &str),
        ticket: &str,
        now_s: u64,
    ) -> Option<Self> {
        let bound = bound(upstream, browser);
        let content = ticket::open(keys, TicketPurpose::ConnectForm, &bound, ticket, now_s)?;
        Self::read(&content)
    }

    /// What a person on the way to an authorization server brings back (`state`): it counts in this browser, at the path to
    /// which that server sends people, for the way of this [mark](super::oauth::token::mark).
    pub fn state(&self, keys: &Keyring, (path, browser): (&str, &str), mark: &Hash) -> String {
        let content = [&self.content()[..], mark].concat();
        let bound = bound(path, browser);
        ticket::sign(keys, TicketPurpose::ConnectForm, &bound, self.until(), &content)
    }

    /// Reads it back, with the mark. None: it is none, is over, or comes from elsewhere.
    pub fn of_state(
        keys: &Keyring,
        (path, browser): (&str, &str),
        state: &str,
        now_s: u64,
    ) -> Option<(Self, Hash)> {
        let bound = bound(path, browser);
        let content = ticket::open(keys, TicketPurpose::ConnectForm, &bound, state, now_s)?;
        let (link, mark) = content.split_last_chunk()?;
        Some((Self::read(link)?, *mark))
    }

    /// Names it where something is stored of it.
    pub fn hash(&self) -> Hash {
        hash(self.secret)
    }

    /// Until when it is good, in seconds since 1970.
    pub fn until(&self) -> u32 {
        let issued_s = u32::try_from(self.issued_ms / 1_000).unwrap_or(u32::MAX);
        issued_s.saturating_add(LINK_LASTS)
    }

    fn sign(&self, keys: &Keyring, of: TicketPurpose, bound: &str) -> String {
        ticket::sign(keys, of, bound, self.until(), &self.content())
    }

    fn content(&self) -> Vec<u8> {
        let mut content = self.subject.0.to_vec();
        content.extend_from_slice(&self.secret);
        content.extend_from_slice(&self.issued_ms.to_be_bytes());
        content.push(u8::from(self.needs_account));
        put_text(&mut content, &self.caller);
        content
    }

    fn read(content: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(content);
        let subject = Subject(reader.array()?);
        let (secret, issued) = (reader.array()?, reader.array()?);
        let needs_account = reader.u8()? != 0;
        let caller = reader.text()?;
        let issued_ms = u64::from_be_bytes(issued);
        reader.is_empty().then_some(Self { subject, secret, issued_ms, needs_account, caller })
    }
}

/// Neither a name of an upstream nor a path has a space, and no name begins as a path.
fn bound(to: &str, browser: &str) -> String {
    format!("{to} {browser}")
}

#[cfg(test)]
mod tests {
    use mcp_platform::url::query_value;

    use super::*;

    fn link() -> Link {
        let caller = "my key".to_owned();
        Link {
            subject: Subject([7; 16]),
            secret: [9; 16],
            issued_ms: 1_000_999,
            needs_account: true,
            caller,
        }
    }

    fn keys() -> Keyring {
        Keyring::parse(&"k".repeat(40)).unwrap()
    }

    #[test]
    fn people_come_back_at_the_whole_path_and_not_at_a_page_of_that_name() {
        for upstream in ["tickets", "callback"] {
            assert_eq!(upstream_of(&format!("/connect/{upstream}")), Some((upstream, false)));
            for stack in [None, Some("eu-central-1.keboola.com"), Some("US \"1\""), Some("..")] {
                assert_eq!(upstream_of(&callback(upstream, stack)), Some((upstream, true)));
            }
            for other in ["/callback/", "/callback/x/y", "/callbacks", "/x", "/"] {
                assert_eq!(upstream_of(&format!("/connect/{upstream}{other}")), None, "{other}");
            }
        }
        assert_eq!(upstream_of("/other/tickets"), None);
    }

    #[test]
    fn each_stack_has_a_path_of_its_own_that_no_browser_changes() {
        for (stack, segment) in [
            ("eu-central-1.keboola.com", "eu-central-1.keboola.com"),
            ("us", "us"),
            ("..", "~Li4"),
            ("a/b", "~YS9i"),
            ("~Li4", "~fkxpNA"),
            ("é", "~w6k"),
        ] {
            let path = format!("/connect/keboola/callback/{segment}");
            assert_eq!(callback("keboola", Some(stack)), path);
        }
        assert_eq!(callback("tickets", None), "/connect/tickets/callback");
    }

    #[test]
    fn a_state_counts_at_the_path_of_its_stack_and_is_no_form() {
        let [us, eu] = ["us", "eu"].map(|stack| callback("keboola", Some(stack)));
        let state = link().state(&keys(), (&us, "a cookie"), &[3; 32]);
        let read = |of: (&str, &str), now_s| Link::of_state(&keys(), of, &state, now_s);
        assert_eq!(read((&us, "a cookie"), 1_001), Some((link(), [3; 32])));
        assert_eq!(read((&us, "a cookie"), 1_600), None);
        for of in [(&*eu, "a cookie"), (&*us, "another"), ("keboola", "a cookie")] {
            assert_eq!(read(of, 1_001), None, "{of:?}");
        }
        assert_eq!(Link::of_form(&keys(), ("keboola", "a cookie"), &state, 1_001), None);
        let form = link().form(&keys(), "keboola", "a cookie");
        assert_eq!(Link::of_state(&keys(), (&us, "a cookie"), &form, 1_001), None);
    }

    #[test]
    fn a_link_is_good_for_its_upstream_until_its_end() {
        let url = link().url(&keys(), "https://x.example", "tickets");
        assert!(url.starts_with("https://x.example/connect/tickets?link="), "{url}");
        let ticket = query_value(&url, PARAMETER).unwrap();
        let open = |upstream: &str, now_s| Link::open(&keys(), upstream, &ticket, now_s);
        assert_eq!(open("tickets", 1_599), Some(link()));
        assert_eq!(open("tickets", 1_600), None);
        assert_eq!(open("other", 1_001), None);
        for cut in [&ticket[1..], &ticket[..ticket.len() - 2], "", "%", "AAAA"] {
            assert_eq!(Link::open(&keys(), "tickets", cut, 1_001), None, "{cut}");
        }
        let other = Keyring::parse(&"o".repeat(40)).unwrap();
        assert_eq!(Link::open(&other, "tickets", &ticket, 1_001), None);
    }

    #[test]
    fn a_form_counts_in_its_own_browser_and_is_no_link() {
        let form = link().form(&keys(), "tickets", "a cookie");
        let read = |of: (&str, &str)| Link::of_form(&keys(), of, &form, 1_001);
        assert_eq!(read(("tickets", "a cookie")), Some(link()));
        for of in [("tickets", "another"), ("tickets", ""), ("other", "a cookie")] {
            assert_eq!(read(of), None, "{of:?}");
        }
        assert_eq!(Link::open(&keys(), "tickets", &form, 1_001), None);
    }
}
