//! The errors of a `requestState`, and its maximum length.
//!
//! Source: MCP 2026-07-28 `basic/patterns/mrtr` "Server Requirements".

use thiserror::Error;

/// Characters that a state may have: clients carry it in every round.
pub const MAX_STATE: usize = 64 * 1024;

/// The state was not made by this server for this request, or is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "requestState is not valid for this request, or has expired: send the request again without \
     `requestState` and `inputResponses`"
)]
pub struct RequestStateError;

/// The answers are larger than [`MAX_STATE`] holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the answers so far are too large to carry on: at most {MAX_STATE} characters in all")]
pub struct StateTooLarge;
