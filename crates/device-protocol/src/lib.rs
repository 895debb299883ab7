//! The protocol between a device on which MCP servers run and its Durable Object: pure Rust for both sides.
//!
//! One WebSocket, which the device opens, carries everything. From the socket upwards:
//!
//! | layer | module | keeps |
//! |---|---|---|
//! | bytes of a WebSocket message | [`frame`], [`bundle`] | what it is, how long it is |
//! | numbered frames of a link | [`link`] | nothing lost and nothing twice, also over another socket |
//! | chunks of a message | [`outbox`], [`assembler`], [`compression`] | priorities, sizes |
//! | bytes on their way in a channel | [`credit`] | a slow reader slows down its own sender only |
//! | messages | [`message`], [`channel`], [`exchange`], [`command`], [`desired`], [`server_state`] | what is said |
//!
//! Who a device is: [`enrolment`], [`identity`], [`hello`], [`proof`]; and what may therefore come from it: [`stage`]. When it comes back: [`close_code`], [`reconnect`].
//! That a command takes effect once: [`ledger`]. What went wrong with a call, and where: [`fault`].
//!
//! Nothing here reads a clock, makes a random number or does I/O: the caller says what time it is, in milliseconds. Nothing here
//! panics, whatever the other side sends.

pub mod assembler;
pub mod bundle;
pub mod channel;
pub mod close_code;
pub mod command;
pub mod compression;
pub mod credit;
pub mod desired;
pub mod enrolment;
pub mod exchange;
pub mod fault;
pub mod frame;
pub mod hello;
pub mod identity;
pub mod ledger;
pub mod limits;
pub mod link;
pub mod message;
pub mod outbox;
pub mod proof;
pub mod reconnect;
pub mod server_state;
pub mod stage;

mod crockford;
mod signed;

#[cfg(test)]
mod link_tests;
#[cfg(test)]
mod outbox_tests;
#[cfg(test)]
mod testing;
