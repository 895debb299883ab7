//! Keys with a name, in the database: who holds one, and how they are made, listed and revoked.

use worker::Env;

use crate::{
    access::{
        admission::Identity,
        named_key::{Record, digest, id_of, make},
        scope::Scopes,
    },
    agents::rows::now_s,
    edge::refusal::Refusal,
    protocol::raw,
    runtime::{
        binding::{Database, Value, text},
        isolate, random,
    },
};

/// The binding of the database.
pub const DATABASE: &str = "MCP_DB";

const FIND: &str = "SELECT id, name, hash, scopes, expires, revoked FROM keys WHERE id = ?";
const LIST: &str = "SELECT id, name, scopes, created, created_by AS createdBy, expires, revoked FROM keys \
                    ORDER BY created DESC, id LIMIT 1000";
const INSERT: &str = "INSERT INTO keys (id, name, hash, scopes, created, created_by, expires) \
                      VALUES (?, ?, ?, ?, ?, ?, ?)";
const REVOKE: &str = "UPDATE keys SET revoked = ? WHERE id = ? AND revoked IS NULL RETURNING id";

/// Who holds a key.
///
/// # Errors
/// 401 where it is none or not good any more, 503 where that cannot be found out.
pub async fn holder(env: &Env, key: &str) -> Result<Identity, Refusal> {
    let wrong = Refusal::WrongCredential("the key is wrong");
    let Some(id) = id_of(key) else {
        return Err(wrong);
    };
    let known = match isolate::with_known_keys(|known| known.find(id, now_s())) {
        Some(known) => known,
        None => look_up(env, id).await?,
    };
    let record = known.ok_or(wrong)?;
    record.judge(key, now_s()).map_err(Refusal::WrongCredential)
}

/// Whether a key was revoked since its holder was let in, for a stream that asks again at `next_s`, in
/// seconds since 1970: what would be too old by then is asked for now. Where nobody knows, the key was
/// not revoked.
pub async fn is_revoked(env: &Env, id: &str, next_s: u64) -> bool {
    let known = match isolate::with_known_keys(|known| known.find(id, next_s)) {
        Some(known) => Ok(known),
        None => look_up(env, id).await,
    };
    known.is_ok_and(|record| record.is_none_or(|record| record.is_revoked()))
}

async fn look_up(env: &Env, id: &str) -> Result<Option<Record>, Refusal> {
    let rows = rows(env, FIND, vec![id.into()]).await?;
    let found = raw::elements(&rows).unwrap_or_default();
    let record = found.first().and_then(|row| Record::read(row.get()));
    isolate::with_known_keys(|known| known.note(id, record.clone(), now_s()));
    Ok(record)
}

/// What the admin API is asked to make.
pub struct Wanted {
    /// The name.
    pub name: String,
    /// What its holder may do.
    pub scopes: Scopes,
    /// When it ends, in seconds since 1970.
    pub expires: Option<u64>,
}

/// Makes a key: its id, and all of it, which is never seen again.
///
/// # Errors
/// 503 where it cannot be kept.
pub async fn create(env: &Env, wanted: &Wanted, by: &str) -> Result<(String, String), Refusal> {
    let (id, key) = make(&random::bytes().map_err(|_| Refusal::Failed)?);
    let scopes = wanted.scopes.names();
    let values = vec![
        id.as_str().into(),
        wanted.name.as_str().into(),
        digest(&key).as_str().into(),
        scopes.as_str().into(),
        Value::Number(now_s()),
        by.into(),
        Value::number(wanted.expires),
    ];
    rows(env, INSERT, values).await?;
    Ok((id, key))
}

/// All keys, newest first, without their digests: the JSON text of an array.
///
/// # Errors
/// 503 where they cannot be read.
pub async fn list(env: &Env) -> Result<String, Refusal> {
    rows(env, LIST, Vec::new()).await
}

/// Revokes a key: here at once, elsewhere within 30 s. False: there is none that was good.
///
/// # Errors
/// 503 where it cannot be revoked.
pub async fn revoke(env: &Env, id: &str) -> Result<bool, Refusal> {
    let revoked = rows(env, REVOKE, vec![Value::Number(now_s()), id.into()]).await?;
    isolate::with_known_keys(|known| known.forget(id));
    Ok(revoked != "[]")
}

/// Carries out a statement.
///
/// # Errors
/// 503 where the database is not there, or does not do it.
pub async fn rows(env: &Env, sql: &str, values: Vec<Value>) -> Result<String, Refusal> {
    let database = Database::of(env, DATABASE).ok_or(Refusal::NotBound("MCP_DB"))?;
    database.rows(sql, values).await.map_err(|error| {
        crate::fault!("the database failed: {}", text(&error));
        Refusal::DatabaseFailed
    })
}
