//! The way to the provider where people sign in, and back from it.
//!
//! Invariant: a person comes back with what it left with: the state is a ticket of this browser, and
//! the ID token answers to it.

use std::{cell::RefCell, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use form_urlencoded::{Serializer, byte_serialize};
use worker::Result;

use super::{
    Server, account, authorize, outbound_limit,
    person::{self, Cookie},
    reply,
};
use crate::platform::{
    clock::now_s,
    http::{Request, Response},
    sleep::Sleep,
    workers::WorkersPlatform,
};
use gateway::connect::link;
use mcp_auth::oauth::{
    authorization::Authorization,
    error::{ErrorCode, OAuthError},
    form::Form,
    known_provider::{KnownProvider, ProviderLookup},
    oidc::{OidcEndpoints, OidcProvider, OidcUser},
    ticket::{self, TicketPurpose},
};
use mcp_platform::{Method, OutboundRequest, Platform as _, url::with_parameters};
use mcp_protocol::bytes::{Reader, put_block};

/// Where the provider sends people back to.
pub(super) const CALLBACK: &str = "/authorize/callback";
/// How long signing in may take, in seconds.
const LASTS: u64 = 1_800;
/// How long the provider may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long a request waits before it looks whether another one has its document.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Bytes that its answers may have.
const MAX_ANSWER: usize = 64 * 1024;
const FAILED: &str = "Signing in did not work.";
const TOO_MANY: &str = "Signing in failed too often from your network. Try again in a minute.";

thread_local! {
    static KNOWN: RefCell<KnownProvider> = RefCell::default();
}

/// Why a person was sent to sign in.
pub(super) enum LoginPurpose {
    /// To answer an app.
    Consent(Authorization),
    /// To see `/account`.
    Account,
    /// To connect a key to an upstream.
    Connect {
        /// The upstream's configured name.
        upstream: String,
        /// The ticket of the link.
        ticket: String,
    },
}

/// What the bytes of [`LoginPurpose::Connect`] begin with; those of an authorization have another second byte.
const CONNECT: [u8; 2] = [0, 2];

impl LoginPurpose {
    fn to_bytes(&self) -> Option<Vec<u8>> {
        match self {
            Self::Consent(request) => request.to_bytes(),
            Self::Account => Some(Vec::new()),
            Self::Connect { upstream, ticket } => {
                let mut out = CONNECT.to_vec();
                put_block(&mut out, upstream.as_bytes())?;
                put_block(&mut out, ticket.as_bytes())?;
                Some(out)
            }
        }
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [] => Some(Self::Account),
            [0, 2, rest @ ..] => {
                let mut reader = Reader::new(rest);
                let mut text = || String::from_utf8(reader.block()?.to_vec()).ok();
                Some(Self::Connect { upstream: text()?, ticket: text()? })
            }
            bytes => Authorization::from_bytes(bytes).map(Self::Consent),
        }
    }
}

/// Sends a person to the provider.
pub(super) async fn redirect_to_provider(
    server: &Server<'_>,
    provider: &OidcProvider,
    cookie: Option<&str>,
    errand: &LoginPurpose,
) -> Result<Response> {
    let Some(content) = errand.to_bytes() else {
        return reply::error_page(400, "The request is too long.");
    };
    let Some(endpoints) = endpoints(provider).await else {
        return reply::error_page(503, "The sign-in page cannot be reached. Try again later.");
    };
    let value = person::cookie_or_fresh(cookie)?;
    let until = u32::try_from(now_s().saturating_add(LASTS)).unwrap_or(u32::MAX);
    let state = ticket::sign(&server.keys, TicketPurpose::Upstream, &value, until, &content);
    let callback = format!("{}{CALLBACK}", server.origin);
    let response = reply::see_other(&provider.address(&endpoints, &state, &callback))?;
    if cookie.is_none() {
        Cookie::Form.set(server, &response, &value, 86_400)?;
    }
    Ok(response)
}

/// Takes a person who comes back.
pub(super) async fn callback(server: &Server<'_>, request: &Request) -> Result<Response> {
    let Some(provider) = &server.config.oidc else {
        return reply::error_page(404, "This server does not use another sign-in page.");
    };
    let form = Form::of_query(request.url());
    let (cookie, state) = (Cookie::Form.read(server, request)?, form.one("state").ok().flatten());
    let errand = state.zip(cookie.as_deref()).and_then(|(state, cookie)| {
        let content = ticket::open(&server.keys, TicketPurpose::Upstream, cookie, state, now_s())?;
        LoginPurpose::from_bytes(&content)
    });
    let (Some(errand), Some(state)) = (errand, state) else {
        return reply::error_page(400, FAILED);
    };
    let person = match form.one("code").ok().flatten() {
        Some(code) => {
            // Anybody gets a state, and can bring any code with it.
            let Some(counted) = outbound_limit::begin(server) else {
                return reply::error_page(429, TOO_MANY);
            };
            let person = redeem(server, provider, code, state).await;
            person.inspect(|_| outbound_limit::forgive(counted))
        }
        None => None,
    };
    match (errand, person) {
        (LoginPurpose::Consent(request), Some(person)) => {
            authorize::show_to(server, &request, &person, cookie.as_deref())
        }
        (LoginPurpose::Account, Some(person)) => {
            account::let_in(server, authorize::subject_of(server, &person))
        }
        (LoginPurpose::Connect { upstream, ticket }, Some(person)) => {
            let page = with_parameters(
                &format!("{}{upstream}", link::PATH),
                std::iter::once((link::PARAMETER, ticket.as_str())),
            );
            account::let_in_at(server, authorize::subject_of(server, &person), &page)
        }
        (LoginPurpose::Consent(request), None) => {
            let denied = OAuthError::new(ErrorCode::AccessDenied, "the person did not sign in");
            reply::see_other(&request.answer(Err(denied), &server.origin))
        }
        (LoginPurpose::Account | LoginPurpose::Connect { .. }, None) => {
            reply::error_page(400, FAILED)
        }
    }
}

/// The person that the provider identifies.
async fn redeem(
    server: &Server<'_>,
    provider: &OidcProvider,
    code: &str,
    state: &str,
) -> Option<OidcUser> {
    let callback = format!("{}{CALLBACK}", server.origin);
    let body = Serializer::new(String::new())
        .append_pair("grant_type", "authorization_code")
        .append_pair("code", code)
        .append_pair("redirect_uri", &callback)
        .finish();
    // RFC 6749 §2.3.1: both are encoded as forms are.
    let (id, secret) = (&provider.client_id, provider.client_secret.expose());
    let [id, secret] = [id.as_str(), secret].map(|text| byte_serialize(text.as_bytes()));
    let basic =
        STANDARD.encode(format!("{}:{}", id.collect::<String>(), secret.collect::<String>()));
    let headers = vec![
        ("Authorization", format!("Basic {basic}")),
        ("Content-Type", "application/x-www-form-urlencoded".to_owned()),
        ("Accept", "application/json".to_owned()),
    ];
    let url = endpoints(provider).await?.token;
    let answer = fetch(Method::Post, url, headers, Some(body)).await?;
    let person = provider.person(&answer, state, now_s());
    if person.is_none() {
        log::error!("the provider of MCP_OIDC_ISSUER issued an ID token that is not valid");
    }
    person
}

/// The endpoints: what is known, else what the provider says, or said to another request meanwhile.
/// Requests cannot wait for one another, so this one looks again and again, for as long as the provider
/// may take.
async fn endpoints(provider: &OidcProvider) -> Option<OidcEndpoints> {
    let begun = now_s();
    loop {
        match KNOWN.with_borrow_mut(|known| known.find(now_s())) {
            ProviderLookup::Endpoints(endpoints) => return Some(endpoints),
            ProviderLookup::Fetch => break,
            ProviderLookup::Wait if now_s().abs_diff(begun) <= TIMEOUT.as_secs() => {
                Sleep::new(LOOK_AGAIN).await;
            }
            ProviderLookup::Wait | ProviderLookup::Unreachable => return None,
        }
    }
    let endpoints = fetch_endpoints(provider).await;
    KNOWN.with_borrow_mut(|known| known.note(endpoints.clone(), now_s()));
    endpoints
}

async fn fetch_endpoints(provider: &OidcProvider) -> Option<OidcEndpoints> {
    let accept = vec![("Accept", "application/json".to_owned())];
    let document = fetch(Method::Get, provider.document(), accept, None).await?;
    let endpoints = provider.endpoints(&document);
    if let Err(error) = &endpoints {
        log::error!("the document of MCP_OIDC_ISSUER {error}");
    }
    endpoints.ok()
}

/// An answer with status 200.
async fn fetch(
    method: Method,
    url: String,
    headers: Vec<(&'static str, String)>,
    body: Option<String>,
) -> Option<String> {
    let request =
        OutboundRequest { method, url, headers, body, timeout: TIMEOUT, at_most: MAX_ANSWER };
    let why = match WorkersPlatform.fetch(request).await {
        Ok(answer) if answer.status == 200 => return String::from_utf8(answer.body).ok(),
        Ok(answer) => format!("status {}", answer.status),
        Err(failure) => failure.to_string(),
    };
    log::error!("the provider of MCP_OIDC_ISSUER does not answer: {why}");
    None
}
