//! A job of the query service: submitted, looked at until it is over, and its rows.

use std::time::Duration;

use serde_json::{Value, json};

use super::workspace::Workspace;
use crate::{
    api::{ApiError, Client, Path, Service},
    call::{Call, id_of, sentence},
    configuration::csv::{self, Csv},
};

/// How often a job is submitted where the workspace's credentials are not there yet.
const SUBMISSIONS: u32 = 3;

/// The key of how a job ended.
pub(super) const QUERY_END: &str = "query-end";
/// How often a job is cancelled at most, where Keboola does not answer.
const CANCELS: u32 = 3;
/// How long that may take together: the runtime soon ends a call whose client left.
const CANCEL_WITHIN: Duration = Duration::from_secs(10);
/// The pause before it is cancelled again.
const CANCEL_PAUSE: Duration = Duration::from_secs(1);

/// How a job ended.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(super) enum End {
    /// Its first statement has this id.
    Statement(String),
    /// Somebody cancelled it.
    Cancelled,
    /// It is not known any more.
    Lost(String),
    /// With this status, and without a statement whose rows could be read.
    Empty(String),
}

/// Submits a query; the id of its job.
pub(super) async fn submit(
    call: &Call<'_>,
    branch: &str,
    workspace: &Workspace,
    sql: &str,
) -> Result<String, String> {
    let path = Path::new("branches").part(branch).then("workspaces");
    let path = path.part(&workspace.id.to_string()).then("queries");
    let body = json!({ "statements": [sql] });
    let mut tries = 0_u32;
    loop {
        tries = tries.saturating_add(1);
        match call.client.ask(Service::Query, path.clone(), &[], &body).await {
            Ok(answer) => {
                let job = answer.get("queryJobId").map(crate::api::plain).unwrap_or_default();
                return match job.is_empty() {
                    true => Err("Keboola's query service answered without a job.".to_owned()),
                    false => Ok(job),
                };
            }
            Err(error) if tries < SUBMISSIONS && is_passing(&error) => {
                let pause = Duration::from_secs(u64::from(tries).saturating_mul(2));
                call.ctx.platform.sleep(pause).await;
            }
            Err(error) if error.leaves_doubt() => {
                let why = sentence(&error);
                return Err(format!("{why} The query MAY run all the same; it only reads."));
            }
            Err(error) => return Err(sentence(&error)),
        }
    }
}

/// The credentials of a new workspace come a while after it; no job was made then.
fn is_passing(error: &ApiError) -> bool {
    let text = error.to_string().to_lowercase();
    error.status() == Some(403) && text.contains("workspace credentials")
}

fn job_path(job: &str) -> Path {
    Path::new("queries").part(job)
}

/// How a job ended; None: it has not, or could not be looked at just now.
pub(super) async fn look(call: &Call<'_>, job: &str) -> Option<End> {
    call.client.start_look();
    let seen = match call.client.get(Service::Query, job_path(job), &[]).await {
        Ok(seen) => seen,
        Err(error @ ApiError::Refused { status: 401 | 403 | 404 | 410, .. }) => {
            return Some(End::Lost(sentence(&error)));
        }
        Err(_) => return None,
    };
    match seen.get("status").and_then(Value::as_str) {
        Some("canceled" | "cancelled") => Some(End::Cancelled),
        Some(status @ ("completed" | "failed")) => {
            let statement = seen.pointer("/statements/0").map(id_of).unwrap_or_default();
            Some(match statement.is_empty() {
                true => End::Empty(status.to_owned()),
                false => End::Statement(statement),
            })
        }
        _ => None,
    }
}

/// Asks the service to stop a job. One that is over stays as it is.
///
/// # Errors
/// Where it does not say that it will: the job may go on to its end.
pub(super) async fn cancel(client: &Client<'_>, job: &str, reason: &str) -> Result<(), ApiError> {
    client.start_over_within(CANCEL_WITHIN);
    let (mut tries, mut first) = (0_u32, None);
    loop {
        tries = tries.saturating_add(1);
        let (path, body) = (job_path(job).then("cancel"), json!({ "reason": reason }));
        match client.ask(Service::Query, path, &[], &body).await {
            // That the time is used up says less than why it was.
            Err(ApiError::OutOfTime) => return Err(first.unwrap_or(ApiError::OutOfTime)),
            Err(error) if tries < CANCELS && error.is_passing() && client.left() > CANCEL_PAUSE => {
                first = first.or(Some(error));
                client.pause(CANCEL_PAUSE).await;
            }
            asked => return asked.map(drop),
        }
    }
}

/// Why the rows could not be read.
pub(super) enum Unread {
    /// They may be there later.
    Passing(String),
    /// They will not.
    Final(String),
}

impl From<ApiError> for Unread {
    fn from(error: ApiError) -> Self {
        let why = sentence(&error);
        if error.is_passing() { Self::Passing(why) } else { Self::Final(why) }
    }
}

/// The rows of a statement as CSV, and what there is to say about them.
pub(super) async fn results(
    call: &Call<'_>,
    job: &str,
    statement: &str,
    is_bigquery: bool,
) -> Result<(String, String), Unread> {
    let mut table: Option<Csv> = None;
    let (mut total, mut said) = (None, String::new());
    loop {
        let page = match &table {
            None => Some(1_000),
            Some(table) => table.next_page(),
        };
        let (Some(page), offset) = (page, table.as_ref().map_or(0, Csv::rows)) else { break };
        call.client.start_over();
        let query = [("offset", offset.to_string()), ("pageSize", page.to_string())];
        let path = job_path(job).part(statement).then("results");
        let answer = call.client.get(Service::Query, path, &query).await?;
        if table.is_none() {
            check(&answer, is_bigquery).map_err(Unread::Final)?;
            total = answer.get("numberOfRows").and_then(Value::as_u64);
            said = answer.get("message").and_then(Value::as_str).unwrap_or_default().to_owned();
        }
        let columns = answer.get("columns").and_then(Value::as_array);
        let columns = columns.map(Vec::as_slice).unwrap_or_default();
        if columns.is_empty() && table.is_none() {
            return Ok((csv::message_only(&said), said));
        }
        let rows = answer.get("data").and_then(Value::as_array);
        let rows = rows.map(Vec::as_slice).unwrap_or_default();
        let csv = table.get_or_insert_with(|| Csv::of_result(columns));
        if !csv.push(rows) || rows.len() < page {
            break;
        }
    }
    let Some(table) = table else { return Ok((String::new(), said)) };
    let answer = table.finish(total);
    let message = [said, answer.message].join(" ").trim().to_owned();
    Ok((answer.csv, message))
}

fn check(answer: &Value, is_bigquery: bool) -> Result<(), String> {
    let status = answer.get("status").and_then(Value::as_str).unwrap_or_default();
    let message = answer.get("message").and_then(Value::as_str).unwrap_or("no reason is given");
    match status {
        "completed" => Ok(()),
        "failed" | "canceled" | "cancelled" => {
            let message = if is_bigquery { unwrapped(message) } else { message.to_owned() };
            let message = crate::api::cut(&message, 4_000);
            Err(format!("Failed to run SQL query, error: {message}"))
        }
        other => Err(format!("Keboola's query service answered the unknown status {other:?}.")),
    }
}

/// The message in BigQuery's `{Location: "query"; Message: "…"; Reason: "invalidQuery"}`.
fn unwrapped(text: &str) -> String {
    let Some((_, rest)) = text.split_once("Message: \"") else { return text.to_owned() };
    let (mut message, mut characters) = (String::new(), rest.chars());
    while let Some(character) = characters.next() {
        match character {
            '"' => return message,
            '\\' => message.extend(characters.next()),
            other => message.push(other),
        }
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bigquerys_message_is_unwrapped() {
        let wrapped = r#"{Location: "query"; Message: "no \"x\" here"; Reason: "invalidQuery"}"#;
        assert_eq!(unwrapped(wrapped), "no \"x\" here");
        for plain in ["plain", "Message: \"open"] {
            assert_eq!(unwrapped(plain), plain);
        }
    }
}
