//! Notifications and requests from a running call to its client.

use std::{borrow::Cow, cell::Cell};

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, pending, ready},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::Value;

use crate::{client_request::Stop, remote::Carried, tasks::Follows};
use mcp_auth::request_state::AnsweredInput;
use mcp_platform::record::Record;
use mcp_protocol::{
    capabilities::ClientCapabilities, log_level::LoggingLevel, stateless::mrtr::KeyedRequest,
};

/// News that concern more than one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeEvent {
    /// The list of tools is another one.
    ToolsChanged,
    /// The list of prompts is another one.
    PromptsChanged,
    /// The list of resources is another one.
    ResourcesChanged,
    /// The resource at this URI is another one.
    ResourceUpdated(String),
    /// A task is another one: its id, and its JSON text.
    Task(String, String),
}

/// The fields of [`ChangeEvent`], of which each kind has its own.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct NewsFields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    list: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<Cow<'a, str>>,
}

impl Serialize for ChangeEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = NewsFields::default();
        match self {
            Self::ToolsChanged => fields.list = Some("tools".into()),
            Self::PromptsChanged => fields.list = Some("prompts".into()),
            Self::ResourcesChanged => fields.list = Some("resources".into()),
            Self::ResourceUpdated(uri) => fields.uri = Some(uri.into()),
            Self::Task(id, task) => {
                fields.id = Some(id.into());
                fields.task = Some(task.into());
            }
        }
        fields.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ChangeEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let NewsFields { list, uri, id, task } = NewsFields::deserialize(deserializer)?;
        match (list.as_deref(), uri, id, task) {
            (Some("tools"), ..) => Ok(Self::ToolsChanged),
            (Some("prompts"), ..) => Ok(Self::PromptsChanged),
            (Some("resources"), ..) => Ok(Self::ResourcesChanged),
            (_, Some(uri), ..) => Ok(Self::ResourceUpdated(uri.into_owned())),
            (_, _, Some(id), Some(task)) => Ok(Self::Task(id.into_owned(), task.into_owned())),
            _ => Err(D::Error::custom("expected one of `list`, `uri`, and `id` with `task`")),
        }
    }
}

impl Record for ChangeEvent {}

/// Lets the progress of one request through where it increases (MCP `basic/utilities/progress`): a task
/// that is run again reports once more what it reported before.
#[derive(Debug, Default)]
pub struct RisingProgress(Cell<Option<f64>>);

impl RisingProgress {
    /// Whether this value may be sent. One that may is the last one from here on. What is no finite number is
    /// none that the next could exceed.
    pub fn takes(&self, progress: f64) -> bool {
        let rises = progress.is_finite() && self.0.get().is_none_or(|last| progress > last);
        if rises {
            self.0.set(Some(progress));
        }
        rises
    }
}

/// Where a call's notifications and questions go. A session puts them on the stream of the call. One that implements only what
/// it must drops every notification.
pub trait Notifier {
    /// A `notifications/progress`, if the client asked for progress. The last stage before the client drops
    /// what does not increase.
    fn progress(&self, _progress: f64, _total: Option<f64>, _message: Option<&str>) {}

    /// A `notifications/message`, if the client wants this level.
    fn log(&self, _level: LoggingLevel, _logger: &str, _data: Value) {}

    /// Announces a change to all sessions and listeners that it concerns.
    fn announce(&self, _news: ChangeEvent) {}

    /// Asks the client, all in one round. The answers are results in the order of the questions.
    fn ask(
        &self,
        questions: Vec<KeyedRequest>,
    ) -> LocalBoxFuture<'static, Result<Vec<Value>, Stop>>;

    /// Asks the client what another server asks. `state` is what that server must get back with the
    /// answers: a client that answers with a new request brings it, see [`Self::carried`].
    fn relay(
        &self,
        questions: Vec<KeyedRequest>,
        _state: &str,
    ) -> LocalBoxFuture<'static, Result<Vec<Value>, Stop>> {
        self.ask(questions)
    }

    /// From which level on the client wants log messages. None: it wants none, or did not say.
    fn log_level(&self) -> Option<LoggingLevel> {
        None
    }

    /// Whether the client answers with a new request, so that a call which asks ends.
    fn suspends(&self) -> bool {
        false
    }

    /// What this request brings back for another server that asked in the round before.
    fn carried(&self) -> Option<Carried> {
        None
    }

    /// The client's capabilities.
    fn capabilities(&self) -> ClientCapabilities;

    /// Ends the connection of the call's stream, and lets the client come back for the rest.
    fn pause_stream(&self, _retry_ms: u32) {}

    /// Whether the client took its request back.
    fn is_cancelled(&self) -> bool {
        false
    }

    /// Completes when the client takes its request back. A request whose call is dropped then need not
    /// notice.
    fn cancelled(&self) -> LocalBoxFuture<'static, ()> {
        pending().boxed_local()
    }

    /// The client's responses so far, for a task that continues the call.
    fn answered(&self) -> Vec<AnsweredInput> {
        Vec::new()
    }

    /// Names the request through all its rounds, where it has several.
    fn nonce(&self) -> Option<[u8; 16]> {
        None
    }

    /// How the client follows a task.
    fn follows(&self) -> Follows {
        Follows::Waits
    }

    /// The call goes on in the task with this id.
    fn moved(&self, _task: &str) {}

    /// Offers the client more toolsets from now on, as [`Registry::bits`](crate::registry::Registry::bits) names them, and
    /// the tools of more upstreams. False: there is no session that could remember it.
    fn enable(&self, _toolsets: u32, _upstreams: Vec<String>) -> LocalBoxFuture<'static, bool> {
        ready(false).boxed_local()
    }
}

/// A [`Notifier`] that drops everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoClient;

impl Notifier for NoClient {
    fn ask(
        &self,
        _questions: Vec<KeyedRequest>,
    ) -> LocalBoxFuture<'static, Result<Vec<Value>, Stop>> {
        ready(Err(Stop::unanswered("there is no client to ask"))).boxed_local()
    }

    fn capabilities(&self) -> ClientCapabilities {
        ClientCapabilities::default()
    }
}

/// A client that declared this, and is told nothing.
#[derive(Debug, Clone, Default)]
pub struct Declared {
    /// What it declared.
    pub capabilities: ClientCapabilities,
    /// What it brought back for another server that asked in the round before.
    pub carried: Option<Carried>,
}

impl Declared {
    /// A client that declared this, and brought nothing back.
    pub const fn new(capabilities: ClientCapabilities) -> Self {
        Self { capabilities, carried: None }
    }
}

impl Notifier for Declared {
    fn ask(
        &self,
        questions: Vec<KeyedRequest>,
    ) -> LocalBoxFuture<'static, Result<Vec<Value>, Stop>> {
        NoClient.ask(questions)
    }

    fn carried(&self) -> Option<Carried> {
        self.carried.clone()
    }

    fn capabilities(&self) -> ClientCapabilities {
        self.capabilities
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_support::stored::lines_of_0_1_0;

    #[test]
    fn only_progress_that_increases_is_sent() {
        let rising = RisingProgress::default();
        let sent = [0.0, 0.0, 1.0, 0.5, 1.0, f64::NAN, 1.5, 2.0].map(|value| rising.takes(value));
        assert_eq!(sent, [true, false, true, false, false, false, true, true]);
    }

    #[test]
    fn a_value_that_is_no_finite_number_does_not_end_the_progress() {
        let rising = RisingProgress::default();
        let sent = [f64::NAN, f64::INFINITY, -f64::INFINITY, 0.0, f64::INFINITY, 1.0];
        let sent = sent.map(|value| rising.takes(value));
        assert_eq!(sent, [false, false, false, true, false, true]);
    }

    #[test]
    fn news_are_read_as_they_were_written() {
        let news = [
            ChangeEvent::ToolsChanged,
            ChangeEvent::PromptsChanged,
            ChangeEvent::ResourcesChanged,
            ChangeEvent::ResourceUpdated("sitebay://site/\"ü\"".into()),
            ChangeEvent::Task("id".into(), r#"{"taskId":"id"}"#.into()),
        ];
        let lines = lines_of_0_1_0("messages-news", &news.each_ref().map(ChangeEvent::to_json));
        for (line, news) in lines.iter().zip(news) {
            assert_eq!(ChangeEvent::from_json(line), Some(news));
        }
    }
}
