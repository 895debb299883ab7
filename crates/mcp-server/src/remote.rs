//! Tools, prompts and resources of other MCP servers, as one caller sees them.
//!
//! Invariant: what comes from another server is text that is passed on as it came. A request that
//! may have been carried out there is never sent again.

use std::rc::Rc;

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, ready},
};
use mcp_auth::secret::Secret;
use mcp_protocol::{
    capabilities::TASKS_EXTENSION,
    fields::fields,
    initialize,
    jsonrpc::RpcError,
    list_kind::ListKind,
    object::Object,
    spans,
    stateless::{discover, listen::Offered, param_declarations::ParamHeader, result::CacheHint},
    version::Version,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{context::Context, outcome::Outcome, toolset::Effect};

/// The items of a list.
#[derive(Debug, Clone, Default)]
pub struct RemoteList {
    /// Each item as the caller sees it: the text of a JSON object.
    pub items: Vec<Rc<str>>,
    /// How long the list may be kept. None: the other servers do not say.
    pub hint: Option<CacheHint>,
    /// What is missing from it, for people: one line for each server that did not answer.
    pub notes: Vec<String>,
}

/// A tool of another server.
#[derive(Debug, Clone)]
pub struct RemoteTool {
    /// Its name as the caller sees it.
    pub name: Rc<str>,
    /// The configured name of its server.
    pub upstream: Rc<str>,
    /// Its name there.
    pub name_there: Rc<str>,
    /// Its effect, by configuration or as its server claims.
    pub effect: Effect,
    /// The arguments that headers repeat (2026-07-28 `x-mcp-header`).
    pub param_headers: Vec<ParamHeader>,
}

/// A tool of another server, as a search finds it.
#[derive(Debug, Clone)]
pub struct FoundThere {
    /// Its name as the caller sees it.
    pub name: Rc<str>,
    /// The configured name of its server.
    pub upstream: Rc<str>,
    /// Its definition as the caller sees it: the text of a JSON object.
    pub definition: Rc<str>,
}

/// The key of the person who calls, for a server in whose place this one answers.
#[derive(Debug, Clone)]
pub struct PersonKey {
    /// The key.
    pub key: Secret,
    /// The address of the API that it opens.
    pub api: String,
    /// Further settings of the operator's: fields and values.
    pub options: Vec<(&'static str, String)>,
}

/// Why there is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It cannot be had at the moment: the same request may succeed later.
    #[error("{0}")]
    Passing(String),
    /// There is none, and there will be none until a person or the operator does something.
    #[error("{0}")]
    Lasting(String),
}

/// What another server says of itself.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct About {
    /// Its `Implementation`: the text of a JSON object.
    pub server_info: Option<String>,
    /// Its instructions.
    pub instructions: Option<String>,
    /// Its capabilities: the text of a JSON object.
    pub capabilities: String,
}

/// The capabilities that a server behind a door keeps in front: those whose methods are passed on.
const KEPT: [&str; 5] = ["completions", "logging", "prompts", "resources", "tools"];

/// The capability that names extensions (2026-07-28).
const EXTENSIONS: &str = "extensions";

/// Whether a server's capabilities name the extension for tasks.
fn has_tasks(capabilities: &str) -> bool {
    let [extensions] = fields(capabilities, [EXTENSIONS]).unwrap_or([None]);
    let named = extensions.and_then(|all| fields(all.get(), [TASKS_EXTENSION]).ok());
    named.is_some_and(|[tasks]| tasks.is_some())
}

impl About {
    /// The same with the capabilities that it has behind a door of its own.
    #[must_use]
    pub fn behind_a_door(self) -> Self {
        let declared = fields(&self.capabilities, KEPT).unwrap_or([None; KEPT.len()]);
        let offered = Offered::declared(&self.capabilities);
        let kept = KEPT.iter().zip(declared).filter(|(_, declared)| declared.is_some());
        let written = |name: &str| {
            let (changes, subscribe) = match name {
                "tools" => (offered.tools, false),
                "prompts" => (offered.prompts, false),
                "resources" => (offered.resources, offered.subscribe),
                _ => (false, false),
            };
            let flags = [("listChanged", changes), ("subscribe", subscribe)];
            let flags = flags.into_iter().filter(|(_, is_set)| *is_set);
            flags.fold(Object::new(), |flags, (name, _)| flags.flag(name, true)).end()
        };
        let kept = kept.fold(Object::new(), |all, (name, _)| all.raw(name, &written(name)));
        let kept = match has_tasks(&self.capabilities) {
            true => kept.raw(EXTENSIONS, &Object::new().raw(TASKS_EXTENSION, "{}").end()),
            false => kept,
        };
        Self { capabilities: kept.end(), ..self }
    }

    /// The result of `initialize`. Clients with a session are given no tasks of other servers.
    pub fn initialized(&self, version: Version) -> String {
        initialize::result_of(
            version,
            &spans::without(&self.capabilities, &[EXTENSIONS]),
            self.server_info.as_deref(),
            self.instructions.as_deref(),
        )
    }

    /// The result of `server/discover`.
    pub fn discovered(&self) -> String {
        discover::result_of(
            &self.capabilities,
            self.server_info.as_deref(),
            self.instructions.as_deref(),
        )
    }
}

/// Other servers behind the door through which a caller came.
pub trait Remote {
    /// The one server behind the door, where it has but one: what it says of itself. None: several are.
    ///
    /// # Errors
    /// Where it does not answer.
    fn about<'a>(&'a self, ctx: &'a Context)
    -> LocalBoxFuture<'a, Result<Option<About>, RpcError>>;

    /// The items of a list. A server that does not answer in time is missing from it.
    fn list<'a>(&'a self, ctx: &'a Context, kind: ListKind) -> LocalBoxFuture<'a, RemoteList>;

    /// The names of the servers of which the caller may use anything here.
    fn servers(&self, _ctx: &Context) -> Vec<Rc<str>> {
        Vec::new()
    }

    /// The tools that the caller may call, listed or not, for a search among them; and what is missing, for people. No
    /// server is asked for more than its list.
    fn callable<'a>(
        &'a self,
        _ctx: &'a Context,
    ) -> LocalBoxFuture<'a, (Vec<FoundThere>, Vec<String>)> {
        ready((Vec::new(), Vec::new())).boxed_local()
    }

    /// The tool of this name, where the caller may see it.
    ///
    /// # Errors
    /// Where its server does not say whether it has one, how the call ends.
    fn tool<'a>(
        &'a self,
        ctx: &'a Context,
        name: &'a str,
    ) -> LocalBoxFuture<'a, Result<Option<RemoteTool>, Outcome>>;

    /// Calls a tool. `params`: the parameters as they came.
    fn call<'a>(
        &'a self,
        ctx: &'a Context,
        tool: &'a RemoteTool,
        params: &'a str,
    ) -> LocalBoxFuture<'a, Outcome>;

    /// Answers `resources/read`, `prompts/get` or `completion/complete`. None: no server behind the
    /// door has what the parameters name.
    fn request<'a>(
        &'a self,
        ctx: &'a Context,
        method: &'a str,
        params: &'a str,
    ) -> LocalBoxFuture<'a, Option<Outcome>>;

    /// Answers `tasks/get`, `tasks/update` or `tasks/cancel`. None: the parameters name no task of a
    /// server behind the door that is this caller's.
    fn task<'a>(
        &'a self,
        _ctx: &'a Context,
        _method: &'a str,
        _params: &'a str,
    ) -> LocalBoxFuture<'a, Option<Outcome>> {
        ready(None).boxed_local()
    }

    /// The caller's key for a server in whose place this one answers.
    ///
    /// # Errors
    /// Where there is none: why, for the caller.
    fn key<'a>(
        &'a self,
        _ctx: &'a Context,
        server: &'a str,
    ) -> LocalBoxFuture<'a, Result<PersonKey, KeyError>> {
        let why = format!("{server} is not behind this door");
        ready(Err(KeyError::Lasting(why))).boxed_local()
    }

    /// Notes that the API refused a key: it is not given out again.
    fn refuse_key<'a>(
        &'a self,
        _ctx: &'a Context,
        _server: &'a str,
        _key: &'a Secret,
    ) -> LocalBoxFuture<'a, ()> {
        ready(()).boxed_local()
    }
}

/// What a stateless request brought back that another server must read: that server's state, and the
/// client's answers.
#[derive(Debug, Clone)]
pub struct Carried {
    /// The state that was given to [`Notifier::relay`](crate::notifier::Notifier::relay).
    pub state: String,
    /// The client's responses by the keys that were asked, as they came.
    pub responses: Vec<(String, Box<RawValue>)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_door_announces_what_is_passed_on_and_tasks_to_clients_without_a_session() {
        let tasks = r#"{"x/y":{},"io.modelcontextprotocol/tasks":{"a":1}}"#;
        let capabilities =
            format!(r#"{{"tools":{{"listChanged":true}},"extensions":{tasks},"x":1}}"#);
        let about = About { capabilities, ..About::default() }.behind_a_door();
        let kept =
            r#"{"tools":{"listChanged":true},"extensions":{"io.modelcontextprotocol/tasks":{}}}"#;
        assert_eq!(about.capabilities, kept);
        assert!(about.discovered().contains(kept));
        let hello = about.initialized(Version::V2025_11_25);
        assert!(hello.contains(r#""capabilities":{"tools":{"listChanged":true}}"#), "{hello}");
        for other in [r#"{"extensions":{"x/y":{}}}"#, r#"{"extensions":7}"#, r#"{"tasks":{}}"#] {
            let about = About { capabilities: other.to_owned(), ..About::default() };
            assert_eq!(about.behind_a_door().capabilities, "{}", "{other}");
        }
    }

    fn at_a_door(capabilities: &str) -> String {
        let about = About { capabilities: capabilities.to_owned(), ..About::default() };
        about.behind_a_door().capabilities
    }

    #[test]
    fn a_door_declares_what_is_passed_on() {
        let declared = r#"{"tools":{"listChanged":true,"x":1},"tasks":{},"logging":{},
            "resources":{"subscribe":true,"listChanged":false},"prompts":{"listChanged":"yes"}}"#;
        assert_eq!(
            at_a_door(declared),
            r#"{"logging":{},"prompts":{},"resources":{"subscribe":true},"tools":{"listChanged":true}}"#
        );
        assert_eq!(at_a_door("[]"), "{}");
    }
}
