//! Keys with a name, in the database: who holds one, and how they are made, listed and revoked.

use std::time::Duration;

use serde::{
    Deserialize, Serialize,
    de::{DeserializeOwned, IgnoredAny},
};
use worker::{D1Type, Env};

use crate::platform::stores::DATABASE;
use crate::{
    config::Config,
    platform::{
        clock::now_s,
        random,
        sleep::Sleep,
        stores::{Database, number},
    },
    state,
};
use mcp_auth::{
    identity::Identity,
    named_key::{KeyLookup, MAX_LISTED, NamedKey, NamedKeyRow, digest, id_of, make},
    refusal::Refusal,
    scope::Scopes,
};
use mcp_server::cold::cold;

const FIND: &str = "SELECT id, name, hash, scopes, expires, revoked FROM keys WHERE id = ?";
const ANY: &str = "SELECT 1 FROM keys LIMIT 1";
const ANY_GOOD: &str =
    "SELECT 1 FROM keys WHERE revoked IS NULL AND (expires IS NULL OR expires > ?) LIMIT 1";
const GOOD: &str =
    "SELECT id FROM keys WHERE revoked IS NULL AND (expires IS NULL OR expires > ?) LIMIT ?";
const LIST: &str = "SELECT id, name, scopes, created, created_by AS createdBy, expires, revoked FROM keys \
                    ORDER BY created DESC, id LIMIT 1000";
const INSERT: &str = "INSERT INTO keys (id, name, hash, scopes, created, created_by, expires) \
                      VALUES (?, ?, ?, ?, ?, ?, ?)";
const REVOKE: &str = "UPDATE keys SET revoked = ? WHERE id = ? AND revoked IS NULL RETURNING id";

/// A row of which only the id is asked for.
#[derive(Deserialize)]
struct Id {
    id: String,
}

/// A row as the admin API shows it. Times are seconds since 1970.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NamedKeyView {
    id: String,
    name: String,
    scopes: String,
    created: u64,
    created_by: String,
    expires: Option<u64>,
    revoked: Option<u64>,
}
/// How long a request waits before it looks whether another one has the list of good ids, and how often.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
const LOOKS: usize = 30;

/// Authenticates the holder of a key.
///
/// # Errors
/// 401 where it is none or not good any more, 503 where that cannot be found out.
pub async fn authenticate(env: &Env, key: &str) -> Result<Identity, Refusal> {
    let wrong = Refusal::WrongCredential("the key is wrong");
    let Some(id) = id_of(key) else {
        return Err(wrong);
    };
    let record = record(env, id, now_s()).await?.ok_or(wrong)?;
    record.verify(key, now_s()).map_err(Refusal::WrongCredential)
}

/// Whether a key was revoked since its holder was let in, for a stream that asks again at `next_s`, in
/// seconds since 1970: a record that would be too old by then is read now. If it cannot be found out, the key was
/// not revoked.
pub async fn is_revoked(env: &Env, id: &str, next_s: u64) -> bool {
    let known = record(env, id, next_s).await;
    known.is_ok_and(|record| record.is_none_or(|record| record.is_revoked()))
}

/// Whether the database has named keys, good or not: then the server has been closed before.
///
/// # Errors
/// 503 where that cannot be found out.
pub async fn any_exist(env: &Env) -> Result<bool, Refusal> {
    let Some(database) = Database::of(env, DATABASE) else {
        return Ok(false);
    };
    if let Some(known) = state::were_keys_made(now_s()) {
        return Ok(known);
    }
    let were_made = match database.rows::<IgnoredAny>(ANY, &[]).await {
        Ok(rows) => !rows.is_empty(),
        // The tables come with the first key's deployment.
        Err(error) if error.to_string().contains("no such table") => false,
        Err(error) => return Err(failed(&error)),
    };
    state::note_keys_made(were_made, now_s());
    Ok(were_made)
}

/// Whether authentication is off, for public documents: in development, unless named keys were made or that
/// cannot be found out.
pub async fn is_open(env: &Env, config: &Config) -> bool {
    config.auth.is_open() && !cold(any_exist(env)).await.unwrap_or(true)
}

/// Whether any named key is valid, for a health check: from the isolate's cache of the last
/// 30 s, else from the database. False if the database does not answer.
pub async fn any_is_valid(env: &Env) -> bool {
    let Some(database) = Database::of(env, DATABASE) else {
        return false;
    };
    if let Some(known) = state::is_any_key_good(now_s()) {
        return known;
    }
    let rows = cold(database.rows::<IgnoredAny>(ANY_GOOD, &[number(now_s())])).await;
    let is_any = rows.is_ok_and(|rows| !rows.is_empty());
    state::note_any_key_good(is_any, now_s());
    is_any
}

/// The record of a key: what the isolate knows, else what the database says. None: there is none,
/// or, where many unknown ids were asked for, none that is good. What the isolate knows must still count
/// at `at_s`, in seconds since 1970.
async fn record(env: &Env, id: &str, at_s: u64) -> Result<Option<NamedKey>, Refusal> {
    let find = || state::with_known_keys(|known| known.find(id, now_s(), at_s));
    let mut lookup = find();
    if lookup == KeyLookup::List {
        cold(list_good(env)).await?;
        lookup = find();
    }
    for _ in 0..LOOKS {
        if lookup != KeyLookup::Wait {
            break;
        }
        // Requests cannot wait for one another, so this one looks again and again.
        Sleep::new(LOOK_AGAIN).await;
        lookup = find();
    }
    match lookup {
        KeyLookup::Known(record) => Ok(record),
        KeyLookup::Ask => look_up(env, id).await,
        // The list was asked for a moment ago.
        KeyLookup::List | KeyLookup::Wait | KeyLookup::Unavailable => Err(Refusal::DatabaseFailed),
    }
}

/// Asks for all good ids. Where the database does not answer, that is noted.
async fn list_good(env: &Env) -> Result<(), Refusal> {
    let most = u64::try_from(MAX_LISTED).unwrap_or(u64::MAX).saturating_add(1);
    let rows = rows::<Id>(env, GOOD, &[number(now_s()), number(most)]).await;
    let ids = rows.as_ref().ok().map(|rows| rows.iter().map(|row| row.id.clone()).collect());
    state::with_known_keys(|known| known.note_all(ids));
    rows.map(drop)
}

async fn look_up(env: &Env, id: &str) -> Result<Option<NamedKey>, Refusal> {
    let rows: Vec<NamedKeyRow> = rows(env, FIND, &[D1Type::Text(id)]).await?;
    let record = rows.into_iter().next().map(NamedKey::from);
    state::with_known_keys(|known| known.note(id, record.clone(), now_s()));
    Ok(record)
}

/// A request of the admin API for a key.
pub struct NewKey {
    /// The name.
    pub name: String,
    /// The scopes of its holder.
    pub scopes: Scopes,
    /// When it ends, in seconds since 1970.
    pub expires: Option<u64>,
}

/// Makes a key: its id, and all of it, which is never seen again.
///
/// # Errors
/// 503 where it cannot be kept.
pub async fn create(env: &Env, wanted: &NewKey, by: &str) -> Result<(String, String), Refusal> {
    let (id, key) = make(&random::bytes().map_err(|_| Refusal::Failed)?);
    let scopes = wanted.scopes.names();
    let digest = digest(&key);
    let values = [
        D1Type::Text(&id),
        D1Type::Text(&wanted.name),
        D1Type::Text(&digest),
        D1Type::Text(&scopes),
        number(now_s()),
        D1Type::Text(by),
        wanted.expires.map_or(D1Type::Null, number),
    ];
    rows::<IgnoredAny>(env, INSERT, &values).await?;
    state::with_known_keys(|known| known.made(&id));
    Ok((id, key))
}

/// All keys, newest first, without their digests: the JSON text of an array.
///
/// # Errors
/// 503 where they cannot be read.
pub async fn list(env: &Env) -> Result<String, Refusal> {
    json(&rows::<NamedKeyView>(env, LIST, &[]).await?)
}

/// Revokes a key: here at once, elsewhere within 30 s. False: there is none that was good.
///
/// # Errors
/// 503 where it cannot be revoked.
pub async fn revoke(env: &Env, id: &str) -> Result<bool, Refusal> {
    let values = [number(now_s()), D1Type::Text(id)];
    let revoked: Vec<IgnoredAny> = rows(env, REVOKE, &values).await?;
    state::with_known_keys(|known| known.forget(id));
    Ok(!revoked.is_empty())
}

/// Runs a statement.
///
/// # Errors
/// 503 where the database is not there, or does not do it.
pub async fn rows<T: DeserializeOwned>(
    env: &Env,
    sql: &str,
    values: &[D1Type<'_>],
) -> Result<Vec<T>, Refusal> {
    let database = Database::of(env, DATABASE).ok_or(Refusal::NotBound("MCP_DB"))?;
    database.rows(sql, values).await.map_err(|error| failed(&error))
}

/// Rows as the JSON text of an array.
///
/// # Errors
/// 503; a row that was read can be written.
pub fn json(rows: &impl Serialize) -> Result<String, Refusal> {
    serde_json::to_string(rows).map_err(|_| Refusal::DatabaseFailed)
}

fn failed(error: &worker::Error) -> Refusal {
    log::error!("the database failed: {error}");
    Refusal::DatabaseFailed
}
