//! The key of the person who calls: found before a request is sent, and asked for where there is none.
//!
//! ```text
//!  client                                     is told where to connect by
//!  stateless, opens pages                     `input_required`; its next request goes on
//!  in a session, opens pages (2025-11-25)     the error −32042
//!  any other                                  a tool's error, or an error with `data.url`
//! ```
//!
//! A list has no tools of an upstream to which its caller has connected no key, but one that stands in for them: a call of
//! it leads to the page.

use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use mcp_auth::request_state::AnsweredInput;
use mcp_client::error::UpstreamError;
use mcp_protocol::{
    capabilities::ClientCapabilities,
    content::CallToolResult,
    fields::fields,
    input_request::InputRequest,
    jsonrpc::{RpcError, URL_ELICITATION_REQUIRED},
    log_level::LoggingLevel,
    object::Object,
    raw,
    stateless::mrtr::KeyedRequest,
};
use mcp_server::{
    client_request::Stop,
    context::Context,
    notifier::{ChangeEvent, Notifier},
    outcome::Outcome,
    remote::{About, Carried, RemoteTool},
    tasks::Follows,
    toolset::Effect,
};
use serde_json::{Value, json, value::RawValue};

use super::Door;
use crate::{
    config::Upstream,
    connect::{Connected, Page, Unconnected},
    errors::Answer,
    names,
    relay::{Failure, place::Carriage},
};

/// The own name of the tool that stands in for those of an upstream. A tool of the upstream itself that has this name is
/// not to be had.
const TOOL: &str = "connect_account";
/// The key of the question.
const QUESTION: &str = "connect_account";
/// The methods whose answer may ask (2026-07-28 `basic/patterns/mrtr`).
const MAY_ASK: [&str; 3] = ["tools/call", "prompts/get", "resources/read"];
/// What an upstream may have, as long as it cannot be asked.
const CAPABILITIES: &str =
    r#"{"completions":{},"logging":{},"prompts":{},"resources":{},"tools":{}}"#;

/// A request by its method, and the effect of the tool that it calls.
pub(super) type Named<'a> = (&'a str, Option<Effect>);

impl Door {
    /// The key with which an upstream is called for this caller. None: it is not called as a person.
    pub(super) async fn person(
        &self,
        ctx: &Context,
        upstream: &Upstream,
    ) -> Result<Option<Connected>, Unconnected> {
        if !upstream.credential.is_personal() {
            return Ok(None);
        }
        self.connections.find(ctx, upstream).await.map(Some)
    }

    /// Goes on where the caller has a key, or needs none: with the way back to the client.
    ///
    /// # Errors
    /// What the caller is told.
    pub(super) async fn require(
        &self,
        ctx: &Context,
        upstream: &Upstream,
        what: Named<'_>,
    ) -> Result<Rc<dyn Notifier>, Outcome> {
        if !upstream.credential.is_personal() {
            return Ok(ctx.notifier.clone());
        }
        let asked = asked_before(&*ctx.notifier);
        let why = match (self.person(ctx, upstream).await, &asked) {
            (Ok(_), None) => return Ok(ctx.notifier.clone()),
            (Ok(_), Some(_)) => return Ok(Rc::new(Anew(ctx.notifier.clone()))),
            (Err(why), _) => why,
        };
        if asked.as_ref().is_some_and(|asked| asked.is_declined) {
            let declined =
                Unconnected::Impossible("the person did not agree to connect one".into());
            return Err(
                Answer::unconnected(self.named(ctx, upstream, what), &declined, None).into()
            );
        }
        // A page on which a key may have been entered is over.
        let page = asked.map(|asked| asked.page).filter(|_| why == Unconnected::Missing);
        let now_s = ctx.platform.now_ms() / 1_000;
        let page = page.filter(|page| now_s.saturating_add(60) < page.until_s);
        Err(self.lead_to(ctx, upstream, what, &why, page).await)
    }

    /// What the caller of a request is told that could not be sent.
    pub(super) async fn unconnected(
        &self,
        ctx: &Context,
        upstream: &Upstream,
        what: Named<'_>,
        why: Unconnected,
    ) -> Outcome {
        self.lead_to(ctx, upstream, what, &why, None).await
    }

    /// Leads the person to a page, which is this one or a new one.
    async fn lead_to(
        &self,
        ctx: &Context,
        upstream: &Upstream,
        what: Named<'_>,
        why: &Unconnected,
        page: Option<Page>,
    ) -> Outcome {
        let page = page.or_else(|| self.connections.page(ctx, upstream));
        let asked = self.named(ctx, upstream, what);
        let Some(page) = page.filter(|_| why.can_connect()) else {
            return Answer::unconnected(asked, why, None).into();
        };
        let opens_pages = ctx.notifier.capabilities().has(ClientCapabilities::ELICITATION_URL);
        if opens_pages && !ctx.notifier.suspends() {
            return Outcome::Failed(required(ctx, upstream, why, &page));
        }
        if opens_pages && MAY_ASK.contains(&what.0) {
            let (message, url) = (message(upstream, why), page.url.clone());
            let question = KeyedRequest::new(QUESTION, InputRequest::Url { message, url });
            let carriage = Carriage::Connect(page.url.clone(), page.until_s).to_json();
            if let Err(stop) = ctx.notifier.relay(vec![question], &carriage).await {
                return Outcome::Stopped(stop);
            }
        }
        Answer::unconnected(asked, why, Some(&page.url)).into()
    }

    /// The tool that stands in for those of an upstream which is called as a person, by the name under which a caller
    /// knows it.
    pub(super) fn connecting_tool(&self, ctx: &Context, name: &str) -> Option<RemoteTool> {
        let upstream = self.upstream_of(ctx, name)?;
        let is_it = upstream.credential.is_personal() && self.connecting_name(upstream) == name;
        is_it.then(|| stand_in(upstream, name))
    }

    pub(super) fn connecting_name(&self, upstream: &Upstream) -> String {
        match self.is_common() {
            true => names::exposed(&upstream.name, TOOL),
            false => TOOL.to_owned(),
        }
    }
}

/// The tool that stands in for one of this name, as long as nobody can say what that is.
pub(super) fn stand_in(upstream: &Upstream, name: &str) -> RemoteTool {
    RemoteTool {
        name: name.into(),
        upstream: upstream.name.as_str().into(),
        name_there: TOOL.into(),
        effect: Effect::Read,
        param_headers: Vec::new(),
    }
}

/// The definition of the tool that stands in for those of an upstream.
pub(super) fn definition(door: &Door, upstream: &Upstream) -> Rc<str> {
    let (name, host) = (&upstream.name, upstream.place());
    let description = format!(
        "Leads the person to a page of this server on which they connect their own key for {name} ({host}). The tools of \
         {name} are listed once a key is connected."
    );
    Object::new()
        .text("name", &door.connecting_name(upstream))
        .text("title", &format!("Connect {name}"))
        .text("description", &description)
        .raw("inputSchema", r#"{"type":"object","properties":{}}"#)
        .raw("annotations", r#"{"readOnlyHint":true}"#)
        .end()
        .into()
}

/// Whether a tool is the one that stands in for those of an upstream.
pub(super) fn is_connecting(upstream: &Upstream, tool: &RemoteTool) -> bool {
    upstream.credential.is_personal() && &*tool.name_there == TOOL
}

/// Its result where a key is connected.
pub(super) fn done(upstream: &str) -> Outcome {
    let text = format!("{upstream} is connected. Its tools are listed now.");
    Outcome::Tool(CallToolResult::text(text))
}

/// What stands for what an upstream says of itself, as long as it cannot be asked.
pub(super) fn about(upstream: &str, why: &Unconnected) -> About {
    let instructions = format!("{}. The tool `{TOOL}` leads to the page.", why.described(upstream));
    About {
        server_info: None,
        instructions: Some(instructions),
        capabilities: CAPABILITIES.to_owned(),
    }
}

/// Whether an upstream refused the credential.
pub(super) fn is_refused<T>(sent: &Result<T, Failure>) -> bool {
    use UpstreamError::Unauthorized;
    matches!(
        sent,
        Err(Failure::Upstream(Unauthorized { .. }) | Failure::NotSent(Unauthorized { .. }))
    )
}

fn message(upstream: &Upstream, why: &Unconnected) -> String {
    let (name, host) = (&upstream.name, upstream.place());
    format!("{} ({host}). Open this page to connect it.", why.described(name))
}

/// The error for a client in a session that opens pages.
fn required(ctx: &Context, upstream: &Upstream, why: &Unconnected, page: &Page) -> RpcError {
    let message = message(upstream, why);
    let elicitation = json!({
        "mode": "url", "elicitationId": ctx.platform.uuid(), "url": page.url, "message": message,
    });
    let data = Some(json!({ "elicitations": [elicitation] }));
    RpcError { data, ..RpcError::new(URL_ELICITATION_REQUIRED, message) }
}

/// What a request brings back that was led to a page before.
struct AskedBefore {
    page: Page,
    is_declined: bool,
}

fn asked_before(back: &dyn Notifier) -> Option<AskedBefore> {
    let Carried { state, responses } = back.carried()?;
    let Carriage::Connect(url, until_s) = Carriage::read(&state)? else {
        return None;
    };
    let is_declined = responses.iter().any(|(_, response)| is_declined(response));
    Some(AskedBefore { page: Page { url, until_s }, is_declined })
}

fn is_declined(response: &RawValue) -> bool {
    let [action] = fields(response.get(), ["action"]).unwrap_or([None]);
    matches!(action.and_then(raw::text).as_deref(), Some("decline" | "cancel"))
}

/// The way back to a client that was led to a page in the round before: for the upstream this round is the first.
struct Anew(Rc<dyn Notifier>);

impl Notifier for Anew {
    fn progress(&self, progress: f64, total: Option<f64>, message: Option<&str>) {
        self.0.progress(progress, total, message);
    }

    fn log(&self, level: LoggingLevel, logger: &str, data: Value) {
        self.0.log(level, logger, data);
    }

    fn announce(&self, news: ChangeEvent) {
        self.0.announce(news);
    }

    fn ask(
        &self,
        questions: Vec<KeyedRequest>,
    ) -> LocalBoxFuture<'static, Result<Vec<Value>, Stop>> {
        self.0.ask(questions)
    }

    fn relay(
        &self,
        questions: Vec<KeyedRequest>,
        state: &str,
    ) -> LocalBoxFuture<'static, Result<Vec<Value>, Stop>> {
        self.0.relay(questions, state)
    }

    fn log_level(&self) -> Option<LoggingLevel> {
        self.0.log_level()
    }

    fn suspends(&self) -> bool {
        self.0.suspends()
    }

    fn carried(&self) -> Option<Carried> {
        None
    }

    fn capabilities(&self) -> ClientCapabilities {
        self.0.capabilities()
    }

    fn pause_stream(&self, retry_ms: u32) {
        self.0.pause_stream(retry_ms);
    }

    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    fn cancelled(&self) -> LocalBoxFuture<'static, ()> {
        self.0.cancelled()
    }

    fn answered(&self) -> Vec<AnsweredInput> {
        self.0.answered()
    }

    fn nonce(&self) -> Option<[u8; 16]> {
        self.0.nonce()
    }

    fn follows(&self) -> Follows {
        self.0.follows()
    }

    fn moved(&self, task: &str) {
        self.0.moved(task);
    }

    fn enable(&self, toolsets: u32, upstreams: Vec<String>) -> LocalBoxFuture<'static, bool> {
        self.0.enable(toolsets, upstreams)
    }
}

#[cfg(test)]
#[path = "connect_tests.rs"]
mod tests;
