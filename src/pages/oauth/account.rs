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
    oidc::{self, LoginPurpose},
    person::{self, Cookie},
    reply::{self, EndpointError, EndpointResult},
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
use gateway::connect::request::{ConnectAnswer, ConnectRequest};
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

/// How long a person stays signed in, in seconds.
const SIGNED_IN: u32 = 3_600;
const STALE: &str = "This page is out of date, or was not opened in this browser.";

/// Shows what the person gave, or asks who it is.
pub(super) async fn show(server: &Server<'_>, request: &Request) -> Result<Response> {
    match signed_in(server, request)? {
        Some((subject, cookie)) => list(server, subject, &cookie).await,
        None => {
            let cookie = Cookie::Form.read(server, request)?;
            match &server.config.oidc {
                Some(provider) => {
                    oidc::redirect_to_provider(
                        server,
                        provider,
                        cookie.as_deref(),
                        &LoginPurpose::Account,
                    )
                    .await
                }
                None => ask_who(server, cookie.as_deref(), None),
            }
        }
    }
}

/// Does what a form of the page says.
pub(super) async fn change(server: &Server<'_>, request: Request) -> Result<Response> {
    if person::is_foreign(&request)? {
        return reply::error_page(400, STALE);
    }
    let (person, browser) = (signed_in(server, &request)?, Cookie::Form.read(server, &request)?);
    let changed = async {
        let form = reply::form(request).await?;
        match (form.one("do")?, person) {
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
    match changed.await {
        Ok(response) => Ok(response),
        Err(EndpointError::Broken(error)) => {
            log::error!("an account could not be changed: {error}");
            reply::error_page(
                503,
                "The server cannot do this at the moment. Try again in a minute.",
            )
        }
        Err(_) => reply::error_page(400, STALE),
    }
}

/// The signed-in subject, and its cookie.
pub(super) fn signed_in(
    server: &Server<'_>,
    request: &Request,
) -> Result<Option<(Subject, String)>> {
    let Some(cookie) = Cookie::Account.read(server, request)? else {
        return Ok(None);
    };
    let content = ticket::open(&server.keys, TicketPurpose::SignedIn, "", &cookie, now_s());
    let subject = content.and_then(|content| content.try_into().ok()).map(Subject);
    Ok(subject.map(|subject| (subject, cookie)))
}

fn ask_who(server: &Server<'_>, cookie: Option<&str>, wrong: Option<&str>) -> Result<Response> {
    let value = person::cookie_or_fresh(cookie)?;
    let ticket = ticket::sign(&server.keys, TicketPurpose::SignIn, &value, until(), b"");
    let status = if wrong.is_some() { 422 } else { 200 };
    let response = reply::page(status, &sign_in(&ticket, wrong), "'self'")?;
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
        Err(wrong) => Ok(ask_who(server, browser, Some(wrong))?),
    }
}

async fn list(server: &Server<'_>, subject: Subject, cookie: &str) -> Result<Response> {
    let hub = Hub::new(server.env, subject);
    let (grants, sessions) = (hub.grants().await?, hub.watchers().await?);
    let ticket = ticket::sign(&server.keys, TicketPurpose::Account, cookie, until(), b"");
    // Also those of upstreams that are gone, or that this isolate has not read.
    let keys = match server.config.credential_keys.is_some() {
        true => connect::ask(server.env, subject, &ConnectRequest::List).await?,
        false => ConnectAnswer::Done,
    };
    let keys = if let ConnectAnswer::All(keys) = keys { keys } else { Vec::new() };
    let page = Account {
        grants: AccountItem::grants(grants),
        sessions: AccountItem::sessions(sessions),
        keys: AccountItem::keys(keys),
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
            let upstream = form.needed("upstream", STALE)?.to_owned();
            state::forget_connected(subject, &upstream);
            connect::ask(server.env, subject, &ConnectRequest::Forget { upstream }).await?;
        }
        "sign-out" => Cookie::Account.set(server, &response, "", 0)?,
        _ => {}
    }
    Ok(response)
}
