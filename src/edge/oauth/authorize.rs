//! `/authorize`: a person is asked, and answers (OAuth 2.1 §4.1).
//!
//! Invariant: what the person answers is what it was shown: the form carries the request, signed, and
//! bound to its browser.

use uuid::Uuid;
use worker::{Request, Response, Result};

use super::{
    Server, clients,
    consent::Consent,
    person::{self, Cookie},
    reply::{self, Outcome, Wrong},
};
use crate::{
    access::{
        oauth::{
            ask::Ask,
            authorization::{Authorization, Mistake, refusal},
            fault::{Code, Fault},
            form::Form,
            grant::{CODE_LASTS, Terms, client_hash},
            hash, redirect,
            ticket::{self, For},
            token::{AuthorizationCode, Handle},
        },
        principal::{Subject, Way},
        scope::Scopes,
        secret::Secret,
    },
    agents::rows::now_s,
    transport::grants,
};

/// How long a form may stay open, in seconds.
const FORM_LASTS: u64 = 1_800;
const STALE: &str = "This page is out of date, or was not opened in this browser.";
const BUSY: &str = "The server cannot do this at the moment. Try again in a minute.";

/// Asks the person.
pub(super) async fn ask(server: &Server<'_>, request: &Request) -> Result<Response> {
    let form = Form::of_query(&request.inner().url());
    match read(server, &form).await {
        Ok(asked) => {
            let cookie = Cookie::Form.read(server, request)?;
            show(server, &asked, cookie.as_deref(), None)
        }
        Err(Mistake::OnPage(fault)) => reply::dead_end(400, fault.why),
        Err(Mistake::AtClient(uri, state, fault)) => {
            reply::see_other(&refusal(&uri, state.as_deref(), fault, &server.origin))
        }
    }
}

async fn read(server: &Server<'_>, form: &Form) -> std::result::Result<Authorization, Mistake> {
    let id = form.needed("client_id", "`client_id` is missing").map_err(Mistake::OnPage)?;
    let client = clients::find(server, id).await.map_err(Mistake::OnPage)?;
    Authorization::read(form, id, &client, &server.origin)
}

/// The page, in this browser.
fn show(
    server: &Server<'_>,
    asked: &Authorization,
    cookie: Option<&str>,
    wrong: Option<&str>,
) -> Result<Response> {
    let value = cookie.map_or_else(person::fresh_cookie, str::to_owned);
    let Some(content) = asked.to_bytes() else {
        return reply::dead_end(400, "The request is too long.");
    };
    let until = u32::try_from(now_s().saturating_add(FORM_LASTS)).unwrap_or(u32::MAX);
    let ticket = ticket::sign(&server.keys, For::Consent, &value, until, &content);
    let page = Consent { request: asked, ticket: &ticket, wrong }.page();
    let status = if wrong.is_some() { 422 } else { 200 };
    let response = reply::page(status, &page, &redirect::form_action(&asked.redirect_uri))?;
    if cookie.is_none() {
        Cookie::Form.set(server, &response, &value, 86_400)?;
    }
    Ok(response)
}

/// Takes the answer.
pub(super) async fn answer(server: &Server<'_>, request: Request) -> Result<Response> {
    let (cookie, foreign) = (Cookie::Form.read(server, &request)?, person::is_foreign(&request)?);
    let form = match reply::form(request).await {
        Ok(form) => form,
        Err(Wrong::Broken(error)) => return Err(error),
        Err(_) => return reply::dead_end(400, STALE),
    };
    let asked = cookie.as_deref().filter(|_| !foreign).and_then(|cookie| {
        let ticket = form.one("ticket").ok().flatten()?;
        let content = ticket::open(&server.keys, For::Consent, cookie, ticket, now_s())?;
        Authorization::from_bytes(&content)
    });
    let Some(asked) = asked else {
        return reply::dead_end(400, STALE);
    };
    match decide(server, &form, &asked).await {
        Ok(Ok(to)) => reply::see_other(&to),
        Ok(Err(wrong)) => show(server, &asked, cookie.as_deref(), Some(wrong)),
        Err(Wrong::Broken(error)) => {
            worker::console_error!("a grant could not be made: {error}");
            show(server, &asked, cookie.as_deref(), Some(BUSY))
        }
        Err(_) => reply::dead_end(400, STALE),
    }
}

/// Where the person goes, or what to enter otherwise.
async fn decide(
    server: &Server<'_>,
    form: &Form,
    asked: &Authorization,
) -> Outcome<std::result::Result<String, &'static str>> {
    if form.one("answer")? != Some("allow") {
        let denied = Fault::new(Code::AccessDenied, "the person did not agree");
        return Ok(Ok(asked.answer(Err(denied), &server.origin)));
    }
    let ticked = form.all("scope").map(Scopes::named).fold(Scopes::NONE, Scopes::with);
    let scopes = ticked.limited_to(asked.scopes);
    if scopes == Scopes::NONE {
        return Ok(Err("Choose what the app may do, or do not allow it."));
    }
    let entered = form.one("token")?.unwrap_or_default();
    match person::sitebay_token(server, entered).await {
        Ok(token) => {
            Ok(Ok(asked.answer(Ok(&grant(server, asked, scopes, &token).await?), &server.origin)))
        }
        Err(wrong) => Ok(Err(wrong)),
    }
}

/// Makes the grant, and its code.
async fn grant(
    server: &Server<'_>,
    asked: &Authorization,
    scopes: Scopes,
    token: &Secret,
) -> Result<String> {
    let handle = fresh_handle();
    let terms = Terms {
        subject: subject(server, token),
        client: client_hash(&asked.client_id),
        client_name: asked.client_name.clone(),
        redirect_uri: asked.redirect_uri.clone(),
        scopes,
        challenge: asked.challenge.clone(),
        origin: hash(&server.origin),
        secret: handle.secret_hash(),
        credential: grants::seal(server.config, &handle, token).await?,
    };
    let (status, text) = grants::ask(server.env, &handle.object(), &Ask::Create(terms)).await?;
    if status != 200 {
        return Err(worker::Error::from(text));
    }
    let until = u32::try_from(now_s().saturating_add(CODE_LASTS)).unwrap_or(u32::MAX);
    Ok(AuthorizationCode { handle, until }.sign(&server.keys))
}

/// Who a person with this SiteBay token is.
pub(super) fn subject(server: &Server<'_>, token: &Secret) -> Subject {
    Subject::of(&server.keys, Way::OAuth, &server.origin, "", Some(token.expose()))
}

/// A new grant's name and secret: 122 and 244 random bits.
fn fresh_handle() -> Handle {
    let mut secret = [0; 32];
    let random = [Uuid::new_v4(), Uuid::new_v4()];
    let random = random.iter().flat_map(Uuid::as_bytes);
    for (to, from) in secret.iter_mut().zip(random) {
        *to = *from;
    }
    Handle::of(*Uuid::new_v4().as_bytes(), secret)
}
