//! A database of D1: SQLite in memory, with D1's limits.
//!
//! Known: the limits. Inferred: all statements of one request are one transaction; a table `_cf_KV`
//! is listed in `sqlite_master`, as D1's databases have it. Not played: the limit of 10 GB, replicas.

use std::time::{Duration, Instant};

use rusqlite::limits::Limit;
use rusqlite::{Connection, MAIN_DB};

use crate::cloudflare::sql::authorizer::Guard;
use crate::cloudflare::sql::failure::SqlFailure;
use crate::cloudflare::sql::run::{self, Room};

/// The longest text of statements.
const TEXT: usize = 100_000;
/// How many instructions of SQLite pass between two looks at the time.
const STEPS: i32 = 1000;

/// A database.
#[derive(Debug)]
pub(crate) struct Store {
    pub(super) connection: Connection,
    pub(super) guard: Guard,
}

/// A text of one or more statements, with the values of the last one's parameters.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    /// The text.
    pub(crate) text: String,
    /// The values, in their order.
    pub(crate) params: Vec<serde_json::Value>,
}

/// What a statement gave.
#[derive(Debug, Clone)]
pub(crate) struct Ran {
    /// The names of the columns.
    pub(crate) columns: Vec<String>,
    /// The rows, as JSON has them.
    pub(crate) rows: Vec<Vec<serde_json::Value>>,
    /// The rows that it changed.
    pub(crate) changes: u64,
    /// The row inserted last.
    pub(crate) last_row_id: i64,
    /// Whether the database is another than before.
    pub(crate) changed_db: bool,
    /// The size of the database afterwards, in bytes.
    pub(crate) size_after: u64,
    /// About how many rows were read.
    pub(crate) rows_read: u64,
    /// How long it took, in milliseconds.
    pub(crate) millis: f64,
}

impl Store {
    /// An empty database.
    pub(crate) fn open() -> Result<Self, rusqlite::Error> {
        let mut connection = Connection::open_in_memory()?;
        for (limit, most) in [
            (Limit::SQLITE_LIMIT_LENGTH, 2_000_000),
            (Limit::SQLITE_LIMIT_SQL_LENGTH, 100_000),
            (Limit::SQLITE_LIMIT_COLUMN, 100),
            (Limit::SQLITE_LIMIT_EXPR_DEPTH, 100),
            (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 5),
            (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50),
            (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 100),
        ] {
            connection.set_limit(limit, most)?;
        }
        connection.execute_batch(
            "CREATE TABLE _cf_KV (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID",
        )?;
        let guard = Guard::default();
        let authorizer = guard.clone();
        connection.authorizer(Some(move |context: rusqlite::hooks::AuthContext<'_>| {
            authorizer.authorize(context)
        }))?;
        Ok(Self { connection, guard })
    }

    /// Runs statements, all or none of them; with `reads_only` a statement that writes is refused.
    pub(crate) fn run(
        &mut self,
        statements: &[Statement],
        reads_only: bool,
        time: Duration,
    ) -> Result<Vec<Ran>, SqlFailure> {
        Ok(self.run_each(statements, reads_only, time)?.into_iter().flatten().collect())
    }

    /// The same, with the outcomes of each text apart.
    pub(crate) fn run_each(
        &mut self,
        statements: &[Statement],
        reads_only: bool,
        time: Duration,
    ) -> Result<Vec<Vec<Ran>>, SqlFailure> {
        if let Some(fault) = statements.iter().find_map(|statement| fault(&statement.text)) {
            return Err(fault);
        }
        let begun = Instant::now();
        let is_over = move || begun.elapsed() > time;
        self.connection.progress_handler(STEPS, Some(is_over))?;
        let room = Room { reads_only, begun, time };
        let outcome = self.transaction(|| run::all(self, statements, &room));
        self.connection.progress_handler(0, None::<fn() -> bool>)?;
        outcome
    }

    /// Does something in a transaction, which is undone when it fails.
    fn transaction<T>(
        &self,
        work: impl FnOnce() -> Result<T, SqlFailure>,
    ) -> Result<T, SqlFailure> {
        self.inside(|connection| connection.execute_batch("BEGIN"))?;
        let done = work().and_then(|value| {
            self.inside(|connection| connection.execute_batch("COMMIT"))?;
            Ok(value)
        });
        if done.is_err() {
            // SQLite may have left the transaction by itself already.
            let _ = self.inside(|connection| connection.execute_batch("ROLLBACK"));
        }
        done
    }

    /// Does something of the stand-in's own, which D1's refusals do not bind.
    pub(super) fn inside<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
    ) -> Result<T, rusqlite::Error> {
        self.guard.set_inside(true);
        let done = work(&self.connection);
        self.guard.set_inside(false);
        done
    }

    /// The size in bytes and the version of the schema.
    pub(super) fn measures(&self) -> Result<(u64, i64), rusqlite::Error> {
        self.inside(|connection| {
            let pages: u32 = connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
            let bytes: u32 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
            let schema = connection.query_row("PRAGMA schema_version", [], |row| row.get(0))?;
            Ok((u64::from(pages).saturating_mul(u64::from(bytes)), schema))
        })
    }

    /// The size in bytes, and how many tables there are beside D1's own.
    pub(crate) fn size(&self) -> (u64, u64) {
        let tables = self.inside(|connection| {
            let sql = "SELECT count(*) FROM sqlite_master WHERE type = 'table' \
                       AND name NOT GLOB '_cf_*' AND name NOT GLOB 'sqlite_*'";
            connection.query_row(sql, [], |row| row.get::<_, u32>(0))
        });
        let size = self.measures().map_or(0, |(size, _)| size);
        (size, tables.map_or(0, u64::from))
    }

    /// The whole database as bytes.
    pub(crate) fn image(&mut self) -> Result<Vec<u8>, rusqlite::Error> {
        self.guard.set_inside(true);
        let image = self.connection.serialize(MAIN_DB).map(|data| data.to_vec());
        self.guard.set_inside(false);
        image
    }

    /// Puts the bytes of an image back.
    pub(crate) fn restore(&mut self, image: &[u8]) -> Result<(), rusqlite::Error> {
        self.guard.set_inside(true);
        let done = self.connection.deserialize_read_exact(MAIN_DB, image, image.len(), false);
        self.guard.set_inside(false);
        done
    }
}

/// What is wrong with a text before SQLite reads it.
fn fault(text: &str) -> Option<SqlFailure> {
    if text.len() > TEXT {
        return Some(SqlFailure::statement("statement too long: SQLITE_TOOBIG"));
    }
    let refused = "The SQL contains a NUL character: SQLITE_ERROR";
    text.contains('\0').then(|| SqlFailure::statement(refused))
}
