//! The clock. It stands still while the Worker computes, and moves with I/O.

use mcp_platform::Platform as _;

use crate::platform::workers::WorkersPlatform;

/// The time, in seconds since 1970.
pub fn now_s() -> u64 {
    WorkersPlatform.now_ms() / 1_000
}

/// The time, in milliseconds since 1970.
pub fn now_ms() -> u64 {
    WorkersPlatform.now_ms()
}
