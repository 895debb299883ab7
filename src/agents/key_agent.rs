//! The object that keeps the session key of a deployment where nobody set one.
//!
//! Invariant: it makes one key, once; output gates hold the answer until the key is stored.

use std::rc::Rc;

use futures_util::{FutureExt as _, future::LocalBoxFuture};
use uuid::Uuid;
use worker::{Env, Result, State};

use crate::runtime::http::{self, Request, Response};
use crate::{agents::rows::text_at, durable_object, runtime::object::Object};

const KEY: &str = "session-key";

durable_object! {
    /// Keeps one key for the whole deployment.
    KeyAgent(Core)
}

struct Core {
    state: State,
}

impl Core {
    fn new(state: State, _env: Env) -> Self {
        Self { state }
    }

    async fn key(self: Rc<Self>) -> Result<Response> {
        if let Some(key) = text_at(&self.state, KEY).await? {
            return http::text(200, &key);
        }
        // Two v4 UUIDs hold 244 random bits.
        let key = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        self.state.storage().put_raw(KEY, key.as_str()).await?;
        crate::warning!("made a session key: set the secret SESSION_KEY to choose your own");
        http::text(200, &key)
    }
}

impl Object for Core {
    fn fetch(self: Rc<Self>, _request: Request) -> LocalBoxFuture<'static, Result<Response>> {
        self.key().boxed_local()
    }
}
