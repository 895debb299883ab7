//! Answers of the OAuth endpoints.
//!
//! Invariant: nothing here is kept by a cache. What programs ask for, any page may ask for: it takes no
//! cookies. What people are shown is in no frame and runs no script.

use maud::Markup;
use worker::Result;

use super::html;
use crate::{
    body::read_body,
    error::Error,
    platform::http::{Request, Response, ResponseBuilder},
};
use mcp_auth::oauth::{
    error::{ErrorCode, OAuthError},
    form::Form,
};

/// Bytes that a form or a registration may have.
const MAX_FORM: usize = 64 * 1024;

/// What a person reads whose form is no good any more.
pub(super) const STALE: &str = "This page is out of date, or was not opened in this browser.";
/// What a person reads where the server failed.
pub(super) const BUSY: &str = "The server cannot do this at the moment. Try again in a minute.";

/// Why a program gets no answer.
pub(super) enum EndpointError {
    /// Answered as an OAuth error.
    Fault(OAuthError),
    /// The same for one that proved who it is by `Authorization` (RFC 6749 §5.2).
    Basic(OAuthError),
    /// The text of a fault that a grant found.
    Said(u16, String),
    /// The runtime failed.
    Broken(worker::Error),
}

impl From<OAuthError> for EndpointError {
    fn from(fault: OAuthError) -> Self {
        Self::Fault(fault)
    }
}

impl From<worker::Error> for EndpointError {
    fn from(error: worker::Error) -> Self {
        Self::Broken(error)
    }
}

/// The text of an answer, or why there is none.
pub(super) type EndpointResult<T> = std::result::Result<T, EndpointError>;

/// The answer to a program: 200, or what went wrong.
pub(super) fn outcome(outcome: EndpointResult<Response>) -> Result<Response> {
    match outcome {
        Ok(response) => Ok(response),
        Err(EndpointError::Fault(fault)) => json(fault.status(), &fault.to_json()),
        Err(EndpointError::Basic(fault)) => {
            let basic = "Basic realm=\"oauth\"";
            open(fault.status())
                .header("WWW-Authenticate", basic)
                .header("Content-Type", "application/json")
                .whole(fault.to_json().as_bytes())
        }
        Err(EndpointError::Said(status, text)) => json(status, &text),
        Err(EndpointError::Broken(error)) => {
            log::error!("an OAuth endpoint failed: {error}");
            let why = "the server cannot do this at the moment: try again";
            let fault = OAuthError::new(ErrorCode::TemporarilyUnavailable, why);
            json(fault.status(), &fault.to_json())
        }
    }
}

/// The answer to a form of a page: what came of it, or why nothing did. `what`: what failed, for the log.
pub(super) fn changed(outcome: EndpointResult<Response>, what: &str) -> Result<Response> {
    match outcome {
        Ok(response) => Ok(response),
        Err(EndpointError::Broken(error)) => {
            log::error!("{what}: {error}");
            error_page(503, BUSY)
        }
        Err(_) => error_page(400, STALE),
    }
}

/// A JSON answer for a program.
pub(super) fn json(status: u16, text: &str) -> Result<Response> {
    open(status).header("Content-Type", "application/json").whole(text.as_bytes())
}

/// The answer to a preflight.
pub(super) fn preflight() -> Result<Response> {
    let allowed = "Authorization, Content-Type, Accept, MCP-Protocol-Version";
    open(204)
        .header("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
        .header("Access-Control-Allow-Headers", allowed)
        .header("Access-Control-Max-Age", "7200")
        .empty()
}

fn open(status: u16) -> ResponseBuilder {
    ResponseBuilder::new(status)
        .header("Access-Control-Allow-Origin", "*")
        .header("Access-Control-Expose-Headers", "WWW-Authenticate")
        .header("Cache-Control", "no-store")
}

/// A page for a person, whose forms may lead to these sources.
pub(super) fn page(status: u16, body: &Markup, form_action: &str) -> Result<Response> {
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; \
         form-action {form_action}"
    );
    ResponseBuilder::new(status)
        .header("Content-Type", "text/html; charset=utf-8")
        .header("Cache-Control", "no-store")
        .header("Referrer-Policy", "no-referrer")
        .header("X-Content-Type-Options", "nosniff")
        .header("X-Frame-Options", "DENY")
        .header("Content-Security-Policy", &policy)
        .whole(body.0.as_bytes())
}

/// A page that says why a person cannot go on.
pub(super) fn error_page(status: u16, why: &str) -> Result<Response> {
    page(status, &html::error_page(why), "'none'")
}

/// Sends a person elsewhere, by GET (RFC 9700 §4.12).
pub(super) fn see_other(to: &str) -> Result<Response> {
    ResponseBuilder::new(303)
        .header("Location", to)
        .header("Cache-Control", "no-store")
        .header("Referrer-Policy", "no-referrer")
        .empty()
}

/// The body of a request as text; a fault where it is too long or no text.
pub(super) async fn text(request: Request) -> EndpointResult<String> {
    let too_long = OAuthError::request("the body is too long");
    let body = read_body(&request).await.map_err(|error| match error {
        Error::Broken(error) => EndpointError::Broken(error),
        _ => too_long.into(),
    })?;
    if body.len() > MAX_FORM {
        return Err(too_long.into());
    }
    String::from_utf8(body).map_err(|_| OAuthError::request("the body is not UTF-8").into())
}

/// The form that was posted.
pub(super) async fn form(request: Request) -> EndpointResult<Form> {
    let kind = request.header_text("content-type").unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if kind != "application/x-www-form-urlencoded" {
        return Err(
            OAuthError::request("the body must be application/x-www-form-urlencoded").into()
        );
    }
    Ok(Form::parse(&text(request).await?))
}
