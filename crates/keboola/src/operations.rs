//! The table of tools that the executor runs. Its rows come from `catalogue/*.toml`.

use catalogue::{Empty, Field, FieldKind, NoKind, Parameter, Place, SchemaCell, Shape};
use mcp_platform::Method;
use mcp_server::toolset::Effect;

use crate::service::KeboolaService;

include!(concat!(env!("OUT_DIR"), "/keboola_table.rs"));

/// One tool.
pub(crate) type Operation = catalogue::Operation<KeboolaService>;
/// The kind of an argument's values.
type Kind = catalogue::Kind<NoKind>;

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
