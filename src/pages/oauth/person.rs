//! The person in front of a page: its browser by a cookie, its SiteBay account by a token.
//!
//! Invariant: a form counts only from the browser that it was shown in. Cookies are bound to this host
//! (`__Host-`); on a developer's machine, which has no https, they have plain names.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use worker::Result;

use super::{
    Server,
    oidc::{self, LoginPurpose},
};
use crate::{
    platform::{
        clock::now_s,
        http::{Request, Response},
        random,
        workers::WorkersPlatform,
    },
    state,
};
use mcp_auth::{
    failed_attempts::{CountedAttempt, MAX_FAILURES},
    oauth::ticket::{self, TicketPurpose},
    secret::Secret,
    subject::Subject,
};
use mcp_platform::{Method, OutboundRequest, Platform as _};
use mcp_server::telemetry::audit::GrantEvent;

/// How long SiteBay may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes that its answer may have.
const MAX_ANSWER: usize = 1024 * 1024;
/// Characters that a SiteBay token may have.
const MAX_TOKEN: usize = 1_024;
/// Characters that a cookie may have.
const MAX_COOKIE: usize = 200;

/// A cookie of these pages.
#[derive(Clone, Copy)]
pub(super) enum Cookie {
    /// Binds forms to a browser.
    Form,
    /// Says who is signed in at `/account`.
    Account,
}

impl Cookie {
    fn name(self, server: &Server<'_>) -> &'static str {
        match (self, server.origin.starts_with("https:")) {
            (Self::Form, true) => "__Host-mcp-form",
            (Self::Form, false) => "mcp-form",
            (Self::Account, true) => "__Host-mcp-account",
            (Self::Account, false) => "mcp-account",
        }
    }

    /// The cookie's value in a request.
    pub(super) fn read(self, server: &Server<'_>, request: &Request) -> Result<Option<String>> {
        let header = request.header_text("cookie").unwrap_or_default();
        let pairs = header.split(';').filter_map(|pair| pair.trim().split_once('='));
        let found = pairs.into_iter().find(|(name, _)| *name == self.name(server));
        let value = found.map(|(_, value)| value.to_owned());
        Ok(value.filter(|value| !value.is_empty() && value.len() <= MAX_COOKIE))
    }

    /// Has the browser send it for so many seconds; 0: not any more.
    pub(super) fn set(
        self,
        server: &Server<'_>,
        response: &Response,
        value: &str,
        lasts: u32,
    ) -> Result<()> {
        let secure = if server.origin.starts_with("https:") { "; Secure" } else { "" };
        let name = self.name(server);
        let cookie =
            format!("{name}={value}; Path=/; Max-Age={lasts}; HttpOnly; SameSite=Lax{secure}");
        Ok(response.headers().append("Set-Cookie", &cookie)?)
    }
}

/// The value of a cookie that the browser sent, else a new one of 256 random bits.
pub(super) fn cookie_or_fresh(cookie: Option<&str>) -> Result<String> {
    match cookie {
        Some(value) => Ok(value.to_owned()),
        None => Ok(URL_SAFE_NO_PAD.encode(random::bytes::<32>()?)),
    }
}

/// The signed-in subject, and its cookie.
fn signed_in(server: &Server<'_>, request: &Request) -> Result<Option<(Subject, String)>> {
    let Some(cookie) = Cookie::Account.read(server, request)? else {
        return Ok(None);
    };
    let content = ticket::open(&server.keys, TicketPurpose::SignedIn, "", &cookie, now_s());
    let subject = content.and_then(|content| content.try_into().ok()).map(Subject);
    Ok(subject.map(|subject| (subject, cookie)))
}

/// Who opens a page or sends its form, by the cookies of the browser.
pub(super) struct Visitor {
    /// Who is signed in, and the cookie that says so.
    pub(super) account: Option<(Subject, String)>,
    /// The cookie that binds forms to the browser.
    pub(super) browser: Option<String>,
}

impl Visitor {
    /// The visitor of a request.
    pub(super) fn of(server: &Server<'_>, request: &Request) -> Result<Self> {
        let (account, browser) = (signed_in(server, request)?, Cookie::Form.read(server, request)?);
        Ok(Self { account, browser })
    }

    /// The subject that is signed in.
    pub(super) fn subject(&self) -> Option<Subject> {
        self.account.as_ref().map(|(subject, _)| *subject)
    }
}

/// Has a person sign in: at the provider, where people do so there, else on a page of this server.
pub(super) async fn sign_in_first(
    server: &Server<'_>,
    cookie: Option<&str>,
    errand: &LoginPurpose,
    page: impl FnOnce() -> Result<Response>,
) -> Result<Response> {
    match &server.config.oidc {
        Some(provider) => oidc::redirect_to_provider(server, provider, cookie, errand).await,
        None => page(),
    }
}

/// Whether a form came from another site's page, as browsers say.
pub(super) fn is_foreign(request: &Request) -> Result<bool> {
    let site = request.header_text("sec-fetch-site");
    Ok(site.is_some_and(|site| !matches!(site.as_str(), "same-origin" | "none")))
}

/// Checks a SiteBay token with SiteBay.
///
/// # Errors
/// The message for the person.
pub(super) async fn sitebay_token(
    server: &Server<'_>,
    entered: &str,
) -> std::result::Result<Secret, &'static str> {
    let token = entered.trim();
    if token.is_empty() {
        return Err("Enter your SiteBay API token.");
    }
    if token.len() > MAX_TOKEN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("That is not a SiteBay API token.");
    }
    let request = OutboundRequest {
        method: Method::Get,
        url: format!("{}/f/api/v1/team", server.config.sitebay_url),
        headers: vec![
            ("Authorization", format!("Bearer {token}")),
            ("Accept", "application/json".to_owned()),
        ],
        body: None,
        timeout: TIMEOUT,
        at_most: MAX_ANSWER,
    };
    let Ok(counted) = begin_attempt(server) else {
        return Err("Too many wrong tokens were entered. Try again in a minute.");
    };
    match WorkersPlatform.fetch(request).await.map(|answer| answer.status) {
        Ok(200) => {
            forgive_attempt(counted);
            Ok(Secret::new(token))
        }
        Ok(401 | 403) => {
            server.note(GrantEvent::WrongToken, None, "");
            Err("SiteBay does not know this token. Check it, and enter it again.")
        }
        _ => {
            forgive_attempt(counted);
            Err("SiteBay cannot be asked at the moment. Try again in a minute.")
        }
    }
}

/// Counts an attempt as wrong until it is known to be right. None: its address is not known.
///
/// # Errors
/// The seconds until the address may try again.
pub(super) fn begin_attempt(
    server: &Server<'_>,
) -> std::result::Result<Option<CountedAttempt>, u64> {
    let begin = |address: &str| {
        state::with_attempts(|attempts| attempts.begin(MAX_FAILURES, address, now_s()))
    };
    server.address.as_deref().map(begin).transpose()
}

/// Takes an attempt back.
pub(super) fn forgive_attempt(counted: Option<CountedAttempt>) {
    if let Some(counted) = counted {
        state::with_attempts(|attempts| attempts.forgive(counted));
    }
}
