//! The way of a person to the authorization server of an upstream, and back to `/connect/{name}/callback`, or to
//! `/connect/{name}/callback/{stack}` where they signed in at a stack.
//!
//! Invariant: who comes back is the browser that left, with the state of that way, from the server to which it went; once,
//! and within the ten minutes of the link. A code that came to the path of one stack goes to no other. The token is kept
//! after the upstream accepted it; where people sign in at a stack, the one that the stack made for them.

use std::rc::Rc;

use worker::Result;

use super::{
    Server,
    connect::{OTHER_PERSON, OVER, Person, again, keep, not_good, refused, unexpected, visit},
    connect_made::connect_made,
    connect_page,
    entered_key::{CheckedKey, EnteredKey, NO_STACK},
    input_error::InputError,
    key_fields::STACK,
    person::Visitor,
    reply::{self, EndpointResult, STALE},
};
use crate::{
    platform::{
        clock::now_s,
        http::{Request, Response},
        random,
        workers::WorkersPlatform,
    },
    stubs::{connect, upstream},
};
use gateway::{
    config::{Credential, Stack, Upstream},
    connect::{
        link::{Link, callback},
        oauth::{
            client::Client,
            server::{Server as Authorization, find},
            token::{Account, Errand, TokenError, mark, sent_back},
        },
        request::{ConnectAnswer, ConnectRequest},
        sign_in::{self, SealedErrand},
        stored::Visit,
    },
};
use mcp_auth::{oauth::form::Form, secret::Secret};
use mcp_platform::{SharedPlatform, record::Record as _, url::Url};

const FOREIGN: &str =
    "The answer did not come from the server to which you went. Nothing was kept.";
const NOT_AGREED: &str = "You were sent back without an agreement. Nothing was kept.";
const NO_CODE: &str = "You were sent back without a code. Nothing was kept.";

/// The stack at which a person wants to sign in. None: the upstream has an authorization server of its own.
fn chosen<'a>(
    server: &Server<'_>,
    upstream: &'a Upstream,
    stack: Option<&str>,
) -> std::result::Result<Option<&'a Stack>, InputError> {
    if server.config.signs_in(upstream).is_none() {
        return Ok(None);
    }
    let stack = stack.and_then(|stack| upstream.stack(stack));
    stack.map(Some).ok_or_else(|| InputError::of_field(STACK, NO_STACK))
}

/// Sends a person on their way: a page whose link leads there. A redirect of the form would need the policy of the page
/// to name a server that is not known yet.
pub(super) async fn leave(
    server: &Server<'_>,
    upstream: &Upstream,
    (link, visit): (&Link, Visit),
    form: &Form,
    browser: &str,
) -> EndpointResult<Response> {
    let entered = form.one(STACK)?;
    let stack = match chosen(server, upstream, entered) {
        Ok(stack) => stack,
        Err(error) => {
            return Ok(again(server, upstream, link, browser, (error, entered)).await?);
        }
    };
    if let Some(refused) = refused(server, link, ConnectRequest::Try(visit.clone())).await? {
        return Ok(refused);
    }
    match begun(server, (upstream, stack), link, browser).await? {
        Ok((errand, url)) => {
            let text = Secret::new(errand.to_json());
            let stack = stack.map(|stack| stack.name.clone());
            let of = (upstream, stack.as_deref());
            let sealed = connect::seal(server.config, link.subject, of, &text).await?;
            let errand = SealedErrand { stack, sealed }.into_text();
            let leaves = ConnectRequest::Leave { visit, errand };
            if let Some(refused) = refused(server, link, leaves).await? {
                return Ok(refused);
            }
            let host = Url::parse(&url).map(|url| url.host).unwrap_or_default();
            Ok(reply::page(200, &connect_page::leaving(upstream, &host, &url), "'none'")?)
        }
        Err(why) => {
            let why = format!("People cannot sign in at {} now: {why}.", upstream.name);
            let error = InputError::of_form(why);
            Ok(again(server, upstream, link, browser, (error, entered)).await?)
        }
    }
}

/// The errand, and where it leads; or why there is none.
async fn begun(
    server: &Server<'_>,
    (upstream, stack): (&Upstream, Option<&Stack>),
    link: &Link,
    browser: &str,
) -> Result<std::result::Result<(Errand, String), String>> {
    let path = callback(&upstream.name, stack.map(|stack| stack.name.as_str()));
    let callback = format!("{}{path}", server.origin);
    let verifier = random::bytes::<32>()?;
    let begin = |there: &Authorization, client: Client, scopes: &[String]| {
        let state = link.state(&server.keys, (&path, browser), &mark(there, &verifier));
        Errand::begin(there, client, verifier, (&callback, &state, scopes))
    };
    if let Some((client, stack)) = server.config.signs_in(upstream).zip(stack) {
        let Some(there) = sign_in::server(upstream, stack) else {
            return Ok(Err("it takes keys".to_owned()));
        };
        return Ok(Ok(begin(&there, client.clone(), &[])));
    }
    let Credential::OAuth { client_id, secret, scopes, .. } = &upstream.credential else {
        return Ok(Err("it takes keys".to_owned()));
    };
    let Ok(trail) = upstream::trail(None, &server.keys) else {
        return Ok(Err("it leads back to this server".to_owned()));
    };
    let platform: SharedPlatform = Rc::new(WorkersPlatform);
    let surroundings = connect::surroundings(server.config);
    let there = match find(upstream, &trail, surroundings, &platform).await {
        Ok(there) => there,
        Err(why) => return Ok(Err(why)),
    };
    let client = match client_id {
        Some(id) => Ok(Client::configured(id, secret.as_ref().map(|secret| &secret.value))),
        None => Client::register(&there, &callback, surroundings, &platform).await,
    };
    Ok(client.map(|client| begin(&there, client, scopes)))
}

/// Takes a person who comes back.
pub(super) async fn come_back(
    server: &Server<'_>,
    upstream: &Upstream,
    request: &Request,
) -> Result<Response> {
    let form = Form::of_query(request.url());
    let one = |name: &str| form.one(name).ok().flatten();
    let visitor = Visitor::of(server, request)?;
    let browser = visitor.browser.clone().unwrap_or_default();
    let path = request.path().trim_end_matches('/');
    let state = one("state").unwrap_or_default();
    let Some((link, mark)) = Link::of_state(&server.keys, (path, &browser), state, now_s()) else {
        return reply::error_page(400, STALE);
    };
    if Person::of(&visitor, &link) != Person::IsIt {
        return reply::error_page(403, OTHER_PERSON);
    }
    let visit = visit(upstream, &link, &browser);
    let asked = ConnectRequest::Return(visit.clone());
    let sealed = match connect::ask(server.env, link.subject, &asked).await? {
        ConnectAnswer::Errand(Some(sealed)) => sealed,
        ConnectAnswer::Errand(None) => return reply::error_page(410, OVER),
        ConnectAnswer::Refused(fault) => return not_good(fault),
        _ => return Err(unexpected()),
    };
    let SealedErrand { stack, sealed } = SealedErrand::read(sealed);
    let of = (upstream, stack.as_deref());
    let errand = connect::opened(server.config, link.subject, of, &sealed).await;
    let Some(errand) = errand.and_then(|text| Errand::from_json(text.expose())) else {
        return reply::error_page(410, OVER);
    };
    let expected = callback(&upstream.name, stack.as_deref());
    if path != expected || !errand.is_marked(&mark) || !errand.is_from(one("iss")) {
        return reply::error_page(400, FOREIGN);
    }
    let Some(code) = one("code") else {
        return without_code(upstream, one("error"));
    };
    let platform: SharedPlatform = Rc::new(WorkersPlatform);
    let surroundings = connect::surroundings(server.config);
    let (callback, name) = (format!("{}{expected}", server.origin), &upstream.name);
    let account = errand.end((code, &callback), now_s(), surroundings, &platform).await;
    let stack = stack.as_deref().and_then(|stack| upstream.stack(stack));
    if let (Ok(account), Some(stack)) = (&account, stack) {
        return connect_made(server, (upstream, stack), (&link, visit), &account.access()).await;
    }
    let accepted = match account {
        Ok(account) => accept_account(server, upstream, &link, &account).await,
        Err(TokenError::Refused) => Err(format!("{name} gave out no token for you.")),
        Err(TokenError::Unavailable(why)) => {
            Err(format!("{name} gave out no token for you: {why}."))
        }
    };
    match accepted {
        Ok(kept) => keep(server, upstream, &link, visit, &kept).await,
        Err(why) => reply::page(422, &connect_page::not_connected(upstream, &why), "'none'"),
    }
}

/// Why a person came back without a code.
fn without_code(upstream: &Upstream, error: Option<&str>) -> Result<Response> {
    let name = &upstream.name;
    match error.and_then(sent_back) {
        Some("access_denied") => reply::error_page(400, NOT_AGREED),
        Some(error) => {
            log::warn!("the authorization server of `{name}` sent a person back: {error}");
            let why = format!("{name} sent you back with the error {error}. Nothing was kept.");
            reply::error_page(400, &why)
        }
        None => {
            log::warn!("the authorization server of `{name}` sent a person back without a code");
            reply::error_page(400, NO_CODE)
        }
    }
}

/// Whether the upstream accepts the token of an account.
async fn accept_account(
    server: &Server<'_>,
    upstream: &Upstream,
    link: &Link,
    account: &Account,
) -> std::result::Result<CheckedKey, String> {
    let token = EnteredKey::of(account.access());
    let checked = token.check(server, upstream, (link.subject, &link.caller)).await;
    checked.map_err(|fault| fault.why)?;
    Ok(CheckedKey::of(Secret::new(account.to_json())))
}
