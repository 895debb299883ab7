//! The object of one OAuth grant: its code, its refresh tokens, and the sealed credential.
//!
//! Invariant: a request is decided on what is in memory, and written, without an await in between:
//! requests interleave, and two of them must never get the same token's successor twice. A grant that
//! is over leaves nothing behind.

#![expect(missing_docs, reason = "`durable_object` makes methods without")]

use std::{
    cell::{Cell, RefCell},
    panic::RefUnwindSafe,
    rc::Rc,
};

use futures_util::FutureExt as _;
use worker::{DurableObject, Env, Result, State};
use worker_macros::durable_object;

use crate::{
    objects::rows::Rows,
    platform::{
        clock::now_s,
        http::{self, Request, Response},
        object::keep,
        workers::WorkersPlatform,
    },
    state,
    stubs::{audit, hub::Hub},
};
use mcp_auth::oauth::{
    ask::Ask,
    fault::Fault,
    grant::{GONE, Generation, Grant, Refused, Terms},
};
use mcp_platform::Platform as _;
use mcp_protocol::object::Object as Json;
use mcp_server::telemetry::audit::{Entry, GrantEvent};

const GRANT: &str = "grant";

/// Keeps one grant.
#[durable_object(alarm)]
pub struct GrantAgent(Rc<Core>);

impl RefUnwindSafe for GrantAgent {}

impl DurableObject for GrantAgent {
    fn new(state: State, env: Env) -> Self {
        Self(Rc::new(Core::new(state, env)))
    }

    async fn fetch(&self, request: worker::Request) -> Result<worker::Response> {
        self.0.clone().receive(request.into()).boxed_local().await.map(Into::into)
    }

    async fn alarm(&self) -> Result<worker::Response> {
        self.0.rows.clear(&|_| 0).await?;
        worker::Response::empty()
    }
}

struct Core {
    state: Rc<State>,
    env: Env,
    rows: Rows,
    grant: RefCell<Option<Grant>>,
    loaded: Cell<bool>,
}

impl Core {
    fn new(state: State, env: Env) -> Self {
        let state = Rc::new(state);
        let rows = Rows::new(state.clone());
        Self { rows, state, env, grant: RefCell::default(), loaded: Cell::new(false) }
    }

    async fn receive(self: Rc<Self>, request: Request) -> Result<Response> {
        let path = request.path();
        let ask = Ask::read(path, &request.text().await?);
        self.load().await?;
        match ask {
            Some(Ask::Create(terms)) => self.create(terms).await,
            Some(Ask::Redeem(by, redirect_uri, verifier)) => {
                let now = WorkersPlatform.now_ms();
                self.give(&mut |grant| {
                    grant.redeem(by.bearer(), redirect_uri.as_deref(), &verifier, now)
                })
                .await
            }
            Some(Ask::Refresh(by, generation)) => {
                let now = WorkersPlatform.now_ms();
                self.give(&mut |grant| grant.refresh(by.bearer(), generation, now)).await
            }
            Some(Ask::Look(secret)) => self.look(&|grant| {
                grant.is_live(&secret, now_s()).then(|| grant.terms.credential.clone())
            }),
            Some(Ask::Revoke(by)) => {
                let may = |terms: &Terms| terms.client == by.client && terms.secret == by.secret;
                self.end_if(&may, GrantEvent::Revoked).await
            }
            Some(Ask::TakeBack(subject)) => {
                self.end_if(&|terms| terms.subject == subject, GrantEvent::TakenBack).await
            }
            None => http::text(404, "not for a grant"),
        }
    }

    async fn load(&self) -> Result<()> {
        if self.loaded.get() {
            return Ok(());
        }
        let stored = self.rows.get(GRANT).await?;
        // Another request may have come first while this one read.
        if !self.loaded.replace(true) {
            *self.grant.borrow_mut() = stored.and_then(|text| Grant::from_json(&text));
        }
        Ok(())
    }

    async fn create(&self, terms: Terms) -> Result<Response> {
        let grant = Grant::new(terms, now_s());
        *self.grant.borrow_mut() = Some(grant.clone());
        // Before it is saved: a caller that leaves may end this in between.
        self.note(&grant.terms, GrantEvent::Given);
        self.save(&grant).await?;
        http::empty(200)
    }

    /// Decides about tokens: what to put into them, or a fault.
    async fn give(
        self: &Rc<Self>,
        decide: &mut dyn FnMut(&mut Grant) -> std::result::Result<Generation, Refused>,
    ) -> Result<Response> {
        let decided = self.grant.borrow_mut().as_mut().map(|grant| {
            let before = grant.clone();
            let given = decide(grant);
            (given, grant.clone(), before != *grant)
        });
        match decided {
            None => refuse(GONE),
            Some((Ok(generation), grant, changed)) => {
                if changed {
                    self.save(&grant).await?;
                    self.list(&grant);
                }
                http::text(200, &granted(generation, &grant.terms))
            }
            Some((Err(refused @ Refused::Stolen(_)), grant, _)) => {
                self.end(&grant.terms, GrantEvent::Reused).await?;
                refuse(refused.fault())
            }
            Some((Err(refused @ Refused::Over(_)), ..)) => {
                *self.grant.borrow_mut() = None;
                self.state.storage().delete_all().await?;
                refuse(refused.fault())
            }
            Some((Err(refused), ..)) => refuse(refused.fault()),
        }
    }

    fn look(&self, seen: &dyn Fn(&Grant) -> Option<String>) -> Result<Response> {
        match self.grant.borrow().as_ref().and_then(seen) {
            Some(text) => http::text(200, &text),
            None => refuse(GONE),
        }
    }

    async fn end_if(
        self: &Rc<Self>,
        may: &dyn Fn(&Terms) -> bool,
        why: GrantEvent,
    ) -> Result<Response> {
        let terms = self.grant.borrow().as_ref().map(|grant| grant.terms.clone());
        match terms.filter(|terms| may(terms)) {
            Some(terms) => {
                self.end(&terms, why).await?;
                http::empty(200)
            }
            None => refuse(GONE),
        }
    }

    async fn end(self: &Rc<Self>, terms: &Terms, why: GrantEvent) -> Result<()> {
        *self.grant.borrow_mut() = None;
        self.note(terms, why);
        let (hub, name) = (Hub::new(&self.env, terms.subject), self.name());
        let dropped = async move {
            if let Err(error) = hub.drop_grant(name).await {
                log::error!("an ended grant could not be removed from the hub's list: {error}");
            }
        };
        keep(&self.state, dropped.boxed_local());
        self.state.storage().delete_all().await
    }

    async fn save(&self, grant: &Grant) -> Result<()> {
        self.rows.put(GRANT, &grant.to_json(), grant.ends_s).await
    }

    /// Has the person's hub list it, while this goes on.
    fn list(&self, grant: &Grant) {
        let (hub, name) = (Hub::new(&self.env, grant.terms.subject), self.name());
        let (until, about) = (grant.ends_s, about(grant));
        let listed = async move {
            if let Err(error) = hub.put_grant(name, about, until).await {
                log::error!("a grant could not be added to the hub's list: {error}");
            }
        };
        keep(&self.state, listed.boxed_local());
    }

    /// Notes in the audit what became of it.
    fn note(&self, terms: &Terms, happened: GrantEvent) {
        let state = self.state.clone();
        let keep = Rc::new(move |task| keep(&state, task));
        let audit = audit::of(&self.env, &state::config(&self.env), keep);
        let (subject, client) = (Some(terms.subject), &terms.client_name);
        audit.note(Entry::of_grant(happened, subject, client, WorkersPlatform.now_ms()));
    }

    fn name(&self) -> String {
        self.state.id().name().unwrap_or_default()
    }
}

/// What the person's hub lists of a grant.
fn about(grant: &Grant) -> String {
    let terms = &grant.terms;
    Json::new()
        .text("client", &terms.client_name)
        .text("redirect", &terms.redirect_uri)
        .text("scopes", &terms.scopes.names())
        .number("until", grant.ends_s)
        .end()
}

fn granted(generation: Generation, terms: &Terms) -> String {
    format!("{generation} {}", terms.to_json())
}

/// Reads what a grant's object answers that gives tokens.
pub fn read_granted(text: &str) -> Option<(Generation, Terms)> {
    let (generation, terms) = text.split_once(' ')?;
    Some((generation.parse().ok()?, Terms::from_json(terms)?))
}

fn refuse(fault: Fault) -> Result<Response> {
    http::text(fault.status(), &fault.to_json())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use mcp_auth::{oauth::grant, scope::Scopes, subject::Subject};
    use test_support::stored::{of_0_1_0, row_of_0_1_0};

    fn terms() -> Terms {
        Terms {
            subject: Subject([7; 16]),
            client: [1; 32],
            client_name: "An \"app\"".into(),
            redirect_uri: "cursor://x/cb".into(),
            scopes: Scopes::WRITE,
            challenge: "challenge".into(),
            origin: [2; 32],
            secret: [9; 32],
            credential: "c2VhbGVk".into(),
        }
    }

    /// What a hub lists of a grant.
    pub(in crate::objects) fn listed() -> String {
        about(&Grant::new(terms(), 1_000))
    }

    #[test]
    fn the_row_of_a_grant_is_read_as_it_was_written() {
        let new = Grant::new(terms(), 1_000);
        let text = new.to_json();
        let stored = row_of_0_1_0("grant", GRANT, &text, new.ends_s);
        assert_eq!(Grant::from_json(&stored), Some(new));
    }

    #[test]
    fn answers_of_a_grant_are_read_as_they_were_written() {
        let given = of_0_1_0("answer-grant-tokens", &granted(3, &terms()));
        assert_eq!(read_granted(&given), Some((3, terms())));
        // The description is for people, and may change.
        let written =
            r#"{"error":"invalid_grant","error_description":"it was revoked, or has run out"}"#;
        let refused = of_0_1_0("answer-grant-refused", written);
        assert!(refused.contains("invalid_grant") && grant::GONE.status() == 400);
    }
}
