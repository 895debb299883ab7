//! The service: its table, its client, and the choice of behaviours.

use std::time::Duration;

use catalogue::{
    Call as CallOf, CallOutcome, Empty, Field, FieldKind, Form, Kind, NoKind, Operation as Of,
    Parameter, Place, Placed, ResultText, SchemaCell, SecretKeys, Service, Shape, ShortCircuit,
    arguments::Arguments, redact,
};
use mcp_platform::{Method, OutboundRequest};
use mcp_protocol::{content::CallToolResult, raw};
use mcp_server::{context::Context, toolset::Effect};
use serde_json::Value;

use super::rename;

// A toolset's crate includes the file that its build script left in `OUT_DIR`.
include!("table.rs");

pub(crate) type Operation = Of<Shelf>;
pub(crate) type Call<'a> = CallOf<'a, Shelf>;

/// The service; it knows who may come in.
#[derive(Debug)]
pub(crate) struct Shelf {
    pub(crate) is_open: bool,
}

/// What each call has: the reader's card.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) card: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    Plain,
    Rename,
}

impl Service for Shelf {
    const NAME: &'static str = "Shelf";
    const SECRETS: SecretKeys =
        SecretKeys { on_demand: &["pin"], never: &["token"], beginnings: &["#"] };
    const TEXT: ResultText = ResultText::Json;

    type Behaviour = Behaviour;
    type Kind = NoKind;
    type State<'a> = Reader;

    fn operations() -> &'static [Operation] {
        OPERATIONS
    }

    async fn open(
        &self,
        _ctx: &Context,
        _operation: &'static Operation,
        _arguments: &Arguments,
    ) -> Result<Reader, ShortCircuit> {
        match self.is_open {
            true => Ok(Reader { card: "card 7" }),
            false => Err(CallToolResult::error("The shelf is closed.").into()),
        }
    }

    async fn run(call: &Call<'_>) -> CallOutcome {
        match call.operation.behaviour {
            Behaviour::Plain => call.plain().await,
            Behaviour::Rename => rename::run(call).await,
        }
    }

    async fn answer(call: &Call<'_>) -> Result<Value, ShortCircuit> {
        let placed = Placed { form: Form::of(call.operation), arguments: &call.arguments };
        let path = placed.path().unwrap_or_default();
        let query: Vec<String> =
            placed.query().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let host = call.operation.host.unwrap_or_default();
        let url = format!("https://{host}.shelf.test{path}?{}", query.join("&"));
        if call.operation.effect != Effect::Read {
            call.ctx.begin().await?;
        }
        send(call, call.operation.method, url, placed.body()).await.map_err(ShortCircuit::from)
    }

    async fn losses(call: &Call<'_>) -> Result<String, ShortCircuit> {
        match call.operation.behaviour {
            Behaviour::Plain => Ok(call.losses()),
            Behaviour::Rename => rename::losses(call).await,
        }
    }
}

/// Sends one request; what fails becomes a result in this service's own words.
pub(crate) async fn send(
    call: &Call<'_>,
    method: Method,
    url: String,
    body: Option<Value>,
) -> Result<Value, CallToolResult> {
    let request = OutboundRequest {
        method,
        url,
        headers: vec![("Card", call.state.card.to_owned())],
        body: body.map(|body| body.to_string()),
        timeout: Duration::from_secs(5),
        at_most: 1 << 20,
    };
    let response = call.ctx.platform.fetch(request).await;
    let response =
        response.map_err(|failure| CallToolResult::error(format!("Shelf: {failure}")))?;
    if response.status >= 300 {
        return Err(CallToolResult::error(format!("Shelf answered {}.", response.status)));
    }
    let mut json = raw::value_of_bytes(&response.body).unwrap_or_default();
    redact::<Shelf>(&mut json, call.arguments.flag("reveal"));
    Ok(json)
}
