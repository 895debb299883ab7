//! The audit in the database: written in batches after the answer.
//!
//! Invariant: no response waits for it or is lost to it.

use std::{rc::Rc, time::Duration};

use futures_util::FutureExt as _;
use serde::{Deserialize, Serialize, de::IgnoredAny};
use worker::{D1Type, Env};

use crate::platform::stores::DATABASE;
use crate::{
    config::Config,
    platform::{
        clock::now_s,
        dataset::Dataset,
        sleep::Sleep,
        stores::{Database, number},
    },
    state,
    stubs::named_keys::{json, rows},
};
use mcp_auth::refusal::Refusal;
use mcp_server::{
    changes::WaitUntil,
    telemetry::{
        audit::{Audit, AuditEntry, NoAudit},
        known_names,
        log_line::DataPoint,
    },
};

/// How long entries gather before they are written.
const GATHER: Duration = Duration::from_millis(100);
/// Between two clearings of what is too old, in seconds.
const CLEAR_EVERY: u64 = 3_600;

const INSERT: &str = "INSERT INTO audit \
    (at, subject, way, key, client, action, site, effect, outcome, duration) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
const CLEAR: &str = "DELETE FROM audit WHERE at < ?";
const LIST: &str = "SELECT id, at, subject, way AS authMethod, key, client, action, site, effect, outcome, \
    duration FROM audit WHERE id < ?1 AND (?2 = '' OR subject = ?2) AND (?3 = '' OR action = ?3) \
    AND (?4 = '' OR site = ?4) AND (?5 = '' OR outcome = ?5) ORDER BY id DESC LIMIT ?6";

/// The audit of a deployment; [`NoAudit`] if nothing is bound for it.
pub fn of(env: &Env, config: &Config, keep: WaitUntil) -> Rc<dyn Audit> {
    match config.keeps_audit() {
        true => Rc::new(DeploymentAudit::new(env, config, keep)),
        false => Rc::new(NoAudit),
    }
}

/// The audit of a deployment: entries in the database, a data point for each, where they are bound.
pub struct DeploymentAudit {
    env: Env,
    /// Entries are written; None: there is no database. True: also of what only reads.
    written: Option<bool>,
    measured: bool,
    days: u32,
    keep: WaitUntil,
}

impl DeploymentAudit {
    /// The audit as it is configured.
    pub fn new(env: &Env, config: &Config, keep: WaitUntil) -> Self {
        let written = config.auth.named_keys.then_some(config.audit_reads);
        let (measured, days) = (config.analytics, config.audit_days);
        Self { env: env.clone(), written, measured, days, keep }
    }
}

impl Audit for DeploymentAudit {
    fn wants_reads(&self) -> bool {
        self.written == Some(true)
    }

    fn note(&self, entry: AuditEntry) {
        // Requests and tasks are measured by their records; what becomes of a grant has none.
        if self.measured && entry.action.starts_with("oauth.") {
            measure(&self.env, &entry);
        }
        if self.written.is_none_or(|reads| entry.effect == "read" && !reads) {
            return;
        }
        state::with_audit(|waiting| waiting.push(entry));
        let (env, days) = (self.env.clone(), self.days);
        (self.keep)(async move { write(&env, days).await }.boxed_local());
    }
}

/// The data point of a grant, in the places of a request's.
fn measure(env: &Env, entry: &AuditEntry) {
    if let Some(dataset) = Dataset::of(env) {
        let AuditEntry { action, outcome, auth_method, key, .. } = entry;
        let blobs = ["info", "grant", "oauth", action, "", outcome, "", auth_method, key];
        let blobs = blobs.map(str::to_owned).to_vec();
        dataset.write(DataPoint { index: entry.subject.clone(), blobs, doubles: Vec::new() });
    }
}

/// Writes what waits. Who notes something has it written in a request of its own, because another's
/// may end before; most find nothing left to write.
async fn write(env: &Env, days: u32) {
    Sleep::new(GATHER).await;
    let (entries, lost) = state::with_audit(|waiting| waiting.take());
    if lost > 0 {
        log::error!("{lost} entries of the audit are lost: too many came at once");
    }
    let Some(database) = Database::of(env, DATABASE).filter(|_| !entries.is_empty()) else {
        return;
    };
    let count = entries.len();
    if let Err(error) = database.each(INSERT, entries.iter().map(values)).await {
        log::error!("{count} entries of the audit are lost: {error}");
    } else if state::is_time_to_clear(now_s(), CLEAR_EVERY) {
        let age = u64::from(days).saturating_mul(24 * 60 * 60);
        let before = now_s().saturating_sub(age).saturating_mul(1_000);
        if let Err(error) = database.rows::<IgnoredAny>(CLEAR, &[number(before)]).await {
            log::error!("the audit could not be cleared: {error}");
        }
    }
}

fn values(entry: &AuditEntry) -> [D1Type<'_>; 10] {
    [
        number(entry.at_ms),
        D1Type::Text(&entry.subject),
        D1Type::Text(entry.auth_method),
        D1Type::Text(&entry.key),
        D1Type::Text(&entry.client),
        D1Type::Text(&entry.action),
        D1Type::Text(&entry.site),
        D1Type::Text(entry.effect),
        D1Type::Text(entry.outcome),
        number(entry.duration_ms),
    ]
}

/// A query of the admin API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Only entries before this one.
    pub before: u64,
    /// Subject, action, site and outcome; an empty one is any.
    pub fields: [String; 4],
    /// How many entries.
    pub limit: u64,
}

/// An entry as the admin API shows it.
#[derive(Serialize, Deserialize)]
struct AuditRow {
    id: u64,
    at: u64,
    subject: String,
    #[serde(rename = "authMethod")]
    auth_method: String,
    key: String,
    client: String,
    action: String,
    site: String,
    effect: String,
    outcome: String,
    duration: u64,
}

/// Entries, newest first: the JSON text of an array.
///
/// # Errors
/// 503 where they cannot be read.
pub async fn list(env: &Env, filter: &Filter) -> Result<String, Refusal> {
    let [subject, action, site, outcome] = filter.fields.each_ref().map(|it| D1Type::Text(it));
    let values = [number(filter.before), subject, action, site, outcome, number(filter.limit)];
    json(&rows::<AuditRow>(env, LIST, &values).await?)
}

/// The audit's name for a refusal. Returns `None` if it is not audited.
pub fn outcome(refusal: &Refusal) -> Option<&'static str> {
    let noted = matches!(
        refusal,
        Refusal::WrongCredential(_)
            | Refusal::Unjudged
            | Refusal::TooManyAttempts(_)
            | Refusal::Scope(_)
            | Refusal::UpstreamScope(..)
            | Refusal::RateLimit(..)
            | Refusal::TokenNotAccepted
            | Refusal::Rollout(..)
    );
    noted.then(|| known_names::refusal(refusal))
}
