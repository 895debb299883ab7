//! Work that SiteBay carries on after its answer: sent once, then looked at until it is done.
//!
//! Invariant: the request is one step of a task, so that a restart never sends it again; what is
//! answered is the state at the end. While SiteBay works nothing here runs but a look every so often.

use std::time::Duration;

use futures_util::{FutureExt as _, future::LocalBoxFuture};
use serde_json::Value;

use super::{
    announcements,
    call::{Call, Requests as _, ShortCircuit, data},
};
use crate::api::{ApiError, ApiResponse, Client, Request, encode_part};
use mcp_platform::Method;
use mcp_protocol::content::{CallToolResult, ContentBlock};
use mcp_server::{
    context::{Pace, WaitReport},
    execution::Step,
};

/// Sites are made in minutes, large restores take longer.
const POLL_PACE: Pace =
    Pace { every: Duration::from_secs(2), at_most: Duration::from_secs(2 * 3_600) };

/// What a client hears meanwhile.
const WORKS: WaitReport<'static> =
    WaitReport { from: 1.0, total: Some(2.0), message: "SiteBay is working on it" };

/// Sends the request of a call, and waits until SiteBay has done it.
pub(crate) async fn sent(call: &Call<'_>) -> Result<ApiResponse, ShortCircuit> {
    let begun = call.ctx.begin().await?;
    call.ctx.progress(0.0, Some(2.0), Some("asking SiteBay"));
    let step = call.ctx.step(&begun, "send", once(call)).await?;
    let answer = match step {
        Step::Done(Value::String(why)) => return Err(CallToolResult::error(why).into()),
        Step::Done(mut answer) => ApiResponse {
            status: answer.get("status").and_then(Value::as_u64).map_or(200, narrow),
            json: answer.get_mut("json").map(Value::take).unwrap_or_default(),
        },
        Step::Unknown => found_out(call).await?,
    };
    call.ctx.progress(WORKS.from, WORKS.total, Some(WORKS.message));
    announcements::announce_begun(call);
    let watched = CompletionCheck::of(call, &answer.json);
    let look = async || watched.look(call).await;
    let looked = call.ctx.poll_reporting("done", POLL_PACE, Some(&WORKS), look).await?;
    match looked {
        Some(Value::String(why)) => Err(CallToolResult::error(why).into()),
        Some(Value::Null) => Ok(answer),
        Some(json) => Ok(ApiResponse { status: answer.status, json }),
        None => Err(CallToolResult::error(format!(
            "SiteBay is still working on it after {} hours. Read it with sitebay_get_site; do not start it \
             again.",
            POLL_PACE.at_most.as_secs() / 3_600
        ))
        .into()),
    }
}

fn narrow(status: u64) -> u16 {
    u16::try_from(status).unwrap_or(200)
}

/// The response, or the text for the model if there is none.
async fn once(call: &Call<'_>) -> Value {
    match call.sent_now().await {
        Ok(answer) => {
            let fields = vec![("status", answer.status.into()), ("json", answer.json)];
            Value::Object(data(fields))
        }
        Err(ShortCircuit::Result(result)) => Value::String(text_of(&result)),
        Err(ShortCircuit::Stop(_)) => Value::String("Nothing was sent to SiteBay.".to_owned()),
    }
}

fn text_of(result: &CallToolResult) -> String {
    match result.content.first() {
        Some(ContentBlock::Text { text }) => text.clone(),
        _ => String::new(),
    }
}

/// The outcome of a request whose response was lost.
async fn found_out(call: &Call<'_>) -> Result<ApiResponse, ShortCircuit> {
    if is_creation(call)
        && let Some(json) = read(call, &site(call)).await
    {
        return Ok(ApiResponse { status: 200, json });
    }
    let check = call.operation.check.unwrap_or("Check the site before you start it again.");
    let text = format!(
        "SiteBay's answer was lost when this server restarted, so the change MAY have happened. \
         {check}"
    );
    Err(CallToolResult::error(text).into())
}

/// The condition that shows that SiteBay is done.
enum CompletionCheck {
    /// The site, or its stage, at this path: until it is idle.
    Idle(String),
    /// The stage at this path: until it is gone.
    Gone(String),
    /// The restore at this path: until it has an end.
    Restore(String),
}

impl CompletionCheck {
    fn of(call: &Call<'_>, answer: &Value) -> Self {
        let site = site(call);
        let id = answer.get("id").and_then(Value::as_str).and_then(encode_part);
        let restores = call.operation.path.contains("/pit_restore");
        match (call.operation.method, call.operation.path, id) {
            (Method::Post, "/site/{fqdn}/stage", _) => Self::Idle(format!("{site}/stage")),
            (Method::Delete, "/site/{fqdn}/stage", _) => Self::Gone(format!("{site}/stage")),
            (_, _, Some(id)) if restores => Self::Restore(format!("{site}/pit_restore/{id}")),
            _ => Self::Idle(site),
        }
    }

    /// The state once SiteBay is done; null where the answer to the request says more, a text
    /// if it cannot be found out.
    async fn look(&self, call: &Call<'_>) -> Option<Value> {
        let (Self::Idle(path) | Self::Gone(path) | Self::Restore(path)) = self;
        let seen = match asked(call, path).await {
            Ok(answer) => answer.json,
            Err(ApiError::Refused { status: 404 | 410, .. }) if matches!(self, Self::Gone(_)) => {
                return Some(Value::Null);
            }
            // A site that is being made may not be there yet.
            Err(ApiError::Refused { status: 404, .. }) if is_creation(call) => return None,
            Err(error @ ApiError::Refused { status: 401 | 403 | 404 | 410, .. }) => {
                return Some(Value::String(lost(call, &error)));
            }
            Err(_) => return None,
        };
        match self {
            Self::Idle(_) => {
                let status = seen.get("status").and_then(Value::as_str);
                let done = status.is_none_or(|status| matches!(status, "idle" | "sleeping"));
                let shows = matches!(call.operation.output.name, "site" | "site_stage");
                done.then_some(if shows { seen } else { Value::Null })
            }
            Self::Gone(_) => seen.is_null().then_some(Value::Null),
            Self::Restore(_) => {
                let there = |name: &str| seen.get(name).is_some_and(|value| !value.is_null());
                (there("finished_at") || there("failed_reason")).then_some(seen)
            }
        }
    }
}

fn site(call: &Call<'_>) -> String {
    let fqdn = call.arguments.text("fqdn").unwrap_or_default();
    format!("/site/{}", encode_part(fqdn).unwrap_or_default())
}

/// Reads a path. Returns `None` also if it could not be read just now.
async fn read(call: &Call<'_>, path: &str) -> Option<Value> {
    asked(call, path).await.ok().map(|answer| answer.json)
}

/// The text for the model if SiteBay accepted the request, and then refuses to report its outcome.
fn lost(call: &Call<'_>, error: &ApiError) -> String {
    let why = text_of(&call.explained(error, false));
    format!(
        "SiteBay accepted the request, so the work has begun; its progress cannot be read. \
             {why}"
    )
}

fn is_creation(call: &Call<'_>) -> bool {
    call.operation.method == Method::Post && call.operation.path == "/site/"
}

fn asked<'a>(
    call: &'a Call<'_>,
    path: &'a str,
) -> LocalBoxFuture<'a, Result<ApiResponse, ApiError>> {
    async move {
        let client = Client::new(call.ctx)?;
        let url = client.address(path, &[])?;
        client.send(&Request::get(url)).await
    }
    .boxed_local()
}
