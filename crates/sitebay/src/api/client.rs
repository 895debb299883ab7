//! Sends requests to the API: address, headers, redirects, retries, one deadline for all of it.
//!
//! Invariant: one client serves one call of a tool; together its requests take [`CALL_BUDGET`]. The token and a
//! body never go to another origin (RFC 9110 §15.4).

use std::time::Duration;

use serde_json::Value;

use super::{
    detail::{Detail, excerpt},
    error::ApiError,
    redact,
    request::{ApiResponse, Repeat, Request},
    retry::{self, Next},
};
use mcp_auth::secret::Secret;
use mcp_platform::{Method, OutboundRequest, OutboundResponse, url::Url};
use mcp_protocol::raw;
use mcp_server::telemetry::trace::span;
use mcp_server::{context::Context, execution::Begun};

/// The time that one call has for all its requests, retries and pauses.
pub const CALL_BUDGET: Duration = Duration::from_secs(25);
/// A read that takes longer is tried again.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// A keyed change gets more time, it is real work.
const KEYED_TIMEOUT: Duration = Duration::from_secs(15);
/// How many redirects one request follows.
const MOST_REDIRECTS: u32 = 3;
/// Bytes an answer may have: twice what a result may have.
const MAX_ANSWER: usize = 16 * 1024 * 1024;
const PREFIX: &str = "/f/api/v1";
const USER_AGENT: &str = concat!("sitebay-mcp/", env!("CARGO_PKG_VERSION"));

/// The API as one call sees it.
pub struct Client<'a> {
    pub(super) ctx: &'a Context,
    token: &'a Secret,
    root: Url,
    ends_ms: u64,
}

/// Paths that SiteBay answers without a token, too.
const PUBLIC: [&str; 2] = ["/plan/pricing", "/region"];

/// Whether a path that begins with another one names that or what is below it.
fn is_whole(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('/')
}

/// The response to a request, of any status.
type Outcome = Result<OutboundResponse, ApiError>;

impl<'a> Client<'a> {
    /// Starts the call's time.
    pub fn new(ctx: &'a Context) -> Result<Self, ApiError> {
        let token = ctx.credential.token.as_ref().filter(|token| !token.expose().trim().is_empty());
        let token = token.ok_or(ApiError::NoToken)?;
        let base = ctx.credential.base_url.trim_end_matches('/');
        let root = Url::parse(&format!("{base}{PREFIX}")).ok_or(ApiError::BadBase)?;
        if !["http://", "https://"].iter().any(|scheme| root.href.starts_with(scheme)) {
            return Err(ApiError::BadBase);
        }
        let budget = u64::try_from(CALL_BUDGET.as_millis()).unwrap_or(u64::MAX);
        let ends_ms = ctx.platform.now_ms().saturating_add(budget);
        Ok(Self { ctx, token, root, ends_ms })
    }

    /// The address of an encoded path below the prefix.
    pub fn address(&self, path: &str, query: &[(&str, String)]) -> Result<Url, ApiError> {
        let url = Url::parse(&format!("{}{path}", self.root.href)).ok_or(ApiError::BadPath)?;
        if !self.owns(&url) {
            return Err(ApiError::BadPath);
        }
        url.with_query(query).ok_or(ApiError::BadPath)
    }

    /// Whether an address lies below the configured base and prefix.
    pub(super) fn owns(&self, url: &Url) -> bool {
        let below = url.path.strip_prefix(&self.root.path).is_some_and(|p| p.starts_with('/'));
        below && url.origin == self.root.origin
    }

    /// Whether an answer at this address shows that SiteBay accepted the token.
    fn needs_token(&self, url: &Url) -> bool {
        let path = url.path.strip_prefix(&self.root.path).unwrap_or_default();
        !PUBLIC.iter().any(|public| path.strip_prefix(public).is_some_and(is_whole))
    }

    /// The time that is left of the call.
    pub fn left(&self) -> Duration {
        let left = self.ends_ms.saturating_sub(self.ctx.platform.now_ms());
        // A clock that went back gives no more time.
        Duration::from_millis(left).min(CALL_BUDGET)
    }

    /// Reads.
    pub async fn send(&self, request: &Request) -> Result<ApiResponse, ApiError> {
        match request.repeat {
            Repeat::Safe => self.repeat(request).await,
            Repeat::Keyed(_) | Repeat::Never => Err(ApiError::NotBegun),
        }
    }

    /// Changes something.
    pub async fn change(&self, _begun: &Begun, request: &Request) -> Result<ApiResponse, ApiError> {
        self.ctx.changes.sent();
        let answer = self.repeat(request).await;
        if !answer.as_ref().is_err_and(ApiError::leaves_doubt) {
            self.ctx.changes.answered();
        }
        answer
    }

    /// Sends a request until there is an answer that stands.
    async fn repeat(&self, request: &Request) -> Result<ApiResponse, ApiError> {
        let mut tries = 0_u32;
        loop {
            tries = tries.saturating_add(1);
            let outcome = self.follow(request, tries).await;
            match self.next(request, &outcome, tries) {
                Next::Accept => return self.read(request, outcome?, tries),
                Next::Pause(pause) => self.ctx.platform.sleep(pause).await,
                Next::TooLong(wait) => return Err(self.too_long(request, &outcome, wait, tries)),
            }
        }
    }

    fn next(&self, request: &Request, outcome: &Outcome, tries: u32) -> Next {
        let platform = &self.ctx.platform;
        let noise = platform.uuid().get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let now = platform.now_ms();
        retry::next(&request.repeat, outcome, tries, self.left(), now, noise.unwrap_or_default())
    }

    /// One try, with the redirects that it meets.
    async fn follow(&self, request: &Request, tries: u32) -> Outcome {
        let mut url = request.url.clone();
        for _ in 0..=MOST_REDIRECTS {
            let response = self.exchange(request, &url, tries).await?;
            match redirected(request, &url, &response)? {
                Some(target) => url = target,
                None => return Ok(response),
            }
        }
        Err(ApiError::TooManyRedirects)
    }

    async fn exchange(&self, request: &Request, url: &Url, tries: u32) -> Outcome {
        let most = match request.repeat {
            Repeat::Safe => READ_TIMEOUT,
            Repeat::Keyed(_) => KEYED_TIMEOUT,
            Repeat::Never => CALL_BUDGET,
        };
        let timeout = most.min(self.left());
        if timeout.is_zero() {
            return Err(ApiError::OutOfTime);
        }
        let outbound = OutboundRequest {
            method: request.method,
            url: url.href.clone(),
            headers: self.headers(request),
            body: request.body.as_ref().map(Value::to_string),
            timeout,
            at_most: MAX_ANSWER,
        };
        let mut asked =
            SentRequest { ctx: self.ctx, began_ms: self.ctx.platform.now_ms(), status: 0 };
        let outcome = self.ctx.platform.fetch(outbound).await;
        asked.status = outcome.as_ref().map_or(0, |response| response.status);
        outcome.map_err(|failure| ApiError::NoAnswer { failure, tries })
    }

    fn headers(&self, request: &Request) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            ("Authorization", format!("Bearer {}", self.token.expose().trim())),
            ("Accept", "application/json".to_owned()),
            ("User-Agent", USER_AGENT.to_owned()),
        ];
        if request.body.is_some() {
            headers.push(("Content-Type", "application/json".to_owned()));
        }
        if let Repeat::Keyed(key) = &request.repeat {
            headers.push(("Idempotency-Key", key.clone()));
        }
        let platform = &*self.ctx.platform;
        let trace = self.ctx.record.trace(platform);
        headers.push(("traceparent", trace.parent(span(platform))));
        if let Some(state) = trace.state() {
            headers.push(("tracestate", state.to_owned()));
        }
        headers
    }

    fn read(
        &self,
        request: &Request,
        response: OutboundResponse,
        tries: u32,
    ) -> Result<ApiResponse, ApiError> {
        let OutboundResponse { status, retry_after, body, .. } = response;
        if !(200..300).contains(&status) {
            let detail = self.detail(request, &body);
            return Err(ApiError::Refused { status, detail, retry_after, tries });
        }
        if self.needs_token(&request.url) {
            self.ctx.record.token_accepted();
        }
        if raw::without_bom(&body).trim_ascii().is_empty() {
            return Ok(ApiResponse { status, json: Value::Null });
        }
        let secrets = self.secrets(request);
        let Some(mut json) = raw::value_of_bytes(&body) else {
            let excerpt = excerpt(&redact::scrub_text(&String::from_utf8_lossy(&body), &secrets));
            return Err(ApiError::Unreadable { status, excerpt });
        };
        redact::scrub(&mut json, &secrets);
        Ok(ApiResponse { status, json })
    }

    fn detail(&self, request: &Request, body: &[u8]) -> Detail {
        let secrets = self.secrets(request);
        match raw::value_of_bytes(body) {
            Some(mut json) => {
                redact::redact(&mut json, false);
                redact::scrub(&mut json, &secrets);
                Detail::of_json(&json)
            }
            None => Detail::of_text(&redact::scrub_text(&String::from_utf8_lossy(body), &secrets)),
        }
    }

    fn too_long(
        &self,
        request: &Request,
        outcome: &Outcome,
        wait: Duration,
        tries: u32,
    ) -> ApiError {
        let (status, detail) = match outcome {
            Ok(response) => (response.status, self.detail(request, &response.body)),
            Err(_) => (503, Detail::None),
        };
        ApiError::WaitTooLong { status, wait, detail, tries }
    }

    fn secrets(&self, request: &Request) -> Vec<Secret> {
        let token = Secret::new(self.token.expose().trim());
        request.secrets.iter().cloned().chain([token]).collect()
    }
}

/// Where a response sends the request; None when it is not a redirect.
fn redirected(
    request: &Request,
    from: &Url,
    response: &OutboundResponse,
) -> Result<Option<Url>, ApiError> {
    let keeps_method = match response.status {
        307 | 308 => true,
        301..=303 => false,
        _ => return Ok(None),
    };
    let location = response.location.as_deref().unwrap_or_default();
    let refused =
        || ApiError::RedirectRefused { status: response.status, location: shown(from, location) };
    let target = from.join(location).ok_or_else(refused)?;
    let allowed = keeps_method || request.method == Method::Get;
    if location.is_empty() || !allowed || target.origin != from.origin {
        return Err(refused());
    }
    Ok(Some(target))
}

/// The address without query and credentials, which may be secret.
fn shown(from: &Url, location: &str) -> String {
    match from.join(location) {
        Some(url) => format!("{}{}", url.origin, url.path),
        None => "an address that cannot be read".to_owned(),
    }
}

/// A request that was sent. It is recorded when this is dropped: after its answer, or without one
/// where the call is dropped.
struct SentRequest<'a> {
    ctx: &'a Context,
    began_ms: u64,
    status: u16,
}

impl Drop for SentRequest<'_> {
    fn drop(&mut self) {
        let took = self.ctx.platform.now_ms().saturating_sub(self.began_ms);
        self.ctx.record.add_sitebay_call(self.status, took);
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
