//! What a session needs of its object: its stream, its rows, and the way to everybody else.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::{Rc, Weak},
};

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, ready},
};
use worker::{Env, State};

use super::{Greeted, Keeper, Settings, kept};
use crate::{
    access::{principal::Principal, secret::Secret},
    agents::{
        call::Store,
        resume::MOVED,
        rows::{Rows, now_s},
        sessions::Sessions,
        socket,
    },
    protocol::{event::StreamName, session_id::Claims},
    runtime::{isolate, object::keep},
    server::{notify::News, tasks::Tasks as _},
    transport::tasks::TaskLink,
};

/// How long an answer waits for a client that lost its connection, in seconds.
const KEEP_ANSWER: u64 = 600;

/// Answers that wait for one session's client; with more, the oldest go.
const MAX_ANSWERS: usize = 64;

/// The keeper of one session.
pub struct ObjectKeeper {
    /// The object.
    pub state: Rc<State>,
    /// Its bindings.
    pub env: Env,
    /// Its rows.
    pub rows: Rc<Rows>,
    /// The session.
    pub claims: Claims,
    /// All sessions of the object, which hold this one.
    pub sessions: Weak<Sessions>,
    /// The keys of answers that this life of the object kept, oldest first.
    pub answers: RefCell<VecDeque<String>>,
    /// The session was ended: nothing of it is kept any more.
    pub ended: Cell<bool>,
}

impl ObjectKeeper {
    fn answer_key(&self, stream: &StreamName) -> String {
        format!("answer:{}:{}", self.claims.session.simple(), stream.as_str())
    }

    /// Notes an answer; the one that there is no room for any more. Its pieces, if it has any, go with
    /// their time.
    fn noted(&self, key: &str) -> Option<String> {
        let mut answers = self.answers.borrow_mut();
        answers.retain(|known| known != key);
        answers.push_back(key.to_owned());
        if answers.len() > MAX_ANSWERS { answers.pop_front() } else { None }
    }
}

impl Store for ObjectKeeper {
    fn store(&self, stream: &StreamName, answer: &[u8]) -> LocalBoxFuture<'static, ()> {
        if self.is_ended() {
            return ready(()).boxed_local();
        }
        let (rows, key) = (self.rows.clone(), self.answer_key(stream));
        let text = String::from_utf8_lossy(answer).into_owned();
        let oldest = self.noted(&key);
        async move {
            let kept = rows.put(&key, &text, now_s().saturating_add(KEEP_ANSWER)).await;
            let removed = rows.remove(oldest.into_iter().collect()).await;
            if let Err(error) = kept.and(removed.map(drop)) {
                log::error!("an answer could not be kept: {error}");
            }
        }
        .boxed_local()
    }

    fn ended(&self) {
        if let Some(sessions) = self.sessions.upgrade() {
            sessions.recent.trim();
        }
    }
}

impl Keeper for ObjectKeeper {
    fn announce(&self, message: &str) -> bool {
        let sockets = self.state.get_websockets_with_tag(&self.claims.session.to_string());
        // Each message goes to exactly one stream; a closing socket refuses it.
        sockets.iter().any(|socket| socket::send(socket, message))
    }

    fn tell_listeners(&self, news: &News) {
        let (claims, news) = (self.claims.clone(), news.clone());
        if let Some(sessions) = self.sessions.upgrade()
            && sessions.is_first(&claims, &news)
        {
            let told = async move { sessions.announce(&claims, &news).await };
            keep(&self.state, told.boxed_local());
        }
    }

    fn note(&self, what: &str) {
        log::warn!("{what}");
    }

    fn end(&self) {
        self.ended.set(true);
    }

    fn is_ended(&self) -> bool {
        self.ended.get()
    }

    fn save(self: Rc<Self>, settings: Settings) -> LocalBoxFuture<'static, ()> {
        async move {
            if let Some(sessions) = self.sessions.upgrade() {
                sessions.save(&self.claims, &settings, &self).await;
            }
        }
        .boxed_local()
    }

    fn look(
        &self,
        principal: Rc<Principal>,
        own_token: Option<Secret>,
    ) -> LocalBoxFuture<'static, ()> {
        let (claims, sessions) = (self.claims.clone(), self.sessions.upgrade());
        let may = !self.is_ended() && isolate::config(&self.env).may_watch(&principal);
        async move {
            if let Some(sessions) = sessions.filter(|_| may) {
                sessions.look(&claims, Some((&principal, own_token.as_ref()))).await;
            }
        }
        .boxed_local()
    }

    fn greeted(&self, greeted: &Greeted) {
        let text = kept::write(&self.claims, &greeted.to_attachment());
        for socket in self.state.get_websockets_with_tag(&self.claims.session.to_string()) {
            // Only what is behind a closed socket is lost with it.
            let _ = socket.serialize_attachment(&text);
        }
    }

    fn moved(&self, stream: &StreamName, task: &str) {
        let kept = self.store(stream, format!("{MOVED}{task}").as_bytes());
        keep(&self.state, kept);
    }

    fn cancel_task(&self, task: &str) {
        let (env, subject, task) = (self.env.clone(), self.claims.subject, task.to_owned());
        let cancelled = async move {
            let config = isolate::config(&env);
            if let Ok(keys) = isolate::keys(&env, &config).await {
                let link = TaskLink::of_subject(env, keys, subject);
                // A task that cannot be asked ends by itself.
                let _ = link.cancel(&task).await;
            }
        };
        keep(&self.state, cancelled.boxed_local());
    }

    fn stored(&self, stream: &StreamName) -> LocalBoxFuture<'static, Option<Vec<u8>>> {
        let (rows, key) = (self.rows.clone(), self.answer_key(stream));
        async move { rows.get(&key).await.ok().flatten().map(String::into_bytes) }.boxed_local()
    }
}
