//! The page that asks a person whether a client may act for it.

use maud::{Markup, html};

use super::html::{page, token_field, wrong};
use mcp_auth::{
    oauth::{authorization::Authorization, client_metadata_document, oidc::OidcUser, redirect},
    scope::Scopes,
};
use mcp_platform::url::Url;

/// The contents of the page.
pub(super) struct Consent<'a> {
    /// The request.
    pub(super) request: &'a Authorization,
    /// The signed-in person, if people sign in at a provider.
    pub(super) person: Option<&'a OidcUser>,
    /// The form's ticket.
    pub(super) ticket: &'a str,
    /// The error of the last submission.
    pub(super) wrong: Option<&'a str>,
}

impl Consent<'_> {
    /// The page.
    pub(super) fn page(&self) -> Markup {
        let client = match self.request.client_name.as_str() {
            "" => "An app without a name",
            name => name,
        };
        let body = html! {
            (wrong(self.wrong))
            p { b { (client) } " asks to act on your SiteBay account. " (origin(self.request)) }
            @if let Some(person) = self.person { p { "You are signed in as " b { (person.name) } "." } }
            p { "After you agree, you return to " b { (redirect::shown(&self.request.redirect_uri)) } "." }
            @if redirect::is_local(&self.request.redirect_uri) {
                p { "This is a program on your own device: continue only if you have just started \
                     it." }
            }
            form method="post" action="/authorize" {
                input type="hidden" name="ticket" value=(self.ticket);
                fieldset {
                    legend { "What it may do" }
                    (scope("read", "See your sites, their files, logs, backups and settings"))
                    @if self.request.scopes.has(Scopes::WRITE) {
                        (scope("write", "Change, create, restore and delete them"))
                    }
                }
                (token_field(self.person.is_none()))
                button.yes name="answer" value="allow" { "Allow" }
                button name="answer" value="deny" formnovalidate { "Do not allow" }
            }
            p.hint { "You can revoke this at any time on " a href="/account" { "your account page" } "." }
        };
        page(&format!("Let {client} use SiteBay?"), &body)
    }
}

/// The verified origin of the client.
fn origin(request: &Authorization) -> Markup {
    let host = client_metadata_document::is_address(&request.client_id)
        .then(|| Url::parse(&request.client_id))
        .flatten()
        .map(|url| url.host);
    html! {
        @match host {
            Some(host) => { "The app is identified by its page at " b { (host) } "." },
            None => { "The app chose this name itself, and the name is not verified." },
        }
    }
}

fn scope(name: &str, what: &str) -> Markup {
    html! {
        label { input type="checkbox" name="scope" value=(name) checked; " " (what) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(name: &str, scopes: Scopes) -> Authorization {
        Authorization {
            client_id: "x".into(),
            client_name: name.into(),
            redirect_uri: "https://claude.ai/cb".into(),
            state: None,
            scopes,
            challenge: String::new(),
        }
    }

    #[test]
    fn a_person_sees_client_host_and_scopes() {
        let request = request("<script>Cläude</script>", Scopes::WRITE);
        let page = Consent { request: &request, person: None, ticket: "t", wrong: None }.page().0;
        assert!(page.contains("&lt;script&gt;Cläude") && !page.contains("<script"), "{page}");
        assert!(page.contains("<b>claude.ai</b>"), "{page}");
        assert!(page.contains("value=\"read\"") && page.contains("value=\"write\""), "{page}");
    }

    #[test]
    fn what_was_not_asked_for_is_not_offered() {
        let request = request("", Scopes::READ);
        let page =
            Consent { request: &request, person: None, ticket: "t", wrong: Some("no") }.page().0;
        assert!(page.contains("An app without a name"), "{page}");
        assert!(page.contains("role=\"alert\"") && !page.contains("value=\"write\""), "{page}");
    }
}
