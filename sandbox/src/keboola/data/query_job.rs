//! Jobs of the query service: statements that run one after the other.
//!
//! The first that fails ends the job; those after it are `notExecuted`. A cancelled job is
//! `canceled` at once, with what had not completed by then.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::engine::clock::{Time, later};
use crate::engine::json::Fields as _;
use crate::keboola::data::Cells;
use crate::keboola::time;

/// What a statement gives.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(default)]
pub struct SqlRule {
    /// The statement, without regard to case, outer spaces and a last semicolon; with `*` at the
    /// end, how it begins.
    pub sql: String,
    /// The names of the columns; none for a statement that gives no rows.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<Option<String>>>,
    /// The text of the error that it ends with.
    pub error: Option<String>,
    /// How long it takes, in milliseconds; without it as the options say.
    pub takes_ms: Option<u64>,
    /// How many jobs with it are refused first, because the workspace has no credentials yet.
    pub refusals: u32,
}

impl SqlRule {
    /// Whether it is about a statement.
    pub(crate) fn fits(&self, sql: &str) -> bool {
        let sql = plain(sql);
        let wanted = plain(&self.sql);
        match wanted.strip_suffix('*') {
            Some(start) => sql.starts_with(start),
            None => sql == wanted,
        }
    }
}

/// A statement without what makes no difference.
pub(crate) fn plain(sql: &str) -> String {
    let words: Vec<_> = sql.split_whitespace().collect();
    words.join(" ").trim_end_matches(';').trim_end().to_lowercase()
}

/// A job.
#[derive(Debug, Clone)]
pub(crate) struct QueryJob {
    pub(crate) id: String,
    pub(crate) created: Time,
    pub(crate) actor: String,
    pub(crate) statements: Vec<Statement>,
    /// When it was cancelled, and why.
    pub(crate) cancelled: Option<(Time, String)>,
}

/// A statement of a job.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    pub(crate) id: String,
    pub(crate) sql: String,
    pub(crate) takes: Duration,
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Cells>,
    pub(crate) error: Option<String>,
}

/// A statement at a moment.
#[derive(Debug)]
struct Running<'a> {
    statement: &'a Statement,
    status: &'static str,
    began: Option<Time>,
    ended: Option<Time>,
}

impl QueryJob {
    /// The statements at a moment.
    fn running(&self, now: Time) -> Vec<Running<'_>> {
        let until = self.cancelled.as_ref().map_or(now, |(at, _)| now.min(*at));
        let mut begins = self.created;
        let mut has_failed = false;
        let statements = self.statements.iter().map(|statement| {
            let ends = later(begins, statement.takes);
            let (status, began, ended) = match statement.error {
                _ if has_failed => ("notExecuted", None, None),
                Some(_) if ends <= until => ("failed", Some(begins), Some(ends)),
                None if ends <= until => ("completed", Some(begins), Some(ends)),
                _ if self.cancelled.is_some() && begins < until => {
                    ("canceled", Some(begins), Some(until))
                }
                _ if self.cancelled.is_some() => ("notExecuted", None, None),
                _ if begins < until => ("processing", Some(begins), None),
                _ => ("waiting", None, None),
            };
            has_failed |= status == "failed";
            begins = ends;
            Running { statement, status, began, ended }
        });
        statements.collect()
    }

    /// What it is at a moment.
    pub(crate) fn status(&self, now: Time) -> &'static str {
        let statements = self.running(now);
        let any = |status| statements.iter().any(|one| one.status == status);
        match () {
            () if any("failed") => "failed",
            () if statements.iter().all(|one| one.status == "completed") => "completed",
            () if self.cancelled.is_some() => "canceled",
            () if self.created == now => "created",
            () => "processing",
        }
    }

    /// Whether it is over.
    pub(crate) fn is_finished(&self, now: Time) -> bool {
        ["failed", "completed", "canceled"].contains(&self.status(now))
    }

    /// Ends it now.
    pub(crate) fn finish(&mut self) {
        self.statements.iter_mut().for_each(|statement| statement.takes = Duration::ZERO);
    }

    /// As the API shows it.
    pub(crate) fn view(&self, now: Time) -> Value {
        let statements = self.running(now);
        let changed = statements.iter().filter_map(|one| one.ended.or(one.began)).max();
        let mut view = json!({
            "queryJobId": self.id,
            "status": self.status(now),
            "actorType": self.actor,
            "createdAt": time::text(self.created),
            "changedAt": time::text(changed.unwrap_or(self.created)),
            "statements": statements.iter().map(|one| self.statement_view(one)).collect::<Value>(),
        });
        if let Some((at, reason)) = &self.cancelled {
            view.set("canceledAt", time::text(*at));
            view.set("cancellationReason", reason.as_str());
        }
        view
    }

    fn statement_view(&self, one: &Running<'_>) -> Value {
        let statement = one.statement;
        let is_done = one.status == "completed";
        json!({
            "id": statement.id,
            "queryId": is_done.then(|| format!("query-{}", statement.id)),
            "sessionId": format!("session-{}", self.id),
            "query": statement.sql,
            "status": one.status,
            "error": if one.status == "failed" { statement.error.clone() } else { None },
            "rowsAffected": is_done.then_some(0),
            "numberOfRows": is_done.then_some(statement.rows.len()),
            "createdAt": time::text(self.created),
            "executedAt": time::text_if(one.began),
            "completedAt": time::text_if(one.ended),
        })
    }

    /// A page of a statement's rows; `None` where it has no such statement. Rows of a statement
    /// that has not completed are refused with the text given.
    pub(crate) fn results(
        &self,
        id: &str,
        (size, offset): (usize, usize),
        now: Time,
    ) -> Option<Result<Value, String>> {
        let found = self.running(now).into_iter().find(|one| one.statement.id == id)?;
        let statement = found.statement;
        let (columns, rows, message) = match found.status {
            "completed" => (statement.columns.as_slice(), statement.rows.as_slice(), None),
            "failed" => (&[][..], &[][..], statement.error.as_deref()),
            "canceled" => (&[][..], &[][..], Some("Query was canceled")),
            _ => return Some(Err("Job is still running or not completed yet".to_owned())),
        };
        let columns = columns.iter().map(
            |name| json!({ "name": name, "type": "text", "nullable": true, "length": 16_777_216 }),
        );
        let page: Vec<&Cells> = rows.iter().skip(offset).take(size).collect();
        Some(Ok(json!({
            "status": found.status,
            "columns": columns.collect::<Value>(),
            "data": page,
            "rowsAffected": 0,
            "numberOfRows": rows.len(),
            "message": message,
        })))
    }
}
