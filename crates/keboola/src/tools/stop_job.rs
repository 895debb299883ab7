//! Stops a job that waits or runs.

use mcp_platform::Method;
use serde_json::Value;

use super::job_view;
use crate::{
    api::{Path, Service, plain},
    call::{Call, Outcome, ShortCircuit, failed},
    configuration::printable::foreign,
};

/// The job that would be stopped.
pub(super) async fn plan(call: &Call<'_>) -> Result<String, ShortCircuit> {
    let id = call.required("job_id");
    let job = job_view::read(call, id).await?;
    let text = |name: &str| job.get(name).map(plain).unwrap_or_default();
    if job_view::is_over(&job) {
        return failed(format!("Nothing was changed: job {id} has ended ({}).", text("status")));
    }
    require_branch(call, &job)?;
    let since = job.get("startTime").or_else(|| job.get("createdTime"));
    let since = since.and_then(Value::as_str).unwrap_or("unknown");
    Ok(format!(
        "- Job: {}, {}, since {}\n- Component: {}\n- Configuration: {}",
        foreign(id),
        foreign(&text("status")),
        foreign(since),
        foreign(&text("component")),
        foreign(&text("config"))
    ))
}

/// Refuses a job of another branch than the development branch of the call.
fn require_branch(call: &Call<'_>, job: &Value) -> Result<(), ShortCircuit> {
    match call.branch.id() {
        Some(own) if job.get("branchId").map(plain).as_deref() != Some(own) => {
            failed("Nothing was changed: the job is of another branch.")
        }
        _ => Ok(()),
    }
}

pub(super) async fn run(call: &Call<'_>) -> Outcome {
    if call.branch.id().is_some() {
        require_branch(call, &job_view::read(call, call.required("job_id")).await?)?;
    }
    let begun = call.ctx.begin_idempotent().await?;
    let path = Path::new("jobs").part(call.required("job_id")).then("kill");
    let answer = call.client.change(&begun, Method::Post, Service::Queue, path, &[], None).await;
    let job = answer.map_err(|error| call.unchanged(&error))?;
    Ok(job_view::detail(call, &job))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{FakeKeboola, fails, run};

    const TOOL: &str = "keboola_stop_job";
    const JOB: &str = "Get queue /jobs/7";

    #[test]
    fn a_job_is_stopped_once_the_person_agrees() {
        let fake = FakeKeboola::new();
        let job = json!({"id": "7", "status": "processing", "component": "ex", "config": "1", "startTime": "2026-11-20T08:00:00Z"});
        fake.on(JOB, 200, job);
        fake.on(
            "Post queue /jobs/7/kill",
            200,
            json!({"id": "7", "status": "terminating", "desiredStatus": "terminating"}),
        );
        let why = fails(&fake, TOOL, json!({"job_id": "7"}));
        assert!(
            why.contains("Job: \"7\", \"processing\", since \"2026-11-20T08:00:00Z\""),
            "{why}"
        );
        let stopped = run(&fake, TOOL, json!({"job_id": "7", "confirm": true}));
        assert_eq!(stopped["status"], "terminating");
        assert_eq!(fake.count("Post queue /jobs/7/kill"), 1);
    }

    #[test]
    fn a_job_that_has_ended_is_not_asked_about() {
        let fake = FakeKeboola::new();
        fake.on(JOB, 200, json!({"id": "7", "status": "success", "isFinished": true}));
        assert!(fails(&fake, TOOL, json!({"job_id": "7"})).contains("has ended (success)"));
    }
}
