//! The control routes that only Keboola's stand-in has.
//!
//! `POST clock {"advance_ms"}` moves the clock. `POST finish` ends all work under way. `POST job`
//! takes a [`JobPlan`], `POST query` an [`SqlRule`]. `POST project {"id", "disabled"}` disables
//! one. `GET state` shows the clock, the projects and the tokens, `GET routes` the operations.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::engine::call::Call;
use crate::engine::control::{done, read};
use crate::engine::reply::Reply;
use crate::engine::service::Inner;
use crate::keboola::data::{JobPlan, SqlRule};
use crate::keboola::play::Play;
use crate::keboola::{dispatch, time};

#[derive(Deserialize)]
struct Move {
    advance_ms: u64,
}

#[derive(Deserialize)]
struct Switch {
    id: u64,
    disabled: bool,
}

/// Answers a control request; `None` where there is no such route.
pub(crate) fn answer(inner: &mut Inner<Play>, name: &str, call: &Call) -> Option<Reply> {
    let reply = match (call.method.as_str(), name) {
        ("POST", "clock") => read::<Move>(call).map(|by| {
            inner.service.world.clock.advance(Duration::from_millis(by.advance_ms));
            done()
        }),
        ("POST", "finish") => {
            inner.service.world.finish();
            Ok(done())
        }
        ("POST", "job") => read::<JobPlan>(call).map(|plan| {
            inner.service.world.plans.push(plan);
            done()
        }),
        ("POST", "query") => read::<SqlRule>(call).map(|rule| {
            inner.service.world.rules.push(rule);
            done()
        }),
        ("POST", "project") => read::<Switch>(call).map(|switch| {
            if let Ok(project) = inner.service.world.project_mut(switch.id) {
                project.is_disabled = switch.disabled;
            }
            done()
        }),
        ("GET", "routes") => Ok(Reply::ok(&routes())),
        ("GET", "state") => Ok(Reply::ok(&state(inner))),
        _ => return None,
    };
    Some(reply.unwrap_or_else(|refused| refused))
}

fn routes() -> Value {
    let routes = dispatch::templates();
    routes
        .map(
            |(service, method, path)| json!({ "service": service, "method": method, "path": path }),
        )
        .collect()
}

fn state(inner: &mut Inner<Play>) -> Value {
    inner.service.world.settle();
    let world = &inner.service.world;
    let now = world.clock.now();
    let projects = world.projects.iter().map(|project| {
        json!({
            "id": project.id,
            "stack": project.stack,
            "name": project.name,
            "backend": project.backend,
            "branches": project.branches.iter().map(|branch| branch.id).collect::<Value>(),
            "buckets": project.buckets.len(),
            "tables": project.tables.len(),
            "configs": project.configs.len(),
            "workspaces": project.workspaces.len(),
            "queue_jobs": project.queue_jobs.len(),
            "events": project.events.len(),
        })
    });
    let tokens = world.tokens.iter().map(|token| {
        json!({
            "project": token.project,
            "description": token.description,
            "token": token.text,
            "bearer": token.is_bearer,
        })
    });
    json!({
        "now": time::text(now),
        "projects": projects.collect::<Value>(),
        "tokens": tokens.collect::<Value>(),
        "faults": inner.faults.waiting(),
        "requests": inner.log.len(),
    })
}
