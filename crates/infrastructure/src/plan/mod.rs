//! Plans: what an apply or a destroy of a stage would do, from what is there.
//!
//! [`make`] compares three things: the [`Stage`](crate::manifest::Stage) as the manifest has it, the records of
//! what this server made ([`StageState`](crate::state::StageState)), and the account as an [`Observer`] sees it now.
//!
//! Invariants:
//! - Planning only reads, and the same input gives the same plan with the same [`Plan::id`].
//! - Only what is recorded is deleted, by its recorded id. A resource that merely has the right name is left alone, or
//!   adopted where the caller asked for it.
//! - What would lose data as a side effect (replacing, emptying, forcing) is an [`Obstacle`], and a plan with one cannot be
//!   applied.

mod action;
mod deploy;
mod destroy;
mod digest;
mod make;
mod observed;
#[cfg(test)]
mod tests;
mod text;

pub(crate) use deploy::changes;

pub use action::{Action, Change, Drift, Obstacle, Verb};
pub use digest::{PlanId, PlanIdError};
pub use make::{Intent, Plan, make};
pub use observed::{Account, Contents, Mark, Observed, Observer, Unseen, Wanted, observe};
