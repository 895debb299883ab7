//! The keys for upstreams that a person connected, and the links that were opened: a part of the subject's hub.
//!
//! Invariant: between reading a row and writing it nothing is waited for, so that a link connects once. A key is here as
//! the Worker sealed it.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use futures_channel::oneshot;
use futures_util::FutureExt as _;
use worker::{Env, Result, State};

use crate::{
    objects::rows::{CLOCK_ERROR, Rows},
    platform::{clock::now_s, object::wait_until, workers::WorkersPlatform},
    stubs::{connect, stored_upstreams},
};
use gateway::connect::{
    keboola::Project,
    oauth::token::TokenError,
    request::{ConnectAnswer, ConnectRequest, ListedCredential},
    stored::{KEPT_FOR, LinkFault, OpenedLink, Step, StoredCredential, Visit},
};
use mcp_auth::{secret::Secret, subject::Subject};
use mcp_platform::{Platform as _, SharedPlatform, record::Record as _};
use mcp_protocol::base64url;

/// What the keys of rows begin with that hold a connected key.
const CREDENTIAL: &str = "credential:";
/// What the keys of rows begin with that hold a link.
const LINK: &str = "link:";
/// Links that may be open at a time.
const MAX_LINKS: usize = 100;

/// The connected keys of one subject.
pub struct Connections {
    /// The hub's rows.
    rows: Rc<Rows>,
    state: Rc<State>,
    env: Env,
    /// Those who wait for the renewal of an account, by upstream.
    renewing: RefCell<BTreeMap<String, Vec<oneshot::Sender<()>>>>,
}

/// What a request led to.
pub struct Outcome {
    /// The answer.
    pub answer: ConnectAnswer,
    /// Whether the person sees other lists from now on.
    pub is_changed: bool,
}

impl Connections {
    /// Those of a hub with these rows.
    pub fn new(rows: Rc<Rows>, state: Rc<State>, env: Env) -> Self {
        Self { rows, state, env, renewing: RefCell::default() }
    }

    /// Answers a request.
    pub async fn answer(self: &Rc<Self>, ask: ConnectRequest) -> Result<Outcome> {
        let mut is_changed = false;
        let answer = match ask {
            ConnectRequest::Find { upstream } => ConnectAnswer::Found(self.used(&upstream).await?),
            ConnectRequest::Refuse { upstream, revision } => {
                ConnectAnswer::Found(self.refuse(&upstream, &revision).await?)
            }
            ConnectRequest::Renew { upstream, revision } => {
                ConnectAnswer::Found(self.renew(&upstream, &revision).await?)
            }
            ConnectRequest::Leave { visit, errand } => self
                .errand(&visit, Some(errand))
                .await?
                .map_or_else(ConnectAnswer::Refused, |_| ConnectAnswer::Done),
            ConnectRequest::Return(visit) => self
                .errand(&visit, None)
                .await?
                .map_or_else(ConnectAnswer::Refused, ConnectAnswer::Errand),
            ConnectRequest::Open(visit) => match self.visit(&visit, OpenedLink::shown).await? {
                Ok(stored) => ConnectAnswer::Opened(stored.map(|stored| stored.connected_ms)),
                Err(fault) => ConnectAnswer::Refused(fault),
            },
            ConnectRequest::Try(visit) => match self.visit(&visit, OpenedLink::tried).await? {
                Ok(_) => ConnectAnswer::Done,
                Err(fault) => ConnectAnswer::Refused(fault),
            },
            ConnectRequest::Connect { visit, sealed, project } => {
                match self.visit(&visit, OpenedLink::used).await? {
                    Ok(_) => {
                        self.store(&visit.upstream, &connected_now(sealed, project)).await?;
                        is_changed = true;
                        ConnectAnswer::Done
                    }
                    Err(fault) => ConnectAnswer::Refused(fault),
                }
            }
            ConnectRequest::Keep { upstream, sealed, project } => {
                self.store(&upstream, &connected_now(sealed, project)).await?;
                is_changed = true;
                ConnectAnswer::Done
            }
            ConnectRequest::Remove(visit) => match self.visit(&visit, OpenedLink::used).await? {
                Ok(_) => {
                    is_changed = self.forget(&visit.upstream).await?;
                    ConnectAnswer::Done
                }
                Err(fault) => ConnectAnswer::Refused(fault),
            },
            ConnectRequest::Forget { upstream } => {
                is_changed = self.forget(&upstream).await?;
                ConnectAnswer::Done
            }
            ConnectRequest::List => ConnectAnswer::All(self.all().await?),
        };
        Ok(Outcome { answer, is_changed })
    }

    /// Removes all keys. Returns whether there were any.
    pub async fn clear(&self) -> Result<bool> {
        let all = self.all().await?;
        let keys = all.iter().map(|listed| credential_key(&listed.upstream)).collect();
        Ok(self.rows.remove(keys).await? > 0)
    }

    /// A key that is about to be used.
    async fn used(&self, upstream: &str) -> Result<Option<StoredCredential>> {
        let key = credential_key(upstream);
        let Some((until, text)) = self.rows.get_with_end(&key).await? else {
            return Ok(None);
        };
        let stored = StoredCredential::from_json(&text).filter(|_| until > now_s());
        if let Some(stored) = stored.as_ref().filter(|stored| !stored.is_refused)
            && StoredCredential::is_prolonged(until, now_s())
        {
            self.store(upstream, stored).await?;
        }
        Ok(stored)
    }

    async fn refuse(&self, upstream: &str, revision: &str) -> Result<Option<StoredCredential>> {
        let key = credential_key(upstream);
        let Some((until, text)) = self.rows.get_with_end(&key).await? else {
            return Ok(None);
        };
        let Some(stored) = StoredCredential::from_json(&text).filter(|_| until > now_s()) else {
            return Ok(None);
        };
        if stored.is_refused || !stored.is(revision) {
            return Ok(Some(stored));
        }
        let refused = StoredCredential { is_refused: true, ..stored };
        self.rows.put(&key, &refused.to_json(), until).await?;
        Ok(Some(refused))
    }

    /// An account with its next token: renewed once, however many ask for it, and also where all of them leave.
    async fn renew(
        self: &Rc<Self>,
        upstream: &str,
        revision: &str,
    ) -> Result<Option<StoredCredential>> {
        let stored = self.used(upstream).await?;
        let is_due = |stored: &StoredCredential| !stored.is_refused && stored.is(revision);
        let Some(due) = stored.clone().filter(is_due) else {
            return Ok(stored);
        };
        let (renewed, waits) = oneshot::channel();
        let begins = {
            let mut renewing = self.renewing.borrow_mut();
            let begins = !renewing.contains_key(upstream);
            renewing.entry(upstream.to_owned()).or_default().push(renewed);
            begins
        };
        if begins {
            let (hub, name) = (self.clone(), upstream.to_owned());
            let renewal = async move {
                if let Err(error) = hub.renew_now(&name, due).await {
                    log::error!("a token of a person could not be renewed: {error}");
                }
                let waiting = hub.renewing.borrow_mut().remove(&name).unwrap_or_default();
                for waiting in waiting {
                    let _ = waiting.send(());
                }
            };
            wait_until(&self.state, renewal.boxed_local());
        }
        let _ = waits.await;
        self.used(upstream).await
    }

    async fn renew_now(&self, upstream: &str, due: StoredCredential) -> Result<()> {
        let config = stored_upstreams::current(&self.env).await;
        let name = self.state.id().name().unwrap_or_default();
        let subject = name.strip_prefix("hub-").and_then(Subject::read);
        let (Some(subject), Some(configured)) = (subject, config.upstreams.get(upstream)) else {
            return Ok(());
        };
        let Some(account) = connect::account(&config, subject, configured, &due).await else {
            return Ok(());
        };
        let platform: SharedPlatform = Rc::new(WorkersPlatform);
        let surroundings = connect::surroundings(&config);
        let renewed = account.renewed(&configured.credential, now_s(), surroundings, &platform);
        let next = match renewed.await {
            Ok(next) => {
                let text = Secret::new(next.to_json());
                let sealed = connect::seal(&config, subject, (configured, None), &text).await?;
                StoredCredential { sealed, ..due.clone() }
            }
            Err(TokenError::Refused) => StoredCredential { is_refused: true, ..due.clone() },
            Err(TokenError::Unavailable(why)) => {
                log::error!("the token of a person for `{upstream}` could not be renewed: {why}");
                return Ok(());
            }
        };
        // The person may have connected another account meanwhile, or removed it.
        let now = self.rows.get(&credential_key(upstream)).await?;
        let now = now.as_deref().and_then(StoredCredential::from_json);
        match now.is_some_and(|now| now.sealed == due.sealed) {
            true => self.store(upstream, &next).await,
            false => Ok(()),
        }
    }

    /// Puts the errand of a browser into the row of its link, or takes it out. Returns what was there.
    async fn errand(
        &self,
        visit: &Visit,
        errand: Option<String>,
    ) -> Result<std::result::Result<Option<String>, LinkFault>> {
        if let Err(fault) = self.visit(visit, OpenedLink::shown).await? {
            return Ok(Err(fault));
        }
        let key = link_key(visit);
        let link = self.rows.get(&key).await?;
        let Some(mut link) = link.as_deref().and_then(OpenedLink::from_json) else {
            return Ok(Err(LinkFault::Over));
        };
        let before = std::mem::replace(&mut link.errand, errand);
        let until = visit.until().saturating_add(CLOCK_ERROR);
        self.rows.put(&key, &link.to_json(), until).await?;
        Ok(Ok(before))
    }

    async fn store(&self, upstream: &str, stored: &StoredCredential) -> Result<()> {
        let until = now_s().saturating_add(KEPT_FOR);
        self.rows.put(&credential_key(upstream), &stored.to_json(), until).await
    }

    /// Whether there was a key.
    async fn forget(&self, upstream: &str) -> Result<bool> {
        Ok(self.rows.remove(vec![credential_key(upstream)]).await? > 0)
    }

    async fn all(&self) -> Result<Vec<ListedCredential>> {
        let mut all = Vec::new();
        let mut show = |upstream: &str, text: &str| {
            if let Some(stored) = StoredCredential::from_json(text) {
                let StoredCredential { connected_ms, is_refused, project, .. } = stored;
                let upstream = upstream.to_owned();
                all.push(ListedCredential { upstream, connected_ms, is_refused, project });
            }
        };
        self.rows.each(CREDENTIAL, &mut show).await?;
        Ok(all)
    }

    /// A step of a link. Returns the key that is connected.
    async fn visit(
        &self,
        visit: &Visit,
        step: Step,
    ) -> Result<std::result::Result<Option<StoredCredential>, LinkFault>> {
        let key = link_key(visit);
        let stored = self.rows.get(&credential_key(&visit.upstream)).await?;
        let stored = stored.as_deref().and_then(StoredCredential::from_json);
        let before = self.rows.get(&key).await?;
        let before = before.as_deref().and_then(OpenedLink::from_json);
        let after = match OpenedLink::after(before.as_ref(), stored.as_ref(), (step, visit)) {
            Ok(after) => after,
            Err(fault) => return Ok(Err(fault)),
        };
        if before.is_none() && self.rows.count(LINK).await? >= MAX_LINKS {
            return Ok(Err(LinkFault::TooMany));
        }
        if before.as_ref() != Some(&after) {
            let until = visit.until().saturating_add(CLOCK_ERROR);
            self.rows.put(&key, &after.to_json(), until).await?;
        }
        Ok(Ok(stored))
    }
}

fn connected_now(sealed: String, project: Option<Project>) -> StoredCredential {
    let connected_ms = WorkersPlatform.now_ms();
    StoredCredential { sealed, connected_ms, is_refused: false, project }
}

fn credential_key(upstream: &str) -> String {
    format!("{CREDENTIAL}{upstream}")
}

fn link_key(visit: &Visit) -> String {
    format!("{LINK}{}", base64url::to_text(&visit.link))
}
