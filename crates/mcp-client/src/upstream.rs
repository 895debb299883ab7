//! One upstream over HTTP: requests are sent to it, and what comes back is either an answer to read or an error.
//!
//! Invariant: the credential goes to the origin of the endpoint only, and so do the headers of a caller that the operator
//! has passed on. No other header of a caller goes anywhere.

use std::{cell::RefCell, rc::Rc, time::Duration};

use mcp_platform::{
    Method, NetworkFailure, SharedPlatform,
    stream::{StreamRequest, StreamResponse},
};

use crate::{
    deadline::Deadline,
    endpoint::Endpoint,
    error::{Phase, UpstreamError, quote},
    headers::{HeaderList, TRAIL_HEADER},
    redirect,
    session::SessionId,
};

/// An upstream. Copies share the address that a redirect taught.
#[derive(Clone)]
pub struct Upstream {
    platform: SharedPlatform,
    endpoint: Rc<Endpoint>,
    url: Rc<RefCell<String>>,
}

impl Upstream {
    /// The upstream at this endpoint.
    pub fn new(platform: SharedPlatform, endpoint: Endpoint) -> Self {
        let url = Rc::new(RefCell::new(endpoint.url.clone()));
        Self { platform, endpoint: Rc::new(endpoint), url }
    }

    /// The same with the address that another upstream of this endpoint learnt from a redirect.
    #[must_use]
    pub fn following(&self, other: &Self) -> Self {
        Self { url: other.url.clone(), ..self.clone() }
    }

    /// Where requests go: the endpoint's URL, or the one of the same origin that it redirected to.
    pub fn url(&self) -> String {
        self.url.borrow().clone()
    }

    /// Deadlines, limits, and where it was configured to be.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) fn platform(&self) -> &SharedPlatform {
        &self.platform
    }

    /// An error that quotes neither the credential nor the session.
    pub(crate) fn conceal(
        &self,
        error: UpstreamError,
        session: Option<&SessionId>,
    ) -> UpstreamError {
        let values = self.endpoint.credential.iter().map(|(_, value)| value.expose());
        // Without the scheme, as in `Bearer …`.
        let bare = values.map(|value| value.rsplit(' ').next().unwrap_or_default());
        let secrets: Vec<&str> = bare.chain(session.map(SessionId::expose)).collect();
        error.without(&secrets)
    }

    /// Deadlines that count from now.
    pub(crate) fn deadline(&self, idle: Option<Duration>, whole: Option<Duration>) -> Deadline {
        Deadline::new(self.platform.clone(), idle, whole)
    }

    /// The deadline for a handshake, and for an answer of which only the headers matter.
    pub(crate) fn short_deadline(&self) -> Deadline {
        let within = Some(self.endpoint.timeouts.headers);
        self.deadline(within, within)
    }

    /// Sends a request to the endpoint and waits for the headers of its answer, for as long as the endpoint says where nothing
    /// else is said. Follows one redirect within the origin.
    pub(crate) async fn send(
        &self,
        method: Method,
        headers: HeaderList,
        body: Option<String>,
        within: Option<Duration>,
    ) -> Result<StreamResponse, UpstreamError> {
        let url = self.url();
        let response = self.send_to(&url, method, headers.clone(), body.clone(), within).await?;
        if !redirect::is_redirect(response.status) {
            return Ok(response);
        }
        let refused = UpstreamError::Redirect { status: response.status };
        let location = response.headers.get("location");
        let to =
            redirect::target(&url, response.status, location).ok_or_else(|| refused.clone())?;
        drop(response);
        let response = self.send_to(&to, method, headers, body, within).await?;
        if redirect::is_redirect(response.status) {
            return Err(refused);
        }
        *self.url.borrow_mut() = to;
        Ok(response)
    }

    /// Sends a request to another address of the endpoint's origin.
    pub(crate) async fn send_to(
        &self,
        url: &str,
        method: Method,
        mut headers: HeaderList,
        body: Option<String>,
        within: Option<Duration>,
    ) -> Result<StreamResponse, UpstreamError> {
        headers.extend(self.endpoint.forwarded.iter().cloned());
        let credential = self.endpoint.credential.iter();
        headers.extend(credential.map(|(name, value)| (name.clone(), value.expose().to_owned())));
        if let Some(trail) = &self.endpoint.trail {
            headers.push((TRAIL_HEADER.into(), trail.as_str().to_owned()));
        }
        if headers.iter().any(|(_, value)| !is_header_value(value)) {
            return Err(UpstreamError::Unsendable("a header value has control characters"));
        }
        let headers_within = within.unwrap_or(self.endpoint.timeouts.headers);
        let request = StreamRequest { method, url: url.to_owned(), headers, body, headers_within };
        let response = self.platform.open(request).await.map_err(unreachable)?;
        if response.status == 508 { Err(UpstreamError::Loop) } else { Ok(response) }
    }
}

fn is_header_value(value: &str) -> bool {
    value.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~'))
}

/// A failure before the headers of an answer.
fn unreachable(failure: NetworkFailure) -> UpstreamError {
    match failure {
        NetworkFailure::TimedOut(after) => UpstreamError::TimedOut { phase: Phase::Headers, after },
        NetworkFailure::TooLarge(limit) => UpstreamError::TooLarge { limit },
        NetworkFailure::Broken(why) => {
            let never_connected = is_connect_failure(&why);
            UpstreamError::Unreachable { why: without_addresses(&why), never_connected }
        }
    }
}

/// The runtime's text without addresses, whose queries may be secret.
fn without_addresses(why: &str) -> String {
    let words = why.split_whitespace();
    let kept = words.map(|word| if word.contains("://") { "(address)" } else { word });
    quote(kept.collect::<Vec<_>>().join(" ").as_bytes())
}

/// Whether the runtime's text says that no connection was made. Others may have carried the request already.
fn is_connect_failure(why: &str) -> bool {
    let why = why.to_ascii_lowercase();
    ["dns lookup failed", "connection refused", "certificate", "tls handshake", "not allowed"]
        .iter()
        .any(|sign| why.contains(sign))
}
