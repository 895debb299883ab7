//! What is asked of a binding, and what it answers.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{manifest::Kind, query::Statement};

/// How long a database may take, which is what D1 gives a query.
const OF_DATABASES: Duration = Duration::from_secs(30);
/// How long a bucket or a Workflow may take.
const OF_OTHERS: Duration = Duration::from_secs(15);

/// What is asked of a binding.
#[derive(Debug, Clone, Copy)]
pub enum Ask<'a> {
    /// The rows of one statement: `{results: {columns, rows}, meta, cut}`. `cut`: there were more than `bytes` of JSON.
    Rows {
        /// The statement.
        sql: &'a str,
        /// The values for the `?` in it.
        params: &'a [Value],
        /// Bytes after which rows are left out.
        bytes: usize,
    },
    /// A page of the objects in a bucket: `{objects, prefixes, cursor}`, the objects as the REST API shows them.
    Objects {
        /// What keys begin with.
        prefix: &'a str,
        /// The character up to which keys are grouped.
        delimiter: Option<&'a str>,
        /// At most so many.
        limit: u64,
        /// Where the page before ended.
        cursor: Option<&'a str>,
    },
    /// A new run of a Workflow: `{id}`.
    Start {
        /// Its id.
        id: &'a str,
        /// What it is started with.
        params: &'a Value,
    },
    /// The status of a run: `{status, output, error}`.
    Run {
        /// Its id.
        id: &'a str,
    },
}

impl<'a> Ask<'a> {
    /// The rows of this SQL, for a statement with its parameters and bounds.
    pub(crate) fn rows(sql: &'a str, of: &'a Statement) -> Self {
        Self::Rows { sql, params: &of.params, bytes: of.limits.bytes() }
    }

    /// The kind of what is asked.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Rows { .. } => Kind::D1,
            Self::Objects { .. } => Kind::R2,
            Self::Start { .. } | Self::Run { .. } => Kind::Workflow,
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rows { .. } => "rows",
            Self::Objects { .. } => "objects",
            Self::Start { .. } => "start",
            Self::Run { .. } => "run",
        }
    }

    /// How long the answer may take.
    pub const fn deadline(self) -> Duration {
        match self {
            Self::Rows { .. } => OF_DATABASES,
            _ => OF_OTHERS,
        }
    }

    /// Its values.
    pub fn values(self) -> Value {
        match self {
            Self::Rows { sql, params, bytes } => {
                json!({ "sql": sql, "params": params, "bytes": bytes })
            }
            Self::Objects { prefix, delimiter, limit, cursor } => {
                json!({ "prefix": prefix, "delimiter": delimiter, "limit": limit, "cursor": cursor })
            }
            Self::Start { id, params } => json!({ "id": id, "params": params }),
            Self::Run { id } => json!({ "id": id }),
        }
    }
}
