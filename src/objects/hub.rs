//! The object of one subject: whoever is to hear of its changes, wherever that is, since when its
//! sessions count, the nonces that it consumed, and the OAuth grants that it gave.
//!
//! Invariant: listeners are hibernatable sockets with what they want in their attachment, and session
//! objects are rows with an end, so that the hub sleeps while nothing changes.

#![expect(missing_docs, reason = "`durable_object` makes methods without")]

use std::{cell::Cell, panic::RefUnwindSafe, rc::Rc};

use futures_util::{FutureExt as _, StreamExt as _, stream};
use worker::{DurableObject, Env, Error, Result, State, WebSocket, WebSocketIncomingMessage};
use worker_macros::durable_object;

use crate::stubs::keys;
use crate::{
    objects::{
        keeping::Keeping,
        rows::{CLOCK_ERROR, LINES_AT_ONCE, Rows},
        watching::Watching,
    },
    platform::{
        clock::now_s,
        http::{self, Request, Response},
        object::keep,
        socket,
    },
    state,
    stubs::forward::{Order, give},
};
use mcp_auth::{admission::OWN_TOKEN_HEADER, keys::Keyring, not_before::next_end, secret::Secret};
use mcp_protocol::stateless::listen::Change;
use mcp_server::{
    hub::{Ask, LISTENER_HEADER, Listener, Nonces, PRINCIPAL_HEADER, principal_from_ascii},
    notify::News,
};

/// Listeners that one subject may have.
const MAX_LISTENERS: usize = 1_000;
/// Session objects that one subject may have told.
const MAX_WATCHERS: usize = 1_000;
/// OAuth grants that one subject may have listed.
const MAX_GRANTS: usize = 1_000;
/// Session objects that are told at a time. One that is slow delays no other until as many are.
const AT_A_TIME: usize = 50;

const WATCHER: &str = "watch:";
const GRANT: &str = "grant:";
const NOT_BEFORE: &str = "not-before";

/// Tells whom it concerns what changed.
#[durable_object]
pub struct HubAgent(Rc<Core>);

impl RefUnwindSafe for HubAgent {}

impl DurableObject for HubAgent {
    fn new(state: State, env: Env) -> Self {
        Self(Rc::new(Core::new(state, env)))
    }

    async fn fetch(&self, request: worker::Request) -> Result<worker::Response> {
        self.0.clone().receive(request.into()).boxed_local().await.map(Into::into)
    }

    async fn alarm(&self) -> Result<worker::Response> {
        self.0.clone().due().boxed_local().await?;
        worker::Response::empty()
    }

    /// Clients' messages are ignored: the sockets only carry what the object sends.
    async fn websocket_message(
        &self,
        _socket: WebSocket,
        _message: WebSocketIncomingMessage,
    ) -> Result<()> {
        Ok(())
    }

    async fn websocket_close(
        &self,
        _socket: WebSocket,
        _code: usize,
        _reason: String,
        _was_clean: bool,
    ) -> Result<()> {
        Ok(())
    }

    async fn websocket_error(&self, _socket: WebSocket, _error: Error) -> Result<()> {
        Ok(())
    }
}

struct Core {
    state: Rc<State>,
    env: Env,
    rows: Rc<Rows>,
    nonces: Nonces,
    watching: Watching,
    keeping: Keeping,
    /// How many session objects are registered, once they were counted.
    watchers: Cell<Option<usize>>,
}

impl Core {
    fn new(state: State, env: Env) -> Self {
        let state = Rc::new(state);
        let rows = Rc::new(Rows::new(state.clone()));
        let watching = Watching { env: env.clone(), rows: rows.clone() };
        let keeping = Keeping { rows: rows.clone() };
        let (nonces, watchers) = (Nonces::default(), Cell::new(None));
        Self { rows, state, env, nonces, watching, keeping, watchers }
    }

    /// The alarm: a look at what is watched, and the end of rows.
    async fn due(self: Rc<Self>) -> Result<()> {
        let listened = || self.listened();
        let tell = |news: News| {
            self.tell(&news);
            self.order(Order::News, news.to_json(), String::new());
        };
        if let Err(error) = self.watching.look(&listened, &tell).await {
            log::error!("watched resources could not be polled: {error}");
            self.watching.look_again().await?;
        }
        self.watchers.set(None);
        self.rows.clear(&|_| 0).await
    }

    /// The resources that listeners want to hear of.
    fn listened(&self) -> Vec<String> {
        let sockets = self.state.get_websockets();
        let open = sockets.iter().filter(|socket| socket::is_open(socket));
        let listeners = open.filter_map(|socket| Listener::from_ascii(&socket::attached(socket)?));
        listeners.flat_map(|listener| listener.filter.resource_subscriptions).collect()
    }

    async fn receive(self: Rc<Self>, request: Request) -> Result<Response> {
        match Ask::read(request.path()) {
            Some(Ask::Listen) => self.listen(&request).await,
            Some(Ask::Announce(origin)) => self.announce(request.text().await?, origin),
            Some(Ask::Watch(object, until)) => self.watch(&object, until).await,
            Some(Ask::Look(object, until)) => {
                let uris = request.text().await?;
                // Who watches nothing more leaves no credential.
                if !uris.is_empty() {
                    self.look_with(&request, until).await?;
                }
                self.watching.watch(&object, until, &uris).await?;
                http::empty(200)
            }
            Some(Ask::Unwatch(object)) => {
                self.forget(&object).await?;
                http::empty(200)
            }
            Some(Ask::NotBefore) => http::text(200, &self.not_before().await?.to_string()),
            Some(Ask::End(not_before)) => self.end(not_before).await,
            Some(Ask::Keep(id)) => {
                self.keeping.keep(id, &request.text().await?).await?;
                http::empty(200)
            }
            Some(Ask::Page(id, page)) => match self.keeping.page(id, page).await? {
                Some(page) => http::text(200, &page),
                None => http::text(404, "no such page"),
            },
            Some(Ask::PutGrant(grant, until)) => {
                self.put_grant(&grant, &request.text().await?, until).await
            }
            Some(Ask::DropGrant(grant)) => {
                self.rows.remove(vec![grant_key(&grant)]).await?;
                http::empty(200)
            }
            Some(Ask::Grants) => self.list(GRANT).await,
            Some(Ask::Watchers) => self.list(WATCHER).await,
            Some(Ask::Consume(nonce, until)) => self.consume(nonce, until).await,
            None => http::text(404, "not for a hub"),
        }
    }

    async fn listen(&self, request: &Request) -> Result<Response> {
        let header = request.header(LISTENER_HEADER);
        let Some(listener) = header.filter(|text| Listener::from_ascii(text).is_some()) else {
            return http::text(400, "not a listener");
        };
        if self.state.get_websockets().len() >= MAX_LISTENERS {
            return http::text(429, "too many listeners");
        }
        let accepted = socket::accept(&self.state, &[], &listener)?.client;
        let age = state::config(&self.env).session_max_age.as_secs();
        if self.look_with(request, now_s().saturating_add(age)).await? {
            self.watching.look_soon().await?;
        }
        http::upgraded(accepted)
    }

    /// Keeps whose credential to look with, where the request says so.
    async fn look_with(&self, request: &Request, until: u64) -> Result<bool> {
        let principal = request.header(PRINCIPAL_HEADER);
        let Some(principal) = principal.as_deref().and_then(principal_from_ascii) else {
            return Ok(false);
        };
        let token = request.header(OWN_TOKEN_HEADER).map(Secret::new);
        self.watching.look_as(&principal, token, until).await?;
        Ok(true)
    }

    /// Tells listeners at once, and session objects without keeping the one who announces waiting.
    fn announce(self: &Rc<Self>, text: String, origin: String) -> Result<Response> {
        let news = News::from_json(&text).ok_or("the change event cannot be read")?;
        self.tell(&news);
        // A session waits for its tasks, and hears nothing of them.
        if !matches!(news, News::Task(..)) {
            self.order(Order::News, text, origin);
        }
        http::empty(200)
    }

    fn tell(&self, news: &News) {
        let change = match news {
            News::ToolsChanged => Change::Tools,
            News::PromptsChanged => Change::Prompts,
            News::ResourcesChanged => Change::Resources,
            News::ResourceUpdated(uri) => Change::Resource { uri },
            News::Task(id, task) => Change::Task { id, task },
        };
        for socket in self.state.get_websockets() {
            let listener = socket::attached(&socket).and_then(|text| Listener::from_ascii(&text));
            let told = listener.and_then(|listener| listener.told(&change));
            if let Some(Ok(text)) = told.map(String::from_utf8) {
                // A socket that is closing hears nothing more.
                let _ = socket::send(&socket, &text);
            }
        }
    }

    async fn watch(&self, object: &str, until: u64) -> Result<Response> {
        let key = watcher_key(object);
        let kept = self.rows.get(&key).await?;
        let is_known = |end: u64| end >= until;
        if !kept.as_deref().and_then(|end| end.parse().ok()).is_some_and(is_known) {
            if kept.is_none() {
                let known = self.known_watchers().await?;
                if known >= MAX_WATCHERS {
                    return http::text(429, "too many session objects");
                }
                self.watchers.set(Some(known.saturating_add(1)));
            }
            self.rows.put(&key, &until.to_string(), until).await?;
        }
        // Read after the row was written: an end of all sessions finds the row, or is found here.
        http::text(200, &self.not_before().await?.to_string())
    }

    /// How many session objects are registered. Counted once in a life of the object, and after rows
    /// came to their end: a registration costs the same however many there are.
    async fn known_watchers(&self) -> Result<usize> {
        match self.watchers.get() {
            Some(known) => Ok(known),
            None => self.rows.count(WATCHER).await,
        }
    }

    async fn put_grant(&self, grant: &str, text: &str, until: u64) -> Result<Response> {
        let key = grant_key(grant);
        if self.rows.get(&key).await?.is_none() && self.rows.count(GRANT).await? >= MAX_GRANTS {
            return http::text(429, "too many grants");
        }
        self.rows.put(&key, text, until).await?;
        http::empty(200)
    }

    /// The rows of one kind: a line for each, its name and its text.
    async fn list(&self, kind: &str) -> Result<Response> {
        let mut lines = String::new();
        let mut show = |name: &str, text: &str| lines.push_str(&line(name, text));
        self.rows.each(kind, LINES_AT_ONCE, &mut show).await?;
        http::text(200, &lines)
    }

    async fn not_before(&self) -> Result<u32> {
        let kept = self.rows.get(NOT_BEFORE).await?;
        Ok(kept.and_then(|text| text.parse().ok()).unwrap_or_default())
    }

    /// Ends the sessions issued until then: by the row that every Worker asks for, and by closing
    /// the streams that would go on until they ask.
    async fn end(self: &Rc<Self>, not_before: u32) -> Result<Response> {
        let not_before = next_end(self.not_before().await?, not_before);
        let age = state::config(&self.env).session_max_age.as_secs();
        let until = now_s().max(not_before.into()).saturating_add(age);
        let text = not_before.to_string();
        self.rows.put(NOT_BEFORE, &text, until).await?;
        for socket in self.state.get_websockets() {
            socket::close(&socket, socket::ENDED, "the sessions were ended");
        }
        self.order(Order::End, text.clone(), String::new());
        http::text(200, &text)
    }

    async fn consume(&self, nonce: [u8; 16], until: u64) -> Result<Response> {
        let key = nonce_key(nonce);
        let kept = async { self.rows.get(&key).await.map(|kept| kept.is_some()) };
        let keep = self.rows.put(&key, "", until.saturating_add(CLOCK_ERROR));
        match self.nonces.consume(nonce, kept, keep).await? {
            true => http::empty(200),
            false => http::text(409, "consumed before"),
        }
    }

    /// Gives an order to all registered session objects but one, while the hub goes on.
    fn order(self: &Rc<Self>, order: Order, text: String, except: String) {
        let hub = self.clone();
        let given = async move {
            if let Err(error) = hub.give_all(order, &text, &except).await {
                log::error!("session objects could not be notified: {error}");
            }
        };
        keep(&self.state, given.boxed_local());
    }

    async fn give_all(&self, order: Order, text: &str, except: &str) -> Result<()> {
        let mut objects = Vec::new();
        let mut show = |object: &str, _: &str| {
            if object != except {
                objects.push(object.to_owned());
            }
        };
        self.rows.each(WATCHER, LINES_AT_ONCE, &mut show).await?;
        if objects.is_empty() {
            return Ok(());
        }
        let keys = keys::keys(&self.env, &state::config(&self.env)).await;
        let keys = keys.map_err(|refusal| worker::Error::RustError(refusal.to_string()))?;
        let given = objects.iter().map(|object| self.give_one(&keys, order, object, text));
        stream::iter(given).for_each_concurrent(AT_A_TIME, |given| given).await;
        Ok(())
    }

    /// Where nobody is left to hear it, the object's row goes, and at once: it may register again.
    async fn give_one(&self, keys: &Keyring, order: Order, object: &str, text: &str) {
        let gone = give(&self.env, keys, order, object, text).await;
        if gone.is_ok_and(|status| status == 410)
            && let Err(error) = self.forget(object).await
        {
            log::error!("a session object could not be removed from the hub's list: {error}");
        }
    }

    async fn forget(&self, object: &str) -> Result<()> {
        let removed = self.rows.remove(vec![watcher_key(object)]).await?;
        self.watchers.set(self.watchers.get().map(|known| known.saturating_sub(removed)));
        self.watching.forget(object).await
    }
}

fn watcher_key(object: &str) -> String {
    format!("{WATCHER}{object}")
}

fn grant_key(grant: &str) -> String {
    format!("{GRANT}{grant}")
}

fn nonce_key(nonce: [u8; 16]) -> String {
    format!("nonce:{}", uuid::Uuid::from_bytes(nonce).simple())
}

/// A row as it is listed: its name and its text.
fn line(name: &str, text: &str) -> String {
    format!("{name} {text}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::grant::tests::listed;
    use test_support::stored::{of_0_1_0, row_of_0_1_0};

    const UNTIL: u64 = 1_800_000_000;

    #[test]
    fn rows_of_hubs_are_found_and_read_as_they_were_written() {
        let object = uuid::Uuid::from_u128(1).simple().to_string();
        let end = UNTIL.to_string();
        let watch = row_of_0_1_0("hub-watch", &watcher_key(&object), &end, UNTIL);
        assert_eq!(watch.parse(), Ok(UNTIL));
        let grant =
            row_of_0_1_0("hub-grant", &grant_key("AQEBAQEBAQEBAQEBAQEBAQ"), &listed(), UNTIL);
        assert_eq!(grant, listed());
        let not_before = row_of_0_1_0("hub-not-before", NOT_BEFORE, "1799999000", UNTIL);
        assert_eq!(not_before.parse(), Ok(1_799_999_000_u32));
        assert_eq!(row_of_0_1_0("hub-nonce", &nonce_key([0xa7; 16]), "", UNTIL), "");
    }

    #[test]
    fn what_a_hub_lists_is_a_line_for_each_row() {
        let lines =
            [line("AQEBAQEBAQEBAQEBAQEBAQ", &listed()), line("AgICAgICAgICAgICAgICAg", "{}")];
        assert_eq!(of_0_1_0("answer-hub-list", &lines.concat()), lines.concat());
    }
}
