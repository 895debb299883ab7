//! `/account`: lists a person's grants and sessions, and revokes them.
//!
//! Invariant: a person signed in here knows the SiteBay token of the subject, or is known at the
//! provider that the operator chose. A change comes from a
//! form of this page, in the same browser.

use worker::Result;

use super::{
    Server,
    account_page::{Account, AccountItem, sign_in},
    authorize::subject,
    html::TOKEN,
    input_error::InputError,
    oidc::LoginPurpose,
    person::{self, Cookie, Visitor},
    reply::{self, EndpointResult, STALE},
};
use crate::{
    platform::{
        clock::now_s,
        http::{Request, Response},
    },
    state,
    stubs::{connect, grants, hub::Hub},
    transports::sessions,
};
use gateway::connect::request::{ConnectAnswer, ConnectRequest, ListedCredential};
use mcp_auth::{
    oauth::{
        error::OAuthError,
        form::Form,
        grant::bytes,
        grant_request::{By, GrantRequest},
        ticket::{self, TicketPurpose},
    },
    subject::Subject,
};
use mcp_server::telemetry::audit::GrantEvent;

/// How long a person stays signed in, in seconds.
const SIGNED_IN: u32 = 3_600;

/// Shows what the person gave, or asks who it is.
pub(super) async fn show(server: &Server<'_>, request: &Request) -> Result<Response> {
    let Visitor { account, browser } = Visitor::of(server, request)?;
    if let Some((subject, cookie)) = account {
        return list(server, subject, &cookie).await;
    }
    let browser = browser.as_deref();
    let page = || ask_who(server, browser, None);
    person::sign_in_first(server, browser, &LoginPurpose::Account, page).await
}

/// Does what a form of the page says.
pub(super) async fn change(server: &Server<'_>, request: Request) -> Result<Response> {
    if person::is_foreign(&request)? {
        return reply::error_page(400, STALE);
    }
    let Visitor { account, browser } = Visitor::of(server, &request)?;
    let changed = async {
        let form = reply::form(request).await?;
        match (form.one("do")?, account) {
            (Some("sign-in"), _) if server.config.oidc.is_none() => {
                enter(server, &form, browser.as_deref()).await
            }
            (Some(what), Some((subject, cookie))) => {
                check_ticket(server, &form, TicketPurpose::Account, &cookie)?;
                carry_out(server, what, &form, subject).await
            }
            _ => Ok(reply::see_other("/account")?),
        }
    };
    reply::changed(changed.await, "an account could not be changed")
}

fn ask_who(
    server: &Server<'_>,
    cookie: Option<&str>,
    error: Option<&InputError>,
) -> Result<Response> {
    let value = person::cookie_or_fresh(cookie)?;
    let ticket = ticket::sign(&server.keys, TicketPurpose::SignIn, &value, until(), b"");
    let status = if error.is_some() { 422 } else { 200 };
    let response = reply::page(status, &sign_in(&ticket, error), "'self'")?;
    if cookie.is_none() {
        Cookie::Form.set(server, &response, &value, 86_400)?;
    }
    Ok(response)
}

fn until() -> u32 {
    u32::try_from(now_s()).unwrap_or(u32::MAX).saturating_add(SIGNED_IN)
}

fn check_ticket(
    server: &Server<'_>,
    form: &Form,
    of: TicketPurpose,
    cookie: &str,
) -> EndpointResult<()> {
    let ticket = form.needed("ticket", STALE)?;
    match ticket::open(&server.keys, of, cookie, ticket, now_s()) {
        Some(_) => Ok(()),
        None => Err(OAuthError::request(STALE).into()),
    }
}

/// Signs a person in.
pub(super) fn let_in(server: &Server<'_>, subject: Subject) -> Result<Response> {
    let_in_at(server, subject, "/account")
}

/// The same, and sends them to this page.
pub(super) fn let_in_at(server: &Server<'_>, subject: Subject, page: &str) -> Result<Response> {
    let response = reply::see_other(page)?;
    remember(server, &response, subject)?;
    Ok(response)
}

/// Has the browser remember who is signed in.
pub(super) fn remember(server: &Server<'_>, response: &Response, subject: Subject) -> Result<()> {
    let cookie = ticket::sign(&server.keys, TicketPurpose::SignedIn, "", until(), &subject.0);
    Cookie::Account.set(server, response, &cookie, SIGNED_IN)
}

/// Signs a person in who knows a SiteBay token.
async fn enter(
    server: &Server<'_>,
    form: &Form,
    browser: Option<&str>,
) -> EndpointResult<Response> {
    check_ticket(server, form, TicketPurpose::SignIn, browser.unwrap_or_default())?;
    let entered = form.one("token")?.unwrap_or_default();
    match person::sitebay_token(server, entered).await {
        Ok(token) => Ok(let_in(server, subject(server, &token))?),
        Err(why) => Ok(ask_who(server, browser, Some(&InputError::of_field(TOKEN, why)))?),
    }
}

/// The keys for upstreams that a person has connected.
async fn keys(server: &Server<'_>, subject: Subject) -> Result<Vec<ListedCredential>> {
    match connect::ask(server.env, subject, &ConnectRequest::List).await? {
        ConnectAnswer::All(keys) => Ok(keys),
        _ => Ok(Vec::new()),
    }
}

/// Removes the key for an upstream. What is not listed is not noted: its name could be any text.
async fn disconnect(server: &Server<'_>, subject: Subject, upstream: &str) -> Result<()> {
    if !keys(server, subject).await?.iter().any(|key| key.upstream == upstream) {
        return Ok(());
    }
    let forget = ConnectRequest::Forget { upstream: upstream.to_owned() };
    connect::ask(server.env, subject, &forget).await?;
    state::forget_connected(subject, upstream);
    server.note_key(GrantEvent::Disconnected, upstream, (subject, ""));
    Ok(())
}

/// Where a token is made for a person who signs in to connect this key, also where no client is configured any more: a token
/// that was made before lives on.
fn makes_tokens(server: &Server<'_>, key: &ListedCredential) -> Option<&'static str> {
    let template =
        server.config.upstreams.get(&key.upstream).and_then(|upstream| upstream.template);
    let template = template.filter(|template| template.sign_in.is_some());
    template.filter(|_| key.project.is_some()).map(|template| template.title)
}

async fn list(server: &Server<'_>, subject: Subject, cookie: &str) -> Result<Response> {
    let hub = Hub::new(server.env, subject);
    let (grants, sessions) = (hub.grants().await?, hub.watchers().await?);
    let ticket = ticket::sign(&server.keys, TicketPurpose::Account, cookie, until(), b"");
    // Also those of upstreams that are gone, or that this isolate has not read.
    let keys = match server.config.credential_keys.is_some() {
        true => keys(server, subject).await?,
        false => Vec::new(),
    };
    let page = Account {
        grants: AccountItem::grants(grants),
        sessions: AccountItem::sessions(sessions),
        keys: AccountItem::keys(keys, |key| makes_tokens(server, key)),
    };
    reply::page(200, &page.page(&ticket), "'self'")
}

async fn carry_out(
    server: &Server<'_>,
    what: &str,
    form: &Form,
    subject: Subject,
) -> EndpointResult<Response> {
    let hub = Hub::new(server.env, subject);
    let response = reply::see_other("/account")?;
    match what {
        "revoke" => {
            let grant = form.needed("grant", STALE)?;
            bytes::<16>(grant).ok_or(OAuthError::request(STALE))?;
            grants::end(server.env, grant, &GrantRequest::TakeBack(By { subject })).await?;
            // Also where it was over already.
            hub.drop_grant(grant.to_owned()).await?;
        }
        "end-sessions" => sessions::end(&hub)
            .await
            .map_err(|_| worker::Error::from("the sessions were not ended"))?,
        "disconnect" => {
            disconnect(server, subject, form.needed("upstream", STALE)?).await?;
        }
        "sign-out" => Cookie::Account.set(server, &response, "", 0)?,
        _ => {}
    }
    Ok(response)
}
