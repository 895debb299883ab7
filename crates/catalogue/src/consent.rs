//! Asking the person before something is lost.
//!
//! Invariant: nothing is sent before consent but reads. Where the client can ask, the person is asked,
//! also if the model passed `confirm`; `confirm: true` counts only where it cannot, or where the operator
//! wants it so (`MCP_CONSENT=argument`). With `MCP_CONSENT=refuse` it never counts: a client that cannot
//! ask destroys nothing. What a person agreed to is what is lost: if that has changed
//! while they were asked, they are asked again.

use futures_util::FutureExt as _;
use serde_json::Value;

use crate::{
    call::{Call, ShortCircuit},
    service::Service,
};
use mcp_protocol::{content::CallToolResult, raw};
use mcp_server::{
    client_request::{ElicitForm, ElicitResult},
    context::Consent,
};

/// How often a person is asked anew, because what would be lost changes as they read.
const TRIES: usize = 3;

/// Goes on only where the operation destroys nothing, or the person agrees; then makes the checkpoint
/// that they want before.
pub(crate) async fn given<S: Service>(call: &Call<'_, S>) -> Result<(), ShortCircuit> {
    if call.operation.consent.is_none() || S::is_dry(call) {
        return Ok(());
    }
    let checkpoint = call.ctx.once("consent", agreed(call).boxed_local()).await?;
    if checkpoint == Value::Bool(true) { S::checkpoint(call).await } else { Ok(()) }
}

/// True where a checkpoint is to be made before.
async fn agreed<S: Service>(call: &Call<'_, S>) -> Result<Value, ShortCircuit> {
    let can_ask = call.ctx.can_ask(&form(call, ""));
    match (call.ctx.consent, can_ask) {
        (Consent::Person | Consent::Refuse, true) => {}
        (Consent::Refuse, false) => return Err(refused::<S>().into()),
        (Consent::Argument, _) | (Consent::Person, false) => {
            return match call.arguments.flag("confirm") {
                true => Ok(Value::Bool(false)),
                false => Err(unconfirmed(&S::losses(call).await?).into()),
            };
        }
    }
    let mut losses = S::losses(call).await?;
    for _ in 0..TRIES {
        let answer = call.ctx.ask(form(call, &losses)).await?;
        let checkpoint = read(call, &answer)?;
        let now = S::losses(call).await?;
        if now == losses {
            return Ok(Value::Bool(checkpoint));
        }
        losses = now;
    }
    Err(CallToolResult::error(S::UNSETTLED).into())
}

/// The form's schema.
const AGREE: &str = r#"{"type":"object","required":["confirm"],"properties":{"confirm":{"type":"boolean","title":"Yes, go on","description":"","default":false}}}"#;
/// The same with a checkpoint to choose.
const AGREE_WITH_CHECKPOINT: &str = r#"{"type":"object","required":["confirm"],"properties":{"confirm":{"type":"boolean","title":"Yes, go on","description":"","default":false},"checkpoint":{"type":"boolean","title":"Make a checkpoint first","description":"So that the present state can be brought back.","default":true}}}"#;

fn form<S: Service>(call: &Call<'_, S>, losses: &str) -> ElicitForm {
    let schema = if call.operation.checkpoint { AGREE_WITH_CHECKPOINT } else { AGREE };
    let mut schema = raw::value(schema).unwrap_or_default();
    if let Some(text) = schema.pointer_mut("/properties/confirm/description") {
        *text = S::AGREED.into();
    }
    ElicitForm::new(&format!("{}\n{losses}", call.operation.title), schema).key("consent")
}

/// True where the person agrees and wants a checkpoint first.
fn read<S: Service>(call: &Call<'_, S>, answer: &ElicitResult) -> Result<bool, ShortCircuit> {
    let says = |name: &str| {
        answer.content().and_then(|content| content.get(name)).and_then(Value::as_bool)
    };
    let text = match answer {
        ElicitResult::Accept { .. } if says("confirm") == Some(true) => {
            return Ok(call.operation.checkpoint && says("checkpoint") != Some(false));
        }
        ElicitResult::Accept { .. } | ElicitResult::Decline => {
            "The person said no: nothing was changed. Do not ask again unless they want it."
        }
        ElicitResult::Cancel => {
            "The person closed the question without an answer: nothing was changed. Ask them what they \
             want before you call again."
        }
    };
    Err(CallToolResult::error(text).into())
}

fn refused<S: Service>() -> CallToolResult {
    CallToolResult::error(format!(
        "Nothing was changed. On this server a person must agree before a tool destroys \
         something, and this client cannot ask them (it has no elicitation with forms): `confirm: \
         true` does not count here. Tell them to use a client that can ask, or {} itself.",
        S::NAME
    ))
}

fn unconfirmed(losses: &str) -> CallToolResult {
    CallToolResult::error(format!(
        "Nothing was changed. {losses}\nAsk the person; if they agree, call again with confirm: true."
    ))
}
