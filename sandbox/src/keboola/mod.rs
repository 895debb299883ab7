//! The stand-in for Keboola: Storage with OAuth (`connection`), Queue, Query, AI, Encryption,
//! Scheduler, Sync actions, Data science and Metastore, on two stacks, `us` and `eu`.
//!
//! A service is reached by path, `http://127.0.0.1:PORT/us/queue/jobs`, or by the header
//! `Host: queue.us.keboola.test` (or `….keboola-testing.com`). The index, `GET /v2/storage`, lists the addresses in the form
//! that the client used; as with the real one, `connection` itself is not among them.
//!
//! | project | stack | backend | apart |
//! |---|---|---|---|
//! | 101, 201 | us, eu | Snowflake | global search; 101: `owner.id` is a text, a bucket with 500 tables, semantic objects |
//! | 102, 202 | us, eu | BigQuery | a bucket that is a link to `in.c-main` of 101 or 201 |
//! | 103, 203 | us, eu | Snowflake | `hide-conditional-flows`, no configuration of `keboola.flow` |
//!
//! The default branch of project 101 is 1011, its development branch 1012, and so on. [`token`]
//! has the tokens. Work takes time by a clock that [`Keboola::advance`] moves.
//!
//! What is known of the API is played as it is known. Chosen where nothing is known:
//!
//! - A development branch sees the buckets and configurations of the default branch. The first
//!   write to a configuration copies it into the branch; buckets are not copied, so metadata that
//!   is written in a branch is seen in all of them.
//! - Empty objects come as lists in configurations of before (`vars-1` of `keboola.variables`),
//!   in `columnMetadata`, and in jobs; configurations made here keep theirs as objects.
//! - `versionConflict` is never answered by itself; a fault can answer it.
//! - The login and the choice of a project at `oauth/authorize` are skipped: the parameter
//!   `project` says which, else it is the first of the stack. `oauth/clients/validate` is asked with
//!   `client_id` and `redirect_uri`, in JSON or as a form.
//! - Data and statements: `SELECT [*|COUNT(*)] FROM table [LIMIT n]` reads the tables there are;
//!   any other statement needs an [`SqlRule`].
//! - Not played: files, imports, the programmatic tokens `kbc_…`, `manage`, protected branches.

mod access;
mod ask;
mod body;
mod control;
mod data;
mod dispatch;
mod handle;
mod options;
mod params;
mod place;
mod play;
mod problem;
mod route;
mod services;
mod storage;
mod time;

pub use data::{JobEnd, JobPlan, SqlRule};
pub use handle::Keboola;
pub use options::Options;

/// The id of the OAuth client that Connection knows.
pub const CLIENT_ID: &str = data::CLIENT_ID;
/// Its secret.
pub const CLIENT_SECRET: &str = data::CLIENT_SECRET;

/// The Storage token of a project by its name: `master`, `share`, `readonly` and `guest` are of
/// administrators with such roles, `roleless` of one without; `limited` reads `in.c-main`, writes
/// `out.c-results` and may use `keboola.ex-http`; `expired` and `disabled` are refused.
pub fn token(project: u64, name: &str) -> String {
    data::token_text(project, name)
}
