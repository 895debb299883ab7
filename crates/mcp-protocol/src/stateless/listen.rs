//! `subscriptions/listen`: a stream of the changes that a client wants to hear of.
//!
//! Invariant: nothing is sent that was not asked for, and everything that is sent carries the id
//! of the subscription as the client wrote it. Source: MCP 2026-07-28
//! `basic/patterns/subscriptions`; SEP-2663 "Task Status Notifications".

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    capabilities::ClientCapabilities,
    fields::fields,
    jsonrpc::{RequestId, result_text},
    object::Object,
    raw,
    stateless::{META_SUBSCRIPTION, error::StatelessError, result},
    uri::same,
};

/// URIs, and ids of tasks, that one subscription may name.
pub const MAX_WATCHED: usize = 1000;
/// Bytes of what one subscription may name: it is kept with a socket, which holds 16 KiB.
pub const MAX_NAMED: usize = 10_000;

/// The changes that a client subscribes to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SubscriptionFilter {
    /// The list of tools changed.
    pub tools_list_changed: bool,
    /// The list of prompts changed.
    pub prompts_list_changed: bool,
    /// The list of resources changed.
    pub resources_list_changed: bool,
    /// These resources changed, in order.
    pub resource_subscriptions: Vec<String>,
    /// These tasks changed, in order (SEP-2663).
    pub task_ids: Vec<String>,
}

const NAMES: [&str; 5] = [
    "toolsListChanged",
    "promptsListChanged",
    "resourcesListChanged",
    "resourceSubscriptions",
    "taskIds",
];

impl SubscriptionFilter {
    /// Reads `params.notifications`. Fields that are not known here are left out.
    ///
    /// # Errors
    /// −32602 in-band where it is missing, has the wrong types, or names too much.
    pub fn read(notifications: Option<&RawValue>) -> Result<Self, StatelessError> {
        let notifications = notifications.ok_or(StatelessError::Missing("notifications"))?;
        if !raw::is_object(notifications) {
            return Err(fault("must be an object"));
        }
        let filter = Self::from_json(notifications.get()).map_err(|why| fault(&why))?;
        if filter.resource_subscriptions.len().max(filter.task_ids.len()) > MAX_WATCHED {
            return Err(fault(&format!("may name at most {MAX_WATCHED} resources or tasks")));
        }
        if filter.to_json().len() > MAX_NAMED {
            let why = format!("may name at most {MAX_NAMED} bytes in all; open another for more");
            return Err(fault(&why));
        }
        Ok(filter)
    }

    /// Its text, with what is wanted and nothing else.
    pub fn to_json(&self) -> String {
        let [tools, prompts, resources, watched, tasks] = NAMES;
        let flags = [
            (tools, self.tools_list_changed),
            (prompts, self.prompts_list_changed),
            (resources, self.resources_list_changed),
        ];
        let flags = flags.iter().filter(|(_, wanted)| *wanted);
        let mut filter = flags.fold(Object::new(), |filter, (name, _)| filter.flag(name, true));
        for (name, set) in [(watched, &self.resource_subscriptions), (tasks, &self.task_ids)] {
            if !set.is_empty() {
                filter = filter.texts(name, set.iter().map(String::as_str));
            }
        }
        filter.end()
    }

    /// Reads its text; `null` is as good as absent.
    ///
    /// # Errors
    /// The message of the error.
    pub fn from_json(json: &str) -> Result<Self, String> {
        let found = fields(json, NAMES).map_err(|error| error.to_string())?;
        let [tools, prompts, resources, resource_subscriptions, task_ids] = found;
        let [tools_name, prompts_name, resources_name, watched_name, tasks_name] = NAMES;
        Ok(Self {
            tools_list_changed: wanted(tools_name, tools)?,
            prompts_list_changed: wanted(prompts_name, prompts)?,
            resources_list_changed: wanted(resources_name, resources)?,
            resource_subscriptions: watched(watched_name, resource_subscriptions)?,
            task_ids: watched(tasks_name, task_ids)?,
        })
    }

    /// The client capabilities that this subscription needs.
    pub fn needs(&self) -> ClientCapabilities {
        match self.task_ids.is_empty() {
            true => ClientCapabilities::default(),
            false => ClientCapabilities::TASKS,
        }
    }

    /// The part of the filter that a server with these offers agrees to.
    #[must_use]
    pub fn limited_to(self, offered: &Offered) -> Self {
        let kept = |watched: Vec<String>, yes: bool| if yes { watched } else { Vec::new() };
        Self {
            tools_list_changed: self.tools_list_changed && offered.tools,
            prompts_list_changed: self.prompts_list_changed && offered.prompts,
            resources_list_changed: self.resources_list_changed && offered.resources,
            resource_subscriptions: kept(self.resource_subscriptions, offered.subscribe),
            task_ids: kept(self.task_ids, offered.tasks),
        }
    }

    /// The part of it that another filter has as well.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let both = |one: &[String], other: &[String]| {
            one.iter().filter(|named| has(other, named)).cloned().collect()
        };
        Self {
            tools_list_changed: self.tools_list_changed && other.tools_list_changed,
            prompts_list_changed: self.prompts_list_changed && other.prompts_list_changed,
            resources_list_changed: self.resources_list_changed && other.resources_list_changed,
            resource_subscriptions: both(
                &self.resource_subscriptions,
                &other.resource_subscriptions,
            ),
            task_ids: both(&self.task_ids, &other.task_ids),
        }
    }

    /// Whether nothing is wanted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a resource is one that is watched, or a part of one: servers may announce those.
    pub fn concerns(&self, uri: &str) -> bool {
        let is_part = |watched: &str| {
            let rest = uri.strip_prefix(watched.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.starts_with(['/', '?', '#']))
        };
        self.resource_subscriptions.iter().any(|watched| same(watched, uri) || is_part(watched))
    }

    /// Whether a change is one of those.
    pub fn wants(&self, change: &Change<'_>) -> bool {
        match change {
            Change::Tools => self.tools_list_changed,
            Change::Prompts => self.prompts_list_changed,
            Change::Resources => self.resources_list_changed,
            Change::Resource { uri } => self.watched_as(uri).next().is_some(),
            Change::Task { id, .. } => has(&self.task_ids, id),
        }
    }
}

impl SubscriptionFilter {
    /// The addresses by which the client watches a resource.
    pub fn watched_as<'a>(&'a self, uri: &'a str) -> impl Iterator<Item = &'a str> {
        let watched = self.resource_subscriptions.iter().map(String::as_str);
        watched.filter(move |watched| same(watched, uri))
    }
}

fn wanted(name: &str, field: Option<&RawValue>) -> Result<bool, String> {
    let flag = field.map_or(Some(false), raw::flag);
    flag.ok_or_else(|| format!("`{name}` must be true or false"))
}

/// Each once and in order, so that [`has`] finds it.
fn watched(name: &str, field: Option<&RawValue>) -> Result<Vec<String>, String> {
    let elements = raw::elements(field.map_or("[]", RawValue::get)).ok();
    let texts = elements.and_then(|all| all.into_iter().map(raw::string).collect());
    let mut texts: Vec<String> =
        texts.ok_or_else(|| format!("`{name}` must be an array of strings"))?;
    texts.sort_unstable();
    texts.dedup();
    Ok(texts)
}

fn has(watched: &[String], wanted: &str) -> bool {
    watched.binary_search_by(|one| one.as_str().cmp(wanted)).is_ok()
}

fn fault(problem: &str) -> StatelessError {
    StatelessError::Params(format!("`notifications`: {problem}"))
}

/// The changes that a server announces: its `listChanged` and `subscribe` capabilities, and tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names are the capabilities")]
pub struct Offered {
    pub tools: bool,
    pub prompts: bool,
    pub resources: bool,
    pub subscribe: bool,
    pub tasks: bool,
}

impl Offered {
    /// What a server offers that declares these capabilities, the JSON text of an object. Tasks are
    /// declared in another way.
    pub fn declared(capabilities: &str) -> Self {
        let [tools, prompts, resources] =
            fields(capabilities, ["tools", "prompts", "resources"]).unwrap_or([None; 3]);
        let says = |of: Option<&RawValue>, name: &'static str| {
            let found = of.and_then(|of| fields(of.get(), [name]).ok());
            found.and_then(|[flag]| raw::flag(flag?)).unwrap_or_default()
        };
        Self {
            tools: says(tools, "listChanged"),
            prompts: says(prompts, "listChanged"),
            resources: says(resources, "listChanged"),
            subscribe: says(resources, "subscribe"),
            tasks: false,
        }
    }
}

/// A change that a subscription may report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<'a> {
    /// The list of tools.
    Tools,
    /// The list of prompts.
    Prompts,
    /// The list of resources.
    Resources,
    /// One resource.
    Resource {
        /// Its URI.
        uri: &'a str,
    },
    /// One task.
    Task {
        /// Its id.
        id: &'a str,
        /// The JSON text of the whole task, an object without `_meta`.
        task: &'a str,
    },
}

impl Change<'_> {
    /// The method of its notification.
    pub fn method(&self) -> &'static str {
        match self {
            Self::Tools => "notifications/tools/list_changed",
            Self::Prompts => "notifications/prompts/list_changed",
            Self::Resources => "notifications/resources/list_changed",
            Self::Resource { .. } => "notifications/resources/updated",
            Self::Task { .. } => "notifications/tasks",
        }
    }

    /// The text of its parameters: an object without `_meta`.
    fn params(&self) -> String {
        match self {
            Self::Tools | Self::Prompts | Self::Resources => "{}".into(),
            Self::Resource { uri } => Object::new().text("uri", uri).end(),
            Self::Task { task, .. } => (*task).to_owned(),
        }
    }
}

/// A subscription, named by the id of the request that opened it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription(pub RequestId);

impl Subscription {
    /// The first message on the stream: the filter that the server agreed to.
    pub fn acknowledged(&self, filter: &SubscriptionFilter) -> Vec<u8> {
        let params = Object::new().raw("notifications", &filter.to_json()).end();
        self.tagged("notifications/subscriptions/acknowledged", &params)
    }

    /// The notification of a change on this stream.
    pub fn notification(&self, change: &Change<'_>) -> Vec<u8> {
        self.tagged(change.method(), &change.params())
    }

    /// The response that ends the stream in good order.
    pub fn closed(&self) -> Vec<u8> {
        result_text(&self.0, &result::end_of_subscription(self.0.as_json()))
    }

    /// A notification with the subscription's id in front of its other parameters.
    fn tagged(&self, method: &str, params: &str) -> Vec<u8> {
        let id = self.0.as_json();
        let rest = params.trim().strip_prefix('{').map_or("}", str::trim_start);
        let comma = if rest.starts_with('}') { "" } else { "," };
        format!(
            r#"{{"jsonrpc":"2.0","method":"{method}","params":{{"_meta":{{"{META_SUBSCRIPTION}":{id}}}{comma}{rest}}}"#
        )
        .into_bytes()
    }
}
