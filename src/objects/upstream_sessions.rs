//! The rows of an object for the sessions that it has with upstreams.
//!
//! Invariant: a session id of an upstream is stored encrypted under `CREDENTIAL_KEY`, or not at all. Without that key a
//! session with an upstream ends with the object's memory.

use std::rc::Rc;

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, ready},
};
use worker::Env;

use crate::{
    objects::rows::Rows,
    platform::{
        cipher::{self, KeyContext},
        clock::now_s,
    },
    state,
};
use gateway::relay::pool::SessionKeeper;
use mcp_auth::secret::Secret;

/// What the keys of the rows begin with.
pub const UPSTREAM: &str = "upstream:";
/// How long a session outlives its last opening, in seconds.
const KEPT_FOR: u64 = 1_800;

/// The rows of one session in front, or of an object that has none.
pub struct KeptSessions {
    env: Env,
    rows: Rc<Rows>,
    /// Tells the rows of several sessions in front apart.
    owner: String,
}

impl KeptSessions {
    /// The rows of this owner.
    pub fn new(env: Env, rows: Rc<Rows>, owner: String) -> Self {
        Self { env, rows, owner }
    }

    fn row(&self, key: &str) -> String {
        format!("{UPSTREAM}{}:{key}", self.owner)
    }
}

impl SessionKeeper for KeptSessions {
    fn kept(&self, key: &str) -> LocalBoxFuture<'static, Option<Secret>> {
        let (rows, row) = (self.rows.clone(), self.row(key));
        let Some(keys) = state::config(&self.env).credential_keys.clone() else {
            return ready(None).boxed_local();
        };
        async move {
            let sealed = rows.get(&row).await.ok().flatten()?;
            cipher::open(KeyContext { keys: &keys, aad: &[] }, &row, &sealed).await.ok()
        }
        .boxed_local()
    }

    fn keep(&self, key: &str, text: Option<Secret>) -> LocalBoxFuture<'static, ()> {
        let (rows, row) = (self.rows.clone(), self.row(key));
        let Some(keys) = state::config(&self.env).credential_keys.clone() else {
            return ready(()).boxed_local();
        };
        async move {
            let kept = match text {
                None => rows.remove(vec![row]).await.map(drop),
                Some(text) => {
                    let lock = KeyContext { keys: &keys, aad: &[] };
                    match cipher::seal(lock, &row, &text).await {
                        Ok(sealed) => {
                            rows.put(&row, &sealed, now_s().saturating_add(KEPT_FOR)).await
                        }
                        Err(error) => Err(error.into()),
                    }
                }
            };
            if let Err(error) = kept {
                log::error!("a session with an upstream could not be kept: {error}");
            }
        }
        .boxed_local()
    }
}
