//! Sends requests: address, token, retries of reads, one deadline for all of it.

use std::{cell::Cell, time::Duration};

use catalogue::retry::{self, Next};
use mcp_platform::{
    Method, NetworkFailure, OutboundRequest, OutboundResponse, SharedPlatform, url::with_parameters,
};
use mcp_server::execution::Begun;
use serde_json::{Value, json, value::RawValue};

use super::{
    envelope::{self, Envelope},
    error::ApiError,
    hide::hide,
    settings::{Purpose, Settings},
};

/// How long the requests of one call may take together.
const CALL_BUDGET: Duration = Duration::from_secs(60);
/// Cloudflare ends its calls after 30 s.
const TIMEOUT: Duration = Duration::from_secs(35);
/// Bytes that an answer may have.
const MAX_ANSWER: usize = 8 * 1024 * 1024;
const USER_AGENT: &str = concat!("sitebay-mcp/", env!("CARGO_PKG_VERSION"));

/// The API as one call sees it.
pub struct Client<'a> {
    platform: SharedPlatform,
    settings: &'a Settings,
    ends_ms: Cell<u64>,
}

/// A path below the API's address, built part by part.
#[derive(Debug, Clone)]
pub(super) struct Path(Option<String>);

impl Path {
    /// These fixed parts.
    pub(super) fn new(fixed: &str) -> Self {
        Self(Some(format!("/{fixed}")))
    }

    /// The same with one more part, encoded.
    pub(super) fn part(self, value: &str) -> Self {
        let encoded = catalogue::encode_part(value);
        Self(self.0.zip(encoded).map(|(path, part)| format!("{path}/{part}")))
    }

    /// The same with more fixed parts.
    pub(super) fn then(self, fixed: &str) -> Self {
        Self(self.0.map(|path| format!("{path}/{fixed}")))
    }
}

type Outcome = Result<OutboundResponse, NetworkFailure>;

impl<'a> Client<'a> {
    /// Starts the call's time.
    pub fn new(platform: SharedPlatform, settings: &'a Settings) -> Self {
        let client = Self { platform, settings, ends_ms: Cell::new(0) };
        client.start_over();
        client
    }

    /// Starts the call's time anew, as a task does for each of its steps.
    pub fn start_over(&self) {
        let ms = u64::try_from(CALL_BUDGET.as_millis()).unwrap_or(u64::MAX);
        self.ends_ms.set(self.now_ms().saturating_add(ms));
    }

    /// Checks that a request of this purpose could be sent.
    ///
    /// # Errors
    /// Which setting is missing.
    pub fn check(&self, purpose: Purpose) -> Result<(), ApiError> {
        self.settings.check(purpose)
    }

    /// The id of the account, for the queries that have it in their body. It never leaves otherwise.
    pub(super) fn account_id(&self) -> Result<&str, ApiError> {
        self.settings.account()
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.platform.now_ms()
    }

    /// A path below the account.
    pub(super) fn account(&self, fixed: &str) -> Result<Path, ApiError> {
        Ok(Path::new("accounts").part(self.settings.account()?).then(fixed))
    }

    fn left(&self) -> Duration {
        let left = self.ends_ms.get().saturating_sub(self.now_ms());
        // A clock that went back gives no more time.
        Duration::from_millis(left).min(CALL_BUDGET)
    }

    /// Reads.
    pub(super) async fn get(
        &self,
        path: &Path,
        query: &[(&str, String)],
    ) -> Result<Envelope, ApiError> {
        let outcome = self.read(Method::Get, path, query, None).await?;
        self.envelope(outcome)
    }

    /// Sends a POST that reads. Its result stays unread.
    pub(super) async fn ask(&self, path: &Path, body: &Value) -> Result<Box<RawValue>, ApiError> {
        let outcome = self.read(Method::Post, path, &[], Some(body)).await?;
        let response = outcome.map_err(ApiError::NoAnswer)?;
        envelope::read_unread(&response, &self.settings.secrets(), self.now_ms())
    }

    /// Asks the GraphQL API, whose answers have no envelope.
    pub(super) async fn numbers(&self, query: &str, variables: &Value) -> Result<Value, ApiError> {
        let body = json!({ "query": query, "variables": variables });
        let outcome = self.read(Method::Post, &Path::new("graphql"), &[], Some(&body)).await?;
        let response = outcome.map_err(ApiError::NoAnswer)?;
        envelope::read_graphql(&response, &self.settings.secrets(), self.now_ms())
    }

    async fn read(
        &self,
        method: Method,
        path: &Path,
        query: &[(&str, String)],
        body: Option<&Value>,
    ) -> Result<Outcome, ApiError> {
        let mut tries = 0_u32;
        loop {
            tries = tries.saturating_add(1);
            let outcome = self.once(Purpose::Read, method, path, query, body).await?;
            let noise =
                self.platform.uuid().get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
            let noise = noise.unwrap_or_default();
            match retry::next(outcome.as_ref(), tries, self.left(), self.now_ms(), noise) {
                Next::Pause(pause) => self.platform.sleep(pause).await,
                Next::Accept | Next::TooLong(_) => return Ok(outcome),
            }
        }
    }

    /// Changes something, once.
    pub(super) async fn change(
        &self,
        _begun: &Begun,
        purpose: Purpose,
        method: Method,
        path: &Path,
        body: Option<&Value>,
    ) -> Result<Envelope, ApiError> {
        let outcome = self.once(purpose, method, path, &[], body).await?;
        self.envelope(outcome)
    }

    fn envelope(&self, outcome: Outcome) -> Result<Envelope, ApiError> {
        let response = outcome.map_err(ApiError::NoAnswer)?;
        envelope::read(&response, &self.settings.secrets(), self.now_ms())
    }

    async fn once(
        &self,
        purpose: Purpose,
        method: Method,
        path: &Path,
        query: &[(&str, String)],
        body: Option<&Value>,
    ) -> Result<Outcome, ApiError> {
        let token = self.settings.token(purpose)?;
        let path = path.0.as_deref().ok_or(ApiError::BadPath)?;
        let timeout = self.left().min(TIMEOUT);
        if timeout.is_zero() {
            return Err(ApiError::OutOfTime);
        }
        let address = format!("{}{path}", self.settings.url.trim_end_matches('/'));
        let query = query.iter().map(|(name, value)| (*name, value.as_str()));
        let mut headers = vec![
            ("Authorization", format!("Bearer {}", token.expose())),
            ("Accept", "application/json".to_owned()),
            ("User-Agent", USER_AGENT.to_owned()),
        ];
        if body.is_some() {
            headers.push(("Content-Type", "application/json".to_owned()));
        }
        let request = OutboundRequest {
            method,
            url: with_parameters(&address, query),
            headers,
            body: body.map(Value::to_string),
            timeout,
            at_most: MAX_ANSWER,
        };
        let outcome = self.platform.fetch(request).await;
        // A runtime may name the address, or a header that it does not take.
        Ok(outcome.map_err(|failure| match failure {
            NetworkFailure::Broken(why) => {
                NetworkFailure::Broken(hide(&why, &self.settings.secrets()))
            }
            failure => failure,
        }))
    }
}
