//! Bindings that a deployment may have or not: a KV namespace, a D1 database, an Analytics Engine dataset.
//!
//! They are called by name, without the classes of `worker`, which read their answers through serde
//! and weigh some kilobytes each.

use js_sys::{Array, Function, JSON, Object, Promise, Reflect};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use worker::Env;

type Result<T> = std::result::Result<T, JsValue>;

fn binding(env: &Env, name: &str) -> Option<JsValue> {
    let found = Reflect::get(env, &name.into()).ok()?;
    found.is_object().then_some(found)
}

fn call(of: &JsValue, method: &str, arguments: &Array) -> Result<JsValue> {
    let method: Function = Reflect::get(of, &method.into())?.dyn_into()?;
    method.apply(of, arguments)
}

async fn ask(of: &JsValue, method: &str, arguments: &Array) -> Result<JsValue> {
    let promise: Promise = call(of, method, arguments)?.dyn_into()?;
    JsFuture::from(promise).await
}

/// A KV namespace.
pub struct Store(JsValue);

impl Store {
    /// The one that is bound under this name.
    pub fn of(env: &Env, name: &str) -> Option<Self> {
        binding(env, name).map(Self)
    }

    /// The text under a key.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub async fn get(&self, key: &str) -> Result<Option<String>> {
        Ok(ask(&self.0, "get", &Array::of1(&key.into())).await?.as_string())
    }

    /// Puts a text under a key.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub async fn put(&self, key: &str, text: &str) -> Result<()> {
        ask(&self.0, "put", &Array::of2(&key.into(), &text.into())).await.map(drop)
    }
}

/// A value in a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A number.
    Number(u64),
    /// Nothing.
    Null,
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl Value {
    /// A number, or nothing.
    pub fn number(number: Option<u64>) -> Self {
        number.map_or(Self::Null, Self::Number)
    }

    fn into_js(self) -> JsValue {
        match self {
            Self::Text(text) => text.into(),
            // Times in milliseconds fit into what JavaScript counts exactly.
            Self::Number(number) => (number as f64).into(),
            Self::Null => JsValue::NULL,
        }
    }
}

/// A D1 database.
pub struct Database(JsValue);

impl Database {
    /// The one that is bound under this name.
    pub fn of(env: &Env, name: &str) -> Option<Self> {
        binding(env, name).map(Self)
    }

    /// Carries out a statement: its rows, as the JSON text of an array of objects.
    ///
    /// # Errors
    /// Where the database refuses it, or does not answer.
    pub async fn rows(&self, sql: &str, values: Vec<Value>) -> Result<String> {
        let statement = self.statement(sql, values)?;
        let answer = ask(&statement, "all", &Array::new()).await?;
        let rows = JSON::stringify(&Reflect::get(&answer, &"results".into())?)?;
        Ok(rows.into())
    }

    /// Carries out the same statement for several lists of values, as one transaction.
    ///
    /// # Errors
    /// As [`Self::rows`].
    pub async fn each(&self, sql: &str, all: Vec<Vec<Value>>) -> Result<()> {
        let statements = Array::new();
        for values in all {
            statements.push(&self.statement(sql, values)?);
        }
        ask(&self.0, "batch", &Array::of1(&statements)).await.map(drop)
    }

    fn statement(&self, sql: &str, values: Vec<Value>) -> Result<JsValue> {
        let statement = call(&self.0, "prepare", &Array::of1(&sql.into()))?;
        let values: Array = values.into_iter().map(Value::into_js).collect();
        call(&statement, "bind", &values)
    }
}

/// An Analytics Engine dataset.
pub struct Dataset(JsValue);

impl Dataset {
    /// The one that is bound under this name.
    pub fn of(env: &Env, name: &str) -> Option<Self> {
        binding(env, name).map(Self)
    }

    /// Writes a data point; nobody waits for it, and what cannot be written is lost.
    pub fn write(&self, index: &str, blobs: &[&str], doubles: &[f64]) {
        let texts: Array = blobs.iter().map(|text| JsValue::from_str(text)).collect();
        let numbers: Array = doubles.iter().map(|number| JsValue::from_f64(*number)).collect();
        let point = Object::new();
        let parts: [(&str, JsValue); 3] = [
            ("indexes", Array::of1(&index.into()).into()),
            ("blobs", texts.into()),
            ("doubles", numbers.into()),
        ];
        for (name, part) in parts {
            // A plain object takes every property.
            let _ = Reflect::set(&point, &name.into(), &part);
        }
        if let Err(error) = call(&self.0, "writeDataPoint", &Array::of1(&point)) {
            crate::fault!("a data point is lost: {}", self::text(&error));
        }
    }
}

/// What an error of the runtime says.
pub fn text(error: &JsValue) -> String {
    let message = Reflect::get(error, &"message".into()).ok();
    message.and_then(|message| message.as_string()).unwrap_or_else(|| "unknown".to_owned())
}
