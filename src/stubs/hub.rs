//! The way to a subject's hub, from the Worker and from session objects: listening, telling what
//! changed, ending sessions, consuming nonces.

use futures_util::{FutureExt as _, future::LocalBoxFuture};
use uuid::Uuid;
use worker::{Env, Error, Headers, Result, WebSocket};

use crate::{
    platform::{clock::now_s, object_stub::ObjectStub, request},
    state,
};
use mcp_auth::{
    authentication::OWN_TOKEN_HEADER, principal::Principal, refusal::Refusal, secret::Secret,
    subject::Subject,
};
use mcp_server::{
    cold::cold,
    hub::{
        AboutGrant, Answer, HubRequest, LISTENER_HEADER, ListedGrant, Listener, PRINCIPAL_HEADER,
        Watcher, hub_name, keep_path, principal_to_ascii,
    },
    notifier::ChangeEvent,
    result_store::ResultStore,
};

/// The binding of the hubs.
pub const HUB_AGENT: &str = "HUB_AGENT";
/// Where the socket of a listener is asked for.
const LISTEN: &str = "https://object/listen";

/// The hub of one subject.
pub struct Hub {
    env: Env,
    subject: Subject,
}

impl Hub {
    /// A subject's.
    pub fn new(env: &Env, subject: Subject) -> Self {
        Self { env: env.clone(), subject }
    }

    /// Notifies all listeners of the subject, and all its sessions. A failure is logged: the
    /// change itself has happened.
    pub async fn announce(&self, news: &[ChangeEvent]) {
        for one in news {
            self.announce_from(String::new(), one).await;
        }
    }

    /// The same for news that arose in the session object of this name, which knows them.
    pub async fn announce_from(&self, origin: String, news: &ChangeEvent) {
        let ask = HubRequest::Announce { origin, news: news.clone() };
        if let Err(error) = self.ask(&ask).await {
            log::error!("listeners could not be notified: {error}");
        }
    }

    /// Registers a session object for changes until then, in seconds since 1970. Returns since when
    /// sessions of the subject count.
    ///
    /// # Errors
    /// Where there are too many, or the hub cannot be asked.
    pub async fn watch(&self, object: String, until: u64) -> Result<u32> {
        time(self.ask(&HubRequest::Watch { object, until }).await?)
    }

    /// Has the hub look at these resources, until then, for the session object, with what the caller
    /// brings, if it is given.
    ///
    /// # Errors
    /// Where the hub cannot be asked.
    pub async fn look(
        &self,
        object: String,
        until: u64,
        uris: &[String],
        who: Option<(&Principal, Option<&Secret>)>,
    ) -> Result<()> {
        let headers = Headers::new();
        if let Some((principal, token)) = who {
            brings(&headers, principal, token)?;
        }
        let ask = HubRequest::Look { object, until, uris: uris.to_vec() };
        done(self.ask_with(&ask, &headers).await?)
    }

    /// Unregisters a session object.
    ///
    /// # Errors
    /// Where the hub cannot be asked.
    pub async fn unwatch(&self, object: String) -> Result<()> {
        done(self.ask(&HubRequest::Unwatch { object }).await?)
    }

    /// Whether a session that was issued then was ended with all others: what the isolate knows of
    /// the last 30 s, else what the hub says, else what the isolate knows of the last 5 min.
    ///
    /// `unverified` is the caller's account, where its SiteBay token is unverified. The hub of such a
    /// subject is not asked, because that would make one for each invented token. That a session of
    /// one was ended takes effect when its token works.
    ///
    /// # Errors
    /// 503 if that cannot be found out.
    pub async fn has_ended(
        env: &Env,
        unverified: Option<Subject>,
        subject: Subject,
        issued: u32,
    ) -> std::result::Result<bool, Refusal> {
        let now = now_s();
        let is_verified = |account| state::with_known_tokens(|known| known.knows(account, subject));
        let not_before = match state::not_before(subject, now) {
            Some(known) => known,
            None if !unverified.is_none_or(is_verified) => return Ok(false),
            None => cold(Self::new(env, subject).look_up(now)).await?,
        };
        Ok(issued <= not_before)
    }

    async fn look_up(&self, now: u64) -> std::result::Result<u32, Refusal> {
        match self.not_before().await {
            Ok(not_before) => Ok(state::note_not_before(self.subject, not_before, now)),
            Err(error) => {
                log::error!("the hub did not say which sessions were ended: {error}");
                let known = state::usable_not_before(self.subject, now);
                known.ok_or(Refusal::HubUnreachable)
            }
        }
    }

    async fn not_before(&self) -> Result<u32> {
        time(self.ask(&HubRequest::NotBefore).await?)
    }

    /// Ends all sessions that were issued then, in seconds since 1970, or before. Other isolates
    /// know it after 30 s at the latest, this one at once.
    ///
    /// # Errors
    /// Where the hub cannot be asked.
    pub async fn end_sessions(&self, not_before: u32) -> Result<()> {
        let ended = time(self.ask(&HubRequest::End { not_before }).await?)?;
        state::note_not_before(self.subject, ended, now_s());
        Ok(())
    }

    /// Consumes a nonce, which is remembered until then, in seconds since 1970. False: it was
    /// consumed before.
    ///
    /// # Errors
    /// Where the hub cannot be asked; the nonce may be consumed all the same.
    pub async fn consume(&self, nonce: [u8; 16], until_s: u64) -> Result<bool> {
        match self.ask(&HubRequest::Consume { nonce, until: until_s }).await? {
            Answer::Consumed(consumed) => Ok(consumed),
            other => Err(unexpected(&other)),
        }
    }

    /// Lists an OAuth grant until then, in seconds since 1970.
    ///
    /// # Errors
    /// Where there are too many, or the hub cannot be asked.
    pub async fn put_grant(&self, grant: String, about: AboutGrant, until_s: u64) -> Result<()> {
        done(self.ask(&HubRequest::PutGrant { grant, until: until_s, about }).await?)
    }

    /// Lists it no more.
    ///
    /// # Errors
    /// Where the hub cannot be asked.
    pub async fn drop_grant(&self, grant: String) -> Result<()> {
        done(self.ask(&HubRequest::DropGrant { grant }).await?)
    }

    /// The grants that are listed.
    ///
    /// # Errors
    /// Where the hub cannot be asked.
    pub async fn grants(&self) -> Result<Vec<ListedGrant>> {
        match self.ask(&HubRequest::Grants).await? {
            Answer::Grants(grants) => Ok(grants),
            other => Err(unexpected(&other)),
        }
    }

    /// The session objects that hold a stream or something stored.
    ///
    /// # Errors
    /// Where the hub cannot be asked.
    pub async fn watchers(&self) -> Result<Vec<Watcher>> {
        match self.ask(&HubRequest::Watchers).await? {
            Answer::Watchers(watchers) => Ok(watchers),
            other => Err(unexpected(&other)),
        }
    }

    async fn ask(&self, ask: &HubRequest) -> Result<Answer> {
        self.ask_with(ask, &Headers::new()).await
    }

    async fn ask_with(&self, ask: &HubRequest, headers: &Headers) -> Result<Answer> {
        Ok(self.stub()?.ask(ask, headers).await?)
    }

    /// Stores a large text.
    async fn keep(&self, id: Uuid, text: &str) -> Result<()> {
        let url = format!("https://object{}", keep_path(id));
        let request = request::request("POST", &url, &Headers::new(), Some(text))?;
        match self.stub()?.text(&request).await? {
            (200, _) => Ok(()),
            (status, _) => Err(Error::RustError(format!("the hub answers {status}"))),
        }
    }

    /// Opens the socket of a listener outside of sessions. With `looks` the hub looks at what the
    /// listener watches, with that caller's credential. A hub of version 0.1.0 refuses the header of this
    /// version, and gets its own.
    ///
    /// # Errors
    /// Where the hub does not answer, or refuses.
    pub async fn listen(
        &self,
        listener: &Listener,
        looks: Option<(&Principal, Option<&Secret>)>,
    ) -> Result<WebSocket> {
        let headers = Headers::new();
        if let Some((principal, token)) = looks {
            brings(&headers, principal, token)?;
        }
        let mut status = 0;
        for text in [listener.to_ascii(), listener.to_ascii_0_1_0()] {
            // Header values are Latin-1; escaped JSON is ASCII.
            headers.set(LISTENER_HEADER, &text)?;
            let answered = self.stub()?.open(&request::upgrade(LISTEN, &headers)?).await?;
            status = answered.status_code();
            match status {
                101 => {
                    let none = || Error::RustError("the hub opens no socket".to_owned());
                    return answered.websocket().ok_or_else(none);
                }
                400 => {}
                _ => break,
            }
        }
        Err(Error::RustError(format!("the hub answers {status}")))
    }

    fn stub(&self) -> Result<ObjectStub> {
        ObjectStub::named(&self.env, HUB_AGENT, &hub_name(self.subject))
    }
}

/// The error of an answer that belongs to another request, or that there is no room.
fn unexpected(answer: &Answer) -> Error {
    let why = match answer {
        Answer::Full => "the hub has no room for more",
        _ => "the hub answers something else",
    };
    Error::RustError(why.to_owned())
}

fn done(answer: Answer) -> Result<()> {
    match answer {
        Answer::Done => Ok(()),
        other => Err(unexpected(&other)),
    }
}

/// Since when sessions count.
fn time(answer: Answer) -> Result<u32> {
    match answer {
        Answer::NotBefore(not_before) => Ok(not_before),
        other => Err(unexpected(&other)),
    }
}

/// Says with whose credential to look.
fn brings(headers: &Headers, principal: &Principal, token: Option<&Secret>) -> Result<()> {
    headers.set(PRINCIPAL_HEADER, &principal_to_ascii(principal))?;
    match token {
        Some(token) => headers.set(OWN_TOKEN_HEADER, token.expose()),
        None => Ok(()),
    }
}

impl ResultStore for Hub {
    fn keep(&self, text: String) -> LocalBoxFuture<'static, Option<String>> {
        let (hub, id) = (Self::new(&self.env, self.subject), Uuid::new_v4());
        async move {
            match hub.keep(id, &text).await {
                Ok(()) => Some(id.simple().to_string()),
                Err(error) => {
                    log::error!("a large result could not be stored: {error}");
                    None
                }
            }
        }
        .boxed_local()
    }

    fn page(&self, id: &str, page: usize) -> LocalBoxFuture<'static, Option<(String, usize)>> {
        let hub = Self::new(&self.env, self.subject);
        let ask = id.parse().ok().map(|id| HubRequest::Page { id, page });
        async move {
            match hub.ask(&ask?).await {
                Ok(Answer::Page(page)) => page.map(|page| (page.text, page.pages)),
                _ => None,
            }
        }
        .boxed_local()
    }
}
