//! The object that keeps the session key of a deployment where nobody set one.
//!
//! Invariant: it makes one key, once; output gates hold the answer until the key is stored.

#![expect(missing_docs, reason = "the attribute generates public items without docs")]

use uuid::Uuid;
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

const KEY: &str = "session-key";

/// Keeps one key for the whole deployment.
#[durable_object(fetch)]
pub struct KeyAgent {
    state: State,
}

impl std::panic::RefUnwindSafe for KeyAgent {}

impl DurableObject for KeyAgent {
    fn new(state: State, _env: Env) -> Self {
        Self { state }
    }

    async fn fetch(&self, _request: Request) -> Result<Response> {
        let storage = self.state.storage();
        if let Some(key) = storage.get::<String>(KEY).await? {
            return Response::ok(key);
        }
        // Two v4 UUIDs hold 244 random bits.
        let key = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        storage.put(KEY, &key).await?;
        worker::console_warn!("made a session key: set the secret SESSION_KEY to choose your own");
        Response::ok(key)
    }
}
