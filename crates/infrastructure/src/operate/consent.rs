//! Whether the person agreed to the plan.
//!
//! Invariant: for a protected stage the operator's `MCP_CONSENT=argument` means nothing: where the client can ask, the
//! person is asked.

use mcp_server::{
    client_request::{ElicitForm, ElicitResult},
    context::Consent,
};
use serde_json::json;

use super::{Agreed, Ended, Operate, answer, failed, planned::Planned, steps::Cloud};
use crate::{plan::Plan, state::Refusal};

/// Goes on where the person agreed to the plan.
pub(super) async fn given<C: Cloud>(
    call: &Operate<'_, C>,
    planned: &Planned,
) -> Result<Agreed, Ended> {
    let plan = &planned.plan;
    check_sent(call, planned).await?;
    if !planned.continues {
        if !plan.may_apply() {
            return Err(answer::obstacles(plan).into());
        }
        // Before anyone is asked: an administrator needs the id to unlock the stage.
        call.offer(plan).await?;
    }
    // An unlock is good once: the rest of an operation needs another one.
    if let Some(locked) = planned.state.is_locked(plan, call.ctx.platform.now_ms()) {
        return Err(answer::locked(call.wish, call.asked, planned, &locked).into());
    }
    let form = form(plan, &planned.question());
    let (can_ask, consent) = (call.ctx.can_ask(&form), call.ctx.consent);
    let by_argument = consent == Consent::Argument && !planned.is_protected();
    match (by_argument, can_ask) {
        (false, true) => check(&plan.stage, &call.ctx.ask(form).await?)?,
        (false, false) if consent == Consent::Refuse => return failed(REFUSED),
        _ if call.asked.confirm && call.asked.plan_id.is_some() => {}
        _ => return Err(answer::unconfirmed(call.wish, call.asked, planned).into()),
    }
    Ok(Agreed {
        stage: plan.stage.clone(),
        plan_id: plan.id().to_string(),
        text: planned.question(),
        continues: planned.continues,
    })
}

/// The plan that the caller sent must be the one that the account gives now.
async fn check_sent<C: Cloud>(call: &Operate<'_, C>, planned: &Planned) -> Result<(), Ended> {
    let Some(sent) = &call.asked.plan_id else { return Ok(()) };
    let now = planned.plan.id();
    if planned.continues {
        return match *sent == now.to_string() {
            true => Ok(()),
            false => failed(format!("{} Its plan is {now}.", Refusal::Unfinished)),
        };
    }
    let now_ms = call.ctx.platform.now_ms();
    let known = planned.state.check_shown(sent, &call.subject(), now_ms);
    let known = known.or_else(|refusal| failed(format!("{refusal} Nothing was done.")))?;
    if known == now {
        return Ok(());
    }
    let before = planned.state.shown_text(&known).unwrap_or_default();
    let result = answer::changed(&planned.plan, before);
    if planned.plan.may_apply() && planned.plan.changes() {
        call.offer(&planned.plan).await?;
    }
    Err(result.into())
}

const REFUSED: &str = "Nothing was changed. On this server a person must agree before a stage is changed, and this \
     client cannot ask them (it has no elicitation with forms): `confirm: true` does not count here. Tell them to use a \
     client that can ask.";

/// The question: the list with its numbers, and the stage's name to type.
fn form(plan: &Plan, question: &str) -> ElicitForm {
    let schema = json!({
        "type": "object",
        "required": ["stage"],
        "properties": {
            "stage": {
                "type": "string",
                "title": "The name of the stage",
                "description": format!("Type `{}` to agree to plan {}.", plan.stage, plan.id()),
            },
        },
    });
    ElicitForm::new(question, schema).key("consent")
}

fn check(stage: &str, answer: &ElicitResult) -> Result<(), Ended> {
    let typed = answer.content().and_then(|content| content.get("stage")?.as_str());
    match answer {
        ElicitResult::Accept { .. } if typed == Some(stage) => Ok(()),
        ElicitResult::Accept { .. } => failed(format!(
            "What was typed is not `{stage}`: nothing was changed. Do not ask again unless the person wants it."
        )),
        ElicitResult::Decline => {
            failed("The person said no: nothing was changed. Do not ask again unless they want it.")
        }
        ElicitResult::Cancel => failed(
            "The person closed the question without an answer: nothing was changed. Ask them what they want before you \
             call again.",
        ),
    }
}
