//! What operators learn of what happened.

pub mod audit;
