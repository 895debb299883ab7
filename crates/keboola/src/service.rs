//! The toolset as the executor of catalogues sees it.

use std::fmt;

use catalogue::{
    CallOutcome, NoKind, ResultText, SecretKeys, Service, ShortCircuit, arguments::Arguments,
};
use mcp_protocol::content::CallToolResult;
use mcp_server::{context::Context, remote::KeyError};
use serde_json::Value;

use crate::{
    call::{Branch, Call, State, failed},
    configuration::printable::foreign,
    connection::Connections,
    operations::{Behaviour, OPERATIONS, Operation},
    tools,
};

/// Keboola, for those who have a connection here.
pub(crate) struct KeboolaService {
    pub(crate) connections: &'static dyn Connections,
}

impl fmt::Debug for KeboolaService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeboolaService")
    }
}

impl Service for KeboolaService {
    const NAME: &'static str = "Keboola";

    // The tools redact what is secret in a configuration: a cipher is not.
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
        Ok(State::open(ctx, self.connections, operation, arguments).await?)
    }

    async fn run(call: &catalogue::Call<'_, Self>) -> CallOutcome {
        let asks = call.operation.consent.is_some();
        let here = Call::of(call);
        // A job that was started is followed, whatever happened to the connection since.
        if asks && !here.is_resumed {
            still_connected(&here).await?;
            here.client.start_over();
        }
        match tools::run(&here).await? {
            Value::Object(data) => Ok(call.shown(data, Vec::new())),
            other => Ok(call.free(other)),
        }
    }

    async fn answer(_call: &catalogue::Call<'_, Self>) -> Result<Value, ShortCircuit> {
        // Every tool of the catalogue has a behaviour, which makes its requests.
        Err(CallToolResult::error("Nothing was sent to Keboola.").into())
    }

    async fn losses(call: &catalogue::Call<'_, Self>) -> Result<String, ShortCircuit> {
        let here = Call::of(call);
        // People take their time.
        here.client.start_over();
        Ok(losses(&here).await?)
    }
}

/// Goes on where the person still has the connection: they may have removed it while they were asked.
async fn still_connected(call: &Call<'_>) -> Result<(), crate::call::ShortCircuit> {
    match call.client.is_connected().await {
        Ok(true) => Ok(()),
        Ok(false) => failed("Nothing was changed: the project was disconnected meanwhile."),
        Err(KeyError::Lasting(why)) => failed(format!("Nothing was changed: {why}.")),
        // Not held back: it would begin when its caller is long gone.
        Err(KeyError::Passing(why)) => failed(format!("Nothing was changed: {why}")),
    }
}

/// What would happen: the tool's own words, the project and branch, and what changes.
async fn losses(call: &Call<'_>) -> Result<String, crate::call::ShortCircuit> {
    let changes = tools::plan(call).await?;
    let about = call.operation.consent.unwrap_or_default();
    let project = format!("{} ({})", foreign(&call.project.name), call.project.id());
    let branch = match &call.branch {
        Branch::Main => "main".to_owned(),
        Branch::Development(id) => {
            let name = call.branch_record().await?;
            let name = name.as_ref().and_then(|branch| branch.get("name")).and_then(Value::as_str);
            format!("{} (development branch {id})", foreign(name.unwrap_or_default()))
        }
    };
    Ok(format!("{about}\n- Project: {project}\n- Branch: {branch}\n{changes}"))
}
