//! What the stand-ins of all eras share: the methods whose answers do not depend on the wire.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
};

use serde_json::{Value, json};
use tokio::sync::{broadcast, watch};

use super::{
    Options, lists,
    peer::{Failure, Peer},
    tools,
};

/// News of the server.
#[derive(Debug, Clone)]
pub(super) enum Change {
    /// A list: `tools`, `prompts` or `resources`.
    List(&'static str),
    /// A resource.
    Resource(String),
    /// Listeners' streams end.
    End,
}

#[derive(Debug, Default)]
struct Inner {
    executions: HashMap<String, usize>,
    cancelled: Vec<String>,
    tools: Vec<String>,
}

/// The server behind the wire.
#[derive(Debug)]
pub struct Core {
    pub(super) options: Options,
    inner: Mutex<Inner>,
    changes: broadcast::Sender<Change>,
    released: watch::Sender<bool>,
}

/// A call that runs. Where it is dropped before its end, the call was cancelled.
struct Running<'a> {
    core: &'a Core,
    tool: &'a str,
    has_ended: bool,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            self.core.lock().cancelled.push(self.tool.to_owned());
        }
    }
}

impl Core {
    pub(super) fn new(options: Options) -> Self {
        let many = (0..options.many).map(tools::one_of_many);
        let tools = tools::TOOLS.iter().map(|text| (*text).to_owned()).chain(many).collect();
        let inner = Mutex::new(Inner { tools, ..Inner::default() });
        let (changes, released) = (broadcast::Sender::new(256), watch::Sender::new(false));
        Self { options, inner, changes, released }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    pub(super) fn executions(&self, tool: &str) -> usize {
        self.lock().executions.get(tool).copied().unwrap_or_default()
    }

    pub(super) fn cancelled(&self) -> Vec<String> {
        self.lock().cancelled.clone()
    }

    /// Notes that a tool does its work now; returns how often it has.
    pub(super) fn executed(&self, tool: &str) -> usize {
        let mut inner = self.lock();
        let times = inner.executions.entry(tool.to_owned()).or_default();
        *times += 1;
        *times
    }

    pub(super) fn set_tools(&self, definitions: Vec<String>) {
        self.lock().tools = definitions;
        self.announce(Change::List("tools"));
    }

    pub(super) fn release(&self) {
        self.released.send_replace(true);
    }

    pub(super) async fn is_released(&self) {
        self.released.subscribe().wait_for(|released| *released).await.unwrap();
    }

    /// Tells everybody who listens. Nobody may listen.
    pub(super) fn announce(&self, change: Change) {
        let _ = self.changes.send(change);
    }

    pub(super) fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// The capabilities of the server. Of some eras a part is left out.
    pub(super) fn capabilities(&self) -> Value {
        json!({
            "tools": { "listChanged": true },
            "resources": { "listChanged": true, "subscribe": true },
            "prompts": { "listChanged": true },
            "completions": {},
            "logging": {},
        })
    }

    /// The result of a method that does not depend on the wire, as text.
    pub(super) async fn answer(
        &self,
        peer: &dyn Peer,
        method: &str,
        params: &Value,
    ) -> Result<String, Failure> {
        match method {
            "tools/list" => lists::page("tools", &self.lock().tools, self.options.page, params),
            "tools/call" => self.call(peer, params).await,
            _ => lists::answer(self.options.page, method, params),
        }
    }

    async fn call(&self, peer: &dyn Peer, params: &Value) -> Result<String, Failure> {
        let name = params["name"].as_str().unwrap_or_default();
        let mut running = Running { core: self, tool: name, has_ended: false };
        let result = tools::call(self, peer, name, params).await;
        running.has_ended = true;
        result
    }
}
