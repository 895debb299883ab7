//! Keys for upstreams that a person connects while they agree that an app may act for them.
//!
//! Invariant: a key is asked for where the agreement opens an upstream of whose stacks a person has one, and never needed: it
//! can be connected later. It is kept before the agreement is, and the person sees what it opens before they go on.

use std::borrow::Cow;

use maud::{Markup, html};

use super::{
    Server,
    authorize::Undecided,
    entered_key::EnteredKey,
    html::page,
    input_error::InputError,
    key_fields::{KEY, STACK, name, opened},
    person,
};
use crate::{state, stubs::connect};
use gateway::{
    config::{Upstream, Upstreams},
    connect::{
        keboola::Project,
        request::{ConnectAnswer, ConnectRequest},
    },
};
use mcp_auth::{
    oauth::{authorization::Authorization, form::Form, redirect},
    scope::Scopes,
    subject::Subject,
    upstream_scopes::UpstreamScopes,
};
use mcp_server::telemetry::audit::GrantEvent;

const TOO_MANY: &str = "Too many wrong keys were entered. Try again in a minute.";

/// A key that was connected: for which upstream, and what it opens.
pub(super) type ConnectedKey<'a> = (&'a Upstream, Project);

/// The upstreams for which a request may be answered with a key.
pub(super) fn asked<'a>(server: &'a Server<'_>, request: &Authorization) -> Vec<&'a Upstream> {
    match server.config.credential_keys.is_some() {
        true => opened_by(&server.config.upstreams, request, (request.scopes, &request.upstreams)),
        false => Vec::new(),
    }
}

/// Those of which a person has a stack and a key, and that these scopes open at the door of the request.
fn opened_by<'a>(
    upstreams: &'a Upstreams,
    request: &Authorization,
    (scopes, there): (Scopes, &UpstreamScopes),
) -> Vec<&'a Upstream> {
    let is_here = |upstream: &&Upstream| request.door.is_empty() || request.door == upstream.name;
    let is_open = |upstream: &&Upstream| match Scopes::named(&upstream.scope) {
        Scopes::NONE => there.has(&upstream.scope),
        own => scopes.has(own),
    };
    upstreams.iter().filter(|one| one.asks_stack()).filter(is_here).filter(is_open).collect()
}

/// Connects the keys that a person entered, for upstreams that they agreed to.
pub(super) async fn connect<'a>(
    server: &'a Server<'_>,
    form: &Form,
    (request, subject): (&Authorization, Subject),
    granted: (Scopes, &UpstreamScopes),
) -> std::result::Result<Vec<ConnectedKey<'a>>, Undecided> {
    let opened = opened_by(&server.config.upstreams, request, granted);
    let mut checked = Vec::new();
    for upstream in asked(server, request).into_iter().filter(|one| opened.contains(one)) {
        let Some(key) = form.one(&name(KEY, &upstream.name))? else { continue };
        let stack = form.one(&name(STACK, &upstream.name))?;
        let wrong = |field: &str, why: Cow<'static, str>| {
            Undecided::Entered(InputError::of_field(name(field, &upstream.name), why))
        };
        let entered = EnteredKey::read(upstream, key, stack);
        let entered = entered.map_err(|(field, why)| wrong(field, why.into()))?;
        let Ok(counted) = person::begin_attempt(server) else {
            return Err(wrong(KEY, TOO_MANY.into()));
        };
        match entered.check(server, upstream, (subject, &request.client_name)).await {
            Ok(key) => {
                person::forgive_attempt(counted);
                checked.push((upstream, key));
            }
            Err(fault) => {
                if !fault.is_refused {
                    person::forgive_attempt(counted);
                }
                return Err(wrong(KEY, fault.why.into()));
            }
        }
    }
    let mut connected = Vec::new();
    for (upstream, key) in checked {
        let sealed = key.seal(server, subject, upstream).await?;
        let (name, project) = (upstream.name.clone(), key.project.clone());
        let keep = ConnectRequest::Keep { upstream: name, sealed, project };
        match connect::ask(server.env, subject, &keep).await? {
            ConnectAnswer::Done => {}
            _ => {
                return Err(
                    worker::Error::from("the hub gave the answer to another request").into()
                );
            }
        }
        state::forget_connected(subject, &upstream.name);
        server.note_key(GrantEvent::Connected, &upstream.name, (subject, &request.client_name));
        connected.extend(key.project.map(|project| (upstream, project)));
    }
    Ok(connected)
}

/// The page between the agreement and the app, which says what was connected.
pub(super) fn connected_page(
    connected: &[ConnectedKey<'_>],
    request: &Authorization,
    to: &str,
) -> Markup {
    let back = redirect::shown(&request.redirect_uri);
    let body = html! {
        @for (upstream, project) in connected {
            section aria-label=(upstream.name) {
                h2 { (upstream.name) " is connected" }
                (opened(upstream, project))
            }
        }
        p { a href=(to) { "Continue to " (back) } }
        p.hint { "Continue within ten minutes. You can remove what is connected at any time on "
                 a href="/account" { "your account page" } "." }
    };
    page("You agreed", &body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway::{address::Surroundings, config::Rules};

    fn upstreams() -> Upstreams {
        let settings = r#"{
            "keboola": {"template": "keboola"},
            "reads": {"template": "keboola", "scope": "read"},
            "writes": {"template": "keboola", "scope": "write"},
            "admins": {"template": "keboola", "scope": "admin"},
            "accounts": {"template": "keboola", "stacks": ["keboola.com"], "auth": {"kind": "oauth"}},
            "tickets": {"url": "https://tickets.example/mcp", "auth": {"kind": "subject"}}
        }"#;
        let rules =
            Rules { reserved: &[], surroundings: Surroundings::default(), secret: &|_: &str| None };
        let upstreams = Upstreams::read(Some(settings), &rules);
        assert_eq!(upstreams.errors, []);
        upstreams
    }

    fn request(door: &str) -> Authorization {
        Authorization {
            client_id: "x".into(),
            client_name: "App".into(),
            redirect_uri: "https://claude.ai/cb".into(),
            state: None,
            scopes: Scopes::WRITE,
            upstreams: UpstreamScopes::default(),
            door: door.into(),
            challenge: String::new(),
        }
    }

    #[test]
    fn a_key_is_asked_for_where_the_agreement_opens_the_upstream() {
        let upstreams = upstreams();
        let all = UpstreamScopes::parse("upstream:keboola upstream:tickets upstream:accounts");
        let none = UpstreamScopes::default();
        for (door, scopes, there, expected) in [
            ("", Scopes::WRITE, &all, vec!["keboola", "reads", "writes"]),
            ("", Scopes::READ, &all, vec!["keboola", "reads"]),
            ("", Scopes::READ, &none, vec!["reads"]),
            ("", Scopes::NONE, &none, vec![]),
            ("keboola", Scopes::WRITE, &all, vec!["keboola"]),
            ("keboola", Scopes::WRITE, &none, vec![]),
            ("tickets", Scopes::WRITE, &all, vec![]),
        ] {
            let asked = opened_by(&upstreams, &request(door), (scopes, there));
            let names: Vec<&str> = asked.iter().map(|one| one.name.as_str()).collect();
            assert_eq!(names, expected, "{door} {there:?}");
        }
    }

    #[test]
    fn a_person_sees_what_was_connected_and_goes_on_from_there() {
        let upstreams = upstreams();
        let upstream = upstreams.get("keboola").unwrap();
        let project = Project {
            stack: "keboola.com".into(),
            id: "58".into(),
            name: "Sales".into(),
            is_master: true,
            ..Project::default()
        };
        let to = "https://claude.ai/cb?code=a&state=\"b";
        let page = connected_page(&[(upstream, project)], &request(""), to).0;
        for part in [
            "keboola is connected",
            "Sales (58)",
            "a master token",
            "href=\"https://claude.ai/cb?code=a&amp;state=&quot;b\"",
            "Continue to claude.ai",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
    }
}
