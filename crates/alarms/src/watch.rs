//! One look: asks for the numbers, compares, posts, keeps what goes on.
//!
//! Invariant: without the incidents that are kept nothing is posted, because they say what was posted already.

use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use mcp_auth::secret::Secret;
use mcp_platform::{Method, NetworkFailure, OutboundRequest, OutboundResponse, Platform};
use thiserror::Error;

use crate::{
    incident::Incidents,
    reading::Reading,
    rule::Thresholds,
    webhook::{Message, WebhookKey},
};

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Bytes that an answer may have.
const MAX_ANSWER: usize = 64 * 1024;

/// What a look needs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address of Cloudflare's API, without a slash at its end.
    pub api_url: String,
    /// The account.
    pub account: Secret,
    /// A token that may read analytics.
    pub token: Secret,
    /// The dataset of the data points.
    pub dataset: String,
    /// Where messages go.
    pub webhook_url: Secret,
    /// What signs them.
    pub key: WebhookKey,
    /// What is an incident.
    pub thresholds: Thresholds,
    /// The name of the deployment.
    pub environment: String,
}

/// Where the incidents are kept between two looks.
pub trait Store {
    /// What is kept.
    fn get(&self) -> LocalBoxFuture<'_, Result<Option<String>, String>>;

    /// Keeps this.
    fn put(&self, text: String) -> LocalBoxFuture<'_, Result<(), String>>;
}

/// Why a look came to no end. Nothing of it is secret.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LookError {
    /// The incidents cannot be read or kept.
    #[error("the incidents of the alarms cannot be {0}: {1}")]
    Store(&'static str, String),
    /// The numbers cannot be had.
    #[error("the numbers of the alarms cannot be had: {0}")]
    Numbers(String),
    /// A message did not arrive; it is posted again at the next look.
    #[error("a message of the alarms did not arrive: {0}")]
    Message(String),
}

/// Looks once. The answer is the number of messages that were posted.
///
/// # Errors
/// Why it came to no end. What was posted before counts.
pub async fn look(
    platform: &dyn Platform,
    store: &dyn Store,
    settings: &Settings,
) -> Result<usize, LookError> {
    let kept = store.get().await.map_err(|why| LookError::Store("read", why))?;
    let reading = numbers(platform, settings).await?;
    let mut incidents = Incidents::read(kept.as_deref());
    let now_ms = platform.now_ms();
    let events = incidents.look(&reading, &settings.thresholds, now_ms);
    let (mut posted, mut failed) = (0_usize, None);
    for event in &events {
        let message = Message::of(event, &settings.environment, &settings.key, now_ms);
        match post(platform, settings, message).await {
            Ok(()) => {
                incidents.posted(event);
                posted = posted.saturating_add(1);
            }
            Err(why) => failed = Some(LookError::Message(why)),
        }
    }
    let text = incidents.to_text();
    if kept.as_deref().unwrap_or(&Incidents::default().to_text()) != text {
        store.put(text).await.map_err(|why| LookError::Store("kept", why))?;
    }
    failed.map_or(Ok(posted), Err)
}

async fn numbers(platform: &dyn Platform, settings: &Settings) -> Result<Reading, LookError> {
    let account = settings.account.expose();
    let request = OutboundRequest {
        method: Method::Post,
        url: format!("{}/accounts/{account}/analytics_engine/sql", settings.api_url),
        headers: vec![
            ("authorization", format!("Bearer {}", settings.token.expose())),
            ("content-type", "text/plain".to_owned()),
        ],
        body: Some(Reading::query(&settings.dataset)),
        timeout: TIMEOUT,
        at_most: MAX_ANSWER,
    };
    let answer = answered(platform.fetch(request).await).map_err(LookError::Numbers)?;
    let unexpected = || LookError::Numbers("the answer is not as expected".to_owned());
    Reading::read(&answer.body).ok_or_else(unexpected)
}

async fn post(
    platform: &dyn Platform,
    settings: &Settings,
    message: Message,
) -> Result<(), String> {
    let request = OutboundRequest {
        method: Method::Post,
        url: settings.webhook_url.expose().to_owned(),
        headers: message.headers,
        body: Some(message.body),
        timeout: TIMEOUT,
        at_most: MAX_ANSWER,
    };
    answered(platform.fetch(request).await).map(drop)
}

/// A success. The text of a failure of the network may name the address, which is secret.
fn answered(outcome: Result<OutboundResponse, NetworkFailure>) -> Result<OutboundResponse, String> {
    match outcome {
        Ok(response) if (200..300).contains(&response.status) => Ok(response),
        Ok(response) => Err(format!("it is answered with {}", response.status)),
        Err(NetworkFailure::Broken(_)) => Err("the connection failed".to_owned()),
        Err(failure) => Err(failure.to_string()),
    }
}

#[cfg(test)]
mod tests;
