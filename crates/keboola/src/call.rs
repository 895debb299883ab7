//! One call of a tool: its checked arguments, the project, the branch, and how it ends.
//!
//! Invariant: nothing is sent to Keboola before the arguments were checked; nothing is changed in a
//! branch in which the caller may not.

use std::{ops::Deref, rc::Rc};

use catalogue::arguments::Arguments;
use futures_util::{StreamExt as _, stream};
use mcp_protocol::content::CallToolResult;
use mcp_server::{client_request::Stop, context::Context, remote::KeyError, toolset::Effect};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    api::{ApiError, Client, Kept, Key, Path, Project, Service, Stack},
    bound,
    connection::Connections,
    links::Links,
    operations::Operation,
    resumed::Resumed,
    service::KeboolaService,
};

thread_local! {
    /// The branches of a credential's project.
    static BRANCHES: Kept<Rc<Vec<Value>>> = const { Kept::new(60_000) };
}

/// Requests that one call has under way at a time.
const AT_ONCE: usize = 6;

/// The reasons why a call ends early.
#[derive(Debug)]
pub(crate) enum ShortCircuit {
    /// A failure, in words for the model.
    Failed(String),
    /// It goes on elsewhere, or later.
    Stop(Stop),
}

impl From<Stop> for ShortCircuit {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

impl From<ShortCircuit> for catalogue::ShortCircuit {
    fn from(reason: ShortCircuit) -> Self {
        match reason {
            ShortCircuit::Failed(why) => CallToolResult::error(why).into(),
            ShortCircuit::Stop(stop) => stop.into(),
        }
    }
}

impl From<KeyError> for ShortCircuit {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Passing(why) => Self::Stop(Stop::held(why)),
            KeyError::Lasting(why) => Self::Failed(why),
        }
    }
}

impl From<ApiError> for ShortCircuit {
    fn from(error: ApiError) -> Self {
        Self::Failed(sentence(&error))
    }
}

/// An error of a read, with what can be done about it.
pub(crate) fn sentence(error: &ApiError) -> String {
    format!("{error}. {}", error.advice()).trim_end().to_owned()
}

/// A failure in these words.
pub(crate) fn failed<T>(text: impl Into<String>) -> Result<T, ShortCircuit> {
    Err(ShortCircuit::Failed(text.into()))
}

/// The answer of a tool, or what ends it early.
pub(crate) type Outcome = Result<Value, ShortCircuit>;

/// The branch in which a call works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Branch {
    /// The default one.
    Main,
    /// A development branch, by its id.
    Development(String),
}

impl Branch {
    /// Its part of a path.
    pub(crate) fn segment(&self) -> &str {
        match self {
            Self::Main => "default",
            Self::Development(id) => id,
        }
    }

    /// The id of a development branch.
    pub(crate) fn id(&self) -> Option<&str> {
        match self {
            Self::Main => None,
            Self::Development(id) => Some(id),
        }
    }
}

/// A call, as its tool sees it.
pub(crate) struct Call<'a> {
    pub(crate) ctx: &'a Context,
    pub(crate) operation: &'static Operation,
    arguments: &'a Arguments,
    state: &'a State<'a>,
}

/// What a call has beside its arguments: the services, the project and the branch.
pub(crate) struct State<'a> {
    pub(crate) client: Client<'a>,
    pub(crate) project: Rc<Project>,
    pub(crate) branch: Branch,
    /// Whether an earlier run of the task started its job.
    pub(crate) is_resumed: bool,
}

impl<'a> Deref for Call<'a> {
    type Target = State<'a>;

    fn deref(&self) -> &State<'a> {
        self.state
    }
}

impl<'a> State<'a> {
    /// Finds out who calls, in which project and branch, and whether they may.
    pub(crate) async fn open(
        ctx: &'a Context,
        connections: &'a dyn Connections,
        operation: &'static Operation,
        arguments: &Arguments,
    ) -> Result<Self, ShortCircuit> {
        if let Some(resumed) = Resumed::of(ctx, operation) {
            return Self::reopen(ctx, connections, resumed).await;
        }
        let found = connections.connection(ctx).await?;
        let Some(connection) = found else {
            let advice = connections.advice();
            return failed(format!("No Keboola project is connected. {advice}"));
        };
        let stack = Stack::parse(&connection.stack);
        let stack =
            stack.map_err(|error| ShortCircuit::Failed(format!("Nothing was sent: {error}.")))?;
        let bound = connection.branch.clone();
        let client = Client::new(ctx, stack, (connections, connection));
        // A change begins with a token that is good, and with the role that the person has by now.
        if operation.effect != Effect::Read {
            Project::forget(client.key());
        }
        let project = Project::of(&client).await?;
        let mut state = Self { client, project, branch: Branch::Main, is_resumed: false };
        state.branch = state.chosen_branch(arguments.text("branch_id"), bound.as_deref()).await?;
        bound::check(ctx, &state).await?;
        state.may_change(operation)?;
        Ok(state)
    }

    /// The branch that a call asks for; a connection that is bound to one has no other.
    async fn chosen_branch(
        &self,
        asked: Option<&str>,
        bound: Option<&str>,
    ) -> Result<Branch, ShortCircuit> {
        let Some(bound) = bound else { return self.found_branch(asked).await };
        let bound = self.found_branch(Some(bound)).await?;
        match asked {
            Some(asked) if self.found_branch(Some(asked)).await? != bound => failed(format!(
                "Nothing was read or changed: this server works in the branch {} of Keboola alone. Leave \
                 branch_id out.",
                bound.id().unwrap_or("main")
            )),
            _ => Ok(bound),
        }
    }

    async fn found_branch(&self, asked: Option<&str>) -> Result<Branch, ShortCircuit> {
        let asked = asked.unwrap_or_default().trim();
        let main = ["", "default", "main", "production", "none", "null"];
        if main.contains(&asked.to_ascii_lowercase().as_str()) {
            return Ok(Branch::Main);
        }
        let is_asked = |branch: &&Value| id_of(branch) == asked;
        let (key, now) = (self.client.key(), self.client.now_ms());
        let was_known = BRANCHES.with(|known| known.get(key, now)).is_some();
        let mut branches = self.branches().await?;
        if was_known && !branches.iter().any(|branch| is_asked(&branch)) {
            // It may have been made since they were asked for.
            BRANCHES.with(|known| known.forget(key));
            branches = self.branches().await?;
        }
        match branches.iter().find(is_asked) {
            Some(branch) if branch.get("isDefault") == Some(&Value::Bool(true)) => Ok(Branch::Main),
            Some(_) => Ok(Branch::Development(asked.to_owned())),
            None => failed(format!(
                "The project has no branch {}. keboola_list_branches lists those it has.",
                shown(asked)
            )),
        }
    }

    fn may_change(&self, operation: &Operation) -> Result<(), ShortCircuit> {
        let project = &self.project;
        if project.is_disabled {
            return failed(format!("The project {} is disabled.", project.name));
        }
        if operation.effect == Effect::Read {
            return Ok(());
        }
        if project.role == "readonly" {
            return failed("Nothing was changed: the person's role in this project is readonly.");
        }
        Ok(())
    }

    /// The branches of the project. They are asked for once a minute.
    pub(crate) async fn branches(&self) -> Result<Rc<Vec<Value>>, ApiError> {
        let (key, now) = (self.client.key(), self.client.now_ms());
        if let Some(known) = BRANCHES.with(|branches| branches.get(key, now)) {
            return Ok(known);
        }
        let answer = self.client.get(Service::Storage, Path::new("dev-branches"), &[]).await?;
        let branches = Rc::new(items(answer)?);
        BRANCHES.with(|kept| kept.put(key, now, branches.clone()));
        Ok(branches)
    }

    /// The branch of the call as the API shows it, where it does.
    pub(crate) async fn branch_record(&self) -> Result<Option<Value>, ApiError> {
        let is_it = |branch: &&Value| match &self.branch {
            Branch::Main => branch.get("isDefault") == Some(&Value::Bool(true)),
            Branch::Development(id) => id_of(branch) == *id,
        };
        Ok(self.branches().await?.iter().find(is_it).cloned())
    }

    /// Reads from Storage.
    pub(crate) async fn storage(
        &self,
        path: Path,
        query: &[(&str, String)],
    ) -> Result<Value, ApiError> {
        self.client.get(Service::Storage, path, query).await
    }

    /// A path below the call's branch.
    pub(crate) fn below(&self, fixed: &str) -> Path {
        Path::new("branch").part(self.branch.segment()).then(fixed)
    }

    /// The configurations of a component in the call's branch.
    pub(crate) fn configs(&self, component: &str) -> Path {
        self.below("components").part(component).then("configs")
    }

    /// Whether tables of a development branch are apart from those of main.
    pub(crate) fn has_storage_branches(&self) -> bool {
        self.branch != Branch::Main && self.project.has("storage-branches")
    }

    /// Addresses in the user interface.
    pub(crate) fn links(&self) -> Links {
        Links::new(self.client.connection(), &self.project.id(), self.branch.id())
    }

    /// The state in a later run of a task, whose job is under way: nobody is asked whether it may begin.
    async fn reopen(
        ctx: &'a Context,
        connections: &'a dyn Connections,
        resumed: Resumed,
    ) -> Result<Self, ShortCircuit> {
        let connection = resumed.connection(ctx, connections).await?;
        let stack = match Stack::parse(&connection.stack) {
            Ok(stack) => stack,
            Err(error) => return resumed.over(&format!("The stack cannot be used: {error}.")),
        };
        let client = Client::new(ctx, stack, (connections, connection));
        resumed.check(&client).await?;
        let (project, branch) = resumed.into_place();
        Ok(Self { client, project: Rc::new(project), branch, is_resumed: true })
    }

    /// The key of something that is remembered for this credential and branch.
    pub(crate) fn key(&self, name: &str) -> Key {
        self.client.key().with(&format!("{name}:{}", self.branch.segment()))
    }
}

impl<'a> Call<'a> {
    /// The call as the executor has it.
    pub(crate) fn of(call: &'a catalogue::Call<'_, KeboolaService>) -> Self {
        Self {
            ctx: call.ctx,
            operation: call.operation,
            arguments: &call.arguments,
            state: &call.state,
        }
    }

    /// An argument.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.arguments.get(name)
    }

    /// A text argument.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// A text argument that the schema requires.
    pub(crate) fn required(&self, name: &str) -> &str {
        self.text(name).unwrap_or_default()
    }

    /// A number argument.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.as_u64()
    }

    /// Whether a flag is true.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.get(name) == Some(&Value::Bool(true))
    }

    /// A list of texts, each once.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let mut texts = Vec::new();
        for text in self.get(name).and_then(Value::as_array).into_iter().flatten() {
            if let Some(text) = text.as_str().map(str::to_owned)
                && !texts.contains(&text)
            {
                texts.push(text);
            }
        }
        texts
    }

    /// The failure of a change: whether it may have happened, and how to find out.
    pub(crate) fn unchanged(&self, error: &ApiError) -> ShortCircuit {
        let why = sentence(error);
        ShortCircuit::Failed(match error.leaves_doubt() {
            true => self.in_doubt(&why),
            false => format!("Nothing was changed. {why}"),
        })
    }

    /// The same where the answer was lost for this reason.
    pub(crate) fn in_doubt(&self, why: &str) -> String {
        let check = self.operation.check.unwrap_or_default();
        format!("{why} The change MAY have happened. {check}")
    }
}

/// Carries out reads side by side, a few at a time; the outcomes in the order of the items.
pub(crate) async fn all<T, R>(
    items: impl IntoIterator<Item = T>,
    each: impl AsyncFn(T) -> Result<R, ShortCircuit>,
) -> Result<Vec<R>, ShortCircuit> {
    let each = &each;
    let mut work =
        stream::iter(items).map(|item| async move { each(item).await }).buffered(AT_ONCE);
    let mut done = Vec::new();
    while let Some(outcome) = work.next().await {
        done.push(outcome?);
    }
    Ok(done)
}

/// The items of an answer that is a list. Anything else is no empty list.
pub(crate) fn items(value: Value) -> Result<Vec<Value>, ApiError> {
    match value {
        Value::Array(items) => Ok(items),
        _ => Err(ApiError::Unexpected("a list")),
    }
}

/// The id of a record, which may be a number.
pub(crate) fn id_of(record: &Value) -> String {
    record.get("id").map(crate::api::plain).unwrap_or_default()
}

/// A text that a caller sent, in quotation marks and short.
pub(crate) fn shown(text: &str) -> String {
    Value::from(crate::api::cut(text, 100)).to_string()
}
