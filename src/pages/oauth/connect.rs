//! `/connect/{name}`: a person connects a key of their own to an upstream, or removes it.
//!
//! Invariant: the page opens by a link that this server made for a subject, in the browser that opened it first, and for a
//! caller who signed in only to the person who is signed in as the same subject. A key is kept after the upstream accepted
//! it, and not before. Nothing that a person enters is shown, logged or repeated.

use std::borrow::Cow;

use worker::Result;

use super::{
    Server, account,
    authorize::subject,
    connect_oauth,
    connect_page::{self, ConnectPage},
    entered_key::{CheckedKey, EnteredKey},
    html::TOKEN,
    input_error::InputError,
    key_fields,
    oidc::LoginPurpose,
    person::{self, Cookie, Visitor},
    reply::{self, BUSY, EndpointResult, STALE},
};
use crate::{
    platform::{
        clock::now_s,
        http::{Request, Response},
    },
    state,
    stubs::connect,
};
use gateway::{
    config::{Credential, Upstream},
    connect::{
        link::{Link, PARAMETER, upstream_of as of_path},
        request::{ConnectAnswer, ConnectRequest},
        stored::{LinkFault, Visit},
    },
};
use mcp_auth::oauth::{form::Form, hash};
use mcp_platform::url::query_value;
use mcp_server::telemetry::audit::GrantEvent;

pub(super) const OVER: &str = "This link is over. Have your app try again: it gets a new one.";
const OTHER_BROWSER: &str =
    "This link was opened in another browser, and is good in that one only.";
pub(super) const OTHER_PERSON: &str =
    "This link is for another person than the one who is signed in.";
const TOO_MANY: &str =
    "Too many attempts were made with this link. Have your app try again: it gets a new one.";

/// Why a person goes no further: status and text.
type Halt = (u16, &'static str);

/// The upstream that a request is about.
fn upstream_of<'a>(server: &'a Server<'_>, request: &Request) -> Option<&'a Upstream> {
    let path = request.path();
    let path = path.strip_suffix('/').unwrap_or(path);
    let upstream = server.config.connects(path)?;
    let is_account = matches!(upstream.credential, Credential::OAuth { .. })
        || server.config.signs_in(upstream).is_some();
    (is_account || !comes_back(request)).then_some(upstream)
}

/// Whether a person comes back from where they signed in.
fn comes_back(request: &Request) -> bool {
    of_path(request.path().trim_end_matches('/')).is_some_and(|(_, comes_back)| comes_back)
}

/// Shows the page.
pub(super) async fn show(server: &Server<'_>, request: &Request) -> Result<Response> {
    let Some(upstream) = upstream_of(server, request) else {
        return reply::error_page(404, OVER);
    };
    if comes_back(request) {
        return match connect_oauth::come_back(server, upstream, request).await {
            Ok(response) => Ok(response),
            Err(error) => {
                log::error!("an account could not be connected: {error}");
                reply::error_page(503, BUSY)
            }
        };
    }
    let ticket = query_value(request.url(), PARAMETER).unwrap_or_default();
    let Some(link) = Link::open(&server.keys, &upstream.name, &ticket, now_s()) else {
        return reply::error_page(410, OVER);
    };
    let visitor = Visitor::of(server, request)?;
    let browser = visitor.browser.as_deref();
    match Person::of(&visitor, &link) {
        Person::IsIt => open(server, upstream, &link, browser).await,
        Person::IsAnother => reply::error_page(403, OTHER_PERSON),
        Person::Unknown => {
            let page = || ask_who(server, upstream, &link, browser, None);
            let errand = LoginPurpose::Connect { upstream: upstream.name.clone(), ticket };
            person::sign_in_first(server, browser, &errand, page).await
        }
    }
}

/// Does what a form of the page says.
pub(super) async fn change(server: &Server<'_>, request: Request) -> Result<Response> {
    let Some(upstream) = upstream_of(server, &request) else {
        return reply::error_page(404, OVER);
    };
    if person::is_foreign(&request)? {
        return reply::error_page(400, STALE);
    }
    let visitor = Visitor::of(server, &request)?;
    let Some(browser) = visitor.browser.clone() else {
        return reply::error_page(403, OTHER_BROWSER);
    };
    let changed = async {
        let form = reply::form(request).await?;
        let ticket = form.one("ticket")?.unwrap_or_default();
        let of = (&*upstream.name, &*browser);
        let Some(link) = Link::of_form(&server.keys, of, ticket, now_s()) else {
            return Ok(reply::error_page(400, STALE)?);
        };
        let what = form.one("do")?;
        if what == Some("sign-in") {
            return sign_in(server, upstream, &link, &form, &browser).await;
        }
        if Person::of(&visitor, &link) != Person::IsIt {
            return Ok(reply::error_page(403, OTHER_PERSON)?);
        }
        let visit = visit(upstream, &link, &browser);
        match what {
            Some("connect") => connect_key(server, upstream, (&link, visit), &form, &browser).await,
            Some("leave") => {
                connect_oauth::leave(server, upstream, (&link, visit), &form, &browser).await
            }
            Some("remove") => remove(server, upstream, &link, visit).await,
            _ => Ok(reply::error_page(400, STALE)?),
        }
    };
    reply::changed(changed.await, "a key could not be connected")
}

/// Who is in front of the page, as far as the link asks.
#[derive(PartialEq, Eq)]
pub(super) enum Person {
    IsIt,
    IsAnother,
    Unknown,
}

impl Person {
    /// The visitor, where the link is one person's. A link for callers who do not sign in is anybody's who has it.
    pub(super) fn of(visitor: &Visitor, link: &Link) -> Self {
        if !link.needs_account {
            return Self::IsIt;
        }
        match visitor.subject() {
            Some(subject) if subject == link.subject => Self::IsIt,
            Some(_) => Self::IsAnother,
            None => Self::Unknown,
        }
    }
}

pub(super) fn visit(upstream: &Upstream, link: &Link, browser: &str) -> Visit {
    Visit {
        upstream: upstream.name.clone(),
        link: link.hash(),
        browser: hash(browser),
        issued_ms: link.issued_ms,
    }
}

fn halt(fault: LinkFault) -> Halt {
    match fault {
        LinkFault::OtherBrowser => (403, OTHER_BROWSER),
        LinkFault::Over => (410, OVER),
        LinkFault::TooMany => (429, TOO_MANY),
    }
}

pub(super) fn unexpected() -> worker::Error {
    worker::Error::from("the hub gave the answer to another request")
}

/// Opens the page in this browser, which is the only one from then on.
async fn open(
    server: &Server<'_>,
    upstream: &Upstream,
    link: &Link,
    cookie: Option<&str>,
) -> Result<Response> {
    let browser = person::cookie_or_fresh(cookie)?;
    let asked = ConnectRequest::Open(visit(upstream, link, &browser));
    let since = match connect::ask(server.env, link.subject, &asked).await {
        Ok(ConnectAnswer::Opened(since)) => since,
        Ok(ConnectAnswer::Refused(fault)) => return not_good(fault),
        Ok(_) => return Err(unexpected()),
        Err(error) => {
            log::error!("a link could not be opened: {error}");
            return reply::error_page(503, BUSY);
        }
    };
    let ticket = link.form(&server.keys, &upstream.name, &browser);
    let signs_in = server.config.signs_in(upstream).is_some();
    let page =
        ConnectPage { upstream, link, since, ticket: &ticket, error: None, stack: None, signs_in };
    let response = reply::page(200, &page.page(), "'self'")?;
    if cookie.is_none() {
        Cookie::Form.set(server, &response, &browser, 86_400)?;
    }
    Ok(response)
}

/// Asks who is in front of the page, where people sign in with their SiteBay token.
fn ask_who(
    server: &Server<'_>,
    upstream: &Upstream,
    link: &Link,
    cookie: Option<&str>,
    error: Option<&InputError>,
) -> Result<Response> {
    let browser = person::cookie_or_fresh(cookie)?;
    let ticket = link.form(&server.keys, &upstream.name, &browser);
    let status = if error.is_some() { 422 } else { 200 };
    let page = connect_page::sign_in(upstream, &ticket, error);
    let response = reply::page(status, &page, "'self'")?;
    if cookie.is_none() {
        Cookie::Form.set(server, &response, &browser, 86_400)?;
    }
    Ok(response)
}

/// Signs a person in, and shows them the page.
async fn sign_in(
    server: &Server<'_>,
    upstream: &Upstream,
    link: &Link,
    form: &Form,
    browser: &str,
) -> EndpointResult<Response> {
    if !link.needs_account || server.config.oidc.is_some() {
        return Ok(reply::error_page(400, STALE)?);
    }
    let entered = form.one("token")?.unwrap_or_default();
    match person::sitebay_token(server, entered).await {
        Ok(token) if subject(server, &token) == link.subject => {
            let response = open(server, upstream, link, Some(browser)).await?;
            account::remember(server, &response, link.subject)?;
            Ok(response)
        }
        Ok(_) => Ok(reply::error_page(403, OTHER_PERSON)?),
        Err(why) => {
            let error = InputError::of_field(TOKEN, why);
            Ok(ask_who(server, upstream, link, Some(browser), Some(&error))?)
        }
    }
}

/// The page once more, with an error, and with the stack that the person chose.
pub(super) async fn again(
    server: &Server<'_>,
    upstream: &Upstream,
    link: &Link,
    browser: &str,
    (error, stack): (InputError, Option<&str>),
) -> Result<Response> {
    let asked = ConnectRequest::Open(visit(upstream, link, browser));
    // It is shown as before; without the hub only the part about a key that is connected is missing.
    let since = match connect::ask(server.env, link.subject, &asked).await {
        Ok(ConnectAnswer::Opened(since)) => since,
        _ => None,
    };
    let ticket = link.form(&server.keys, &upstream.name, browser);
    let (error, signs_in) = (Some(&error), server.config.signs_in(upstream).is_some());
    let page = ConnectPage { upstream, link, since, ticket: &ticket, error, stack, signs_in };
    reply::page(422, &page.page(), "'self'")
}

/// Checks a key at the upstream, and keeps it.
async fn connect_key(
    server: &Server<'_>,
    upstream: &Upstream,
    (link, visit): (&Link, Visit),
    form: &Form,
    browser: &str,
) -> EndpointResult<Response> {
    let stack = form.one(key_fields::STACK)?;
    let again = |field: &str, why: Cow<'static, str>| {
        again(server, upstream, link, browser, (InputError::of_field(field, why), stack))
    };
    if !matches!(upstream.credential, Credential::Subject { .. }) {
        return Ok(reply::error_page(400, STALE)?);
    }
    let entered = form.one(key_fields::KEY)?.unwrap_or_default();
    let entered = match EnteredKey::read(upstream, entered, stack) {
        Ok(entered) => entered,
        Err((field, why)) => return Ok(again(field, why.into()).await?),
    };
    if let Some(refused) = refused(server, link, ConnectRequest::Try(visit.clone())).await? {
        return Ok(refused);
    }
    match entered.check(server, upstream, (link.subject, &link.caller)).await {
        Ok(checked) => Ok(keep(server, upstream, link, visit, &checked).await?),
        Err(fault) => Ok(again(key_fields::KEY, fault.why.into()).await?),
    }
}

/// What became of a key that was to be kept.
pub(super) enum Stored {
    /// It is.
    Kept,
    /// The link is no good.
    Refused(LinkFault),
    /// It is not.
    NotKept(worker::Error),
    /// The hub did not say.
    Unclear(worker::Error),
}

/// Keeps what the upstream accepted, which uses the link up.
pub(super) async fn keep(
    server: &Server<'_>,
    upstream: &Upstream,
    link: &Link,
    visit: Visit,
    checked: &CheckedKey,
) -> Result<Response> {
    match store(server, upstream, link, visit, checked).await {
        Stored::Kept => is_connected(server, upstream, link, checked),
        Stored::Refused(fault) => not_good(fault),
        Stored::NotKept(error) | Stored::Unclear(error) => Err(error),
    }
}

/// Has the hub keep a key. Where it gives no answer, it is asked whether it did.
pub(super) async fn store(
    server: &Server<'_>,
    upstream: &Upstream,
    link: &Link,
    visit: Visit,
    checked: &CheckedKey,
) -> Stored {
    let sealed = match checked.seal(server, link.subject, upstream).await {
        Ok(sealed) => sealed,
        Err(error) => return Stored::NotKept(error),
    };
    let project = checked.project.clone();
    let keep = ConnectRequest::Connect { visit, sealed: sealed.clone(), project };
    let error = match connect::ask(server.env, link.subject, &keep).await {
        Ok(ConnectAnswer::Done) => return Stored::Kept,
        Ok(ConnectAnswer::Refused(fault)) => return Stored::Refused(fault),
        Ok(_) => unexpected(),
        Err(error) => error,
    };
    let find = ConnectRequest::Find { upstream: upstream.name.clone() };
    match connect::ask(server.env, link.subject, &find).await {
        Ok(ConnectAnswer::Found(Some(stored))) if stored.sealed == sealed => Stored::Kept,
        Ok(ConnectAnswer::Found(_)) => Stored::NotKept(error),
        _ => Stored::Unclear(error),
    }
}

/// The page that says why a link is no good.
pub(super) fn not_good(fault: LinkFault) -> Result<Response> {
    let (status, why) = halt(fault);
    reply::error_page(status, why)
}

/// The page after a key was kept.
pub(super) fn is_connected(
    server: &Server<'_>,
    upstream: &Upstream,
    link: &Link,
    checked: &CheckedKey,
) -> Result<Response> {
    state::forget_connected(link.subject, &upstream.name);
    note(server, GrantEvent::Connected, upstream, link);
    reply::page(200, &connect_page::connected(upstream, checked.project.as_ref()), "'none'")
}

async fn remove(
    server: &Server<'_>,
    upstream: &Upstream,
    link: &Link,
    visit: Visit,
) -> EndpointResult<Response> {
    if let Some(refused) = refused(server, link, ConnectRequest::Remove(visit)).await? {
        return Ok(refused);
    }
    state::forget_connected(link.subject, &upstream.name);
    note(server, GrantEvent::Disconnected, upstream, link);
    Ok(reply::page(200, &connect_page::removed(upstream), "'none'")?)
}

/// Asks the hub for a step of the link. Returns the page that says why it is none.
pub(super) async fn refused(
    server: &Server<'_>,
    link: &Link,
    step: ConnectRequest,
) -> Result<Option<Response>> {
    match connect::ask(server.env, link.subject, &step).await? {
        ConnectAnswer::Done => Ok(None),
        ConnectAnswer::Refused(fault) => not_good(fault).map(Some),
        _ => Err(unexpected()),
    }
}

/// Notes in the audit what became of a key.
fn note(server: &Server<'_>, happened: GrantEvent, upstream: &Upstream, link: &Link) {
    server.note_key(happened, &upstream.name, (link.subject, &link.caller));
}
