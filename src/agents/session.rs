//! What an object knows of one session while it is in memory. Nothing here is stored.
//!
//! Invariant: everything is bounded, and no borrow is held while anything is awaited.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeSet, HashMap},
    rc::Rc,
};

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    agents::channel::{Channel, Reply},
    edge::refusal::Refusal,
    protocol::{
        event::StreamName,
        jsonrpc::{Body, Message, RequestId, decode, notification_text},
        session_id::Claims,
        version::Version,
    },
    server::{
        context::Context,
        dispatch::{Params, answer, context_with},
        notify::Notifier,
    },
};

/// Kinds of news kept for a client that has no long-lived stream open.
const MAX_NEWS: usize = 64;

/// Where a session's long-lived stream is fed.
pub trait Announce {
    /// Sends a message to the session's long-lived stream; false where none is open.
    fn announce(&self, message: &str) -> bool;
}

/// One session.
pub struct Session {
    version: Version,
    /// Names this life of the object in event ids.
    incarnation: String,
    streams: Cell<u32>,
    running: RefCell<HashMap<RequestId, Rc<Channel>>>,
    news: RefCell<BTreeSet<String>>,
    stream: Rc<dyn Announce>,
}

impl Session {
    /// A session that was not in memory.
    pub fn new(claims: &Claims, incarnation: &str, stream: Rc<dyn Announce>) -> Self {
        Self {
            version: claims.version,
            incarnation: incarnation.to_owned(),
            streams: Cell::new(0),
            running: RefCell::default(),
            news: RefCell::default(),
            stream,
        }
    }

    /// Whether a call is running.
    pub fn is_busy(&self) -> bool {
        !self.running.borrow().is_empty()
    }

    /// Takes the news that waited for a long-lived stream.
    pub fn take_news(&self) -> BTreeSet<String> {
        self.news.take()
    }

    /// Sends a message to the long-lived stream, or keeps one of its kind until there is one.
    pub fn tell(&self, message: &[u8]) {
        let Ok(message) = std::str::from_utf8(message) else {
            return;
        };
        if self.stream.announce(message) {
            return;
        }
        let mut news = self.news.borrow_mut();
        if news.len() < MAX_NEWS {
            news.insert(message.to_owned());
        }
    }

    fn cancel(&self, params: Option<&RawValue>) {
        #[derive(Deserialize)]
        struct Cancelled<'a> {
            #[serde(borrow, rename = "requestId")]
            request: &'a RawValue,
        }
        let request = params
            .and_then(|params| serde_json::from_str::<Cancelled<'_>>(params.get()).ok())
            .and_then(|cancelled| RequestId::read(cancelled.request));
        let channel = request.and_then(|request| self.running.borrow_mut().remove(&request));
        if let Some(channel) = channel {
            channel.cancel();
        }
    }

    /// Registers a call until the returned guard is dropped, also where the call panics.
    fn start(self: &Rc<Self>, id: &RequestId, channel: &Rc<Channel>) -> Running {
        let number = self.streams.get();
        self.streams.set(number.wrapping_add(1));
        let stream = StreamName::of_call(&self.incarnation, number, id);
        channel.name(id.clone(), stream, self.version.priming_event());
        self.running.borrow_mut().insert(id.clone(), channel.clone());
        Running { session: self.clone(), id: id.clone(), channel: channel.clone() }
    }
}

/// A call that is running.
struct Running {
    session: Rc<Session>,
    id: RequestId,
    channel: Rc<Channel>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut running = self.session.running.borrow_mut();
        // The same id may be in flight twice; each end removes only itself.
        if running.get(&self.id).is_some_and(|found| Rc::ptr_eq(found, &self.channel)) {
            running.remove(&self.id);
        }
    }
}

/// Answers a body. Refusals are answers too: their text is the same in every transport.
pub async fn serve(
    session: Rc<Session>,
    ctx: Context,
    body: Vec<u8>,
    channel: Rc<Channel>,
) -> Reply {
    match decode(&body) {
        Ok(Body::Single(message)) => match one(&session, &ctx, message, &channel).await {
            Some(body) => Reply::Json { status: 200, body },
            None => Reply::Accepted,
        },
        Ok(Body::Batch(messages)) if session.version.batches() => {
            batch(&session, &ctx, messages, &channel).await
        }
        Ok(Body::Batch(_)) => refused(&Refusal::Batch),
        Err(error) => refused(&Refusal::Body(error)),
    }
}

fn refused(refusal: &Refusal) -> Reply {
    Reply::Json { status: refusal.status(), body: refusal.body() }
}

async fn one(
    session: &Rc<Session>,
    ctx: &Context,
    message: Message<'_>,
    channel: &Rc<Channel>,
) -> Option<Vec<u8>> {
    match message {
        Message::Request { id, method, params } => {
            let _running = session.start(&id, channel);
            let params = Params::read(params);
            let token = params.as_ref().ok().and_then(Params::progress_token);
            let back = CallNotifier { session: session.clone(), channel: channel.clone(), token };
            Some(answer(context_with(ctx, Rc::new(back)), &id, &method, params).await)
        }
        Message::Notification { method, params } => {
            if method == "notifications/cancelled" {
                session.cancel(params);
            }
            None
        }
        Message::Response { .. } => None,
    }
}

async fn batch(
    session: &Rc<Session>,
    ctx: &Context,
    messages: Vec<Message<'_>>,
    channel: &Rc<Channel>,
) -> Reply {
    let answers = messages.into_iter().map(|message| one(session, ctx, message, channel));
    let answers: Vec<Vec<u8>> = join_all(answers).await.into_iter().flatten().collect();
    if answers.is_empty() {
        return Reply::Accepted;
    }
    let mut body = vec![b'['];
    body.extend_from_slice(&answers.join(&b','));
    body.push(b']');
    Reply::Json { status: 200, body }
}

/// Puts the notifications of one request on the stream of its call.
struct CallNotifier {
    session: Rc<Session>,
    channel: Rc<Channel>,
    token: Option<RequestId>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Progress<'a> {
    progress_token: &'a RawValue,
    progress: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
}

impl Notifier for CallNotifier {
    fn progress(&self, progress: f64, total: Option<f64>, message: Option<&str>) {
        let token = self.token.as_ref().map(|token| RawValue::from_string(token.as_json().into()));
        let Some(Ok(token)) = token else {
            return;
        };
        let params = Progress { progress_token: &token, progress, total, message };
        self.channel.push(&notification_text("notifications/progress", &params));
    }

    fn tools_changed(&self) {
        let params = serde_json::json!({});
        self.session.tell(&notification_text("notifications/tools/list_changed", &params));
    }
}
