//! The object of one OAuth grant: its code, its refresh tokens, and the sealed credential.
//!
//! Invariant: a request is decided on what is in memory, and written, without an await in between:
//! requests interleave, and two of them must never get the same token's successor twice. A grant that
//! is over leaves nothing behind.

#![expect(missing_docs, reason = "`durable_object` makes methods without")]

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use futures_util::FutureExt as _;
use worker::{Env, Result, State};

use crate::{
    objects::{class::class, rows::Rows},
    platform::{
        clock::now_s,
        http::{self, Request, Response},
        object::{self, wait_until},
        workers::WorkersPlatform,
    },
    state,
    stubs::{audit, hub::Hub},
};
use mcp_auth::oauth::{
    error::OAuthError,
    grant::{GONE, Generation, Grant, GrantError, GrantTerms},
    grant_request::{Answer, Given, GrantRequest, Said},
};
use mcp_platform::{Platform as _, record::Record as _};
use mcp_server::{
    hub::AboutGrant,
    telemetry::audit::{AuditEntry, GrantEvent},
};

const GRANT: &str = "grant";

class! {
    /// Keeps one grant.
    GrantAgent(requests, alarm)
}

struct Inner {
    state: Rc<State>,
    env: Env,
    rows: Rows,
    grant: RefCell<Option<Grant>>,
    loaded: Cell<bool>,
}

impl Inner {
    fn new(state: State, env: Env) -> Self {
        let state = Rc::new(state);
        let rows = Rows::in_table(state.clone());
        Self { rows, state, env, grant: RefCell::default(), loaded: Cell::new(false) }
    }

    async fn receive(self: Rc<Self>, request: Request) -> Result<Response> {
        let asked = object::asked::<GrantRequest>(&request).await?;
        self.load().await?;
        match asked {
            Some((ask, form)) => object::answered::<GrantRequest>(&self.answer(ask).await?, form),
            None => http::text(404, "not for a grant"),
        }
    }

    /// The alarm: the end of rows.
    async fn due(self: Rc<Self>) -> Result<()> {
        self.rows.clear(&|_| 0).await
    }

    async fn answer(self: &Rc<Self>, ask: GrantRequest) -> Result<Answer> {
        let now = WorkersPlatform.now_ms();
        match ask {
            GrantRequest::Create(terms) => self.create(terms).await,
            GrantRequest::Redeem(code) => {
                let (by, uri) = (code.by.bearer(), code.redirect_uri.as_deref());
                self.give(&mut |grant| grant.redeem(by, uri, &code.verifier, now)).await
            }
            GrantRequest::Refresh(token) => {
                let (by, generation) = (token.by.bearer(), token.generation);
                self.give(&mut |grant| grant.refresh(by, generation, now)).await
            }
            GrantRequest::Look(known) => Ok(self.look(&|grant| {
                grant.is_live(&known.secret, now_s()).then(|| grant.terms.credential.clone())
            })),
            GrantRequest::Revoke(by) => {
                let may =
                    |terms: &GrantTerms| terms.client == by.client && terms.secret == by.secret;
                self.end_if(&may, GrantEvent::Revoked).await
            }
            GrantRequest::TakeBack(by) => {
                self.end_if(&|terms| terms.subject == by.subject, GrantEvent::RevokedByOwner).await
            }
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

    async fn create(&self, terms: GrantTerms) -> Result<Answer> {
        let grant = Grant::new(terms, now_s());
        *self.grant.borrow_mut() = Some(grant.clone());
        // Before it is saved: a caller that leaves may end this in between.
        self.note(&grant.terms, GrantEvent::Given);
        self.save(&grant).await?;
        Ok(Answer::Done)
    }

    /// Decides about tokens: what to put into them, or a fault.
    async fn give(
        self: &Rc<Self>,
        decide: &mut dyn FnMut(&mut Grant) -> std::result::Result<Generation, GrantError>,
    ) -> Result<Answer> {
        let decided = self.grant.borrow_mut().as_mut().map(|grant| {
            let before = grant.clone();
            let given = decide(grant);
            (given, grant.clone(), before != *grant)
        });
        match decided {
            None => Ok(refuse(GONE)),
            Some((Ok(generation), grant, changed)) => {
                if changed {
                    self.save(&grant).await?;
                    self.list(&grant);
                }
                Ok(Answer::Given(Box::new(Given { generation, terms: grant.terms })))
            }
            Some((Err(refused @ GrantError::Replayed(_)), grant, _)) => {
                self.end(&grant.terms, GrantEvent::Reused).await?;
                Ok(refuse(refused.fault()))
            }
            Some((Err(refused @ GrantError::Expired(_)), ..)) => {
                *self.grant.borrow_mut() = None;
                self.rows.delete_all().await?;
                Ok(refuse(refused.fault()))
            }
            Some((Err(refused), ..)) => Ok(refuse(refused.fault())),
        }
    }

    fn look(&self, seen: &dyn Fn(&Grant) -> Option<String>) -> Answer {
        match self.grant.borrow().as_ref().and_then(seen) {
            Some(sealed) => Answer::Credential(sealed),
            None => refuse(GONE),
        }
    }

    async fn end_if(
        self: &Rc<Self>,
        may: &dyn Fn(&GrantTerms) -> bool,
        why: GrantEvent,
    ) -> Result<Answer> {
        let terms = self.grant.borrow().as_ref().map(|grant| grant.terms.clone());
        match terms.filter(|terms| may(terms)) {
            Some(terms) => {
                self.end(&terms, why).await?;
                Ok(Answer::Done)
            }
            None => Ok(refuse(GONE)),
        }
    }

    async fn end(self: &Rc<Self>, terms: &GrantTerms, why: GrantEvent) -> Result<()> {
        *self.grant.borrow_mut() = None;
        self.note(terms, why);
        let (hub, name) = (Hub::new(&self.env, terms.subject), self.name());
        let dropped = async move {
            if let Err(error) = hub.drop_grant(name).await {
                log::error!("an ended grant could not be removed from the hub's list: {error}");
            }
        };
        wait_until(&self.state, dropped.boxed_local());
        self.rows.delete_all().await
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
        wait_until(&self.state, listed.boxed_local());
    }

    /// Notes in the audit what became of it.
    fn note(&self, terms: &GrantTerms, happened: GrantEvent) {
        let state = self.state.clone();
        let keep = Rc::new(move |task| wait_until(&state, task));
        let audit = audit::of(&self.env, &state::config(&self.env), keep);
        let (subject, client) = (Some(terms.subject), &terms.client_name);
        audit.note(AuditEntry::of_grant(happened, subject, client, WorkersPlatform.now_ms()));
    }

    fn name(&self) -> String {
        self.state.id().name().unwrap_or_default()
    }
}

/// The grant's entry in the person's hub.
fn about(grant: &Grant) -> AboutGrant {
    let terms = &grant.terms;
    AboutGrant {
        client: terms.client_name.clone(),
        redirect: terms.redirect_uri.clone(),
        scopes: terms.upstreams.with_own(terms.scopes),
        until: grant.ends_s,
    }
}

fn refuse(fault: OAuthError) -> Answer {
    Answer::Refused(Said { status: fault.status(), error: fault.to_json() })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use mcp_auth::{scope::Scopes, subject::Subject, upstream_scopes::UpstreamScopes};
    use test_support::stored::row_of_0_1_0;

    fn grant() -> Grant {
        let terms = GrantTerms {
            subject: Subject([7; 16]),
            client: [1; 32],
            client_name: "An \"app\"".into(),
            redirect_uri: "cursor://x/cb".into(),
            scopes: Scopes::WRITE,
            upstreams: UpstreamScopes::default(),
            challenge: "challenge".into(),
            origin: [2; 32],
            secret: [9; 32],
            credential: "c2VhbGVk".into(),
        };
        Grant::new(terms, 1_000)
    }

    /// A grant's entry in a hub.
    pub(in crate::objects) fn listed() -> AboutGrant {
        about(&grant())
    }

    #[test]
    fn the_row_of_a_grant_of_0_1_0_is_read() {
        let stored = row_of_0_1_0("grant", GRANT, grant().ends_s);
        assert_eq!(Grant::from_json(&stored), Some(grant()));
    }
}
