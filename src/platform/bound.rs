//! What is bound to this Worker as a part of a stage: a D1 database, an R2 bucket, a Workflow. They are asked by name, in
//! JavaScript, because `worker` has no class for Workflows; every call ends at a deadline.

use std::time::Duration;

use js_sys::Promise;
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;
use worker::Env;

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum AskError {
    /// Not before the deadline. What was asked may have been done.
    #[error("no answer in {} s", .0.as_secs())]
    TimedOut(Duration),
    /// It failed, with a text of its own. What was asked may have been done.
    #[error("{0}")]
    Failed(String),
}

/// What is asked: its name, its values as JSON, and how long the answer may take.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// `rows`, `objects`, `start` or `run`.
    pub what: &'a str,
    /// Its values.
    pub values: &'a Value,
    /// How long the answer may take.
    pub deadline: Duration,
}

/// An answer, or the text of a failure.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Answer(Value),
    Failed(String),
}

/// Whether something of this kind (`d1`, `r2`, `workflow`) is bound under this name.
pub fn is_bound(env: &Env, kind: &str, name: &str) -> bool {
    found(env.as_ref(), kind, name).unwrap_or(false)
}

/// Asks what is bound under this name, once.
///
/// # Errors
/// Why there is no answer.
pub async fn ask(env: &Env, name: &str, question: Question<'_>) -> Result<Value, AskError> {
    let Question { what, values, deadline } = question;
    let millis = u32::try_from(deadline.as_millis()).unwrap_or(u32::MAX);
    let sent = asked(env.as_ref(), name, what, &values.to_string(), millis).map_err(failed)?;
    let came = JsFuture::from(sent).await.map_err(failed)?;
    if came.is_null() {
        return Err(AskError::TimedOut(deadline));
    }
    read(&came.as_string().unwrap_or_default())
}

fn read(text: &str) -> Result<Value, AskError> {
    match serde_json::from_str(text) {
        Ok(Outcome::Answer(answer)) => Ok(answer),
        Ok(Outcome::Failed(text)) => Err(AskError::Failed(text)),
        Err(_) => Err(AskError::Failed("its answer cannot be read".to_owned())),
    }
}

fn failed(error: JsValue) -> AskError {
    let text = worker::Error::from(error).to_string();
    AskError::Failed(text.lines().next().unwrap_or_default().to_owned())
}

#[wasm_bindgen(module = "/src/platform/bound.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = isBound)]
    fn found(env: &JsValue, kind: &str, name: &str) -> Result<bool, JsValue>;

    #[wasm_bindgen(catch, js_name = ask)]
    fn asked(
        env: &JsValue,
        name: &str,
        what: &str,
        values: &str,
        millis: u32,
    ) -> Result<Promise, JsValue>;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_and_a_failure_are_told_apart_and_anything_else_is_a_failure() {
        assert_eq!(read(r#"{"answer":{"id":"r"}}"#).ok(), Some(json!({"id": "r"})));
        let failed = |text: &str| read(text).unwrap_err().to_string();
        assert_eq!(failed(r#"{"failed":"D1_ERROR: no"}"#), "D1_ERROR: no");
        for text in ["", "null", "{}", r#"{"failed":7}"#] {
            assert_eq!(failed(text), "its answer cannot be read", "{text}");
        }
    }

    #[test]
    fn no_binding_is_asked_without_a_deadline() {
        let glue = include_str!("bound.js");
        let exported: Vec<&str> = glue.split("export function ").skip(1).collect();
        let [is_bound, ask] = exported.as_slice() else { panic!("{}", exported.len()) };
        assert!(is_bound.starts_with("isBound("));
        assert!(ask.starts_with("ask(") && ask.contains("return within(millis, answered("));
        assert_eq!(glue.matches("answered(").count(), 2, "one definition and one call");
    }
}
