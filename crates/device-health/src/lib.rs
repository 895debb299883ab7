//! The health of devices: metrics, uptime and alerts. The agent measures with it, the Worker's objects store, evaluate and alert. Nothing here
//! reads a clock or a network.
//!
//! | module | content |
//! |---|---|
//! | [`histogram`], [`bucket`] | what was measured in a time |
//! | [`recorder`] | on the device: a bucket a minute |
//! | [`rows`] | in the device's object: quarters of an hour, hours and days |
//! | [`uptime`] | from the intervals of a server's states |
//! | `alert` | rules, incidents, messages; with the feature `alerts`, which an agent has no use for |

#![cfg_attr(
    test,
    allow(clippy::arithmetic_side_effects, reason = "the numbers of a test are small")
)]

#[cfg(feature = "alerts")]
pub mod alert;
pub mod bucket;
pub mod histogram;
pub mod recorder;
pub mod rows;
pub mod uptime;
