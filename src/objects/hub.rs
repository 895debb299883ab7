//! The object of one subject: the listeners and session objects that receive its changes, since when its
//! sessions count, the nonces that it consumed, and the OAuth grants that it gave.
//!
//! Invariant: listeners are hibernatable sockets with what they want in their attachment, and session
//! objects are rows with an end, so that the hub sleeps while nothing changes.

#![expect(missing_docs, reason = "`durable_object` makes methods without")]

use std::{cell::Cell, rc::Rc};

use futures_util::{FutureExt as _, StreamExt as _, stream};
use worker::{Env, Result, State, WebSocket};

use crate::stubs::keys;
use crate::{
    objects::{
        class::class,
        connections::{Connections, Outcome},
        rows::{CLOCK_ERROR, Rows},
        stored_results::ResultPages,
        watching::ResourceWatcher,
    },
    platform::{
        clock::now_s,
        http::{self, Request, Response},
        object::{self, wait_until},
        socket,
    },
    state,
    stubs::session::{SessionCommand, send_command},
};
use gateway::connect::request::{self as connect, ConnectRequest};
use mcp_auth::{
    authentication::OWN_TOKEN_HEADER, keys::Keyring, not_before::next_end, secret::Secret,
};
use mcp_platform::record::Record as _;
use mcp_protocol::stateless::listen::Change;
use mcp_server::{
    hub::{
        AboutGrant, Answer, HubRequest, LISTENER_HEADER, ListedGrant, Listener, Nonces,
        PRINCIPAL_HEADER, Watcher, kept_id, principal_from_ascii,
    },
    notifier::ChangeEvent,
};

/// Listeners that one subject may have.
const MAX_LISTENERS: usize = 1_000;
/// Session objects that may be registered for one subject.
const MAX_WATCHERS: usize = 1_000;
/// OAuth grants that one subject may have listed.
const MAX_GRANTS: usize = 1_000;
/// Session objects that are notified at a time. A slow one delays others only once this many are slow.
const AT_A_TIME: usize = 50;

/// Where the socket of a listener is asked for.
const LISTEN: &str = "/listen";

/// The prefix of the keys of session objects that receive changes.
const WATCHER_KEY: &str = "watch:";
const GRANT: &str = "grant:";
const NOT_BEFORE: &str = "not-before";

/// What changes with a key for an upstream.
const LISTS_CHANGED: [ChangeEvent; 3] =
    [ChangeEvent::ToolsChanged, ChangeEvent::PromptsChanged, ChangeEvent::ResourcesChanged];

class! {
    /// Announces a subject's changes to its listeners and sessions.
    HubAgent(requests, alarm, sockets)
}

struct Inner {
    state: Rc<State>,
    env: Env,
    rows: Rc<Rows>,
    nonces: Nonces,
    watching: ResourceWatcher,
    keeping: ResultPages,
    connections: Rc<Connections>,
    /// How many session objects are registered, once they were counted.
    watchers: Cell<Option<usize>>,
}

impl Inner {
    fn new(state: State, env: Env) -> Self {
        let state = Rc::new(state);
        let rows = Rc::new(Rows::in_table(state.clone()));
        let watching = ResourceWatcher { env: env.clone(), rows: rows.clone() };
        let keeping = ResultPages { rows: rows.clone() };
        let connections = Rc::new(Connections::new(rows.clone(), state.clone(), env.clone()));
        let (nonces, watchers) = (Nonces::default(), Cell::new(None));
        Self { rows, state, env, nonces, watching, keeping, connections, watchers }
    }

    /// The alarm: a look at what is watched, and the end of rows.
    async fn due(self: Rc<Self>) -> Result<()> {
        let listened = || self.listened();
        let tell = |news: ChangeEvent| {
            self.notify(&news);
            self.broadcast(SessionCommand::News(news), String::new());
        };
        if let Err(error) = self.watching.look(&listened, &tell).await {
            log::error!("watched resources could not be polled: {error}");
            self.watching.look_again().await?;
        }
        self.watchers.set(None);
        // Asked before the rows of the grants are gone.
        if are_over(&self.listed_grants().await?, now_s()) {
            self.end_keys().await?;
        }
        self.rows.clear(&|_| 0).await
    }

    /// The sockets of listeners are counted where that matters: nothing is kept of one that is gone.
    async fn left(self: Rc<Self>, _socket: WebSocket) -> Result<()> {
        Ok(())
    }

    /// The resources that listeners want to hear of.
    fn listened(&self) -> Vec<String> {
        let sockets = self.state.get_websockets();
        let open = sockets.iter().filter(|socket| socket::is_open(socket));
        let listeners = open.filter_map(|socket| Listener::from_ascii(&socket::attached(socket)?));
        listeners.flat_map(|listener| listener.filter.resource_subscriptions).collect()
    }

    async fn receive(self: Rc<Self>, request: Request) -> Result<Response> {
        if request.path() == LISTEN {
            return self.listen(&request).await;
        }
        if let Some(id) = kept_id(request.path()) {
            self.keeping.keep(id, &request.text().await?).await?;
            return http::text(200, "");
        }
        if request.path() == connect::PATH {
            return self.connect(&request).await;
        }
        match object::asked::<HubRequest>(&request).await? {
            Some((ask, form)) => {
                object::answered::<HubRequest>(&self.answer(ask, &request).await?, form)
            }
            None => http::text(404, "not for a hub"),
        }
    }

    /// A request about keys that the person connected, whose lists may be others from then on.
    async fn connect(self: &Rc<Self>, request: &Request) -> Result<Response> {
        let Some(ask) = ConnectRequest::from_json(&request.text().await?) else {
            return http::text(404, "not for a hub");
        };
        let Outcome { answer, is_changed } = self.connections.answer(ask).await?;
        if is_changed {
            self.announce_lists();
        }
        http::text(200, &answer.to_json())
    }

    /// What a person connected ends with the last app of theirs.
    async fn end_keys(self: &Rc<Self>) -> Result<()> {
        if self.connections.clear().await? {
            self.announce_lists();
        }
        Ok(())
    }

    fn announce_lists(self: &Rc<Self>) {
        for news in LISTS_CHANGED {
            self.announce(news, String::new());
        }
    }

    async fn answer(self: &Rc<Self>, ask: HubRequest, request: &Request) -> Result<Answer> {
        match ask {
            HubRequest::Announce { origin, news } => self.announce(news, origin),
            HubRequest::Watch { object, until } => return self.watch(&object, until).await,
            HubRequest::Look { object, until, uris } => {
                // Without a watched resource no credential is stored.
                if !uris.is_empty() {
                    self.look_with(request, until).await?;
                }
                self.watching.watch(&object, until, uris).await?;
            }
            HubRequest::Unwatch { object } => self.forget(&object).await?,
            HubRequest::NotBefore => return Ok(Answer::NotBefore(self.not_before().await?)),
            HubRequest::End { not_before } => return self.end(not_before).await,
            HubRequest::Page { id, page } => {
                return Ok(Answer::Page(self.keeping.page(id, page).await?));
            }
            HubRequest::PutGrant { grant, until, about } => {
                return self.put_grant(&grant, &about, until).await;
            }
            HubRequest::DropGrant { grant } => {
                self.rows.remove(vec![grant_key(&grant)]).await?;
                if self.rows.count(GRANT).await? == 0 {
                    self.end_keys().await?;
                }
            }
            HubRequest::Grants => return Ok(Answer::Grants(self.listed_grants().await?)),
            HubRequest::Watchers => return self.watchers().await,
            HubRequest::Consume { nonce, until } => return self.consume(nonce, until).await,
        }
        Ok(Answer::Done)
    }

    async fn listen(&self, request: &Request) -> Result<Response> {
        let header = request.header_text(LISTENER_HEADER);
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
        let principal = request.header_text(PRINCIPAL_HEADER);
        let Some(principal) = principal.as_deref().and_then(principal_from_ascii) else {
            return Ok(false);
        };
        let token = request.header_text(OWN_TOKEN_HEADER).map(Secret::new);
        self.watching.look_as(&principal, token, until).await?;
        Ok(true)
    }

    /// Notifies listeners at once, and session objects in the background.
    fn announce(self: &Rc<Self>, news: ChangeEvent, origin: String) {
        self.notify(&news);
        // A session waits for its tasks, and hears nothing of them.
        if !matches!(news, ChangeEvent::Task(..)) {
            self.broadcast(SessionCommand::News(news), origin);
        }
    }

    fn notify(&self, news: &ChangeEvent) {
        let change = match news {
            ChangeEvent::ToolsChanged => Change::Tools,
            ChangeEvent::PromptsChanged => Change::Prompts,
            ChangeEvent::ResourcesChanged => Change::Resources,
            ChangeEvent::ResourceUpdated(uri) => Change::Resource { uri },
            ChangeEvent::Task(id, task) => Change::Task { id, task },
        };
        for socket in self.state.get_websockets() {
            let listener = socket::attached(&socket).and_then(|text| Listener::from_ascii(&text));
            let told = listener.and_then(|listener| listener.notification_for(&change));
            if let Some(Ok(text)) = told.map(String::from_utf8) {
                // A socket that is closing hears nothing more.
                let _ = socket::send(&socket, &text);
            }
        }
    }

    async fn watch(&self, object: &str, until: u64) -> Result<Answer> {
        let key = watcher_key(object);
        let kept = self.rows.get(&key).await?;
        let is_known = |end: u64| end >= until;
        if !kept.as_deref().and_then(|end| end.parse().ok()).is_some_and(is_known) {
            if kept.is_none() {
                let known = self.known_watchers().await?;
                if known >= MAX_WATCHERS {
                    return Ok(Answer::Full);
                }
                self.watchers.set(Some(known.saturating_add(1)));
            }
            self.rows.put(&key, &until.to_string(), until).await?;
        }
        // Read after the row was written: an end of all sessions finds the row, or is found here.
        Ok(Answer::NotBefore(self.not_before().await?))
    }

    /// How many session objects are registered. Counted once in a life of the object, and after rows
    /// came to their end: a registration costs the same however many there are.
    async fn known_watchers(&self) -> Result<usize> {
        match self.watchers.get() {
            Some(known) => Ok(known),
            None => self.rows.count(WATCHER_KEY).await,
        }
    }

    async fn put_grant(&self, grant: &str, about: &AboutGrant, until: u64) -> Result<Answer> {
        let key = grant_key(grant);
        if self.rows.get(&key).await?.is_none() && self.rows.count(GRANT).await? >= MAX_GRANTS {
            return Ok(Answer::Full);
        }
        self.rows.put(&key, &about.to_json(), until).await?;
        Ok(Answer::Done)
    }

    async fn listed_grants(&self) -> Result<Vec<ListedGrant>> {
        let mut grants = Vec::new();
        let mut show = |grant: &str, text: &str| {
            if let Some(about) = AboutGrant::from_json(text) {
                grants.push(ListedGrant { grant: grant.to_owned(), about });
            }
        };
        self.rows.each(GRANT, &mut show).await?;
        Ok(grants)
    }

    async fn watchers(&self) -> Result<Answer> {
        let mut watchers = Vec::new();
        let mut show = |object: &str, text: &str| {
            if let Ok(until) = text.parse() {
                watchers.push(Watcher { object: object.to_owned(), until });
            }
        };
        self.rows.each(WATCHER_KEY, &mut show).await?;
        Ok(Answer::Watchers(watchers))
    }

    async fn not_before(&self) -> Result<u32> {
        let kept = self.rows.get(NOT_BEFORE).await?;
        Ok(kept.and_then(|text| text.parse().ok()).unwrap_or_default())
    }

    /// Ends the sessions issued until then: by the row that every Worker asks for, and by closing
    /// the streams that would go on until they ask.
    async fn end(self: &Rc<Self>, not_before: u32) -> Result<Answer> {
        let not_before = next_end(self.not_before().await?, not_before);
        let age = state::config(&self.env).session_max_age.as_secs();
        let until = now_s().max(not_before.into()).saturating_add(age);
        let text = not_before.to_string();
        self.rows.put(NOT_BEFORE, &text, until).await?;
        for socket in self.state.get_websockets() {
            socket::close(&socket, socket::ENDED, "the sessions were ended");
        }
        self.broadcast(SessionCommand::End(not_before), String::new());
        Ok(Answer::NotBefore(not_before))
    }

    async fn consume(&self, nonce: [u8; 16], until: u64) -> Result<Answer> {
        let key = nonce_key(nonce);
        let kept = async { self.rows.get(&key).await.map(|kept| kept.is_some()) };
        let keep = self.rows.put(&key, "", until.saturating_add(CLOCK_ERROR));
        Ok(Answer::Consumed(self.nonces.consume(nonce, kept, keep).await?))
    }

    /// Gives an order to all registered session objects but one, while the hub goes on.
    fn broadcast(self: &Rc<Self>, order: SessionCommand, except: String) {
        let hub = self.clone();
        let given = async move {
            if let Err(error) = hub.send_to_all(&order, &except).await {
                log::error!("session objects could not be notified: {error}");
            }
        };
        wait_until(&self.state, given.boxed_local());
    }

    async fn send_to_all(&self, order: &SessionCommand, except: &str) -> Result<()> {
        let mut objects = Vec::new();
        let mut show = |object: &str, _: &str| {
            if object != except {
                objects.push(object.to_owned());
            }
        };
        self.rows.each(WATCHER_KEY, &mut show).await?;
        if objects.is_empty() {
            return Ok(());
        }
        let keys = keys::keys(&self.env, &state::config(&self.env)).await;
        let keys = keys.map_err(|refusal| worker::Error::RustError(refusal.to_string()))?;
        let given = objects.iter().map(|object| self.send_to_one(&keys, order, object));
        stream::iter(given).for_each_concurrent(AT_A_TIME, |given| given).await;
        Ok(())
    }

    /// If the object has no listener left its row is removed at once: it may register again.
    async fn send_to_one(&self, keys: &Keyring, order: &SessionCommand, object: &str) {
        let gone = send_command(&self.env, keys, order, object).await;
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

/// Whether the last grant of a person came to its end by itself. Without a grant, keys belong to a caller that has none.
fn are_over(grants: &[ListedGrant], now_s: u64) -> bool {
    !grants.is_empty() && grants.iter().all(|grant| grant.about.until <= now_s)
}

fn watcher_key(object: &str) -> String {
    format!("{WATCHER_KEY}{object}")
}

fn grant_key(grant: &str) -> String {
    format!("{GRANT}{grant}")
}

fn nonce_key(nonce: [u8; 16]) -> String {
    format!("nonce:{}", uuid::Uuid::from_bytes(nonce).simple())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::grant::tests::listed;
    use test_support::stored::row_of_0_1_0;

    const UNTIL: u64 = 1_800_000_000;

    #[test]
    fn keys_end_with_the_last_grant_and_not_where_there_was_none() {
        let grants = |ends: &[u64]| {
            let grant = |until: &u64| ListedGrant {
                grant: until.to_string(),
                about: AboutGrant { until: *until, ..listed() },
            };
            ends.iter().map(grant).collect::<Vec<_>>()
        };
        assert!(are_over(&grants(&[100]), 100) && are_over(&grants(&[99, 100]), 100));
        assert!(!are_over(&grants(&[101]), 100) && !are_over(&grants(&[99, 101]), 100));
        assert!(!are_over(&[], 100));
    }

    #[test]
    fn rows_of_hubs_of_0_1_0_are_found_and_read() {
        let object = uuid::Uuid::from_u128(1).simple().to_string();
        let watch = row_of_0_1_0("hub-watch", &watcher_key(&object), UNTIL);
        assert_eq!(watch.parse(), Ok(UNTIL));
        let grant = row_of_0_1_0("hub-grant", &grant_key("AQEBAQEBAQEBAQEBAQEBAQ"), UNTIL);
        assert_eq!(AboutGrant::from_json(&grant), Some(listed()));
        let not_before = row_of_0_1_0("hub-not-before", NOT_BEFORE, UNTIL);
        assert_eq!(not_before.parse(), Ok(1_799_999_000_u32));
        assert_eq!(row_of_0_1_0("hub-nonce", &nonce_key([0xa7; 16]), UNTIL), "");
    }
}
