//! The registration of a session object with the hub of its subject.
//!
//! Invariant: the hub knows the object while one of its sessions needs to hear of changes made elsewhere: it has a
//! long-lived stream or a subscription. Nothing else calls the hub. While the subject's SiteBay token is unverified the
//! hub is not called at all, because a call would create it; the registration follows when the token works.

use std::rc::Rc;

use uuid::Uuid;
use worker::Result;

use super::{SETTINGS, Sessions, attachment, stored};
use crate::{platform::socket, state, stubs::hub::Hub, wiring::REGISTRY};
use mcp_auth::{
    principal::Principal,
    secret::Secret,
    session_id::{Claims, Placement},
};
use mcp_server::{hub::Watched, notifier::ChangeEvent};

/// The registration of this object at its hub.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Registration {
    /// As an earlier incarnation of the object left it.
    Unknown,
    /// Nothing.
    No,
    /// Registered for changes until then.
    Until(u64),
}

impl Sessions {
    /// Makes the registrations that were skipped while the caller's token was unverified.
    pub async fn trust(&self, principal: &Principal, own_token: Option<&Secret>) {
        if !self.unverified.replace(false) {
            return;
        }
        let listening = self.listening().await.unwrap_or_default();
        let Some(claims) = listening.iter().max_by_key(|claims| claims.expires) else {
            return;
        };
        self.register(claims).await;
        let watches = self.watched().await.is_ok_and(|uris| !uris.is_empty());
        if watches && state::config(&self.env).may_watch(principal) {
            self.look(claims, Some((principal, own_token))).await;
        }
    }

    /// Records a change that is about to be announced. False if the same one waits already:
    /// consecutive identical changes are merged.
    pub fn is_first(&self, origin: &Claims, news: &ChangeEvent) -> bool {
        let mut waiting = self.waiting.borrow_mut();
        let known =
            waiting.iter().any(|(session, known)| *session == origin.session && known == news);
        if !known {
            waiting.push((origin.session, news.clone()));
        }
        !known
    }

    /// Announces a change in one of these sessions to the subject's other sessions and listeners.
    pub async fn announce(self: &Rc<Self>, origin: &Claims, news: &ChangeEvent) {
        let told =
            |waiting: &(Uuid, ChangeEvent)| waiting.0 == origin.session && waiting.1 == *news;
        self.waiting.borrow_mut().retain(|waiting| !told(waiting));
        // Alone in its object, the session that knows it is all there is.
        if origin.placement == Placement::Subject
            && let Err(error) = self.notify(news, Some(origin.session)).await
        {
            log::error!("sessions of the same object could not be notified: {error}");
        }
        if self.unverified.get() {
            return;
        }
        Hub::new(&self.env, origin.subject).announce_from(origin.object(), news).await;
    }

    /// Notifies the sessions with a stream or a subscription, but for one. Returns false if there is none.
    pub async fn notify(self: &Rc<Self>, news: &ChangeEvent, but: Option<Uuid>) -> Result<bool> {
        let listening = self.listening().await?;
        for claims in listening.iter().filter(|claims| Some(claims.session) != but) {
            if let Some(session) = self.get(claims).await? {
                session.notify(news);
            }
        }
        Ok(self.is_heard(!listening.is_empty()))
    }

    /// Has the hub tell this object of changes until the session's id runs out. The hub answers since
    /// when sessions count: an object that was not registered did not learn that all were ended.
    pub async fn register(&self, claims: &Claims) {
        if self.unverified.get() {
            return;
        }
        let (until, before) = (u64::from(claims.expires), self.registered.get());
        if matches!(before, Registration::Until(known) if known >= until) {
            return;
        }
        let not_before =
            match Hub::new(&self.env, claims.subject).watch(claims.object(), until).await {
                Ok(not_before) => not_before,
                Err(error) => {
                    return log::error!(
                        "a session could not register with its hub, \
                                                    and misses changes made elsewhere: {error}"
                    );
                }
            };
        // Where the object was taken off the hub's list meanwhile, it may be off it now.
        if self.registered.get() == before {
            self.registered.set(Registration::Until(until));
        }
        if claims.issued <= not_before
            && let Err(error) = self.end_until(not_before).await
        {
            log::error!("sessions that were ended elsewhere could not be closed: {error}");
        }
    }

    /// Has the hub look at what the sessions watch, with what a caller brings, or brought before.
    pub async fn look(&self, claims: &Claims, who: Option<(&Principal, Option<&Secret>)>) {
        if self.unverified.get() {
            return;
        }
        let uris = self.watched().await.unwrap_or_default();
        let (hub, until) = (Hub::new(&self.env, claims.subject), u64::from(claims.expires));
        if let Err(error) = hub.look(claims.object(), until, &uris, who).await {
            log::error!("the hub could not be asked to poll watched resources: {error}");
        }
    }

    /// The resources that are watched and change by themselves: as many as a hub looks at.
    async fn watched(&self) -> Result<Vec<String>> {
        let mut watched = Watched::default();
        let mut show = |_: &str, text: &str| {
            let subscriptions = stored(text).map(|stored| stored.settings.subscriptions);
            subscriptions.iter().flatten().for_each(|uri| watched.add(&REGISTRY, uri));
        };
        self.rows.each(SETTINGS, &mut show).await?;
        Ok(watched.into_uris())
    }

    /// Unregisters this object from the hub, if no session listens.
    pub(super) async fn leave(&self, claims: &Claims) {
        if self.registered.get() == Registration::No || self.unverified.get() {
            return;
        }
        if self.has_listeners().await {
            // Others may go on watching less.
            if claims.placement == Placement::Subject {
                self.look(claims, None).await;
            }
            return;
        }
        self.registered.set(Registration::No);
        if let Err(error) = Hub::new(&self.env, claims.subject).unwatch(claims.object()).await {
            // The hub finds out with its next news.
            log::error!("a session could not deregister from its hub: {error}");
        }
        // A session that came in the meantime may have been unregistered with it.
        if let Ok(listening) = self.listening().await
            && let Some(claims) = listening.iter().max_by_key(|claims| claims.expires)
        {
            self.registered.set(Registration::No);
            self.register(claims).await;
        }
    }

    /// Records that the hub removes this object if no session listens. A stream that was opened while
    /// others were notified counts.
    pub(super) fn is_heard(&self, listening: bool) -> bool {
        let heard = listening || self.state.get_websockets().iter().any(socket::is_open);
        if !heard {
            self.registered.set(Registration::No);
        }
        heard
    }

    async fn has_listeners(&self) -> bool {
        // A row that cannot be read may exist.
        self.listening().await.map_or(true, |listening| !listening.is_empty())
    }

    /// The sessions that have a reason to hear of changes.
    pub(super) async fn listening(&self) -> Result<Vec<Claims>> {
        let mut listening = self.watching().await?;
        for socket in self.state.get_websockets() {
            if let Some(kept) = attachment(&socket).filter(|_| socket::is_open(&socket))
                && listening.iter().all(|known| known.session != kept.claims.session)
            {
                listening.push(kept.claims);
            }
        }
        Ok(listening)
    }

    /// The sessions with subscriptions.
    pub(super) async fn watching(&self) -> Result<Vec<Claims>> {
        let mut watching = Vec::new();
        let mut show = |_: &str, text: &str| {
            if let Some(stored) = stored(text).filter(|stored| stored.settings.watches_any()) {
                watching.push(stored.claims);
            }
        };
        self.rows.each(SETTINGS, &mut show).await?;
        Ok(watching)
    }
}
