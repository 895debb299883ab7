//! Asking the person before something may be destroyed.
//!
//! Invariant: nothing is sent before consent but reads. Where the client can ask, the person is
//! asked, also if the model passed `confirm`; `confirm: true` counts only where it cannot, or where
//! the operator wants it so (`MCP_CONSENT=argument`). With `MCP_CONSENT=refuse` it never counts. What
//! a person agreed to is what happens: if that has changed while they were asked, they are asked
//! again.

use futures_util::FutureExt as _;
use mcp_server::{
    client_request::{ElicitForm, ElicitResult},
    context::Consent,
};
use serde_json::{Value, json};

use crate::{
    call::{Branch, Call, ShortCircuit, failed},
    tools,
};

/// How often a person is asked anew, because what would happen changes as they read.
const TRIES: usize = 3;

/// Goes on only where the operation destroys nothing, or the person agrees.
pub(crate) async fn given(call: &Call<'_>) -> Result<(), ShortCircuit> {
    if call.operation.consent.is_none() {
        return Ok(());
    }
    call.ctx.once("consent", agreed(call).boxed_local()).await
}

async fn agreed(call: &Call<'_>) -> Result<(), ShortCircuit> {
    match (call.ctx.consent, call.ctx.can_ask(&form(""))) {
        (Consent::Person | Consent::Refuse, true) => {}
        (Consent::Refuse, false) => {
            return failed(
                "Nothing was changed. On this server a person must agree before a tool changes such \
                 things, and this client cannot ask them (it has no elicitation with forms): \
                 `confirm: true` does not count here. Tell them to use a client that can ask, or \
                 Keboola itself.",
            );
        }
        (Consent::Argument, _) | (Consent::Person, false) => {
            if call.flag("confirm") {
                return Ok(());
            }
            let plan = plan(call).await?;
            return failed(format!(
                "Nothing was changed. {plan}\nAsk the person; if they agree, call again with \
                 confirm: true."
            ));
        }
    }
    let mut planned = plan(call).await?;
    for _ in 0..TRIES {
        read(&call.ctx.ask(form(&planned)).await?)?;
        let now = plan(call).await?;
        if now == planned {
            return Ok(());
        }
        planned = now;
    }
    failed(
        "Nothing was changed: what would change was another each time while the person was asked. \
         Call again.",
    )
}

/// What would happen: the tool's own words, the project and branch, and what changes.
async fn plan(call: &Call<'_>) -> Result<String, ShortCircuit> {
    let changes = tools::plan(call).await?;
    let about = call.operation.consent.unwrap_or_default();
    let project = format!("{} ({})", call.project.name, call.project.id());
    let branch = match &call.branch {
        Branch::Main => "main".to_owned(),
        Branch::Development(id) => {
            let name = call.branch_record().await?;
            let name = name.as_ref().and_then(|branch| branch.get("name")).and_then(Value::as_str);
            format!("{} (development branch {id})", name.unwrap_or_default())
        }
    };
    let title = call.operation.title;
    Ok(format!("{title}. {about}\n- Project: {project}\n- Branch: {branch}\n{changes}"))
}

fn form(plan: &str) -> ElicitForm {
    let schema = json!({
        "type": "object",
        "required": ["confirm"],
        "properties": {
            "confirm": {
                "type": "boolean",
                "title": "Yes, go on",
                "description": "What is named above happens.",
                "default": false,
            },
        },
    });
    ElicitForm::new(plan, schema).key("consent")
}

fn read(answer: &ElicitResult) -> Result<(), ShortCircuit> {
    let confirms = answer.content().and_then(|content| content.get("confirm"));
    match answer {
        ElicitResult::Accept { .. } if confirms.and_then(Value::as_bool) == Some(true) => Ok(()),
        ElicitResult::Accept { .. } | ElicitResult::Decline => {
            failed("The person said no: nothing was changed. Do not ask again unless they want it.")
        }
        ElicitResult::Cancel => failed(
            "The person closed the question without an answer: nothing was changed. Ask them what \
             they want before you call again.",
        ),
    }
}
