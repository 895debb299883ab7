//! The page that asks a person whether a client may act for it.

use maud::{Markup, html};

use super::{
    html::{page, token_field},
    input_error::InputError,
    key_fields::{KeyFields, STACK, name as field_name},
};
use gateway::config::Upstream;
use mcp_auth::{
    oauth::{
        authorization::Authorization, client_metadata_document, form::Form, offer::Offer,
        oidc::OidcUser, redirect,
    },
    scope::Scopes,
};
use mcp_platform::url::Url;

/// The contents of the page.
pub(super) struct Consent<'a> {
    /// The request.
    pub(super) request: &'a Authorization,
    /// The upstreams of this server.
    pub(super) offer: &'a Offer,
    /// The signed-in person, if people sign in at a provider.
    pub(super) person: Option<&'a OidcUser>,
    /// The upstreams to which the person can connect a key on the way.
    pub(super) keys: &'a [&'a Upstream],
    /// The form's ticket.
    pub(super) ticket: &'a str,
    /// The last submission.
    pub(super) submitted: &'a Submission,
}

/// The field of the scopes that are ticked.
pub(super) const SCOPE: &str = "scope";

/// What a person submitted before, without secrets, and what is wrong with it. Default: nothing was submitted.
#[derive(Debug, Default)]
pub(super) struct Submission {
    /// The scopes that were ticked. None: nothing was submitted.
    ticked: Option<Vec<String>>,
    /// The stacks that were chosen, by the names of their fields.
    stacks: Vec<(String, String)>,
    /// What is wrong.
    pub(super) error: Option<InputError>,
}

impl Submission {
    /// What a form has besides secrets.
    pub(super) fn of(form: &Form, keys: &[&Upstream], error: InputError) -> Self {
        let chosen = |upstream: &&Upstream| {
            let field = field_name(STACK, &upstream.name);
            let stack = form.one(&field).ok().flatten().map(str::to_owned)?;
            Some((field, stack))
        };
        Self {
            ticked: Some(form.all(SCOPE).map(str::to_owned).collect()),
            stacks: keys.iter().filter_map(chosen).collect(),
            error: Some(error),
        }
    }

    fn is_ticked(&self, scope: &str) -> bool {
        self.ticked.as_ref().is_none_or(|ticked| ticked.iter().any(|one| one == scope))
    }

    fn stack(&self, upstream: &Upstream) -> Option<&str> {
        let field = field_name(STACK, &upstream.name);
        let chosen = self.stacks.iter().find(|(name, _)| *name == field);
        chosen.map(|(_, stack)| stack.as_str())
    }
}

impl Consent<'_> {
    /// The page.
    pub(super) fn page(&self) -> Markup {
        let client = match self.request.client_name.as_str() {
            "" => "An app without a name",
            name => name,
        };
        let error = self.submitted.error.as_ref();
        let of_scopes = InputError::at(error, SCOPE);
        let body = html! {
            (InputError::above(error))
            p { b { (client) } (self.asks()) (origin(self.request)) }
            @if let Some(person) = self.person { p { "You are signed in as " b { (person.name) } "." } }
            p { "After you agree, you return to " b { (redirect::shown(&self.request.redirect_uri)) } "." }
            @if redirect::is_local(&self.request.redirect_uri) {
                p { "This is a program on your own device: continue only if you have just started \
                     it." }
            }
            form method="post" action="/authorize" {
                input type="hidden" name="ticket" value=(self.ticket);
                fieldset aria-describedby=[of_scopes.described_by(None)] {
                    legend { "What it may do" }
                    (of_scopes.text())
                    (self.scope("read", self.words().0))
                    @if self.request.scopes.has(Scopes::WRITE) { (self.scope("write", self.words().1)) }
                    @for name in self.request.upstreams.names() { (self.scope(name, &self.uses(name))) }
                }
                (token_field(self.person.is_none(), error))
                @for upstream in self.keys { (self.key(upstream)) }
                button.yes name="answer" value="allow" { "Allow" }
                button name="answer" value="deny" formnovalidate { "Do not allow" }
            }
            p.hint { "You can revoke this at any time on " a href="/account" { "your account page" } "." }
        };
        let what = if self.request.door.is_empty() { "SiteBay" } else { &self.request.door };
        page(&format!("Let {client} use {what}?"), &body)
    }

    /// A scope, ticked unless the person removed it.
    fn scope(&self, name: &str, what: &str) -> Markup {
        html! {
            label {
                input type="checkbox" name=(SCOPE) value=(name) checked[self.submitted.is_ticked(name)];
                " " (what)
            }
        }
    }

    /// The fields for a key, which need not be filled in.
    fn key(&self, upstream: &Upstream) -> Markup {
        let (stack, error) = (self.submitted.stack(upstream), self.submitted.error.as_ref());
        let suffix = &upstream.name;
        let fields = KeyFields { upstream, suffix, is_required: false, stack, error };
        html! {
            fieldset {
                legend { "Connect " (upstream.name) }
                (fields.markup())
            }
        }
    }

    /// What is asked for, in a sentence that begins with the client.
    fn asks(&self) -> Markup {
        html! {
            @match self.request.door.as_str() {
                "" => { " asks to act on your SiteBay account. " },
                door => { " asks to use " b { (door) } ", a server that stands behind this one. " },
            }
        }
    }

    /// The scopes to read and to write, in words.
    fn words(&self) -> (&'static str, &'static str) {
        match self.request.door.is_empty() {
            true => (
                "See your sites, their files, logs, backups and settings",
                "Change, create, restore and delete them",
            ),
            false => ("Use what only reads", "Use what may change or destroy something"),
        }
    }

    /// A scope of upstreams, in words.
    fn uses(&self, scope: &str) -> String {
        let opened: Vec<&str> = self.offer.opened_by(scope).collect();
        match &opened[..] {
            [] => format!("Use what needs the permission {scope}"),
            [one] => format!("Use {one}, a server that stands behind this one"),
            several => format!("Use {}, servers that stand behind this one", several.join(" and ")),
        }
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

#[cfg(test)]
mod tests {
    use gateway::{
        address::Surroundings,
        config::{Rules, Upstreams},
    };
    use mcp_auth::upstream_scopes::UpstreamScopes;

    use super::*;

    fn request(name: &str, scopes: Scopes) -> Authorization {
        Authorization {
            client_id: "x".into(),
            client_name: name.into(),
            redirect_uri: "https://claude.ai/cb".into(),
            state: None,
            scopes,
            upstreams: UpstreamScopes::default(),
            door: String::new(),
            challenge: String::new(),
        }
    }

    fn shown(request: &Authorization, wrong: Option<&'static str>) -> String {
        let submitted =
            Submission { error: wrong.map(InputError::of_form), ..Submission::default() };
        let offer = Offer::new([("tickets", "upstream:tickets"), ("a", "shared"), ("b", "shared")]);
        let submitted = &submitted;
        Consent { request, offer: &offer, person: None, keys: &[], ticket: "t", submitted }.page().0
    }

    #[test]
    fn a_key_can_be_connected_on_the_way() {
        let rules =
            Rules { reserved: &[], surroundings: Surroundings::default(), secret: &|_: &str| None };
        let settings = r#"{"keboola":{"template":"keboola"}}"#;
        let upstreams = Upstreams::read(Some(settings), &rules);
        let (request, offer) = (request("App", Scopes::WRITE), Offer::default());
        let keys = [upstreams.get("keboola").unwrap()];
        let shown = |keys: &[&Upstream]| {
            let (request, offer, submitted) = (&request, &offer, &Submission::default());
            Consent { request, offer, person: None, keys, ticket: "t", submitted }.page().0
        };
        let page = shown(&keys);
        for part in [
            "<legend>Connect keboola</legend>",
            "name=\"stack-keboola\"",
            "name=\"key-keboola\" type=\"password\" autocomplete=\"off\"",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(!page.contains("<script") && !shown(&[]).contains("key-keboola"), "{page}");
    }

    #[test]
    fn after_an_error_the_page_keeps_what_was_entered_but_secrets() {
        let rules =
            Rules { reserved: &[], surroundings: Surroundings::default(), secret: &|_: &str| None };
        let upstreams = Upstreams::read(Some(r#"{"keboola":{"template":"keboola"}}"#), &rules);
        let there = UpstreamScopes::parse("upstream:keboola upstream:tickets");
        let request = Authorization { upstreams: there, ..request("App", Scopes::WRITE) };
        let (offer, keys) = (Offer::default(), [upstreams.get("keboola").unwrap()]);
        let form = Form::parse(
            "scope=read&scope=upstream:keboola&scope=%22%3E%3Cscript&token=s3cret-1&key-keboola=s3cret-2\
             &stack-keboola=eu-central-1.keboola.com",
        );
        let error = InputError::of_field("key-keboola", "It is refused.");
        let submitted = &Submission::of(&form, &keys, error);
        let (request, offer, keys) = (&request, &offer, &keys[..]);
        let page = Consent { request, offer, person: None, keys, ticket: "t", submitted }.page().0;
        for part in [
            "value=\"read\" checked",
            "value=\"upstream:keboola\" checked",
            "value=\"write\">",
            "value=\"upstream:tickets\">",
            "<option value=\"eu-central-1.keboola.com\" selected>",
            "autofocus aria-invalid=\"true\" aria-describedby=\"key-keboola-error key-keboola-hint\"",
            "<p class=\"wrong\" role=\"alert\" id=\"key-keboola-error\">It is refused.</p>",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert_eq!(page.matches("role=\"alert\"").count(), 1, "{page}");
        assert!(!page.contains("s3cret") && !page.contains("<script"), "{page}");
    }

    #[test]
    fn scopes_of_upstreams_are_said_in_words() {
        let upstreams = UpstreamScopes::parse("upstream:tickets shared <b>");
        let request = Authorization { upstreams, ..request("App", Scopes::WRITE) };
        let page = shown(&request, None);
        for words in [
            "value=\"upstream:tickets\"",
            "Use tickets, a server that stands behind this one",
            "value=\"shared\"",
            "Use a and b, servers that stand behind this one",
            "value=\"&lt;b&gt;\"",
            "act on your SiteBay account",
        ] {
            assert!(page.contains(words), "{words}: {page}");
        }
        let at_door = Authorization { door: "tickets".into(), ..request };
        let page = shown(&at_door, None);
        assert!(
            page.contains("asks to use <b>tickets</b>") && page.contains("Let App use tickets?")
        );
        assert!(!page.contains("SiteBay account") && !page.contains("your sites"), "{page}");
    }

    #[test]
    fn a_person_sees_client_host_and_scopes() {
        let request = request("<script>Cläude</script>", Scopes::WRITE);
        let page = shown(&request, None);
        assert!(page.contains("&lt;script&gt;Cläude") && !page.contains("<script"), "{page}");
        assert!(page.contains("<b>claude.ai</b>"), "{page}");
        assert!(page.contains("value=\"read\"") && page.contains("value=\"write\""), "{page}");
    }

    #[test]
    fn what_was_not_asked_for_is_not_offered() {
        let request = request("", Scopes::READ);
        let page = shown(&request, Some("no"));
        assert!(page.contains("An app without a name"), "{page}");
        assert!(page.contains("role=\"alert\"") && !page.contains("value=\"write\""), "{page}");
    }
}
