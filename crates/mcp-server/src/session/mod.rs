//! A session in the memory of its object.
//!
//! Invariant: everything is bounded, and no borrow is held while anything is awaited. What must
//! survive the object's memory goes through [`SessionStore`], and nothing else is stored.

mod batch;
mod call;
mod client_requests;
mod recent_streams;
pub mod record;
mod serve;
mod settings;
mod watching;

pub use recent_streams::RecentStreams;
pub use serve::{encode, serve};
pub use settings::Settings;
pub use watching::{Watching, announcement};

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use call::{Call, CallNotifier, cancel_request};
use client_requests::ClientRequests;
use futures_util::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{
    call::AnswerStore,
    channel::{CallStream, Channel},
    notifier::{ChangeEvent, Notifier},
};
use mcp_auth::{principal::Principal, secret::Secret, session_id::Claims};
use mcp_platform::{SharedPlatform, record::Record};
use mcp_protocol::{
    bytes::cut_text,
    capabilities::ClientCapabilities,
    event::{LastEvent, StreamId},
    fields::fields,
    implementation::Implementation,
    initialize::InitializeParams,
    jsonrpc::RequestId,
    version::Version,
    version_schema::askable_capabilities,
};

/// Kinds of news kept for a client that has no long-lived stream open.
const MAX_NEWS: usize = 64;

/// The operations that a session needs of its object.
pub trait SessionStore: AnswerStore {
    /// Sends a message to the session's long-lived stream; false where none is open.
    fn announce(&self, message: &str) -> bool;

    /// Announces a change to the subject's other listeners, in sessions and outside of them.
    fn notify_listeners(&self, news: &ChangeEvent);

    /// Logs an event for the operator.
    fn note(&self, what: &str);

    /// Notes that the session was ended: from now on nothing of it is kept.
    fn end(&self);

    /// Whether the session was ended.
    fn is_ended(&self) -> bool;

    /// Keeps the session's settings over the end of the object's memory.
    fn save(self: Rc<Self>, settings: Settings) -> LocalBoxFuture<'static, ()>;

    /// Has the resources that its object's sessions watch looked at, with what the caller brings.
    fn look(
        &self,
        principal: Rc<Principal>,
        own_token: Option<Secret>,
    ) -> LocalBoxFuture<'static, ()>;

    /// Keeps what the client said of itself with the session's stream.
    fn negotiated(&self, negotiated: &Negotiated);

    /// Remembers which task answers a call whose own object may end before it.
    fn moved(&self, stream: &StreamId, task: &str);

    /// Cancels a task.
    fn cancel_task(&self, task: &str);

    /// The final answer of a streamed call, where it is still kept.
    fn stored(&self, stream: &StreamId) -> LocalBoxFuture<'static, Option<Vec<u8>>>;
}

/// The client's `initialize` parameters, as they are stored with a stream's socket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Negotiated {
    /// The negotiated version's code; 0 before `initialize`.
    pub version: u8,
    /// The bits of the client's capabilities.
    pub capabilities: u16,
    /// The client's name, cut to fit.
    pub name: String,
    /// The client's version, cut to fit.
    pub client_version: String,
}

impl Record for Negotiated {}

impl Negotiated {
    /// From the parameters of `initialize`.
    pub fn of(hello: &InitializeParams) -> Self {
        Self {
            version: hello.version.code(),
            capabilities: hello.capabilities.bits(),
            name: cut_text(&hello.client_name, 64).to_owned(),
            client_version: cut_text(&hello.client_version, 32).to_owned(),
        }
    }
}

/// One session.
pub struct Session {
    /// The session itself.
    pub id: Uuid,
    /// When its id was issued, in seconds since 1970.
    pub issued: u32,
    hello: RefCell<Negotiated>,
    /// Names this life of the object in event ids.
    incarnation: String,
    /// Numbers of streams and questions, of which the object gives none twice.
    numbers: Rc<Cell<u32>>,
    running: RefCell<Vec<Rc<Call>>>,
    recent: Rc<RecentStreams>,
    questions: ClientRequests,
    settings: RefCell<Settings>,
    news: RefCell<Vec<String>>,
    used_at: Cell<u64>,
    keeper: Rc<dyn SessionStore>,
}

impl Session {
    /// A session that was not in memory, with what was kept of it.
    pub fn new(
        claims: &Claims,
        incarnation: &str,
        settings: Settings,
        (recent, numbers): (Rc<RecentStreams>, Rc<Cell<u32>>),
        keeper: Rc<dyn SessionStore>,
    ) -> Self {
        Self {
            id: claims.session,
            issued: claims.issued,
            hello: RefCell::new(Negotiated {
                version: claims.version.code(),
                capabilities: claims.capabilities.bits(),
                name: claims.client_name.clone(),
                client_version: claims.client_version.clone(),
            }),
            incarnation: incarnation.to_owned(),
            numbers: numbers.clone(),
            running: RefCell::default(),
            recent,
            questions: ClientRequests::new(incarnation, numbers),
            settings: RefCell::new(settings),
            news: RefCell::default(),
            used_at: Cell::new(0),
            keeper,
        }
    }

    /// The negotiated version.
    pub fn version(&self) -> Version {
        Version::from_code(self.hello.borrow().version).unwrap_or(Version::LATEST)
    }

    /// The client's declared capabilities that exist in its version.
    pub fn capabilities(&self) -> ClientCapabilities {
        let declared = ClientCapabilities::from_bits(self.hello.borrow().capabilities);
        askable_capabilities(self.version(), declared)
    }

    /// The program that the person uses.
    pub fn client(&self) -> Implementation {
        let hello = self.hello.borrow();
        Implementation { name: hello.name.clone(), version: hello.client_version.clone() }
    }

    /// Sets the client's `initialize` parameters, in a session that began with its stream.
    pub fn set_negotiated(&self, negotiated: Negotiated) {
        *self.hello.borrow_mut() = negotiated;
    }

    /// Where streamed answers are kept.
    pub fn store(&self) -> Rc<dyn SessionStore> {
        self.keeper.clone()
    }

    /// Ends it, also for the requests that are under way.
    pub fn end(&self) {
        self.keeper.end();
        self.recent.forget(self.id);
        self.questions.end();
    }

    /// Bytes of what it keeps in memory besides its calls.
    pub fn weight(&self) -> usize {
        let news = self.news.borrow().iter().map(String::len).sum::<usize>();
        news.saturating_add(self.settings.borrow().weight())
    }

    /// Whether it was ended.
    pub fn is_ended(&self) -> bool {
        self.keeper.is_ended()
    }

    /// Whether the client watches a resource.
    pub fn watches(&self) -> bool {
        !self.settings.borrow().subscriptions.is_empty()
    }

    /// Offers more toolsets and upstreams from now on; false where they were offered before.
    pub async fn enable(&self, toolsets: u32, upstreams: &[String]) -> bool {
        let settings = {
            let mut settings = self.settings.borrow_mut();
            if !settings.enable(toolsets, upstreams) {
                return false;
            }
            settings.clone()
        };
        self.keeper.clone().save(settings).await;
        true
    }

    /// Notes that the session was used, in seconds since 1970.
    pub fn used(&self, now_s: u64) {
        self.used_at.set(now_s);
    }

    /// When it was used last.
    pub fn used_at(&self) -> u64 {
        self.used_at.get()
    }

    /// Takes the news that waited for a long-lived stream.
    pub fn take_news(&self) -> Vec<String> {
        self.news.take()
    }

    /// Notifies the client of a change, if it concerns this session.
    pub fn notify(&self, news: &ChangeEvent) {
        let ChangeEvent::ResourceUpdated(uri) = news else {
            if let Some(message) = announcement(news) {
                self.send_or_queue(&message);
            }
            return;
        };
        // The client knows it by the address that it asked for.
        let addresses = self.settings.borrow().watched_as(uri);
        for uri in addresses {
            if let Some(message) = announcement(&ChangeEvent::ResourceUpdated(uri)) {
                self.send_or_queue(&message);
            }
        }
    }

    /// What the session watches, for the Worker that holds its stream.
    pub fn watching(&self) -> Watching {
        Watching { uris: self.settings.borrow().subscriptions.clone() }
    }

    /// Sends a message to the long-lived stream, or keeps one of its kind until there is one.
    fn send_or_queue(&self, message: &[u8]) {
        let Ok(message) = std::str::from_utf8(message) else {
            return;
        };
        if self.keeper.announce(message) {
            return;
        }
        let mut news = self.news.borrow_mut();
        if news.len() < MAX_NEWS && !news.iter().any(|kept| kept == message) {
            news.push(message.to_owned());
        }
    }

    /// The stream of a call that a client reads on, where it is in memory.
    pub fn resume(&self, last: &LastEvent) -> Option<CallStream> {
        let running = self.running.borrow();
        let mut running = running.iter().map(|call| &call.channel);
        let found = running.find(|channel| channel.stream().as_ref() == Some(&last.stream));
        let channel = found.cloned().or_else(|| self.recent.find(self.id, &last.stream))?;
        Some(channel.events_after(last.place))
    }

    fn cancel(&self, params: Option<&RawValue>) {
        let found = params.and_then(|params| fields(params.get(), ["requestId"]).ok());
        let request = found.and_then(|[request]| RequestId::read(request?));
        if let Some(call) = request.and_then(|request| self.take(&request)) {
            if let Some(task) = call.task() {
                self.keeper.cancel_task(&task);
            }
            // While its stream still takes messages.
            for question in self.questions.give_up(&call) {
                cancel_request(self, &call.channel, question.as_json().trim_matches('"'));
            }
            call.cancel();
        }
    }

    /// Names the stream of a POST by the first of its requests.
    fn name(&self, channel: &Channel, id: &RequestId) {
        let number = self.numbers.get();
        self.numbers.set(number.wrapping_add(1));
        let stream = StreamId::of_call(&self.incarnation, number, id);
        channel.name(id.clone(), stream, self.version().priming_event());
    }

    /// Registers a request until the returned guard is dropped, also where the call panics.
    fn start(self: &Rc<Self>, call: Rc<Call>) -> RunningCall {
        // The same id may be in flight twice; the later one is the one to cancel.
        self.take(&call.id);
        self.running.borrow_mut().push(call.clone());
        RunningCall { session: self.clone(), call }
    }

    /// Registers a call that a client reads on while it goes on in a task, and gives the way back to the
    /// client on this channel, until the guard is dropped.
    pub fn read_on(
        self: &Rc<Self>,
        id: &RequestId,
        channel: &Rc<Channel>,
        task: &str,
        platform: SharedPlatform,
    ) -> (RunningCall, Rc<dyn Notifier>) {
        let call = Call::new(id.clone(), channel.clone(), true);
        call.moved(task);
        self.running.borrow_mut().push(call.clone());
        let running = RunningCall { session: self.clone(), call: call.clone() };
        let back = CallNotifier {
            session: self.clone(),
            call,
            token: None,
            platform,
            answered: Rc::default(),
        };
        (running, Rc::new(back))
    }

    fn take(&self, id: &RequestId) -> Option<Rc<Call>> {
        let mut running = self.running.borrow_mut();
        let at = running.iter().position(|call| call.id == *id)?;
        Some(running.swap_remove(at))
    }
}

/// A call that is running.
pub struct RunningCall {
    session: Rc<Session>,
    call: Rc<Call>,
}

impl Drop for RunningCall {
    fn drop(&mut self) {
        let channel = &self.call.channel;
        let mut running = self.session.running.borrow_mut();
        // The same id may be in flight twice; each end removes only itself.
        running.retain(|call| !Rc::ptr_eq(call, &self.call));
        let goes_on = running.iter().any(|call| Rc::ptr_eq(&call.channel, channel));
        drop(running);
        if !goes_on && !self.session.is_ended() {
            self.session.recent.remember(self.session.id, channel);
        }
    }
}
