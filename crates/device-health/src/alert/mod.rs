//! Alerts: from what is reported of a device to messages.
//!
//! | module | content |
//! |---|---|
//! | [`rule`] | what is alerted, what is said of it, and what to do |
//! | [`condition`] | which rules hold for one device |
//! | [`incident`] | the incidents of all devices of a tenant: holds, groups, repeats |
//! | [`silence`] | incidents that are not said, until a time |
//! | [`notice`] | the message: signed, or for a chat |
//! | [`delivery`] | messages that wait to arrive |

pub mod condition;
pub mod delivery;
pub mod incident;
pub mod notice;
pub mod rule;
pub mod silence;

/// The time in which incidents belong together.
pub const GROUP_MS: u64 = 120_000;
/// Devices of a group.
pub const LEAST_GROUP: usize = 10;
