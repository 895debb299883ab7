//! The stand-in for Cloudflare's REST API, as far as operating Workers and what they are bound to
//! needs it. It is reached at `http://127.0.0.1:PORT/client/v4`.
//!
//! | product | what is played |
//! |---|---|
//! | Workers | list, versions and their upload, deployments by percentage, secrets, settings, `workers.dev`, crons, references, tails, domains, routes, deletion |
//! | D1 | databases, statements on real SQLite with D1's own refusals, bookmarks and restores |
//! | R2, KV, Queues | buckets and objects, namespaces and values, queues, consumers and backlog |
//! | Workflows | workflows and instances, which move with the clock |
//! | Durable Objects | namespaces and ids; not what objects do |
//! | numbers | Analytics Engine's SQL, GraphQL |
//! | notifications | policies and webhooks; nothing is sent |
//! | tokens | verification, permission groups, the limit of 1,200 requests in five minutes |
//!
//! The account [`ACCOUNT`] has the zone [`ZONE`] (`example.com`) and the stages `staging` and
//! `production` of an app, each with a Worker, a database with the table `users`, a bucket with
//! `uploads/`, a namespace, a queue, a workflow of the class `OnboardingWorkflow` and objects of the
//! class `ChatDO`. A Worker `shop` calls production's.
//!
//! Each file says what is known of its part, and what is inferred because no source has it. Not
//! played: the newer `/analytics/sql` and custom alerts over it, queries of Workers Logs, changing the
//! settings of a version, `domains/records`, dispatch namespaces, limits by address, quotas of tokens.
//! No client of Cloudflare's has been run against it; shapes follow the published descriptions.

mod access;
mod api;
mod ask;
mod body;
mod control;
mod data;
mod dispatch;
mod handle;
mod ids;
mod limits;
mod options;
mod paging;
mod play;
mod problem;
mod route;
pub(crate) mod sql;

pub(crate) use ids::digest;

pub use data::{DataPoint, Number, WorkflowEnd, WorkflowPlan};
pub use handle::Cloudflare;
pub use options::Options;

/// The id of the account with the samples.
pub const ACCOUNT: &str = data::ACCOUNT;
/// The id of an account that only the token `other` is for.
pub const OTHER_ACCOUNT: &str = data::OTHER_ACCOUNT;
/// The id of the zone `example.com` of the account.
pub const ZONE: &str = data::ZONE;

/// The token of a name: `change` may do what a deploy and a destroy need, `read` what a status needs,
/// `query` only D1 Read, `objects` only R2, `workflow` only Workers Scripts Write, `analytics` only
/// Account Analytics Read; `ci` is a pipeline's, `all` may everything, `nothing` nothing; `account`
/// is like `read` and belongs to the account; `other` is for another account; `expired` and
/// `disabled` are refused.
pub fn token(name: &str) -> String {
    data::token_text(name)
}
