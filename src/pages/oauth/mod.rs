//! The OAuth endpoints: discovery, registration, consent, tokens, and what a person gave (`/account`); and the page on which
//! a person connects a key to an upstream, which stands where such an upstream is configured.
//!
//! Invariant: the others exist only where `MCP_OAUTH` is on; elsewhere they are 404, because some clients
//! leave out the headers that they were given as soon as they find such a document.

mod account;
mod account_page;
mod authorize;
mod client_auth;
mod clients;
mod connect;
mod connect_made;
mod connect_oauth;
mod connect_page;
mod consent;
mod consent_keys;
pub mod disabled;
mod entered_key;
mod html;
mod input_error;
mod key_fields;
mod metadata;
mod oidc;
mod outbound_limit;
mod person;
mod register;
mod reply;
mod token;

use std::rc::Rc;

use metadata::Document;
use worker::{Context, Env, Method, Result};

use crate::stubs::keys;
use crate::{
    config::Config,
    platform::{
        clock::now_s,
        http::{Request, Response},
    },
    response::{self, CorsContext},
    stubs::audit,
};
use mcp_auth::origin::own;
use mcp_auth::{keys::Keyring, oauth::offer::Offer, refusal::Refusal, subject::Subject};
use mcp_server::{
    changes::{Changes, WaitUntil},
    telemetry::audit::{Audit, AuditEntry, GrantEvent},
};

/// The routes of these endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// A discovery document.
    Document(Document),
    /// The consent page.
    Authorize,
    /// The way back from where people sign in.
    Callback,
    /// Tokens.
    Token,
    /// The end of a token.
    Revoke,
    /// Registration.
    Register,
    /// The account page.
    Account,
    /// The page of a person's key for an upstream.
    Connect,
    /// A discovery document of something that this server does not have.
    Nothing,
}

/// The route of a path.
pub fn route(path: &str, config: &Config) -> Option<Route> {
    Some(match path {
        "/authorize" => Route::Authorize,
        oidc::CALLBACK => Route::Callback,
        "/token" => Route::Token,
        "/revoke" => Route::Revoke,
        "/register" => Route::Register,
        "/account" => Route::Account,
        _ => match metadata::document(path, &|door| config.has_door(door)) {
            Some(document) => Route::Document(document),
            None if metadata::is_well_known(path) => Route::Nothing,
            None => return None,
        },
    })
}

/// The server as these endpoints see it.
struct Server<'a> {
    env: &'a Env,
    config: &'a Config,
    keys: Rc<Keyring>,
    /// The doors and scopes of upstreams that a person can grant.
    offer: Offer,
    /// The issuer: scheme, host and port that were asked.
    origin: String,
    /// Where the request comes from, on Cloudflare.
    address: Option<String>,
    audit: Rc<dyn Audit>,
}

impl Server<'_> {
    /// Notes in the audit what became of a grant, or was not to become one.
    fn note(&self, happened: GrantEvent, subject: Option<Subject>, client: &str) {
        let at_ms = now_s().saturating_mul(1_000);
        self.audit.note(AuditEntry::of_grant(happened, subject, client, at_ms));
    }

    /// Notes in the audit what became of a person's key for an upstream.
    fn note_key(&self, happened: GrantEvent, upstream: &str, (subject, client): (Subject, &str)) {
        let at_ms = now_s().saturating_mul(1_000);
        let entry = AuditEntry::of_grant(happened, Some(subject), client, at_ms);
        self.audit.note(AuditEntry { site: upstream.to_owned(), auth_method: "", ..entry });
    }
}

/// Answers a request.
///
/// # Errors
/// Only where the runtime fails.
pub async fn handle(
    route: Route,
    request: Request,
    env: &Env,
    config: &Config,
    context: Context,
) -> Result<Response> {
    let keys = match keys::keys(env, config).await {
        Ok(keys) => keys,
        Err(refusal) => return response::refusal(&refusal, &CorsContext::public()),
    };
    let origin = own(request.url()).unwrap_or_default().to_owned();
    let address = request.header_text("cf-connecting-ip");
    let wait_until: WaitUntil = Rc::new(move |task| context.wait_until(task));
    let audit = audit::of(env, config, wait_until.clone());
    // A caller that leaves ends neither a change of a grant nor what is noted of it.
    let changes = Changes::in_request(wait_until);
    // A person who comes back from where they signed in has a code exchanged, and a token made.
    if request.method() == Method::Post || route == Route::Connect {
        changes.begin();
    }
    let offer = config.offer();
    let server = Server { env, config, keys, offer, origin, address, audit };
    let refused = |allowed| response::refusal(&Refusal::Method(allowed), &CorsContext::public());
    match (route, request.method()) {
        (Route::Authorize, Method::Get) => authorize::ask(&server, &request).await,
        (Route::Authorize, Method::Post) => authorize::answer(&server, request).await,
        (Route::Account, Method::Get) => account::show(&server, &request).await,
        (Route::Account, Method::Post) => account::change(&server, request).await,
        (Route::Connect, Method::Get) => connect::show(&server, &request).await,
        (Route::Connect, Method::Post) => connect::change(&server, request).await,
        (Route::Callback, Method::Get) => oidc::callback(&server, &request).await,
        (Route::Callback, _) => refused("GET"),
        (Route::Authorize | Route::Account | Route::Connect, _) => refused("GET, POST"),
        (_, Method::Options) => reply::preflight(),
        (Route::Document(document), Method::Get | Method::Head) => {
            reply::json(200, &document.text(request.url(), &server.offer))
        }
        (Route::Nothing, _) => disabled::nothing(),
        (Route::Document(_), _) => refused("GET, HEAD, OPTIONS"),
        (Route::Token, Method::Post) => reply::outcome(token::issue_tokens(&server, request).await),
        (Route::Revoke, Method::Post) => reply::outcome(token::revoke(&server, request).await),
        (Route::Register, Method::Post) => {
            reply::outcome(register::register(&server, request).await)
        }
        (Route::Token | Route::Revoke | Route::Register, _) => refused("POST, OPTIONS"),
    }
}
