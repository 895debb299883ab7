//! The way to a subject's hub, from the Worker and from session objects: listening, telling what
//! changed, ending sessions, consuming nonces.

use futures_util::{FutureExt as _, future::LocalBoxFuture};
use uuid::Uuid;
use worker::{Env, Error, Headers, Request, Response, Result, WebSocket};

use crate::{
    platform::{clock::now_s, object_stub::ObjectStub, request},
    state,
};
use mcp_auth::{
    admission::OWN_TOKEN_HEADER, principal::Principal, refusal::Refusal, secret::Secret,
    subject::Subject,
};
use mcp_server::{
    apart::compiled_apart,
    hub::{Ask, LISTENER_HEADER, Listener, PRINCIPAL_HEADER, hub_name, principal_to_ascii},
    notify::News,
    shelf::Shelf,
};

/// The binding of the hubs.
const HUB_AGENT: &str = "HUB_AGENT";

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

    /// Tells all listeners of the subject, and all its sessions. What cannot be told is logged: the
    /// change itself has happened.
    pub async fn announce(&self, news: &[News]) {
        for one in news {
            self.announce_from(String::new(), one).await;
        }
    }

    /// The same for news that arose in the session object of this name, which knows them.
    pub async fn announce_from(&self, origin: String, news: &News) {
        let text = news.to_json();
        if let Err(error) = self.ask(&Ask::Announce(origin), Some(text)).await {
            log::error!("listeners could not be notified: {error}");
        }
    }

    /// Has a session object told of changes until then, in seconds since 1970. Returns since when
    /// sessions of the subject count.
    ///
    /// # Errors
    /// Where there are too many, or the hub cannot be asked.
    pub async fn watch(&self, object: String, until: u64) -> Result<u32> {
        let (_, answered) = self.ask(&Ask::Watch(object, until), None).await?;
        // A hub of the version before says nothing.
        Ok(answered.parse().unwrap_or_default())
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
        let (url, body) = (address(&Ask::Look(object, until)), uris.join("\n"));
        self.send(&request::request("POST", &url, &headers, Some(&body))?).await.map(drop)
    }

    /// Has a session object told no more.
    ///
    /// # Errors
    /// Where the hub cannot be asked.
    pub async fn unwatch(&self, object: String) -> Result<()> {
        self.ask(&Ask::Unwatch(object), None).await.map(drop)
    }

    /// Whether a session that was issued then was ended with all others: what the isolate knows of
    /// the last 30 s, else what the hub says, else what the isolate knows of the last 5 min.
    ///
    /// `unverified` is the caller's account, where its SiteBay token is unverified. The hub of such a
    /// subject is not asked, because that would make one for each invented token. That a session of
    /// one was ended takes effect when its token works.
    ///
    /// # Errors
    /// 503 where nobody knows.
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
            None => compiled_apart(Self::new(env, subject).look_up(now)).await?,
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
        time(&self.ask(&Ask::NotBefore, None).await?.1)
    }

    /// Ends all sessions that were issued then, in seconds since 1970, or before. Other isolates
    /// know it after 30 s at the latest, this one at once.
    ///
    /// # Errors
    /// Where the hub cannot be asked.
    pub async fn end_sessions(&self, not_before: u32) -> Result<()> {
        let ended = time(&self.ask(&Ask::End(not_before), None).await?.1)?;
        state::note_not_before(self.subject, ended, now_s());
        Ok(())
    }

    /// Consumes a nonce, which is remembered until then, in seconds since 1970. False: it was
    /// consumed before.
    ///
    /// # Errors
    /// Where the hub cannot be asked; the nonce may be consumed all the same.
    pub async fn consume(&self, nonce: [u8; 16], until_s: u64) -> Result<bool> {
        Ok(self.ask(&Ask::Consume(nonce, until_s), None).await?.0 == 200)
    }

    /// Lists an OAuth grant until then, in seconds since 1970, with a line about it.
    ///
    /// # Errors
    /// Where there are too many, or the hub cannot be asked.
    pub async fn put_grant(&self, grant: String, about: String, until_s: u64) -> Result<()> {
        self.ask(&Ask::PutGrant(grant, until_s), Some(about)).await.map(drop)
    }

    /// Lists it no more.
    ///
    /// # Errors
    /// Where the hub cannot be asked.
    pub async fn drop_grant(&self, grant: String) -> Result<()> {
        self.ask(&Ask::DropGrant(grant), None).await.map(drop)
    }

    /// The grants that are listed: a line for each, its name and what is said about it.
    ///
    /// # Errors
    /// Where the hub cannot be asked.
    pub async fn grants(&self) -> Result<String> {
        Ok(self.ask(&Ask::Grants, None).await?.1)
    }

    /// The session objects that hold a stream or something stored: a line for each, its name and
    /// until when, in seconds since 1970.
    ///
    /// # Errors
    /// Where the hub cannot be asked.
    pub async fn watchers(&self) -> Result<String> {
        Ok(self.ask(&Ask::Watchers, None).await?.1)
    }

    /// Status and text of the hub's answer.
    async fn ask(&self, ask: &Ask, body: Option<String>) -> Result<(u16, String)> {
        let request = request::request("POST", &address(ask), &Headers::new(), body.as_deref())?;
        self.send(&request).await
    }

    async fn send(&self, request: &Request) -> Result<(u16, String)> {
        let (status, text) = self.stub()?.text(request).await?;
        match status {
            // 409: a nonce was consumed before.
            200 | 409 => Ok((status, text)),
            _ => Err(answers(status)),
        }
    }

    async fn open(&self, request: &Request) -> Result<Response> {
        let answered = self.stub()?.open(request).await?;
        match answered.status_code() {
            101 => Ok(answered),
            status => Err(answers(status)),
        }
    }

    /// Opens the socket of a listener outside of sessions. With `looks` the hub looks at what the
    /// listener watches, with that caller's credential.
    ///
    /// # Errors
    /// Where the hub does not answer, or refuses.
    pub async fn listen(
        &self,
        listener: &Listener,
        looks: Option<(&Principal, Option<&Secret>)>,
    ) -> Result<WebSocket> {
        let headers = Headers::new();
        // Header values are Latin-1; escaped JSON is ASCII.
        headers.set(LISTENER_HEADER, &listener.to_ascii())?;
        if let Some((principal, token)) = looks {
            brings(&headers, principal, token)?;
        }
        let answered = self.open(&request::upgrade(&address(&Ask::Listen), &headers)?).await?;
        answered.websocket().ok_or_else(|| Error::RustError("the hub opens no socket".to_owned()))
    }

    fn stub(&self) -> Result<ObjectStub> {
        ObjectStub::named(&self.env, HUB_AGENT, &hub_name(self.subject))
    }
}

fn answers(status: u16) -> Error {
    Error::RustError(format!("the hub answers {status}"))
}

/// Says with whose credential to look.
fn brings(headers: &Headers, principal: &Principal, token: Option<&Secret>) -> Result<()> {
    headers.set(PRINCIPAL_HEADER, &principal_to_ascii(principal))?;
    match token {
        Some(token) => headers.set(OWN_TOKEN_HEADER, token.expose()),
        None => Ok(()),
    }
}

impl Shelf for Hub {
    fn keep(&self, text: String) -> LocalBoxFuture<'static, Option<String>> {
        let (hub, id) = (Self::new(&self.env, self.subject), Uuid::new_v4());
        async move {
            match hub.ask(&Ask::Keep(id), Some(text)).await {
                Ok(_) => Some(id.simple().to_string()),
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
        let ask = id.parse().ok().map(|id| Ask::Page(id, page));
        async move {
            let (_, text) = hub.ask(&ask?, None).await.ok()?;
            let (count, text) = text.split_once('\n')?;
            Some((text.to_owned(), count.parse().ok()?))
        }
        .boxed_local()
    }
}

fn time(text: &str) -> Result<u32> {
    text.parse().map_err(|_| Error::RustError(format!("not a time: {text}")))
}

fn address(ask: &Ask) -> String {
    format!("https://object{}", ask.path())
}
