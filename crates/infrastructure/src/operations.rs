//! The table of tools that the executor runs. Its rows come from `catalogue/*.toml`.

use catalogue::{Empty, Field, FieldKind, NoKind, Parameter, Place, SchemaCell, Shape};
use mcp_platform::Method;
use mcp_server::toolset::Effect;

use crate::service::InfrastructureService;

include!(concat!(env!("OUT_DIR"), "/infrastructure_table.rs"));

/// One tool.
pub(crate) type Operation = catalogue::Operation<InfrastructureService>;
/// The kind of an argument's values.
type Kind = catalogue::Kind<NoKind>;

/// The file under `tools/` that runs an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    Deploy,
    Deployments,
    DescribeDatabase,
    Destroy,
    ErrorRates,
    ListObjects,
    ListStages,
    Query,
    Rollback,
    Rollout,
    SendMessage,
    Stats,
    Status,
    TriggerWorkflow,
    WorkflowRun,
}
