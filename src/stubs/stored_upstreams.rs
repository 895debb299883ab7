//! Upstreams that administrators stored in the database: read at most once in 30 s by an isolate, for a request that may be
//! for one or is in a session.

use std::rc::Rc;

use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use worker::{D1Type, Env};

use crate::{
    config::Config,
    platform::{
        clock::now_s,
        http::Request,
        stores::{DATABASE, Database, number},
    },
    state,
    stubs::upstream::TOOLSETS_HEADER,
    wiring::REGISTRY,
};
use gateway::{config::MAX_UPSTREAMS, connect::link, stored::StoredUpstream};
use mcp_auth::refusal::Refusal;
use mcp_platform::url::query_value;
use mcp_protocol::{
    fields::fields,
    jsonrpc::{Body, Message, decode},
    raw,
    stateless::headers::{METHOD_HEADER, NAME_HEADER},
};
use mcp_server::cold::cold;

const LIST: &str = "SELECT name, settings FROM upstreams ORDER BY name LIMIT ?";
const PUT: &str = "INSERT INTO upstreams (name, settings, changed, changed_by) \
    SELECT ?1, ?2, ?3, ?4 WHERE (SELECT COUNT(*) FROM upstreams WHERE name <> ?1) < ?5 \
    ON CONFLICT (name) DO UPDATE SET settings = excluded.settings, changed = excluded.changed, \
    changed_by = excluded.changed_by RETURNING name";
const REMOVE: &str = "DELETE FROM upstreams WHERE name = ? RETURNING name";

/// A row of the table.
#[derive(Deserialize)]
struct Row {
    name: String,
    settings: String,
}

/// Why an upstream is not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotStored {
    /// There are as many as there may be.
    Full,
    /// The database has no table for them.
    NoTable,
}

/// Whether a request that needs upstreams must read them first.
pub fn is_due(config: &Config) -> bool {
    config.auth.named_keys && state::with_stored(|known| known.is_due(now_s()))
}

/// Whether there are upstreams, or may be some that are stored: one that is added elsewhere is known within 30 s.
pub fn may_be_any(config: &Config) -> bool {
    may_be_any_at(config, now_s())
}

fn may_be_any_at(config: &Config, now_s: u64) -> bool {
    let are_none = || state::with_stored(|known| known.are_none(now_s));
    config.may_have_upstreams() && (!config.upstreams.is_empty() || !are_none())
}

/// Whether they were read already, or could not be: who can go on with what is known need not wait.
pub fn were_read() -> bool {
    state::with_stored(|known| known.was_tried())
}

/// Reads them anew where what is known is too old, beside the request.
pub async fn refresh(env: Env) {
    let _ = current(&env).await;
}

/// The configuration with the upstreams that are stored, read anew where what is known is too old. Where they cannot be read,
/// what was known counts.
pub async fn current(env: &Env) -> Rc<Config> {
    if is_due(&state::config(env)) {
        // It is logged, and the admin API says it.
        let _ = cold(latest(env)).await;
    }
    state::config(env)
}

/// The same, read in any case.
///
/// # Errors
/// 503 where they cannot be read.
pub async fn latest(env: &Env) -> Result<Rc<Config>, Refusal> {
    if !state::config(env).auth.named_keys {
        return Ok(state::config(env));
    }
    state::with_stored(|known| known.begin(now_s()));
    let most = number(u64::try_from(MAX_UPSTREAMS).unwrap_or(u64::MAX));
    // Without its table the database has none.
    let read = rows::<Row>(env, LIST, &[most]).await.map(Option::unwrap_or_default);
    let read: Result<Vec<StoredUpstream>, Refusal> =
        read.map(|rows| rows.into_iter().map(|row| (row.name, row.settings)).collect());
    let changed = state::with_stored(|known| known.note(read.as_deref().ok(), now_s()));
    let stored = read?;
    if changed {
        state::set_stored(env, &stored);
    }
    Ok(state::config(env))
}

/// The same for what changes them.
///
/// # Errors
/// 501 where there is no database, 503 where they cannot be read.
pub async fn require(env: &Env) -> Result<Rc<Config>, Refusal> {
    match Database::of(env, DATABASE) {
        Some(_) => latest(env).await,
        None => Err(Refusal::NotBound(DATABASE)),
    }
}

/// Stores an upstream: here at once, elsewhere within 30 s.
///
/// # Errors
/// 503 where that is not known.
pub async fn put(
    env: &Env,
    name: &str,
    settings: &str,
    by: &str,
) -> Result<Result<(), NotStored>, Refusal> {
    let values = [
        D1Type::Text(name),
        D1Type::Text(settings),
        number(now_s()),
        D1Type::Text(by),
        number(u64::try_from(MAX_UPSTREAMS).unwrap_or(u64::MAX)),
    ];
    let stored = match rows::<IgnoredAny>(env, PUT, &values).await? {
        None => Err(NotStored::NoTable),
        Some(rows) if rows.is_empty() => Err(NotStored::Full),
        Some(_) => Ok(()),
    };
    if stored.is_ok() {
        latest(env).await?;
    }
    Ok(stored)
}

/// Removes an upstream: here at once, elsewhere within 30 s. False: there was none.
///
/// # Errors
/// 503 where that is not known.
pub async fn remove(env: &Env, name: &str) -> Result<bool, Refusal> {
    let removed = rows::<IgnoredAny>(env, REMOVE, &[D1Type::Text(name)]).await?;
    let was_there = removed.is_some_and(|rows| !rows.is_empty());
    if was_there {
        latest(env).await?;
    }
    Ok(was_there)
}

/// Runs a statement. None: the database has no such table, because its migration was not applied.
async fn rows<T: DeserializeOwned>(
    env: &Env,
    sql: &str,
    values: &[D1Type<'_>],
) -> Result<Option<Vec<T>>, Refusal> {
    let database = Database::of(env, DATABASE).ok_or(Refusal::NotBound(DATABASE))?;
    match database.rows(sql, values).await {
        Ok(rows) => Ok(Some(rows)),
        Err(error) if error.to_string().contains("no such table") => Ok(None),
        Err(error) => {
            log::error!("the stored upstreams cannot be read or changed: {error}");
            Err(Refusal::DatabaseFailed)
        }
    }
}

/// Whether a request to the Worker needs upstreams, as far as its path and headers say. Of a message in a session its object
/// finds out.
pub fn are_needed(request: &Request, path: &str) -> bool {
    let method = || request.header(METHOD_HEADER);
    let is_native = || request.header(NAME_HEADER).is_some_and(|name| is_native(&name));
    path.starts_with(link::PATH)
        || is_about_them(path, request.url())
        || request.header(TOOLSETS_HEADER).is_some()
        || (path == "/mcp" && method().is_some_and(|method| needs(&method, is_native)))
}

/// Whether an address is a door's, one at which scopes of upstreams are offered or granted, or one that chooses toolsets.
fn is_about_them(path: &str, url: &str) -> bool {
    let offers = ["/u/", "/.well-known/oauth-", "/.well-known/openid-"];
    let grants = ["/authorize", "/authorize/callback", "/token", "/revoke", "/register"];
    offers.iter().any(|of| path.starts_with(of))
        || grants.contains(&path)
        || query_value(url, "toolsets").is_some()
}

/// The same of a message in a session.
pub fn are_needed_by(body: &[u8]) -> bool {
    match decode(body) {
        Ok(Body::Single(Message::Request { method, params, .. })) => needs(&method, || {
            let [name] = params.and_then(|raw| fields(raw.get(), ["name"]).ok()).unwrap_or([None]);
            name.and_then(raw::text).is_some_and(|name| is_native(&name))
        }),
        Ok(Body::Batch(_)) => true,
        _ => false,
    }
}

fn needs(method: &str, is_native: impl FnOnce() -> bool) -> bool {
    match method {
        "tools/call" => !is_native(),
        "completion/complete" | "subscriptions/listen" => true,
        _ => ["tools/", "prompts/", "resources/", "tasks/"].iter().any(|of| method.starts_with(of)),
    }
}

fn is_native(tool: &str) -> bool {
    REGISTRY.find(tool).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway::stored::KnownStored;

    fn config(upstreams: &str, has_database: bool) -> Config {
        let mut config = Config::read(&|name| (name == "UPSTREAMS").then(|| upstreams.to_owned()));
        config.auth.named_keys = has_database;
        config
    }

    #[test]
    fn where_it_is_known_that_none_are_stored_there_are_those_of_the_variable() {
        let one = r#"{"t":{"url":"https://t.example.com/mcp"}}"#;
        for (upstreams, has_database, before, after) in [
            ("{}", false, false, false),
            ("{}", true, true, false),
            (one, false, true, true),
            (one, true, true, true),
        ] {
            let config = config(upstreams, has_database);
            state::with_stored(|known| *known = KnownStored::default());
            assert_eq!(may_be_any_at(&config, 1_000), before, "{upstreams} {has_database}");
            state::with_stored(|known| known.note(Some(&[]), 1_000));
            assert_eq!(may_be_any_at(&config, 1_029), after, "{upstreams} {has_database}");
            assert_eq!(may_be_any_at(&config, 1_030), before, "an upstream may have been added");
        }
    }

    #[test]
    fn doors_grants_and_choices_need_upstreams() {
        let url = "https://m.example/mcp";
        for path in [
            "/u/tickets/mcp",
            "/.well-known/oauth-protected-resource/u/tickets/mcp",
            "/authorize",
            "/authorize/callback",
            "/token",
            "/register",
        ] {
            assert!(is_about_them(path, url), "{path}");
        }
        for path in ["/mcp", "/sse", "/", "/account", "/tokens", "/health"] {
            assert!(!is_about_them(path, url), "{path}");
        }
        assert!(is_about_them("/sse", "https://m.example/sse?toolsets=tickets"));
    }

    #[test]
    fn only_what_may_be_an_upstreams_needs_upstreams() {
        let body = |method: &str, name: &str| {
            format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{"name":"{name}"}}}}"#
            )
        };
        for (method, name, needed) in [
            ("tools/list", "", true),
            ("tools/call", "t_echo", true),
            ("tools/call", "sitebay_list_sites", false),
            ("prompts/get", "a", true),
            ("resources/read", "", true),
            ("completion/complete", "", true),
            ("tasks/get", "", true),
            ("ping", "", false),
            ("initialize", "", false),
            ("logging/setLevel", "", false),
        ] {
            assert_eq!(are_needed_by(body(method, name).as_bytes()), needed, "{method} {name}");
        }
        let batch = format!("[{}]", body("ping", ""));
        assert!(are_needed_by(batch.as_bytes()));
        for other in ["", "{", r#"{"jsonrpc":"2.0","id":1,"result":{}}"#] {
            assert!(!are_needed_by(other.as_bytes()), "{other}");
        }
    }
}
