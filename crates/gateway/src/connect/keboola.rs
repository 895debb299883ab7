//! What a Storage token of Keboola opens, asked at the API of one stack (`GET /v2/storage/tokens/verify`).
//!
//! Invariant: the token goes to the stack that was chosen, in one header, and to nobody else: redirects are not followed.
//! What Keboola says is shown plain and short, and without the token.

use std::time::Duration;

use mcp_auth::secret::Secret;
use mcp_platform::{Method, NetworkFailure, OutboundRequest, OutboundResponse, SharedPlatform};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{config::Stack, text::quote};

/// How long Keboola may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes that its answer may have: a token may have permissions for many buckets.
const MAX_ANSWER: usize = 1 << 20;
/// Characters of one text of Keboola's that are kept or shown.
const MAX_TEXT: usize = 200;

/// What a connected token opens, as its person is shown it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// The configured name of the stack.
    pub stack: String,
    /// The id of the project.
    #[serde(default)]
    pub id: String,
    /// The name of the project.
    #[serde(default)]
    pub name: String,
    /// The role of the person to whom a master token belongs, as far as Keboola says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Whether it is a master token, which may do what its person may.
    #[serde(default)]
    pub is_master: bool,
    /// When it expires, as Keboola writes it. None: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

/// Why a token is not kept: in a sentence, for its person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenFault {
    /// Keboola refuses it.
    Refused(String),
    /// Keboola did not say.
    Unclear(String),
}

/// Asks a stack what a token opens.
///
/// # Errors
/// Where it opens nothing, or Keboola does not say.
pub async fn verify(
    stack: &Stack,
    token: &Secret,
    platform: &SharedPlatform,
) -> Result<Project, TokenFault> {
    let request = OutboundRequest {
        method: Method::Get,
        url: format!("{}/v2/storage/tokens/verify", stack.connection),
        headers: vec![
            ("X-StorageApi-Token", token.expose().to_owned()),
            ("Accept", "application/json".to_owned()),
        ],
        body: None,
        timeout: TIMEOUT,
        at_most: MAX_ANSWER,
    };
    match platform.fetch(request).await {
        Ok(answer) => read(stack, token, &answer),
        Err(NetworkFailure::TimedOut(_)) => Err(unclear("it did not answer in time")),
        Err(NetworkFailure::TooLarge(_)) => Err(unclear("its answer is too long")),
        // Its text may name addresses.
        Err(NetworkFailure::Broken(_)) => Err(unclear("it cannot be reached")),
    }
}

fn unclear(why: &str) -> TokenFault {
    TokenFault::Unclear(format!("Keboola did not say whether it accepts this token: {why}."))
}

fn refused(why: &str) -> TokenFault {
    TokenFault::Refused(format!("Keboola does not accept this token: {why}."))
}

fn read(stack: &Stack, token: &Secret, answer: &OutboundResponse) -> Result<Project, TokenFault> {
    let said: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let said = said.filter(Value::is_object);
    match answer.status {
        200 => project(stack, token, said.as_ref()),
        401 | 403 => {
            let why = said.as_ref().and_then(|said| text(said, "/error", token));
            let why = why.map(|why| why.trim_end_matches('.').to_owned());
            let why = why.unwrap_or_else(|| format!("it answers {}", answer.status));
            Err(refused(&format!("{why}. Check the token, and whether this is its stack")))
        }
        503 => Err(unclear("it is being maintained. Try again later")),
        429 => Err(unclear("it is asked too often. Try again in a minute")),
        status => Err(unclear(&format!("it answers {status}"))),
    }
}

fn project(stack: &Stack, token: &Secret, said: Option<&Value>) -> Result<Project, TokenFault> {
    let unreadable = || unclear("its answer cannot be read");
    let said = said.ok_or_else(unreadable)?;
    let is = |pointer: &str| said.pointer(pointer) == Some(&Value::Bool(true));
    if is("/isDisabled") {
        return Err(refused("it is disabled"));
    }
    if is("/isExpired") {
        return Err(refused("it has expired"));
    }
    if is("/owner/isDisabled") {
        return Err(refused("its project is disabled"));
    }
    Ok(Project {
        stack: stack.name.clone(),
        id: said.pointer("/owner/id").and_then(id).ok_or_else(unreadable)?,
        name: text(said, "/owner/name", token).ok_or_else(unreadable)?,
        role: text(said, "/admin/role", token),
        is_master: is("/isMasterToken"),
        expires: text(said, "/expires", token),
    })
}

/// An id, which is a number on some stacks and a text on others.
fn id(value: &Value) -> Option<String> {
    let id = match value {
        Value::Number(number) => number.as_u64()?.to_string(),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    ((1..=32).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit())).then_some(id)
}

/// A text of an answer that may be shown.
fn text(said: &Value, pointer: &str, token: &Secret) -> Option<String> {
    let text = said.pointer(pointer)?.as_str()?;
    let plain = quote(text, MAX_TEXT);
    let plain = plain.trim();
    (!plain.is_empty() && !text.contains(token.expose())).then(|| plain.to_owned())
}

#[cfg(test)]
#[path = "keboola_tests.rs"]
mod tests;
