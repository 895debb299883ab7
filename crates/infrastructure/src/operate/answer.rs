//! The answers of the two tools, for the model and the person.

use mcp_protocol::content::CallToolResult;
use serde_json::{Value, json};

use super::{Asked, Wish, planned::Planned};
use crate::{
    apply::Report,
    plan::{Action, Plan},
    state::{Operation, Progress, Refusal, Row, Status},
};

fn failure(data: Value, text: String) -> CallToolResult {
    CallToolResult { is_error: true, ..CallToolResult::structured(data, text) }
}

/// The call that applies a plan.
fn next_call(wish: Wish, asked: &Asked, plan: &Plan) -> String {
    let mut arguments = json!({
        "stage": plan.stage,
        "confirm": true,
        "plan_id": plan.id().to_string(),
    });
    if let Some(arguments) = arguments.as_object_mut() {
        if asked.adopt {
            arguments.insert("adopt".to_owned(), json!(true));
        }
        if !asked.empty.is_empty() {
            arguments.insert("empty".to_owned(), json!(asked.empty));
        }
    }
    format!("{} {arguments}", wish.tool())
}

/// What to do next with a plan.
fn advice(wish: Wish, asked: &Asked, plan: &Plan) -> String {
    let next = next_call(wish, asked, plan);
    format!("Show the person this plan. If they agree to all of it, call {next}")
}

/// The plan, or what is left of the one that is continued.
fn shown(planned: &Planned) -> String {
    match planned.operation() {
        Some(_) => planned.question(),
        None => planned.plan.text(),
    }
}

/// A plan that was only to be seen.
pub(super) fn preview(wish: Wish, asked: &Asked, planned: &Planned, now_ms: u64) -> CallToolResult {
    let plan = &planned.plan;
    let mut lines = vec![shown(planned)];
    let is_locked = planned.state.is_locked(plan, now_ms);
    lines.push("Nothing was changed.".to_owned());
    if let Err(busy) = planned.state.check_idle(now_ms) {
        lines.push(busy.to_string());
    }
    if !planned.continues && planned.state.is_blocked() {
        lines.push(Refusal::Unfinished.to_string());
    }
    if planned.continues || (plan.may_apply() && plan.changes()) {
        lines.extend(is_locked.map(|locked| locked.to_string()));
        lines.push(advice(wish, asked, plan));
    }
    CallToolResult::structured(plan.shown(), lines.join("\n"))
}

/// Nothing would change.
pub(super) fn nothing_to_do(plan: &Plan) -> CallToolResult {
    CallToolResult::structured(plan.shown(), plan.text())
}

/// The plan cannot be applied.
pub(super) fn obstacles(plan: &Plan) -> CallToolResult {
    failure(plan.shown(), format!("{}\nNothing was changed.", plan.text()))
}

/// The stage is protected and not unlocked for this plan.
pub(super) fn locked(
    wish: Wish,
    asked: &Asked,
    planned: &Planned,
    locked: &Refusal,
) -> CallToolResult {
    let plan = &planned.plan;
    let next = next_call(wish, asked, plan);
    let text = format!(
        "{}\nNothing was changed. {locked}\nNo call of a tool can unlock it. After the unlock, call {next}",
        shown(planned)
    );
    failure(plan.shown(), text)
}

/// The person was not asked, and the caller did not say what they agreed to.
pub(super) fn unconfirmed(wish: Wish, asked: &Asked, planned: &Planned) -> CallToolResult {
    let plan = &planned.plan;
    let text = shown(planned);
    let advice = advice(wish, asked, plan);
    failure(plan.shown(), format!("{text}\nNothing was changed. {advice}"))
}

/// The plan is another one by now.
pub(super) fn changed(plan: &Plan, before: &str) -> CallToolResult {
    let now = plan.question();
    let only = |of: &str, other: &str, sign: &str| -> Vec<String> {
        let is_new = |line: &&str| !other.lines().any(|known| known == *line);
        of.lines().filter(is_new).map(|line| format!("{sign} {}", line.trim())).collect()
    };
    let mut lines = vec![
        "Something has changed since that plan was made. Nothing was done. The difference:"
            .to_owned(),
    ];
    let (gone, new) = (only(before, &now, "no longer:"), only(&now, before, "now:"));
    if gone.is_empty() && new.is_empty() {
        lines.push("the same actions, on another state of the stage".to_owned());
    }
    lines.extend(gone);
    lines.extend(new);
    lines.push(plan.text());
    failure(plan.shown(), lines.join("\n"))
}

/// What is left of an operation that did not end. `by_now`: what is in it, where that is not what the plan says.
pub(super) fn rest_of(operation: &Operation, by_now: &[String]) -> String {
    let (done, rest) = split(operation);
    let mut text = format!(
        "{}\nThis plan did not end. Done: {}. Left: {}.",
        operation.plan.question(),
        list(&done),
        list(&rest)
    );
    if !by_now.is_empty() {
        text.push_str(&format!("\nBy now: {}.", by_now.join("; ")));
    }
    text
}

/// A task was cancelled in the middle.
pub(super) fn stopped(operation: &Operation) -> String {
    let (done, rest) = split(operation);
    let (tool, stage) = (tool_of(&operation.plan), &operation.plan.stage);
    format!(
        "It stopped between two steps, and nothing was undone. Done: {}. Not done: {}. Call {tool} with the stage `{stage}` to \
         continue.",
        list(&done),
        list(&rest)
    )
}

fn tool_of(plan: &Plan) -> &'static str {
    if plan.intent.is_destroy() { Wish::Destroy.tool() } else { Wish::Deploy.tool() }
}

/// The actions of an operation that are done, and the others.
fn split(operation: &Operation) -> (Vec<String>, Vec<String>) {
    let label = |action: &Action| format!("{} {}", action.verb.name(), action.resource);
    let is_done =
        |action: &&Action| operation.progress.get(&action.resource) == Some(&Progress::Done);
    let (done, rest): (Vec<&Action>, Vec<&Action>) =
        operation.plan.actions.iter().partition(is_done);
    (done.into_iter().map(label).collect(), rest.into_iter().map(label).collect())
}

fn list(items: &[String]) -> String {
    if items.is_empty() { "nothing".to_owned() } else { items.join(", ") }
}

/// Cloudflare asked to wait too often.
pub(super) fn too_busy(wish: Wish, stage: &str) -> String {
    format!(
        "Cloudflare keeps asking to wait. What was done is recorded; call {} with the stage `{stage}` later to continue.",
        wish.tool()
    )
}

/// Another task works on the stage by now.
pub(super) fn replaced(stage: &str) -> String {
    format!("Another task has taken over the stage `{stage}`: this one changes nothing more.")
}

/// The end of an operation. `left`: what the account still has of what was deleted.
pub(super) fn ended(
    wish: Wish,
    plan: &Plan,
    report: &Report,
    left: Option<&[String]>,
) -> CallToolResult {
    let mut lines = Vec::new();
    let (mut done, mut failed, mut blocked) = (Vec::new(), Vec::new(), Vec::new());
    for ended in &report.actions {
        let what = format!("{} {}", ended.verb.name(), ended.resource);
        match &ended.progress {
            Progress::Done => {
                done.push(json!({ "action": ended.verb.name(), "resource": ended.resource }));
                lines.push(format!("done: {what}"));
            }
            Progress::Failed { why, code } => {
                failed.push(json!({
                    "action": ended.verb.name(), "resource": ended.resource, "why": why, "code": code,
                }));
                lines.push(format!("failed: {what}: {why}"));
            }
            Progress::Blocked { by } => {
                blocked.push(
                    json!({ "action": ended.verb.name(), "resource": ended.resource, "by": by }),
                );
                lines.push(format!("not tried: {what}, which needs {by}"));
            }
        }
    }
    let is_done = report.is_done();
    let what = if plan.intent.is_destroy() { "destroyed" } else { "deployed" };
    let stage = &plan.stage;
    match (is_done, left) {
        (true, Some([])) => lines.push(format!(
            "The stage `{stage}` is {what}. The account was looked at once more: nothing of what was deleted is left."
        )),
        (true, Some(left)) => {
            lines.push(format!("The stage `{stage}` is {what}, but: {}.", left.join("; ")));
        }
        (true, None) => lines.push(format!("The stage `{stage}` is {what}.")),
        (false, _) => lines.push(format!(
            "The stage `{stage}` is not yet {what}. Remove what failed, and call {} with this stage: it goes on with what \
             is not done.",
            wish.tool()
        )),
    }
    let mut data = json!({
        "stage": stage,
        "plan_id": plan.id().to_string(),
        "status": if is_done { what } else { "partial" },
        "done": done,
        "failed": failed,
        "blocked": blocked,
    });
    if let (Some(data), Some(left)) = (data.as_object_mut(), left) {
        data.insert("left".to_owned(), json!(left));
    }
    CallToolResult { is_error: !is_done, ..CallToolResult::structured(data, lines.join("\n")) }
}

/// A record by which a deleted resource is looked for once more.
pub(super) fn row_of(action: &Action) -> Row {
    Row {
        kind: action.kind,
        name: action.name.clone(),
        id: action.id.clone(),
        made_ms: action.made_ms,
        settings: action.settings.clone(),
        status: Status::Deleting,
        is_retained: false,
        at_ms: 0,
    }
}
