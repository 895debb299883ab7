//! Connection as an authorization server, with one confidential client.
//!
//! A code is good once and for five minutes, an access token for an hour, a refresh token for 30
//! days and once. Errors are those of RFC 6749. Access tokens act for an administrator of the
//! project.

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::engine::call::Call;
use crate::engine::clock::later;
use crate::engine::reply::Reply;
use crate::keboola::ask::Ask;
use crate::keboola::data::{Admin, CLIENT_ID, CLIENT_SECRET, Code, Token, World};
use crate::keboola::problem::Problem;
use crate::keboola::route::{Outcome, Route, get, post};

pub(crate) const ROUTES: &[Route] = &[
    get("oauth/authorize", authorize).open(),
    post("oauth/token", token).open(),
    post("oauth/clients/validate", validate).open(),
];

const CODE: Duration = Duration::from_secs(300);
const ACCESS: Duration = Duration::from_secs(3600);
const REFRESH: Duration = Duration::from_secs(30 * 24 * 3600);

/// Whether a redirect URI is registered: one of the options', or a loopback one over HTTP.
fn is_registered(world: &World, redirect: &str) -> bool {
    let rest = redirect.strip_prefix("http://");
    let host = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let host = host.map(|host| host.rsplit_once(':').map_or(host, |(name, _)| name));
    host.is_some_and(|host| ["127.0.0.1", "localhost", "[::1]"].contains(&host))
        || world.options.redirect_uris.iter().any(|known| known == redirect)
}

fn authorize(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let params = ask.params();
    let redirect = params.get("redirect_uri").unwrap_or_default();
    let client = params.get("client_id").unwrap_or_default();
    // Nobody is sent to an address that the client has not registered.
    if client != CLIENT_ID || !is_registered(world, redirect) {
        return Ok(refused(400, "invalid_client", "Unknown client or redirect URI"));
    }
    let mut query = form_urlencoded::Serializer::new(String::new());
    if params.get("response_type") == Some("code") {
        let project = project(world, ask)?;
        let text = format!("code-{}", Uuid::new_v4().simple());
        query.append_pair("code", &text);
        let expires = later(ask.now, CODE);
        world.grants.codes.push(Code { text, redirect: redirect.to_owned(), project, expires });
    } else {
        query.append_pair("error", "unsupported_response_type");
    }
    if let Some(state) = params.get("state") {
        query.append_pair("state", state);
    }
    let separator = if redirect.contains('?') { '&' } else { '?' };
    let location = format!("{redirect}{separator}{}", query.finish());
    Ok(Reply { status: 302, ..Reply::redirect(location) })
}

/// The project that the person chooses.
fn project(world: &World, ask: &Ask<'_>) -> Result<u64, Problem> {
    let params = ask.params();
    let wanted = params.get("project");
    let mut projects = world.projects.iter().filter(|one| one.stack == ask.place.stack.name);
    let found = projects.find(|one| wanted.is_none_or(|wanted| one.id.to_string() == wanted));
    found.map(|one| one.id).ok_or_else(|| Problem::missing("No such project"))
}

fn refused(status: u16, error: &str, text: &str) -> Reply {
    Reply::json(status, &json!({ "error": error, "error_description": text }))
}

/// A field of a form.
fn field(call: &Call, name: &str) -> String {
    let mut pairs = form_urlencoded::parse(&call.body);
    pairs.find(|(known, _)| known == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

fn token(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let field = |name: &str| field(ask.call, name);
    if field("client_id") != CLIENT_ID || field("client_secret") != CLIENT_SECRET {
        return Ok(refused(401, "invalid_client", "Client authentication failed"));
    }
    let project = match field("grant_type").as_str() {
        "authorization_code" => take_code(world, ask, &field("code"), &field("redirect_uri")),
        "refresh_token" => take_refresh(world, ask, &field("refresh_token")),
        _ => return Ok(refused(400, "unsupported_grant_type", "Unknown grant type")),
    };
    Ok(match project {
        Some(project) => Reply::ok(&give(world, ask, project)),
        None => refused(400, "invalid_grant", "The grant is invalid, expired or used"),
    })
}

/// The project of a code, which is used up even where the redirect URI is another.
fn take_code(world: &mut World, ask: &Ask<'_>, text: &str, redirect: &str) -> Option<u64> {
    let at = world.grants.codes.iter().position(|code| code.text == text)?;
    let code = world.grants.codes.remove(at);
    (code.redirect == redirect && code.expires > ask.now).then_some(code.project)
}

fn take_refresh(world: &mut World, ask: &Ask<'_>, text: &str) -> Option<u64> {
    let at = world.grants.refresh.iter().position(|(known, ..)| known == text)?;
    let (_, project, expires) = world.grants.refresh.remove(at);
    (expires > ask.now).then_some(project)
}

fn give(world: &mut World, ask: &Ask<'_>, project: u64) -> Value {
    let id = world.next_id();
    let text = format!("access-{}", Uuid::new_v4().simple());
    let refresh = format!("refresh-{}", Uuid::new_v4().simple());
    world.tokens.push(Token {
        id,
        project,
        text: text.clone(),
        is_bearer: true,
        description: "OAuth".to_owned(),
        created: ask.now,
        refreshed: ask.now,
        expires: Some(later(ask.now, ACCESS)),
        is_disabled: false,
        admin: Some(Admin { id, name: "Person of OAuth".to_owned(), role: Some("admin") }),
        can_manage_buckets: true,
        can_manage_tokens: true,
        can_read_all_file_uploads: true,
        can_purge_trash: true,
        bucket_permissions: [].into(),
        component_access: Vec::new(),
        creator: None,
    });
    world.grants.refresh.push((refresh.clone(), project, later(ask.now, REFRESH)));
    json!({
        "access_token": text,
        "refresh_token": refresh,
        "expires_in": ACCESS.as_secs(),
        "token_type": "Bearer",
        "scope": "email",
    })
}

fn validate(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let body = ask.body().unwrap_or_default();
    let sent = |name: &str| match body.text(name) {
        Ok(Some(text)) => text,
        _ => field(ask.call, name),
    };
    if sent("client_id") == CLIENT_ID && is_registered(world, &sent("redirect_uri")) {
        return Ok(Reply::ok(&json!({ "client_id": CLIENT_ID })));
    }
    Err(Problem::missing("Client not found"))
}
