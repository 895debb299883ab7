//! What operators learn of what happened.

pub mod audit;
pub mod level;
pub mod line;
pub mod metrics;
pub mod names;
pub mod record;
pub mod trace;
