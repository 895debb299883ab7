//! What an object knows of one session while it is in memory.
//!
//! Invariant: everything is bounded, and no borrow is held while anything is awaited. What must
//! survive the object's memory goes through [`Keeper`], and nothing else is stored.

mod back;
mod keeper;
pub mod kept;
mod questions;
mod serve;
mod settings;

pub use keeper::ObjectKeeper;
pub use serve::{serve, worded};
pub use settings::Settings;

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
};

use back::CallNotifier;
use futures_util::future::LocalBoxFuture;
use questions::Questions;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{
    access::{principal::Principal, secret::Secret},
    agents::{
        call::{CallStream, Store},
        channel::Channel,
    },
    protocol::{
        bytes::cut_text,
        capabilities::ClientCapabilities,
        event::{LastEvent, StreamName},
        fields::fields,
        initialize::Hello,
        jsonrpc::{RequestId, notification_text},
        object::Object,
        raw,
        session_id::Claims,
        version::Version,
    },
    server::{
        context::Client,
        notify::{News, Notifier},
        platform::SharedPlatform,
    },
};

/// Kinds of news kept for a client that has no long-lived stream open.
const MAX_NEWS: usize = 64;
/// Ended streams that may be resumed from memory; later ones are found in storage.
const MAX_RECENT: usize = 16;

/// The notification that the list of tools is another one.
const TOOLS_CHANGED: &str = "notifications/tools/list_changed";

/// What a session needs of its object.
pub trait Keeper: Store {
    /// Sends a message to the session's long-lived stream; false where none is open.
    fn announce(&self, message: &str) -> bool;

    /// Tells whoever else listens to the subject's changes, in sessions and outside of them.
    fn tell_listeners(&self, news: &News);

    /// Logs what an operator may want to know.
    fn note(&self, what: &str);

    /// Keeps the session's settings over the end of the object's memory.
    fn save(&self, settings: Settings) -> LocalBoxFuture<'static, ()>;

    /// Has the resources that its object's sessions watch looked at, with what the caller brings.
    fn look(
        &self,
        principal: Rc<Principal>,
        own_token: Option<Secret>,
    ) -> LocalBoxFuture<'static, ()>;

    /// Keeps what the client said of itself with the session's stream.
    fn greeted(&self, greeted: &Greeted);

    /// Remembers which task answers a call whose own object may end before it.
    fn moved(&self, stream: &StreamName, task: &str);

    /// Takes a task back.
    fn cancel_task(&self, task: &str);

    /// The final answer of a streamed call, where it is still kept.
    fn stored(&self, stream: &StreamName) -> LocalBoxFuture<'static, Option<Vec<u8>>>;
}

/// What a client said of itself in `initialize`, as it is kept with a stream's socket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Greeted {
    /// The negotiated version's code; 0 before `initialize`.
    pub version: u8,
    /// The bits of the client's capabilities.
    pub capabilities: u16,
    /// The client's name, cut to fit.
    pub name: String,
    /// The client's version, cut to fit.
    pub client_version: String,
}

impl Greeted {
    /// The text that is kept with the socket.
    pub fn to_attachment(&self) -> String {
        Object::new()
            .number("version", self.version.into())
            .number("capabilities", self.capabilities.into())
            .text("name", &self.name)
            .text("clientVersion", &self.client_version)
            .end()
    }

    /// Reads it back.
    pub fn from_attachment(text: &str) -> Option<Self> {
        let names = ["version", "capabilities", "name", "clientVersion"];
        let [version, capabilities, name, client_version] = fields(text, names).ok()?;
        Some(Self {
            version: raw::number(version?)?,
            capabilities: raw::number(capabilities?)?,
            name: raw::string(name?)?,
            client_version: raw::string(client_version?)?,
        })
    }

    /// From the parameters of `initialize`.
    pub fn of(hello: &Hello) -> Self {
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
    hello: RefCell<Greeted>,
    /// Names this life of the object in event ids.
    incarnation: String,
    streams: Cell<u32>,
    running: RefCell<Vec<(RequestId, Rc<Channel>)>>,
    recent: RefCell<VecDeque<(StreamName, Rc<Channel>)>>,
    questions: Questions,
    settings: RefCell<Settings>,
    news: RefCell<Vec<String>>,
    used_at: Cell<u64>,
    keeper: Rc<dyn Keeper>,
}

impl Session {
    /// A session that was not in memory, with what was kept of it.
    pub fn new(
        claims: &Claims,
        incarnation: &str,
        settings: Settings,
        keeper: Rc<dyn Keeper>,
    ) -> Self {
        Self {
            id: claims.session,
            hello: RefCell::new(Greeted {
                version: claims.version.code(),
                capabilities: claims.capabilities.bits(),
                name: claims.client_name.clone(),
                client_version: claims.client_version.clone(),
            }),
            incarnation: incarnation.to_owned(),
            streams: Cell::new(0),
            running: RefCell::default(),
            recent: RefCell::default(),
            questions: Questions::new(incarnation),
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

    /// What the client can do.
    pub fn capabilities(&self) -> ClientCapabilities {
        ClientCapabilities::from_bits(self.hello.borrow().capabilities)
    }

    /// The program that the person uses.
    pub fn client(&self) -> Client {
        let hello = self.hello.borrow();
        Client { name: hello.name.clone(), version: hello.client_version.clone() }
    }

    /// What the client said of itself, in a session that began before it said anything.
    pub fn greet(&self, greeted: Greeted) {
        *self.hello.borrow_mut() = greeted;
    }

    /// Where streamed answers are kept.
    pub fn store(&self) -> Rc<dyn Keeper> {
        self.keeper.clone()
    }

    /// Whether a call is running.
    pub fn is_busy(&self) -> bool {
        !self.running.borrow().is_empty()
    }

    /// Whether the client watches a resource.
    pub fn watches(&self) -> bool {
        !self.settings.borrow().subscriptions.is_empty()
    }

    /// Offers more toolsets from now on; false where they were offered before.
    pub async fn enable(&self, toolsets: u32) -> bool {
        let settings = {
            let mut settings = self.settings.borrow_mut();
            if settings.toolsets & toolsets == toolsets {
                return false;
            }
            settings.toolsets |= toolsets;
            settings.clone()
        };
        self.keeper.save(settings).await;
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

    /// Tells the client what changed, if it concerns this session.
    pub fn tell(&self, news: &News) {
        let (method, params) = match news {
            News::ToolsChanged => (TOOLS_CHANGED, Object::new()),
            News::PromptsChanged => ("notifications/prompts/list_changed", Object::new()),
            News::ResourcesChanged => ("notifications/resources/list_changed", Object::new()),
            News::ResourceUpdated(uri) if self.settings.borrow().watches(uri) => {
                ("notifications/resources/updated", Object::new().text("uri", uri))
            }
            News::ResourceUpdated(_) | News::Task(..) => return,
        };
        self.send_or_keep(&notification_text(method, &params.end()));
    }

    /// Sends a message to the long-lived stream, or keeps one of its kind until there is one.
    fn send_or_keep(&self, message: &[u8]) {
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
        let recent = self.recent.borrow();
        let running = running.iter().map(|(_, channel)| (channel.stream(), channel));
        let recent = recent.iter().map(|(name, channel)| (Some(name.clone()), channel));
        let (_, channel) =
            running.chain(recent).find(|(name, _)| name.as_ref() == Some(&last.stream))?;
        Some(CallStream::after(channel.clone(), last.place))
    }

    fn cancel(&self, params: Option<&RawValue>) {
        let found = params.and_then(|params| fields(params.get(), ["requestId"]).ok());
        let request = found.and_then(|[request]| RequestId::read(request?));
        let channel = request.and_then(|request| self.take(&request));
        if let Some(channel) = channel {
            if let Some(task) = channel.task() {
                self.keeper.cancel_task(&task);
            }
            channel.cancel();
            self.questions.give_up(&channel);
        }
    }

    /// Registers a call until the returned guard is dropped, also where the call panics.
    fn start(self: &Rc<Self>, id: &RequestId, channel: &Rc<Channel>) -> Running {
        let number = self.streams.get();
        self.streams.set(number.wrapping_add(1));
        let stream = StreamName::of_call(&self.incarnation, number, id);
        channel.name(id.clone(), stream, self.version().priming_event());
        // The same id may be in flight twice; the later one is the one to cancel.
        self.take(id);
        self.running.borrow_mut().push((id.clone(), channel.clone()));
        Running { session: self.clone(), id: id.clone(), channel: channel.clone() }
    }

    /// Registers a call that a client reads on while it goes on in a task, and gives the way back to the
    /// client on this channel, until the guard is dropped.
    pub fn read_on(
        self: &Rc<Self>,
        id: &RequestId,
        channel: &Rc<Channel>,
        platform: SharedPlatform,
    ) -> (Running, Rc<dyn Notifier>) {
        self.running.borrow_mut().push((id.clone(), channel.clone()));
        let running = Running { session: self.clone(), id: id.clone(), channel: channel.clone() };
        let back = CallNotifier {
            session: self.clone(),
            channel: channel.clone(),
            token: None,
            platform,
            answered: Rc::default(),
        };
        (running, Rc::new(back))
    }

    fn take(&self, id: &RequestId) -> Option<Rc<Channel>> {
        let mut running = self.running.borrow_mut();
        let at = running.iter().position(|(known, _)| known == id)?;
        Some(running.swap_remove(at).1)
    }

    fn remember(&self, channel: &Rc<Channel>) {
        let Some(stream) = channel.stream().filter(|_| channel.is_streamed()) else {
            return;
        };
        let mut recent = self.recent.borrow_mut();
        // What is large is found in storage, too.
        recent.retain(|(_, ended)| !ended.is_large());
        if recent.len() >= MAX_RECENT {
            recent.pop_front();
        }
        recent.push_back((stream, channel.clone()));
    }
}

/// A call that is running.
pub struct Running {
    session: Rc<Session>,
    id: RequestId,
    channel: Rc<Channel>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.session.remember(&self.channel);
        let mut running = self.session.running.borrow_mut();
        // The same id may be in flight twice; each end removes only itself.
        running.retain(|(id, channel)| *id != self.id || !Rc::ptr_eq(channel, &self.channel));
    }
}
