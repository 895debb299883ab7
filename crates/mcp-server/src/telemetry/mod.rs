//! Telemetry: log lines, data points, counters and the audit.

pub mod audit;
pub mod known_names;
pub mod level;
pub mod log_line;
pub mod metrics;
pub mod record;
pub mod trace;
