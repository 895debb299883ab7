//! The toolset as the executor of catalogues sees it.

use std::fmt;

use catalogue::{
    CallOutcome, NoKind, ResultText, SecretKeys, Service, ShortCircuit, arguments::Arguments,
    redact::scrub,
};
use mcp_auth::secret::Secret;
use mcp_protocol::content::{CallToolResult, ContentBlock};
use mcp_server::context::Context;
use serde_json::Value;

use crate::{
    call::{Call, State},
    host::Host,
    manifest::Manifest,
    operations::{Behaviour, OPERATIONS, Operation},
    tools,
};

/// The stages of a manifest, for callers of the server around it.
pub(crate) struct InfrastructureService {
    pub(crate) manifest: Manifest,
    pub(crate) host: &'static dyn Host,
}

impl fmt::Debug for InfrastructureService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InfrastructureService")
    }
}

impl Service for InfrastructureService {
    const NAME: &'static str = "Cloudflare";

    // Answers are made of fields that are known to hold no secret; what else may hold one is scrubbed.
    const SECRETS: SecretKeys = SecretKeys::NONE;

    const TEXT: ResultText = ResultText::Json;

    const AGREED: &'static str = "What is named above happens.";

    const UNSETTLED: &'static str = "Nothing was changed: what would change was another each time while the person was asked. \
         Call again.";

    type Behaviour = Behaviour;
    type Kind = NoKind;
    type State<'a> = State<'a>;

    fn operations() -> &'static [Operation] {
        OPERATIONS
    }

    async fn open<'a>(
        &'a self,
        ctx: &'a Context,
        operation: &'static Operation,
        arguments: &Arguments,
    ) -> Result<State<'a>, ShortCircuit> {
        State::open((&self.manifest, self.host), ctx, operation, arguments).await
    }

    async fn run(call: &Call<'_>) -> CallOutcome {
        let mut outcome = tools::run(call).await;
        if let Ok(result) | Err(ShortCircuit::Result(result)) = &mut outcome {
            hide(call, result);
        }
        outcome
    }

    async fn losses(call: &Call<'_>) -> Result<String, ShortCircuit> {
        let changes = tools::plan(call).await?;
        let about = call.operation.consent.unwrap_or_default();
        let stage = call.state.stage()?;
        let protected = if stage.is_protected { " (protected)" } else { "" };
        let losses = format!("{about}\n- Stage: {}{protected}\n{changes}", stage.name);
        Ok(hidden(losses, &call.state.settings.hidden()))
    }
}

/// A text without secrets.
fn hidden(text: String, secrets: &[Secret]) -> String {
    let mut value = Value::String(text);
    scrub(&mut value, secrets);
    if let Value::String(clean) = value { clean } else { String::new() }
}

/// Takes the account and the tokens out of a result, also out of one that says what failed.
fn hide(call: &Call<'_>, result: &mut CallToolResult) {
    let secrets = call.state.settings.hidden();
    if let Some(data) = &mut result.structured_content {
        scrub(data, &secrets);
    }
    for block in &mut result.content {
        if let ContentBlock::Text { text } = block {
            *text = hidden(std::mem::take(text), &secrets);
        }
    }
}
