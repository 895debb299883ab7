//! `/authorize`: a person is asked, and answers (OAuth 2.1 §4.1).
//!
//! Invariant: what the person answers is what it was shown: the form carries the request, signed, and
//! bound to its browser.

use worker::Result;

use super::{
    Server, clients,
    consent::{Consent, SCOPE, Submission},
    consent_keys::{self, ConnectedKey},
    html::TOKEN,
    input_error::InputError,
    oidc::LoginPurpose,
    person::{self, Cookie},
    reply::{self, BUSY, EndpointError, STALE},
};
use crate::{
    platform::{
        clock::now_s,
        http::{Request, Response},
        random,
    },
    stubs::grants,
};
use mcp_auth::{
    oauth::{
        authorization::{Authorization, AuthorizationError, refusal},
        error::{ErrorCode, OAuthError},
        form::Form,
        grant::{GrantTerms, client_hash},
        grant_request::{Answer, GrantRequest},
        hash,
        oidc::OidcUser,
        redirect,
        resource::audience,
        ticket::{self, TicketPurpose},
        token::{AuthorizationCode, GrantHandle},
    },
    scope::Scopes,
    secret::Secret,
    subject::{AuthMethod, Subject},
    upstream_scopes::UpstreamScopes,
};
use mcp_protocol::bytes::{Reader, put_block};
use mcp_server::telemetry::audit::GrantEvent;

const NEEDED: &str =
    "Without this permission the app can use nothing: leave it ticked, or press Do not allow.";
const NOTHING: &str = "Choose at least one permission, or press Do not allow.";

/// How long a form may stay open, in seconds.
const FORM_LASTS: u64 = 1_800;

/// Asks the person.
pub(super) async fn ask(server: &Server<'_>, request: &Request) -> Result<Response> {
    let form = Form::of_query(request.url());
    match read(server, &form).await {
        Ok(request_of) => {
            let cookie = Cookie::Form.read(server, request)?;
            let cookie = cookie.as_deref();
            let asked = ConsentRequest::anybody(request_of.clone());
            let page = || show(server, &asked, cookie, &Submission::default());
            person::sign_in_first(server, cookie, &LoginPurpose::Consent(request_of), page).await
        }
        Err(AuthorizationError::ShowToUser(fault)) => {
            let too_many = fault.code == ErrorCode::TemporarilyUnavailable;
            reply::error_page(if too_many { 429 } else { 400 }, fault.why)
        }
        Err(AuthorizationError::RedirectToClient(uri, state, fault)) => {
            reply::see_other(&refusal(&uri, state.as_deref(), fault, &server.origin))
        }
    }
}

async fn read(
    server: &Server<'_>,
    form: &Form,
) -> std::result::Result<Authorization, AuthorizationError> {
    let id = form
        .needed("client_id", "`client_id` is missing")
        .map_err(AuthorizationError::ShowToUser)?;
    let client = clients::find(server, id).await.map_err(AuthorizationError::ShowToUser)?;
    Authorization::read(form, id, &client, (&server.origin, &server.offer))
}

/// An authorization request and the person it is shown to.
struct ConsentRequest {
    request: Authorization,
    /// None: people say who they are by their SiteBay token.
    person: Option<OidcUser>,
}

impl ConsentRequest {
    fn anybody(request: Authorization) -> Self {
        Self { request, person: None }
    }

    /// As a form carries it. None: it is too long.
    fn to_bytes(&self) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        put_block(&mut out, &self.request.to_bytes()?)?;
        if let Some(person) = &self.person {
            person.write(&mut out);
        }
        Some(out)
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let request = Authorization::from_bytes(reader.block()?)?;
        let person = if reader.is_empty() { None } else { Some(OidcUser::read(&mut reader)?) };
        Some(Self { request, person })
    }
}

/// The page for a person who is signed in.
pub(super) fn show_to(
    server: &Server<'_>,
    request: &Authorization,
    person: &OidcUser,
    cookie: Option<&str>,
) -> Result<Response> {
    let asked = ConsentRequest { request: request.clone(), person: Some(person.clone()) };
    show(server, &asked, cookie, &Submission::default())
}

/// The page, in this browser.
fn show(
    server: &Server<'_>,
    asked: &ConsentRequest,
    cookie: Option<&str>,
    submitted: &Submission,
) -> Result<Response> {
    let value = person::cookie_or_fresh(cookie)?;
    let Some(content) = asked.to_bytes() else {
        return reply::error_page(400, "The request is too long.");
    };
    let until = u32::try_from(now_s().saturating_add(FORM_LASTS)).unwrap_or(u32::MAX);
    let ticket = ticket::sign(&server.keys, TicketPurpose::Consent, &value, until, &content);
    let (person, offer) = (asked.person.as_ref(), &server.offer);
    let (request, keys) = (&asked.request, &consent_keys::asked(server, &asked.request)[..]);
    let page = Consent { request, offer, person, keys, ticket: &ticket, submitted }.page();
    let status = if submitted.error.is_some() { 422 } else { 200 };
    let response = reply::page(status, &page, &redirect::form_action(&asked.request.redirect_uri))?;
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
        Err(EndpointError::Broken(error)) => return Err(error),
        Err(_) => return reply::error_page(400, STALE),
    };
    let asked = cookie.as_deref().filter(|_| !foreign).and_then(|cookie| {
        let ticket = form.one("ticket").ok().flatten()?;
        let content = ticket::open(&server.keys, TicketPurpose::Consent, cookie, ticket, now_s())?;
        ConsentRequest::from_bytes(&content)
    });
    // A form from before people had to sign in elsewhere is over, and one from after.
    let is_current =
        |asked: &ConsentRequest| asked.person.is_some() == server.config.oidc.is_some();
    let Some(asked) = asked.filter(is_current) else {
        return reply::error_page(400, STALE);
    };
    let submitted =
        |error| Submission::of(&form, &consent_keys::asked(server, &asked.request), error);
    match decide(server, &form, &asked).await {
        Ok((to, connected)) if connected.is_empty() => reply::see_other(&to),
        Ok((to, connected)) => {
            let page = consent_keys::connected_page(&connected, &asked.request, &to);
            reply::page(200, &page, "'none'")
        }
        Err(Undecided::Entered(error)) => {
            show(server, &asked, cookie.as_deref(), &submitted(error))
        }
        Err(Undecided::Request(EndpointError::Broken(error))) => {
            log::error!("a grant could not be made: {error}");
            show(server, &asked, cookie.as_deref(), &submitted(InputError::of_form(BUSY)))
        }
        Err(Undecided::Request(_)) => reply::error_page(400, STALE),
    }
}

/// Why a person goes nowhere yet.
pub(super) enum Undecided {
    /// What they entered is wrong: the form is shown again.
    Entered(InputError),
    /// The request is wrong, or the runtime failed.
    Request(EndpointError),
}

impl From<OAuthError> for Undecided {
    fn from(fault: OAuthError) -> Self {
        Self::Request(fault.into())
    }
}

impl From<worker::Error> for Undecided {
    fn from(error: worker::Error) -> Self {
        Self::Request(error.into())
    }
}

fn wrong(field: &str, why: &'static str) -> Undecided {
    Undecided::Entered(InputError::of_field(field, why))
}

/// Where the person goes, and what they connected on the way.
async fn decide<'a>(
    server: &'a Server<'_>,
    form: &Form,
    asked: &ConsentRequest,
) -> std::result::Result<(String, Vec<ConnectedKey<'a>>), Undecided> {
    let request = &asked.request;
    if form.one("answer")? != Some("allow") {
        let person = asked.person.as_ref().map(|person| subject_of(server, person));
        server.note(GrantEvent::Denied, person, &request.client_name);
        let denied = OAuthError::new(ErrorCode::AccessDenied, "the person did not agree");
        return Ok((request.answer(Err(denied), &server.origin), Vec::new()));
    }
    let ticked = form.all(SCOPE).map(Scopes::named).fold(Scopes::NONE, Scopes::with);
    let scopes = ticked.limited_to(request.scopes);
    let there = UpstreamScopes::of(form.all(SCOPE)).limited_to(&request.upstreams);
    // A token for a door opens nothing without the scope of its upstream.
    let is_useless = !request.door.is_empty() && there != request.upstreams;
    if is_useless {
        return Err(wrong(SCOPE, NEEDED));
    }
    if scopes == Scopes::NONE {
        return Err(wrong(SCOPE, NOTHING));
    }
    let token = match (&asked.person, form.one(TOKEN)?) {
        (Some(_), None) => None,
        (_, entered) => {
            let token = person::sitebay_token(server, entered.unwrap_or_default()).await;
            Some(token.map_err(|why| wrong(TOKEN, why))?)
        }
    };
    let subject = match (&asked.person, &token) {
        (Some(person), _) => subject_of(server, person),
        (None, Some(token)) => subject(server, token),
        (None, None) => return Err(Undecided::Entered(InputError::of_form(BUSY))),
    };
    let connected =
        consent_keys::connect(server, form, (request, subject), (scopes, &there)).await?;
    let code = grant(server, request, subject, (scopes, there), token.as_ref()).await?;
    Ok((request.answer(Ok(&code), &server.origin), connected))
}

/// Makes the grant, and its code.
async fn grant(
    server: &Server<'_>,
    request: &Authorization,
    subject: Subject,
    (scopes, upstreams): (Scopes, UpstreamScopes),
    token: Option<&Secret>,
) -> Result<String> {
    let handle = fresh_handle()?;
    let terms = GrantTerms {
        subject,
        client: client_hash(&request.client_id),
        client_name: request.client_name.clone(),
        redirect_uri: request.redirect_uri.clone(),
        scopes,
        upstreams,
        challenge: request.challenge.clone(),
        origin: hash(audience(&server.origin, &request.door)),
        secret: handle.secret_hash(),
        credential: match token {
            Some(token) => grants::seal(server.config, &handle, token).await?,
            None => String::new(),
        },
    };
    match grants::ask(server.env, &handle.object(), &GrantRequest::Create(terms)).await? {
        Answer::Done => {
            let door = request.door.clone();
            Ok(AuthorizationCode { handle, door }.sign(&server.keys))
        }
        _ => Err(worker::Error::from("the grant was not kept")),
    }
}

/// The subject of a person with this SiteBay token.
pub(super) fn subject(server: &Server<'_>, token: &Secret) -> Subject {
    Subject::of(&server.keys, AuthMethod::OAuth, &server.origin, "", Some(token.expose()))
}

/// The subject of a person of an OpenID provider.
pub(super) fn subject_of(server: &Server<'_>, person: &OidcUser) -> Subject {
    Subject::of(&server.keys, AuthMethod::OAuth, &person.issuer, &person.id, None)
}

/// A new grant's name and secret.
fn fresh_handle() -> Result<GrantHandle> {
    Ok(GrantHandle::of(random::bytes()?, random::bytes()?))
}
