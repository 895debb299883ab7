//! From what the person agreed to, to its end.

use std::time::Duration;

use mcp_protocol::content::CallToolResult;
use mcp_server::{
    client_request::Stop,
    context::Context,
    dispatch::note_change,
    execution::{Begun, Recorded},
    tasks::OPERATION,
    toolset::Effect,
};
use serde::{Deserialize, Serialize};

use super::{
    AGREED, Agreed, Ended, Operate, Wish, answer, desk, failed,
    journal::StageJournal,
    place::Place,
    planned::Planned,
    steps::{Cloud, LONGEST_WAIT, Watched},
};
use crate::{
    apply::{self, Halt, Report},
    plan::{Plan, Verb, observe},
    state::{Answer, Refusal, Request, StageState},
};

/// The key of the name under which the stage knows this work.
const HOLDER: &str = "holder";
/// The key of the lease.
const LEASE: &str = "lease";
/// The key of the report.
const REPORT: &str = "report";
/// The key of the time before which nothing is sent to Cloudflare.
const NOT_BEFORE: &str = "not_before";
/// The key of the number of waits.
const WAITS: &str = "waits";
/// A task waits so often for Cloudflare.
const MOST_WAITS: u32 = 12;
/// A wait is cut into parts, after each of which the lease is renewed.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A plan that is older is made anew before it begins.
const FRESH_MS: u64 = 3_000;

/// How the operation ended.
#[derive(Debug, Serialize, Deserialize)]
struct Finished {
    plan: Plan,
    report: Report,
}

/// Carries out what was agreed to, from where it stopped.
pub(super) async fn carry_out<C: Cloud>(
    call: &Operate<'_, C>,
    place: &Place,
    begun: &Begun,
    agreed: &Agreed,
    mut fresh: Option<Planned>,
) -> Result<CallToolResult, Ended> {
    let ctx = call.ctx;
    let holder = holder(ctx).await?;
    let mut is_noted = known_lease(ctx).is_some();
    loop {
        if let Some(finished) = recorded::<Finished>(ctx, REPORT) {
            return finish(call, place, &finished, known_lease(ctx)).await;
        }
        let (fencing, state) = acquire(call, place, agreed, &holder, fresh.take()).await?;
        if !std::mem::replace(&mut is_noted, true) {
            note_begun(call, agreed);
        }
        ctx.execution.record(LEASE, Some(fencing.to_string())).await?;
        if let Some(left) = left(ctx) {
            ctx.execution.pause(left.min(LONGEST_PAUSE)).await;
            continue;
        }
        let Some(operation) = &state.operation else {
            return failed(Refusal::NothingUnfinished.to_string());
        };
        let worker = worker(place, &state);
        let journal = StageJournal::new(ctx, &place.name, fencing, operation);
        let steps = Watched { steps: call.cloud.steps(begun, &worker), ctx };
        let ran = apply::run(&state, &steps, &journal).await;
        journal.stopped().await?;
        match ran {
            Ok(report) => {
                let finished = Finished { plan: operation.plan.clone(), report };
                let text = serde_json::to_string(&finished).unwrap_or_default();
                ctx.execution.record(REPORT, Some(text)).await?;
                return finish(call, place, &finished, Some(fencing)).await;
            }
            Err(Halt::Wait(wait)) => {
                if waits_too_often(ctx).await? {
                    give_back(ctx, &place.name, fencing).await;
                    return failed(answer::too_busy(call.wish, &place.name));
                }
                let wait = u64::try_from(wait.min(LONGEST_WAIT).as_millis()).unwrap_or_default();
                let until = ctx.platform.now_ms().saturating_add(wait);
                ctx.execution.record(NOT_BEFORE, Some(until.to_string())).await?;
            }
            Err(Halt::Cancelled) => {
                give_back(ctx, &place.name, fencing).await;
                return Err(Stop::taken_back(true).into());
            }
            Err(Halt::Replaced) => return failed(answer::replaced(&place.name)),
            Err(Halt::Unrecorded(why)) => return Err(Stop::held(why).into()),
        }
    }
}

/// Notes in the audit that a plan was agreed to and begun, or that its rest is.
fn note_begun<C: Cloud>(call: &Operate<'_, C>, agreed: &Agreed) {
    let action = if agreed.continues { "stage.continue" } else { "stage.begin" };
    let effect = match call.wish {
        Wish::Destroy => Effect::Destructive,
        Wish::Deploy => Effect::Write,
    };
    note_change(call.ctx, action, effect, agreed.plan_id.clone()).end("done");
}

/// Under which name the stage knows this work: that of the task, so that others can be told.
async fn holder(ctx: &Context) -> Result<String, Stop> {
    let name = async || match ctx.execution.task() {
        Some(id) => Ok(format!("{OPERATION}{id}")),
        None => Ok(format!("call {}", ctx.platform.uuid())),
    };
    ctx.once(HOLDER, name()).await
}

/// The lease, and the state under it: begun, or taken up where an earlier life stopped.
async fn acquire<C: Cloud>(
    call: &Operate<'_, C>,
    place: &Place,
    agreed: &Agreed,
    holder: &str,
    fresh: Option<Planned>,
) -> Result<(u64, StageState), Ended> {
    let ctx = call.ctx;
    let state = desk::state(ctx, &place.name).await?;
    let holds =
        |state: &StageState| state.operation.as_ref().is_some_and(|known| known.holder == holder);
    let (task, plan_id) = (holder.to_owned(), agreed.plan_id.clone());
    let is_protected = place.is_protected();
    let goes_on = Request::Continue { holder: task, plan_id, is_protected };
    if holds(&state) || (agreed.continues && known_lease(ctx).is_none()) {
        return leased(desk::ask_or_hold(ctx, &place.name, &goes_on).await?);
    }
    if known_lease(ctx).is_some() {
        return failed(answer::replaced(&place.name));
    }
    let now_ms = ctx.platform.now_ms();
    let fresh = fresh.filter(|planned| now_ms.saturating_sub(planned.plan.made_ms) < FRESH_MS);
    let planned = match fresh {
        Some(planned) => planned,
        None => call.look(place, state).await?,
    };
    let begin = Request::Begin {
        plan: Box::new(planned.plan.clone()),
        plan_id: agreed.plan_id.clone(),
        subject: call.subject(),
        holder: holder.to_owned(),
    };
    match desk::ask(ctx, &place.name, &begin).await {
        // The answer to it was lost, and it was sent again.
        Ok(Answer::Refused(Refusal::Busy { holder: other, .. })) if other == holder => {
            leased(desk::ask_or_hold(ctx, &place.name, &goes_on).await?)
        }
        Ok(Answer::Refused(Refusal::Changed { .. })) => {
            Err(answer::changed(&planned.plan, &agreed.text).into())
        }
        Ok(Answer::Refused(refusal)) => failed(format!("{refusal} Nothing was done.")),
        Ok(answer) => leased(answer),
        Err(why) => Err(Stop::held(why).into()),
    }
}

fn leased(answer: Answer) -> Result<(u64, StageState), Ended> {
    match answer {
        Answer::Begun { lease, state } => Ok((lease.fencing, *state)),
        _ => Err(Stop::held("the records of the stage gave another answer").into()),
    }
}

/// The Worker that Workflows and domains belong to.
fn worker(place: &Place, state: &StageState) -> String {
    let described = place.stage.as_ref().and_then(|stage| stage.worker()).map(str::to_owned);
    let recorded = || state.rows.get("worker").map(|row| row.name.clone());
    described.or_else(recorded).unwrap_or_default()
}

/// Gives the lease back, and says how it ended. What was deleted is looked for once more.
async fn finish<C: Cloud>(
    call: &Operate<'_, C>,
    place: &Place,
    finished: &Finished,
    fencing: Option<u64>,
) -> Result<CallToolResult, Ended> {
    let Finished { plan, report } = finished;
    if let Some(fencing) = fencing {
        // One whose answer was lost has another number by now, and is refused.
        let end = Request::End { fencing };
        desk::ask(call.ctx, &place.name, &end).await.map_err(Stop::held)?;
    }
    let left = match report.is_done() && plan.intent.is_destroy() {
        true => Some(left_of(call, plan).await?),
        false => None,
    };
    Ok(answer::ended(call.wish, plan, report, left.as_deref()))
}

/// What the account still has of what was deleted, and what cannot be seen.
async fn left_of<C: Cloud>(call: &Operate<'_, C>, plan: &Plan) -> Result<Vec<String>, Ended> {
    call.cloud.start_over();
    let mut seen = StageState::new(&plan.stage);
    let deleted = || plan.actions.iter().filter(|action| action.verb == Verb::Delete);
    seen.rows = deleted().map(|action| (action.resource.clone(), answer::row_of(action))).collect();
    let account = observe(call.cloud, None, &seen).await;
    let there = deleted().filter_map(|action| {
        let found = account.by_id(action.kind, action.id.as_ref()?)?;
        let (resource, name) = (&action.resource, &action.name);
        Some(match found.was_made(action.made_ms) {
            true => format!("{resource} is still there"),
            false => format!("{resource}: another one is called `{name}` by now, which was made later and was left alone"),
        })
    });
    Ok(there.chain(account.unseen.iter().map(ToString::to_string)).collect())
}

async fn give_back(ctx: &Context, stage: &str, fencing: u64) {
    // Where it fails, the lease ends by itself.
    let _ = desk::ask(ctx, stage, &Request::End { fencing }).await;
}

fn recorded<T: for<'de> Deserialize<'de>>(ctx: &Context, key: &str) -> Option<T> {
    match ctx.execution.recorded(key) {
        Recorded::Outcome(text) => serde_json::from_str(&text).ok(),
        _ => None,
    }
}

fn known_lease(ctx: &Context) -> Option<u64> {
    recorded(ctx, LEASE)
}

/// How long Cloudflare wants to be left alone.
fn left(ctx: &Context) -> Option<Duration> {
    let until: u64 = recorded(ctx, NOT_BEFORE)?;
    let left = Duration::from_millis(until.saturating_sub(ctx.platform.now_ms()));
    // One that is further away is of a clock that went back.
    Some(left).filter(|left| !left.is_zero() && *left <= LONGEST_WAIT)
}

async fn waits_too_often(ctx: &Context) -> Result<bool, Stop> {
    let waits = recorded::<u32>(ctx, WAITS).unwrap_or_default().saturating_add(1);
    ctx.execution.record(WAITS, Some(waits.to_string())).await?;
    Ok(waits > MOST_WAITS)
}

/// Ends the work of a task that was cancelled: nothing is undone, and the stage is free again.
///
/// # Errors
/// Where the stage stays locked until its lease ends by itself.
pub async fn take_back(ctx: &Context) -> Result<String, String> {
    let (Some(agreed), Some(fencing)) = (recorded::<Agreed>(ctx, AGREED), known_lease(ctx)) else {
        return Ok(String::new());
    };
    let state = match desk::ask(ctx, &agreed.stage, &Request::Read).await? {
        Answer::State(state) => *state,
        _ => return Err("The records of the stage cannot be read.".to_owned()),
    };
    let holder: Option<String> = recorded(ctx, HOLDER);
    let own = state.operation.filter(|operation| Some(&operation.holder) == holder.as_ref());
    let Some(operation) = own else { return Ok(String::new()) };
    desk::ask(ctx, &agreed.stage, &Request::End { fencing }).await?;
    Ok(answer::stopped(&operation))
}
