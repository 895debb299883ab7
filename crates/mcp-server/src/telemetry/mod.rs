//! What operators learn of what happened.

pub mod audit;
pub mod known_names;
pub mod level;
pub mod log_line;
pub mod metrics;
pub mod record;
pub mod trace;
