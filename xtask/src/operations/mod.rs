//! Operating deployed Workers: what the verbs `deploy`, `release`, `rollback`, `checklist` and `alerts` do.
//!
//! | module | content |
//! |---|---|
//! | [`stage`] | an environment of `wrangler.toml`, and the name of its Worker |
//! | [`api`] | requests to Cloudflare's REST API |
//! | [`worker`] | a Worker as it is deployed: its versions, deployments, bindings |
//! | [`secrets`] | the file of secrets of an upload |
//! | [`upload`] | the upload itself, by `wrangler` |
//! | [`gate`] | whether a version fails more than the one before |
//! | [`invocations`] | the same of what the runtime ends |
//! | [`served`] | what a Worker answers at its address |
//! | [`checklist`] | whether a stage is as it should be |
//! | [`alerts`] | notifications of Cloudflare |
//! | [`outputs`] | what a verb says to the steps after it |
//!
//! Invariant: the stage is named, and its Worker's name compared, before anything is sent; a deployment is never
//! forced. The client of the crate `infrastructure` is not used, because a change there needs a tool call's `Begun`.

pub mod alerts;
pub mod api;
pub mod checklist;
pub mod gate;
pub mod invocations;
pub mod outputs;
pub mod secrets;
pub mod served;
pub mod stage;
pub mod upload;
pub mod worker;
