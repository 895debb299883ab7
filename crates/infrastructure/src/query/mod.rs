//! Queries that read a D1 database and cannot change it.
//!
//! Nothing here parses SQL. The text of a caller is put in the place of a subquery, where the grammar of SQLite has
//! a SELECT, VALUES or tables and nothing that writes, so that the engine itself refuses everything else ([`Statement`]). What is left to refuse
//! beforehand is what would end the subquery or hide in it: `;`, NUL and the tables `pragma_…`, of which `pragma_optimize` writes.
//!
//! Invariant: a [`Statement`] changes nothing and returns at most one row more than was asked for. After an answer came,
//! [`Answer::read`] refuses one that claims a change.

mod answer;
mod limits;
mod statement;
#[cfg(test)]
pub(crate) mod statement_tests;

pub use answer::{Answer, AnswerError, Column, ColumnType, Meta, only_reads};
pub use limits::{LimitError, Limits};
pub use statement::{QueryError, Statement};
