//! The table of tools. Its rows come from `catalogue/*.toml`.
//!
//! Invariant: every row was checked by `build.rs`, which also explains each key
//! (`build_rs/model.rs`).

use mcp_server::{
    tasks::TaskPolicy,
    toolset::{Effect, Tool, Visibility},
};

include!(concat!(env!("OUT_DIR"), "/keboola_table.rs"));

/// The operation of that name.
pub(crate) fn find(name: &str) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|operation| operation.name == name)
}

/// One tool.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) toolset: &'static str,
    pub(crate) effect: Effect,
    pub(crate) behaviour: Behaviour,
    /// The answer stands under `result`.
    pub(crate) wrapped: bool,
    /// How to find out whether a change happened when its answer was lost.
    pub(crate) check: Option<&'static str>,
    /// Listed by default.
    pub(crate) default: bool,
    /// Its work may become a task.
    pub(crate) long: bool,
    /// What the consent form is about.
    pub(crate) consent: Option<&'static str>,
    /// The tool as MCP lists it, as JSON.
    pub(crate) definition: &'static str,
}

/// The file under `tools/` that runs an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    ProjectInfo,
    ListBranches,
    DocsQuery,
    Search,
    Buckets,
    Tables,
    PreviewTable,
    UpdateDescriptions,
    QueryData,
    Jobs,
    RunJob,
    StopJob,
    Events,
    Components,
    Configs,
    Flows,
    CreateConfig,
    AddConfigRow,
    UpdateConfig,
    UpdateConfigRow,
    RollbackConfig,
    CreateSqlTransformation,
    UpdateSqlTransformation,
}

impl Operation {
    /// The operation as a tool.
    pub(crate) fn tool(&self) -> Tool {
        Tool {
            name: self.name,
            group: self.toolset,
            effect: self.effect,
            visibility: if self.default { Visibility::Default } else { Visibility::Chosen },
            task_policy: if self.long { TaskPolicy::AtBegin } else { TaskPolicy::Never },
            definition: self.definition,
        }
    }
}
