//! The pages of `/connect/{name}`.

use maud::{Markup, html};

use super::{
    html::{page, token_field},
    input_error::InputError,
    key_fields::{KeyFields, opened},
};
use gateway::{
    config::{Credential, Upstream},
    connect::{
        keboola::Project,
        link::{Link, PATH},
    },
};
use mcp_platform::time::rfc3339;

/// The page on which a person connects a key.
pub(super) struct ConnectPage<'a> {
    /// The server that asks for it.
    pub(super) upstream: &'a Upstream,
    /// The link by which the page was opened.
    pub(super) link: &'a Link,
    /// Since when a key is connected, in milliseconds since 1970.
    pub(super) since: Option<u64>,
    /// The forms' ticket.
    pub(super) ticket: &'a str,
    /// The error of the last submission.
    pub(super) error: Option<&'a InputError>,
    /// The stack that was chosen there.
    pub(super) stack: Option<&'a str>,
    /// Whether the person can sign in at the stack instead of entering a key.
    pub(super) signs_in: bool,
}

impl ConnectPage<'_> {
    /// The page.
    pub(super) fn page(&self) -> Markup {
        let (name, host) = (&self.upstream.name, self.upstream.place());
        let body = html! {
            (InputError::above(self.error))
            p { "The server " b { (name) } " at " b { (host) } " is used by your apps as you, once it is connected." }
            @if !self.link.caller.is_empty() {
                p { "You were led here by " b { (self.link.caller) } "." }
            }
            p { "Continue only if an app of your own led you here just now. A stranger who sent you this link would "
                "act with your key." }
            @match self.upstream.credential {
                Credential::OAuth { .. } => (leave_form(name, self.ticket)),
                _ => (self.key_form()),
            }
            @if let Some(since) = self.since {
                h2 { "You are connected" }
                p { "Since " (day(since)) ". Connecting again replaces that." }
                form method="post" action={ (PATH) (name) } {
                    input type="hidden" name="ticket" value=(self.ticket);
                    button name="do" value="remove" { "Disconnect" }
                }
            }
        };
        page(&format!("Connect {name}"), &body)
    }

    /// The form for a key.
    fn key_form(&self) -> Markup {
        let Self { upstream, ticket, stack, error, .. } = *self;
        let fields = KeyFields { upstream, suffix: "", is_required: true, stack, error };
        html! {
            form method="post" action={ (PATH) (upstream.name) } {
                input type="hidden" name="ticket" value=(ticket);
                (fields.markup())
                button.yes name="do" value="connect" { "Connect" }
                @if self.signs_in { (sign_in_there(upstream)) }
            }
        }
    }
}

/// The other button of the form for a key.
fn sign_in_there(upstream: &Upstream) -> Markup {
    let title = upstream.template.map_or(upstream.name.as_str(), |template| template.title);
    html! {
        p.hint {
            "Or sign in at " (title) ", at the stack that you choose, without entering a token: it makes one for this server, which "
            "ends after 30 days. It reaches all buckets and components of your project, and you can delete it there at any time. "
            "A stack that does not know this server shows an error instead of a question: then go back, and enter a token."
        }
        button name="do" value="leave" formnovalidate { "Sign in at " (title) }
    }
}

/// The form that leads to the server where the person signs in.
fn leave_form(name: &str, ticket: &str) -> Markup {
    html! {
        form method="post" action={ (PATH) (name) } {
            input type="hidden" name="ticket" value=(ticket);
            p.hint { "You sign in at " (name) " itself. The token that it gives out for you is kept encrypted; no app sees it." }
            button.yes name="do" value="leave" { "Sign in at " (name) }
        }
    }
}

/// The page that leads to the server where the person signs in.
pub(super) fn leaving(upstream: &Upstream, host: &str, url: &str) -> Markup {
    let name = &upstream.name;
    let body = html! {
        p { b { (name) } " has people sign in at " b { (host) } "." }
        p { a href=(url) { "Continue to " (host) } }
    };
    page(&format!("Connect {name}"), &body)
}

/// The page for a person who came back without an account.
pub(super) fn not_connected(upstream: &Upstream, why: &str) -> Markup {
    let name = &upstream.name;
    let body = html! {
        p.wrong role="alert" { (why) }
        p { "Nothing was kept. Go back to your app, and let it try again." }
    };
    page(&format!("{name} is not connected"), &body)
}

/// The page that asks who is there.
pub(super) fn sign_in(upstream: &Upstream, ticket: &str, error: Option<&InputError>) -> Markup {
    let name = &upstream.name;
    let body = html! {
        (InputError::above(error))
        p { "Sign in as the person whose app led you here, to connect a key for " b { (name) } "." }
        form method="post" action={ (PATH) (name) } {
            input type="hidden" name="ticket" value=(ticket);
            (token_field(true, error))
            button.yes name="do" value="sign-in" { "Sign in" }
        }
    };
    page("Sign in", &body)
}

/// The page after a key was connected. `project`: what it opens, where that is known.
pub(super) fn connected(upstream: &Upstream, project: Option<&Project>) -> Markup {
    let name = &upstream.name;
    let body = html! {
        p { b { (name) } " accepts your key, and is connected." }
        @if let Some(project) = project { (opened(upstream, project)) }
        p { "Go back to your app, and let it try again. You can close this page." }
    };
    page(&format!("{name} is connected"), &body)
}

/// The page after a key was removed.
pub(super) fn removed(upstream: &Upstream) -> Markup {
    let name = &upstream.name;
    let body = html! {
        p { "Your key for " b { (name) } " was deleted. It takes up to half a minute until no app can use it any more." }
        (lives_on(upstream))
    };
    page(&format!("{name} is not connected"), &body)
}

/// What becomes of a token that was made for a person who signed in: it is not kept which ones were.
fn lives_on(upstream: &Upstream) -> Markup {
    let template = upstream.template.filter(|template| template.sign_in.is_some());
    html! {
        @if let Some(template) = template {
            p {
                "It was deleted here, and not at " (template.title) ". If you signed in there to connect it, the token that was "
                "made for this server is good there for up to 30 days from then; a token that you entered is good until its own "
                "end. You can delete either in your project, under Settings → API Tokens."
            }
        }
    }
}

/// A day in UTC.
fn day(at_ms: u64) -> String {
    rfc3339(at_ms).chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway::{
        address::Surroundings,
        config::{Rules, Upstreams},
    };
    use mcp_auth::subject::Subject;

    fn shown(since: Option<u64>, why: Option<&'static str>) -> String {
        shown_where(since, why, false)
    }

    fn shown_where(since: Option<u64>, why: Option<&'static str>, signs_in: bool) -> String {
        let settings = r#"{"tickets":{"url":"https://tickets.example/mcp?k=hidden","auth":{"kind":"subject"}}}"#;
        let rules =
            Rules { reserved: &[], surroundings: Surroundings::default(), secret: &|_: &str| None };
        let upstreams = Upstreams::read(Some(settings), &rules);
        let upstream = upstreams.get("tickets").unwrap();
        let caller = "<b>my key".to_owned();
        let link = Link {
            subject: Subject([7; 16]),
            secret: [9; 16],
            issued_ms: 1,
            needs_account: false,
            caller,
        };
        let error = why.map(|why| InputError::of_field("key", why));
        let (link, error) = (&link, error.as_ref());
        ConnectPage { upstream, link, since, ticket: "t", error, stack: None, signs_in }.page().0
    }

    #[test]
    fn a_person_sees_who_asks_and_who_led_them_there() {
        let page = shown(None, Some("no"));
        assert!(page.contains("<b>tickets</b> at <b>tickets.example</b>"), "{page}");
        assert!(page.contains("&lt;b&gt;my key"), "{page}");
        let beside = "aria-describedby=\"key-error key-hint\"><p class=\"wrong\" role=\"alert\" id=\"key-error\">no</p>";
        assert!(page.contains(beside) && page.matches("role=\"alert\"").count() == 1, "{page}");
        assert!(page.contains("type=\"password\"") && page.contains("autocomplete=\"off\""));
        assert!(!page.contains("k=hidden"), "{page}");
        assert!(!page.contains("value=\"remove\""), "{page}");
    }

    #[test]
    fn who_removes_a_key_reads_that_a_token_lives_on_at_keboola() {
        let settings = r#"{"tickets":{"url":"https://tickets.example/mcp","auth":{"kind":"subject"}},"k":{"template":"keboola"}}"#;
        let rules =
            Rules { reserved: &[], surroundings: Surroundings::default(), secret: &|_: &str| None };
        let upstreams = Upstreams::read(Some(settings), &rules);
        let said = |name: &str| removed(upstreams.get(name).unwrap()).0;
        assert!(said("k").contains("and not at Keboola") && said("k").contains("30 days"));
        assert!(!said("tickets").contains("30 days"));
    }

    #[test]
    fn who_can_sign_in_there_need_not_enter_a_key() {
        let button = "value=\"leave\" formnovalidate>Sign in at tickets</button>";
        let page = shown_where(None, None, true);
        assert!(page.contains(button) && page.contains("does not know this server"), "{page}");
        assert!(!shown_where(None, None, false).contains("leave"));
    }

    #[test]
    fn a_key_that_is_connected_can_be_removed() {
        for why in [None, Some("no")] {
            let page = shown(Some(86_400_000), why);
            assert!(
                page.contains("Since 1970-01-02") && page.contains("value=\"remove\""),
                "{page}"
            );
        }
    }
}
