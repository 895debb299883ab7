//! What a call has beside its arguments: the services, the project and the branch.
//!
//! Invariant: nothing is changed in a branch in which the caller may not.

use std::{cell::OnceCell, rc::Rc};

use catalogue::arguments::Arguments;
use mcp_auth::scope::Scopes;
use mcp_server::{context::Context, toolset::Effect};
use serde_json::Value;

use super::{
    branch::Branch,
    budget::Budget,
    ending::{ShortCircuit, failed},
    records::{id_of, items, shown},
};
use crate::{
    api::{ApiError, Client, Kept, Key, Path, Project, Service, Stack},
    bound,
    connection::Connections,
    links::Links,
    operations::{Behaviour, Operation},
    resumed::Resumed,
    target,
};

/// The role of a person who changes nothing.
const READONLY: &str = "readonly";

thread_local! {
    /// The branches of a credential's project.
    static BRANCHES: Kept<Rc<Vec<Value>>> = const { Kept::new(60_000) };
}

/// What a call has beside its arguments: the services, the project and the branch.
pub(crate) struct State<'a> {
    pub(crate) client: Client<'a>,
    pub(crate) project: Rc<Project>,
    pub(crate) branch: Branch,
    /// Whether an earlier run of the task started its job.
    pub(crate) is_resumed: bool,
    /// What is left to read, for a call that may ask for many things.
    budget: OnceCell<Budget>,
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
        let budget = OnceCell::new();
        let mut state = Self { client, project, branch: Branch::Main, is_resumed: false, budget };
        state.branch = state.chosen_branch(arguments.text("branch_id"), bound.as_deref()).await?;
        bound::check(ctx, &state).await?;
        if operation.effect != Effect::Read {
            let component = match operation.behaviour {
                Behaviour::CreateSqlTransformation | Behaviour::UpdateSqlTransformation => {
                    Some(state.project.sql_component())
                }
                _ => None,
            };
            let thing = target::thing(|name| arguments.get(name), component);
            ctx.changes_what(state.target(&thing)).await?;
        }
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
        if project.role == READONLY {
            return failed("Nothing was changed: the person's role in this project is readonly.");
        }
        Ok(())
    }

    /// Something in the call's branch, for the audit.
    pub(crate) fn target(&self, thing: &str) -> String {
        let branch = self.branch.id().unwrap_or("main");
        target::whole(Some(&self.project.id()), branch, thing)
    }

    /// Why the caller may change nothing; None: they may.
    pub(crate) fn reads_only(&self, ctx: &Context) -> Option<&'static str> {
        match (ctx.choice.read_only, ctx.principal.scopes.has(Scopes::WRITE)) {
            (true, _) => Some("the connection is readonly"),
            (_, false) => Some("the caller has not the scope write"),
            _ if self.project.role == READONLY => {
                Some("the person's role in this project is readonly")
            }
            _ => None,
        }
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

    /// The budget of the call. From the first time on that it is asked for, all reads are within it.
    pub(crate) fn budget(&self) -> &Budget {
        self.budget.get_or_init(Budget::new)
    }

    /// Reads from Storage.
    pub(crate) async fn storage(
        &self,
        path: Path,
        query: &[(&str, String)],
    ) -> Result<Value, ApiError> {
        self.read_from(Service::Storage, path, query).await
    }

    /// Reads from a service.
    pub(crate) async fn read_from(
        &self,
        service: Service,
        path: Path,
        query: &[(&str, String)],
    ) -> Result<Value, ApiError> {
        match self.budget.get() {
            Some(budget) => budget.take(&self.client, service, path, query).await?.value(),
            None => self.client.get(service, path, query).await,
        }
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
        let (project, budget) = (Rc::new(project), OnceCell::new());
        Ok(Self { client, project, branch, is_resumed: true, budget })
    }

    /// The key of something that is remembered for this credential and branch.
    pub(crate) fn key(&self, name: &str) -> Key {
        self.client.key().with(&format!("{name}:{}", self.branch.segment()))
    }
}
