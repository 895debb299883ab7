//! One call of a tool: its checked arguments, the project, the branch, and how it ends.
//!
//! Invariant: nothing is sent to Keboola before the arguments were checked; nothing is changed in a
//! branch in which the caller may not.

mod arguments;
mod branch;
mod budget;
mod ending;
mod records;
mod side_by_side;
mod state;

pub(crate) use arguments::{Call, POSSIBLE};
pub(crate) use branch::Branch;
pub(crate) use budget::{Budget, Incomplete, Within, within};
#[cfg(test)]
pub(crate) use budget::{MAX_ANSWER, MAX_BYTES, MAX_REQUESTS};
pub(crate) use ending::{Outcome, ShortCircuit, failed, sentence};
pub(crate) use records::{id_of, items, shown};
pub(crate) use side_by_side::{all, all_large};
pub(crate) use state::State;
