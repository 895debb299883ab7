//! What D1 refuses of SQL that SQLite would carry out.
//!
//! Known, from `workerd` and runs of it: the pragmas, functions, virtual tables and statements named
//! here, transactions, and tables that begin with `_cf_`. Inferred: tables of SQLite's that D1 is
//! built without (`dbstat`, `sqlite_dbpage`, …) are refused here, where D1 does not know them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

/// Pragmas that D1 allows, of which all but the last eight only read.
const PRAGMAS: &[&str] = &[
    "table_list",
    "table_info",
    "table_xinfo",
    "index_list",
    "index_info",
    "index_xinfo",
    "foreign_key_list",
    "foreign_key_check",
    "quick_check",
    "data_version",
    "page_size",
    "case_sensitive_like",
    "foreign_keys",
    "defer_foreign_keys",
    "ignore_check_constraints",
    "legacy_alter_table",
    "recursive_triggers",
    "reverse_unordered_selects",
    "optimize",
];

/// Functions that SQLite has and D1 refuses.
const FUNCTIONS: &[&str] = &[
    "load_extension",
    "sqlite_version",
    "sqlite_source_id",
    "sqlite_compileoption_get",
    "sqlite_compileoption_used",
    "sqlite_offset",
    "fts3_tokenizer",
    "fts5",
    "soundex",
];

/// Modules that tables may be made of.
const MODULES: &[&str] = &["fts5", "fts5vocab", "rtree", "rtree_i32"];

/// Tables that SQLite has without being asked and D1 does not.
const TABLES: &[&str] = &["dbstat", "sqlite_dbpage", "sqlite_stmt", "bytecode", "tables_used"];

/// What the authorizer of a database and its owner say to each other.
#[derive(Debug, Default, Clone)]
pub(super) struct Guard {
    is_inside: Arc<AtomicBool>,
    saw_transaction: Arc<AtomicBool>,
}

impl Guard {
    /// Whether the statements that follow are the stand-in's own, which may do everything.
    pub(super) fn set_inside(&self, is_inside: bool) {
        self.is_inside.store(is_inside, Ordering::Relaxed);
    }

    /// Whether a statement about transactions was refused since the last look.
    pub(super) fn take_transaction(&self) -> bool {
        self.saw_transaction.swap(false, Ordering::Relaxed)
    }

    /// The authorizer.
    pub(super) fn authorize(&self, context: AuthContext<'_>) -> Authorization {
        if self.is_inside.load(Ordering::Relaxed) {
            return Authorization::Allow;
        }
        if matches!(context.action, AuthAction::Transaction { .. } | AuthAction::Savepoint { .. }) {
            self.saw_transaction.store(true, Ordering::Relaxed);
            return Authorization::Deny;
        }
        if is_allowed(&context.action) { Authorization::Allow } else { Authorization::Deny }
    }
}

fn is_allowed(action: &AuthAction<'_>) -> bool {
    use AuthAction as A;
    match *action {
        A::Attach { .. }
        | A::Detach { .. }
        | A::CreateTempIndex { .. }
        | A::CreateTempTable { .. }
        | A::CreateTempTrigger { .. }
        | A::CreateTempView { .. }
        | A::Unknown { .. } => false,
        A::Pragma { pragma_name, .. } => {
            PRAGMAS.iter().any(|known| known.eq_ignore_ascii_case(pragma_name))
        }
        A::Function { function_name } => {
            !FUNCTIONS.iter().any(|refused| refused.eq_ignore_ascii_case(function_name))
        }
        A::CreateVtable { module_name, table_name } | A::DropVtable { module_name, table_name } => {
            MODULES.iter().any(|known| known.eq_ignore_ascii_case(module_name))
                && !is_internal(table_name)
        }
        A::Read { table_name, .. } => {
            !is_internal(table_name)
                && !TABLES.iter().any(|refused| refused.eq_ignore_ascii_case(table_name))
        }
        A::Insert { table_name }
        | A::Delete { table_name }
        | A::Update { table_name, .. }
        | A::CreateTable { table_name }
        | A::DropTable { table_name }
        | A::AlterTable { table_name, .. }
        | A::CreateIndex { table_name, .. }
        | A::DropIndex { table_name, .. }
        | A::CreateTrigger { table_name, .. }
        | A::DropTrigger { table_name, .. } => !is_internal(table_name),
        _ => true,
    }
}

/// Whether a table is D1's own.
pub(super) fn is_internal(table: &str) -> bool {
    table.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("_cf_"))
}
