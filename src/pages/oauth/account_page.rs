//! The page `/account`.

use maud::{Markup, html};

use super::{
    html::{page, token_field},
    input_error::InputError,
    key_fields::opened_in_short,
};
use gateway::connect::request::ListedCredential;
use mcp_auth::oauth::redirect;
use mcp_platform::time::rfc3339;
use mcp_server::hub::{ListedGrant, Watcher};

/// Something that a person can end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AccountItem {
    /// Its name on the wire.
    id: String,
    /// Its name for people.
    name: String,
    /// Further details.
    about: String,
    /// What a person should know before they end it.
    more: Option<String>,
}

/// The grants and sessions of a signed-in person.
pub(super) struct Account {
    /// The apps.
    pub(super) grants: Vec<AccountItem>,
    /// The sessions that hold a stream or something stored.
    pub(super) sessions: Vec<AccountItem>,
    /// The upstreams to which a key is connected.
    pub(super) keys: Vec<AccountItem>,
}

impl AccountItem {
    /// The grants that a hub lists.
    pub(super) fn grants(listed: Vec<ListedGrant>) -> Vec<Self> {
        listed.into_iter().map(Self::grant).collect()
    }

    fn grant(listed: ListedGrant) -> Self {
        let about = listed.about;
        let name = Some(about.client).filter(|name| !name.is_empty());
        let scopes = about.scopes.replace(' ', " and ");
        let (to, until) = (redirect::shown(&about.redirect), day(about.until));
        Self {
            id: listed.grant,
            name: name.unwrap_or_else(|| "An app without a name".to_owned()),
            about: format!("{scopes}; {to}; until {until} if it is not used"),
            more: None,
        }
    }

    /// The keys for upstreams that a hub has. `made`: where tokens are made for people who sign in, for those upstreams
    /// where this is so.
    pub(super) fn keys(
        listed: Vec<ListedCredential>,
        made: impl Fn(&ListedCredential) -> Option<&'static str>,
    ) -> Vec<Self> {
        let item = |listed: ListedCredential| {
            let more = made(&listed).map(lives_on);
            let since = day(listed.connected_ms / 1_000);
            let mut about = match listed.is_refused {
                true => format!("since {since}; no longer accepted there"),
                false => format!("since {since}"),
            };
            if let Some(project) = &listed.project {
                about = format!("{}; {about}", opened_in_short(project));
            }
            Self { id: listed.upstream.clone(), name: listed.upstream, about, more }
        };
        listed.into_iter().map(item).collect()
    }

    /// The session objects that a hub knows.
    pub(super) fn sessions(watchers: Vec<Watcher>) -> Vec<Self> {
        let listed = |watcher: Watcher| {
            let (name, until) = (watcher.object.chars().take(8).collect(), day(watcher.until));
            let about = format!("until {until} at the latest");
            Self { id: watcher.object, name, about, more: None }
        };
        watchers.into_iter().map(listed).collect()
    }
}

/// What removing a key leaves there: it is not kept which tokens were made for people who signed in.
fn lives_on(there: &'static str) -> String {
    format!(
        "If you signed in at {there} to connect it, this server had a token made for you there. Removing the key deletes it here, \
         and not at {there}, where it is good for 30 days from when it was made. You can delete it in your project, under \
         Settings → API Tokens."
    )
}

impl Account {
    /// The page, whose forms carry this ticket.
    pub(super) fn page(&self, ticket: &str) -> Markup {
        let body = html! {
            h2 { "Apps that may act on your SiteBay account" }
            @if self.grants.is_empty() { p { "None." } }
            @for grant in &self.grants {
                section aria-label=(grant.name) {
                    b { (grant.name) }
                    p.hint { (grant.about) }
                    (form(ticket, "revoke", Some(("grant", &grant.id)), &format!("Revoke access of {}", grant.name)))
                }
            }
            @if !self.keys.is_empty() {
                h2 { "Servers to which a key of yours is connected" }
                @for key in &self.keys {
                    section aria-label=(key.name) {
                        b { (key.name) }
                        p.hint { (key.about) }
                        @if let Some(more) = &key.more { p.hint { (more) } }
                        (form(ticket, "disconnect", Some(("upstream", &key.id)), &format!("Remove the key for {}", key.name)))
                    }
                }
            }
            h2 { "Sessions that hold a stream or stored state" }
            @if self.sessions.is_empty() { p { "None." } }
            ul { @for session in &self.sessions { li { code { (session.name) } " " (session.about) } } }
            (form(ticket, "end-sessions", None, "End all sessions"))
            (form(ticket, "sign-out", None, "Sign out"))
            p.hint { "It takes up to half a minute until access is revoked, or sessions are \
                      ended, everywhere." }
        };
        page("Your account", &body)
    }
}

fn form(ticket: &str, what: &str, of: Option<(&str, &str)>, label: &str) -> Markup {
    html! {
        form method="post" action="/account" {
            input type="hidden" name="ticket" value=(ticket);
            @if let Some((name, id)) = of { input type="hidden" name=(name) value=(id); }
            button name="do" value=(what) { (label) }
        }
    }
}

/// The page that asks who is there.
pub(super) fn sign_in(ticket: &str, error: Option<&InputError>) -> Markup {
    let body = html! {
        (InputError::above(error))
        p { "See which apps may act on your SiteBay account through this server, and revoke their \
             access." }
        form method="post" action="/account" {
            input type="hidden" name="ticket" value=(ticket);
            (token_field(true, error))
            button.yes name="do" value="sign-in" { "Sign in" }
        }
    };
    page("Sign in", &body)
}

/// A day in UTC.
fn day(seconds: u64) -> String {
    rfc3339(seconds.saturating_mul(1_000)).chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway::connect::keboola::Project;
    use mcp_server::hub::AboutGrant;

    #[test]
    fn a_person_sees_apps_and_sessions_and_can_end_them() {
        let about = AboutGrant {
            client: "<b>Claude".into(),
            redirect: "https://claude.ai/cb".into(),
            scopes: "read write".into(),
            until: 86_400,
        };
        let project = Project {
            stack: "keboola.com".into(),
            id: "58".into(),
            name: "<i>Sales".into(),
            is_master: true,
            ..Project::default()
        };
        let watcher = Watcher { object: "0123456789abcdef".into(), until: 172_800 };
        let account = Account {
            grants: AccountItem::grants(vec![ListedGrant { grant: "AAAA".into(), about }]),
            sessions: AccountItem::sessions(vec![watcher]),
            keys: AccountItem::keys(
                vec![
                    ListedCredential {
                        upstream: "tickets".into(),
                        connected_ms: 259_200_000,
                        is_refused: true,
                        project: None,
                    },
                    ListedCredential {
                        upstream: "keboola".into(),
                        connected_ms: 259_200_000,
                        is_refused: false,
                        project: Some(project),
                    },
                ],
                |listed| listed.project.as_ref().map(|_| "Keboola"),
            ),
        };
        assert_eq!((account.grants.len(), account.sessions.len()), (1, 1));
        let page = account.page("t").0;
        assert!(
            page.contains("&lt;b&gt;Claude") && page.contains("read and write; claude.ai"),
            "{page}"
        );
        assert!(page.contains("1970-01-02") && page.contains("1970-01-03"), "{page}");
        assert!(page.contains("<code>01234567</code>"), "{page}");
        assert!(page.contains("value=\"AAAA\""), "{page}");
        assert!(page.contains("since 1970-01-04; no longer accepted there"), "{page}");
        assert!(page.contains("name=\"upstream\" value=\"tickets\""), "{page}");
        let opened = "project &lt;i&gt;Sales (58) at keboola.com; master token; since 1970-01-04";
        assert!(page.contains(opened), "{page}");
        // Of the key that may be a token which was made at sign-in, and of no other.
        assert_eq!(page.matches("had a token made for you there").count(), 1, "{page}");
        let (before, after) = page.split_once("and not at Keboola").expect("where it lives on");
        assert!(
            before.contains("value=\"tickets\"") && after.contains("value=\"keboola\""),
            "{page}"
        );
    }
}
