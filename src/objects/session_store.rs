//! The [`SessionStore`] of a session: its stream, its rows, and its hub.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::{Rc, Weak},
};

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, ready},
};
use uuid::Uuid;
use worker::{Env, State};

use crate::stubs::keys;
use crate::{
    objects::{resume::MOVED, rows::Rows, sessions::Sessions},
    platform::{clock::now_s, object::wait_until, socket},
    state,
    stubs::tasks::TaskClient,
};
use mcp_auth::{principal::Principal, secret::Secret, session_id::Claims, task_id::TaskId};
use mcp_platform::record::Record as _;
use mcp_protocol::event::StreamId;
use mcp_server::session::{Negotiated, SessionStore, Settings, record::Attachment};
use mcp_server::{call::AnswerStore, notifier::ChangeEvent, tasks::Tasks as _};

/// How long an answer waits for a client that lost its connection, in seconds.
const KEEP_ANSWER: u64 = 600;

/// Answers that wait for one session's client; with more, the oldest go.
const MAX_ANSWERS: usize = 64;

/// Calls of one session for which a task is noted; with more, the oldest notes go.
const MAX_MOVED: usize = 256;

/// The keeper of one session.
pub struct ObjectSessionStore {
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
    /// The keys of answers that this life of the object kept.
    pub answers: RowKeys,
    /// The keys of rows that this life of the object wrote for calls that wait for a task.
    pub moved: RowKeys,
    /// The session was ended: nothing of it is kept any more.
    pub ended: Cell<bool>,
}

/// Keys of rows of one kind, oldest first.
#[derive(Default)]
pub struct RowKeys(RefCell<VecDeque<String>>);

impl RowKeys {
    /// Adds a key; returns the oldest one where there are more than `most` now.
    fn add(&self, key: &str, most: usize) -> Option<String> {
        self.forget(key);
        let mut keys = self.0.borrow_mut();
        keys.push_back(key.to_owned());
        if keys.len() > most { keys.pop_front() } else { None }
    }

    fn forget(&self, key: &str) {
        self.0.borrow_mut().retain(|known| known != key);
    }
}

/// The key of the row for the answer of a session's call.
fn answer_key(session: Uuid, stream: &StreamId) -> String {
    format!("answer:{}:{}", session.simple(), stream.as_str())
}

/// The row of a call that waits for this task.
fn moved_to(task: &str) -> String {
    format!("{MOVED}{task}")
}

impl ObjectSessionStore {
    fn answer_key(&self, stream: &StreamId) -> String {
        answer_key(self.claims.session, stream)
    }

    /// Writes a row until then, in seconds since 1970, and removes the one that it takes the place of.
    fn put(
        &self,
        key: String,
        text: String,
        until: u64,
        oldest: Option<String>,
    ) -> LocalBoxFuture<'static, ()> {
        let rows = self.rows.clone();
        async move {
            let kept = rows.put(&key, &text, until).await;
            let removed = rows.remove(oldest.into_iter().collect()).await;
            if let Err(error) = kept.and(removed.map(drop)) {
                log::error!("an answer could not be kept: {error}");
            }
        }
        .boxed_local()
    }
}

impl AnswerStore for ObjectSessionStore {
    fn store(&self, stream: &StreamId, answer: &[u8]) -> LocalBoxFuture<'static, ()> {
        if self.is_ended() {
            return ready(()).boxed_local();
        }
        let key = self.answer_key(stream);
        let text = String::from_utf8_lossy(answer).into_owned();
        // The answer takes the place of the note that its call waits for a task.
        self.moved.forget(&key);
        let oldest = self.answers.add(&key, MAX_ANSWERS);
        self.put(key, text, now_s().saturating_add(KEEP_ANSWER), oldest)
    }

    fn ended(&self) {
        if let Some(sessions) = self.sessions.upgrade() {
            sessions.recent.trim();
        }
    }
}

impl SessionStore for ObjectSessionStore {
    fn announce(&self, message: &str) -> bool {
        let sockets = self.state.get_websockets_with_tag(&self.claims.session.to_string());
        // Each message goes to exactly one stream; a closing socket refuses it.
        sockets.iter().any(|socket| socket::send(socket, message))
    }

    fn notify_listeners(&self, news: &ChangeEvent) {
        let (claims, news) = (self.claims.clone(), news.clone());
        if let Some(sessions) = self.sessions.upgrade()
            && sessions.is_first(&claims, &news)
        {
            let told = async move { sessions.announce(&claims, &news).await };
            wait_until(&self.state, told.boxed_local());
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
        let may = !self.is_ended() && state::config(&self.env).may_watch(&principal);
        async move {
            if let Some(sessions) = sessions.filter(|_| may) {
                sessions.look(&claims, Some((&principal, own_token.as_ref()))).await;
            }
        }
        .boxed_local()
    }

    fn negotiated(&self, negotiated: &Negotiated) {
        let kept = Attachment { claims: self.claims.clone(), negotiated: Some(negotiated.clone()) };
        let text = kept.to_json();
        for socket in self.state.get_websockets_with_tag(&self.claims.session.to_string()) {
            // Only what is behind a closed socket is lost with it.
            let _ = socket.serialize_attachment(&text);
        }
    }

    fn moved(&self, stream: &StreamId, task: &str) {
        if self.is_ended() {
            return;
        }
        let key = self.answer_key(stream);
        // As long as the task can be found.
        let until = TaskId::end_of(task).unwrap_or_else(|| now_s().saturating_add(KEEP_ANSWER));
        let oldest = self.moved.add(&key, MAX_MOVED);
        wait_until(&self.state, self.put(key, moved_to(task), until, oldest));
    }

    fn cancel_task(&self, task: &str) {
        let (env, subject, task) = (self.env.clone(), self.claims.subject, task.to_owned());
        let cancelled = async move {
            let config = state::config(&env);
            if let Ok(keys) = keys::keys(&env, &config).await {
                let link = TaskClient::of_subject(env, keys, subject);
                // A task that cannot be asked ends by itself.
                let _ = link.cancel(&task).await;
            }
        };
        wait_until(&self.state, cancelled.boxed_local());
    }

    fn stored(&self, stream: &StreamId) -> LocalBoxFuture<'static, Option<Vec<u8>>> {
        let (rows, key) = (self.rows.clone(), self.answer_key(stream));
        async move { rows.get(&key).await.ok().flatten().map(String::into_bytes) }.boxed_local()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;
    use crate::objects::{resume::task_of, sessions::settings_key};
    use mcp_protocol::{event::LastEvent, jsonrpc::RequestId, log_level::LoggingLevel};
    use mcp_server::{
        session::record::{SessionRow, StoredSession},
        testing::claims,
    };
    use test_support::stored::row_of_0_1_0;

    const UNTIL: u64 = 1_800_000_000;

    #[test]
    fn the_oldest_of_too_many_keys_goes() {
        let keys = RowKeys::default();
        assert_eq!((keys.add("a", 2), keys.add("b", 2), keys.add("a", 2)), (None, None, None));
        assert_eq!(keys.add("c", 2).as_deref(), Some("b"));
        keys.forget("a");
        assert_eq!(keys.add("d", 2), None);
    }

    #[test]
    fn rows_of_sessions_of_0_1_0_are_read() {
        let claims = claims();
        let key = settings_key(claims.session);
        let ended = row_of_0_1_0("session-ended", &key, UNTIL);
        assert_eq!(SessionRow::from_json(&ended), Some(SessionRow::Ended));
        let stored = row_of_0_1_0("session-settings", &key, UNTIL);
        let settings = Settings {
            level: Some(LoggingLevel::Debug),
            subscriptions: vec!["a://b".into()],
            toolsets: 0,
            upstreams: Vec::new(),
        };
        let session = StoredSession { claims, settings };
        assert_eq!(SessionRow::from_json(&stored), Some(SessionRow::Open(session)));
    }

    #[test]
    fn rows_of_answers_are_found_by_the_last_event_and_read() {
        let id = RequestId::read(&RawValue::from_string("\"a;1\"".into()).unwrap()).unwrap();
        let stream = StreamId::of_call("abcd0123", 5, &id);
        let last = LastEvent::parse(&stream.event_id(9)).unwrap();
        assert_eq!(last.stream, stream);
        let key = answer_key(Uuid::from_u128(1), &last.stream);
        let answer = r#"{"jsonrpc":"2.0","id":"a;1","result":{"text":"ü\n"}}"#;
        assert_eq!(row_of_0_1_0("session-answer", &key, UNTIL), answer);
        assert_eq!(task_of(answer.as_bytes()), None);
        let task = "AajkR50AAAAAAAAAAAAAAAAAAAAqBwcHBwcHBwcHBwcHBwcHBwAAB9DUAak7aoyoXcw5rucwvC3Z";
        let end = TaskId::end_of(task).unwrap();
        let moved = row_of_0_1_0("session-moved", &key, end);
        assert_eq!(task_of(moved.as_bytes()), Some(task));
        assert_eq!(moved_to(task), moved);
    }
}
