//! Test support for several crates.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

pub mod json;
pub mod skips;
pub mod stored;
