//! The rows of an object for the sessions that it has with upstreams.
//!
//! Invariant: a session id of an upstream is stored encrypted under `CREDENTIAL_KEY`, or not at all. Without that key a
//! session with an upstream ends with the object's memory. The upstream is told of the end of a session whose row is over.

use std::rc::Rc;

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, join_all, ready},
};
use worker::{Env, Result};

use crate::{
    objects::rows::Rows,
    platform::{
        cipher::{self, KeyContext},
        clock::now_s,
        workers::WorkersPlatform,
    },
    state,
    stubs::{keys, stored_upstreams, upstream},
};
use gateway::{
    door::address,
    memory::Generation,
    relay::{
        kept::{self, KEPT_FOR},
        pool::{Route, SessionKeeper},
    },
};
use mcp_auth::secret::Secret;
use mcp_platform::SharedPlatform;

/// What the keys of the rows begin with.
pub const UPSTREAM: &str = "upstream:";

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

/// Ends the sessions of the rows that are over, and removes the rows: `is_over` is asked with a key and the end of its
/// row. Where an upstream cannot be told, its session ends by itself. Returns the keys behind the prefix.
pub async fn end_rows(
    env: &Env,
    rows: &Rows,
    is_over: &dyn Fn(&str, u64) -> bool,
) -> Result<Vec<String>> {
    if !state::config(env).may_have_upstreams() {
        return Ok(Vec::new());
    }
    let mut keys = Vec::new();
    rows.each(UPSTREAM, &mut |key, _| keys.push(key.to_owned())).await?;
    if keys.is_empty() {
        return Ok(keys);
    }
    stored_upstreams::current(env).await;
    let mut over = Vec::new();
    for key in keys {
        let row = format!("{UPSTREAM}{key}");
        if let Some((until, sealed)) = rows.get_with_end(&row).await?
            && is_over(&row, until)
        {
            over.push((key, row, sealed));
        }
    }
    // Nobody opens them again from here on.
    rows.remove(over.iter().map(|(_, row, _)| row.clone()).collect()).await?;
    join_all(over.iter().map(|(key, row, sealed)| end_row(env, key, row, sealed))).await;
    Ok(over.into_iter().map(|(key, ..)| key).collect())
}

/// Ends the session of a row. None: nobody can be told.
async fn end_row(env: &Env, key: &str, row: &str, sealed: &str) -> Option<()> {
    let config = state::config(env);
    let lock = config.credential_keys.clone()?;
    let text = cipher::open(KeyContext { keys: &lock, aad: &[] }, row, sealed).await.ok()?;
    let (_, key) = key.split_once(':')?;
    let (name, capabilities) = kept::read_key(key)?;
    let found = config.upstreams.get(name)?;
    let trail = upstream::trail(None, &*keys::keys(env, &config).await.ok()?).ok()?;
    let platform: SharedPlatform = Rc::new(WorkersPlatform);
    let route = Route {
        name: name.into(),
        stack: None,
        address: address(found, &trail, &platform),
        era: found.era,
        capabilities,
        client_info: "{}".into(),
        generation: Generation::default(),
    };
    kept::end(key, &text, &route).await;
    Some(())
}
