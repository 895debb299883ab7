//! What a Worker has bound, over the forms of HTTP that plain `workerd` speaks to its bindings: the services
//! of a `.capnp` configuration.
//!
//! | binding | what is played |
//! |---|---|
//! | KV | get, list, put, delete and the get of many, with metadata, expiration and the limits |
//! | D1 | prepared statements, batches, `exec` and sessions on real SQLite with D1's own refusals |
//! | R2 | head, get with ranges and conditions, put with checksums, list, delete |
//! | Analytics Engine | data points, which tests read one by one or with SQL |
//! | assets | files of a folder, with `html_handling = "auto-trailing-slash"` |
//!
//! Not played, and refused with an error that says so: multipart uploads and keys of a customer at R2; KV's
//! delete of many, which is RPC. Not played at all: KV being eventually consistent, replicas of D1, sampling
//! of data points, the files `_headers` and `_redirects` of assets, and every limit of an account.
//!
//! Each binding is an `external` server of the configuration at the address of this stand-in. It injects the
//! header [`HEADER`], whose value is of [`Kind::designation`]: what a binding is, and the name of what is bound.
//! What is named there exists from the first request on, and is empty then.
//!
//! The forms were read from `workerd` itself and compared with what it sends. Each file says what is
//! known of its answers, and what is inferred because no source has it.

mod analytics;
mod assets;
mod control;
mod d1;
mod handle;
mod kind;
mod kv;
mod options;
mod play;
mod r2;
mod world;

pub use analytics::Point;
pub use handle::Bindings;
pub use kind::{HEADER, Kind};
pub use options::Options;
