//! The stores that a deployment may have bound or not: a D1 database and a KV namespace.
//!
//! They are `worker`'s own types. What this module adds is a deadline around each call, because a request
//! waits for it. What a stage has bound is asked by name in [`bound`](super::bound); the dataset of Analytics
//! Engine is `worker`'s, and nothing waits for a data point.

use std::{future::Future, pin::pin, time::Duration};

use futures_util::{
    TryFutureExt as _,
    future::{Either, select},
};
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;
use worker::{
    D1Database, D1Type, Env, Error, Result,
    kv::{KvError, KvStore},
};

use crate::platform::sleep::Sleep;

/// How long a store may take for an answer.
const DEADLINE: Duration = Duration::from_secs(5);

/// The outcome of a call, or an error where there is none before the deadline.
async fn within<T>(call: impl Future<Output = Result<T>>) -> Result<T> {
    match select(pin!(call), Sleep::new(DEADLINE)).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right(_) => Err(Error::RustError(format!("no answer in {} s", DEADLINE.as_secs()))),
    }
}

/// The D1 database of named keys and the audit.
pub const DATABASE: &str = "MCP_DB";
/// The KV namespace of the rollout's share.
pub const STORE: &str = "MCP_KV";
/// The Analytics Engine dataset of requests.
pub const DATASET: &str = "MCP_ANALYTICS";

/// A KV namespace.
pub struct Store(KvStore);

impl Store {
    /// The one that is bound under this name.
    pub fn of(env: &Env, name: &str) -> Option<Self> {
        env.kv(name).ok().map(Self)
    }

    /// The text under a key.
    ///
    /// # Errors
    /// Where it cannot be read, or not before the deadline.
    pub async fn get(&self, key: &str) -> Result<Option<String>> {
        within(self.0.get(key).text().map_err(without_stack)).await
    }

    /// Puts a text under a key.
    ///
    /// # Errors
    /// Where it cannot be written, or not before the deadline.
    pub async fn put(&self, key: &str, text: &str) -> Result<()> {
        let put = self.0.put(key, text).map_err(without_stack)?;
        within(put.execute().map_err(without_stack)).await
    }
}

/// `worker` shows the error of a KV namespace with its stack; as an error of JavaScript it has one line.
fn without_stack(error: KvError) -> Error {
    JsValue::from(error).into()
}

/// A D1 database.
pub struct Database(D1Database);

impl Database {
    /// The one that is bound under this name.
    pub fn of(env: &Env, name: &str) -> Option<Self> {
        env.d1(name).ok().map(Self)
    }

    /// Runs a statement and returns its rows.
    ///
    /// # Errors
    /// Where the database refuses it, does not answer before the deadline, or a row is none of `T`.
    pub async fn rows<T: DeserializeOwned>(
        &self,
        sql: &str,
        values: &[D1Type<'_>],
    ) -> Result<Vec<T>> {
        let statement = self.0.prepare(sql).bind_refs(values)?;
        within(statement.all()).await.map_err(first_line)?.results()
    }

    /// Carries out the same statement for several lists of values, as one transaction.
    ///
    /// # Errors
    /// Where the database refuses it, or does not answer before the deadline: it may have done it.
    pub async fn each<'a, const VALUES: usize>(
        &self,
        sql: &str,
        all: impl Iterator<Item = [D1Type<'a>; VALUES]>,
    ) -> Result<()> {
        let statement = self.0.prepare(sql);
        let bound: Result<Vec<_>> = all.map(|values| statement.bind_refs(&values)).collect();
        within(self.0.batch(bound?)).await.map(drop).map_err(first_line)
    }
}

/// `worker` shows an error of a database with its stack, below the message.
fn first_line(error: Error) -> Error {
    let text = error.to_string();
    Error::RustError(text.lines().next().unwrap_or_default().to_owned())
}

/// A number in a statement. Times in milliseconds fit into what JavaScript counts exactly.
pub fn number(number: u64) -> D1Type<'static> {
    D1Type::Real(number as f64)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::first_line;
    use crate::platform::object_stub::tests::each_source;

    #[test]
    fn an_error_of_a_database_is_one_line() {
        let shown =
            "Error: D1_ERROR: no such table: keys\n    at D1Database._send (internal:d1:1:1)";
        let error = first_line(worker::Error::RustError(shown.into()));
        assert_eq!(error.to_string(), "Error: D1_ERROR: no such table: keys");
    }

    #[test]
    fn every_call_of_a_store_goes_through_a_deadline() {
        let mut checked = 0;
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        each_source(&root, &mut |path, text| {
            checked += 1;
            let is_direct = [".kv(", ".d1("].iter().any(|call| text.contains(call));
            assert!(!is_direct || path.ends_with("stores.rs"), "{path}");
        });
        assert!(checked > 60, "{checked}");
    }
}
