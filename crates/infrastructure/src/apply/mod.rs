//! Carries a plan out, step by step, so that it can end at any moment and go on later.
//!
//! Before a step is sent its intent is recorded, with the deterministic name of the resource; after its answer the
//! outcome. A step that begins with the intent of an earlier life is looked up first:
//!
//! | step | what is looked up | then |
//! |---|---|---|
//! | create | resources of the name that are not older than the intent | one: it is recorded. None: it is made. Several: the step fails |
//! | update | the settings | as they shall be: done. Else they are sent |
//! | delete | the id | gone: done. Else it is deleted |
//!
//! What is changed or deleted is looked at in every life: it may have been made anew or renamed since the plan. So is the name of what a
//! request would take over ([`Kind::is_put`](crate::manifest::Kind::is_put)).
//!
//! Invariants: no step is sent whose intent is not recorded; nothing is undone; a step that fails blocks what needs it
//! and nothing else.

mod executor;
mod run;
#[cfg(test)]
mod tests;

pub use executor::{Executor, Failure, FailureKind, Halt, Journal, Made};
pub use run::{Ended, Report, run};
