//! Unlocks a protected stage for one plan: `POST /admin/stages/{stage}/unlock`.
//!
//! Invariant: `STAGE_UNLOCK_KEY` alone does it. It lets in nowhere else, and no other key, whatever its scopes, unlocks: the
//! caller of an agent's tools is not the one who unlocks. Every attempt is in the audit.

use std::rc::Rc;

use infrastructure::state::{Answer, Refusal as StageRefusal, UnlockRequest};
use worker::{Method, Result};

use super::{AdminReply, keys::is_name, said, wrong};
use crate::{
    admission::RequestContext,
    body::read_body,
    error::AppResult,
    platform::{
        clock::now_s,
        http::{Request, Response},
        workers::WorkersPlatform,
    },
    response,
    stubs::stages,
};
use mcp_auth::refusal::Refusal;
use mcp_platform::time::rfc3339;
use mcp_protocol::{fields::fields_or_null, object::Object, raw};
use mcp_server::telemetry::audit::{AuditEntry, PendingEntry};

/// Minutes for which a stage is unlocked where the request names none.
const MINUTES: u64 = 15;
/// Characters that the name of a stage may have.
const MAX_STAGE: usize = 32;

/// The stage that a path unlocks.
pub fn unlocked_by(path: &str) -> Option<&str> {
    let stage = path.strip_prefix("/admin/stages/")?.strip_suffix("/unlock")?;
    (!stage.contains('/')).then_some(stage)
}

/// Answers such a request, which is not admitted as others are: it has a key of its own.
///
/// # Errors
/// Only where the runtime fails.
pub async fn handle(visit: RequestContext<'_>, request: Request, stage: &str) -> Result<Response> {
    let (caller, record) = (visit.caller, visit.record.clone());
    let answered = answered(&visit, &request, stage).await;
    match answered {
        Ok((status, body)) => response::json(status, body.unwrap_or_default().as_bytes(), caller),
        Err(error) => error.answer(caller, &record),
    }
}

async fn answered(
    visit: &RequestContext<'_>,
    request: &Request,
    stage: &str,
) -> AppResult<AdminReply> {
    if request.method() != Method::Post {
        return Err(Refusal::Method("POST, OPTIONS").into());
    }
    let may = visit.check_unlock_key(request);
    may.inspect_err(|error| visit.refused(request, None, error))?;
    let body = String::from_utf8(read_body(request).await?).unwrap_or_default();
    let asked = match parse(&body) {
        Ok(asked) => asked,
        Err(why) => return Ok(wrong(why)),
    };
    if !is_stage(stage) {
        return Ok((404, Some(said("that is no name of a stage"))));
    }
    let pending = begin(visit, request, stage, &asked);
    let unlocked = stages::unlock(visit.env, stage, &asked).await;
    let (outcome, reply) = match unlocked {
        Ok(Answer::Unlocked { unlock, plan }) => {
            log::warn!("a stage was unlocked for one plan: {}", unlock.plan_id);
            let text = Object::new()
                .text("stage", stage)
                .text("plan_id", &unlock.plan_id.to_string())
                .text("by", &unlock.by)
                .text("until", &rfc3339(unlock.until_ms))
                .text("plan", &plan)
                .end();
            ("done", (200, Some(text)))
        }
        Ok(Answer::Refused(refusal @ (StageRefusal::MalformedPlan | StageRefusal::Minutes))) => {
            ("failed", wrong(&refusal.to_string()))
        }
        Ok(Answer::Refused(refusal)) => ("failed", (409, Some(said(&refusal.to_string())))),
        Ok(_) => ("unknown", (503, Some(said(UNREACHABLE)))),
        Err(error) => {
            log::error!("a stage could not be unlocked: {error}");
            ("unknown", (503, Some(said(UNREACHABLE))))
        }
    };
    pending.end(outcome);
    Ok(reply)
}

const UNREACHABLE: &str = "the stage cannot be unlocked at the moment: try again in a few seconds";

/// The entry in the audit: who says to unlock which plan.
fn begin(
    visit: &RequestContext<'_>,
    request: &Request,
    stage: &str,
    asked: &UnlockRequest,
) -> PendingEntry {
    let action = format!("{} /admin/stages/{stage}/unlock", request.method());
    let entry = AuditEntry {
        effect: "destructive",
        auth_method: "unlock-key",
        key: asked.by.clone(),
        site: mcp_protocol::bytes::cut_text(&asked.plan_id, 80).to_owned(),
        ..AuditEntry::refused(None, &action, "", now_s().saturating_mul(1_000))
    };
    PendingEntry::begin(visit.audit(), entry, Rc::new(WorkersPlatform))
}

fn is_stage(stage: &str) -> bool {
    let fits = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    (1..=MAX_STAGE).contains(&stage.len()) && stage.bytes().all(fits)
}

/// Reads the body: `plan_id`, `by`, and `minutes` where they are not [`MINUTES`].
fn parse(body: &str) -> std::result::Result<UnlockRequest, &'static str> {
    let found = fields_or_null(body, ["plan_id", "by", "minutes"]);
    let [plan_id, by, minutes] = found.map_err(|_| "expected a JSON object")?;
    let plan_id = plan_id.and_then(raw::string).ok_or("`plan_id`: expected the id of a plan")?;
    let by = by.and_then(raw::string).filter(|name| is_name(name));
    let minutes = match minutes {
        Some(minutes) => raw::whole_number(minutes)
            .filter(|minutes| (1..=60).contains(minutes))
            .ok_or("`minutes`: expected a whole number from 1 to 60")?,
        None => MINUTES,
    };
    let by = by.ok_or("`by`: expected your name, 1 to 64 printable characters")?;
    Ok(UnlockRequest { plan_id, minutes, by })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_one_stage() {
        assert_eq!(unlocked_by("/admin/stages/production/unlock"), Some("production"));
        for other in ["/admin/stages/unlock", "/admin/stages/a/b/unlock", "/admin/stages/a", "/mcp"]
        {
            assert_eq!(unlocked_by(other), None, "{other}");
        }
        for (stage, is_one) in
            [("production", true), ("", false), ("Prod", false), ("{stage}", false)]
        {
            assert_eq!(is_stage(stage), is_one, "{stage}");
        }
    }

    #[test]
    fn an_unlock_names_a_plan_a_person_and_minutes() {
        let asked = parse(r#"{"plan_id":"production.0","by":"Ann"}"#).unwrap();
        assert_eq!((asked.minutes, asked.by.as_str()), (15, "Ann"));
        assert_eq!(parse(r#"{"plan_id":"p","by":"Ann","minutes":5}"#).unwrap().minutes, 5);
        for (body, why) in [
            ("", "object"),
            ("[]", "object"),
            (r#"{"by":"Ann"}"#, "plan_id"),
            (r#"{"plan_id":7,"by":"Ann"}"#, "plan_id"),
            (r#"{"plan_id":"p"}"#, "by"),
            (r#"{"plan_id":"p","by":""}"#, "by"),
            (r#"{"plan_id":"p","by":"a\u0000"}"#, "by"),
            (r#"{"plan_id":"p","by":"Ann","minutes":0}"#, "minutes"),
            (r#"{"plan_id":"p","by":"Ann","minutes":61}"#, "minutes"),
            (r#"{"plan_id":"p","by":"Ann","minutes":null}"#, "minutes"),
            (r#"{"plan_id":"p","by":"Ann","minutes":"5"}"#, "minutes"),
        ] {
            assert!(parse(body).is_err_and(|found| found.contains(why)), "{body}");
        }
    }
}
