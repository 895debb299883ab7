//! Alarms: the shares of refused and failed requests, and a signed webhook once for each incident.
//!
//! | module | content |
//! |---|---|
//! | [`rule`] | what is watched, and from which share on it is an incident |
//! | [`reading`] | the query of the data points, and its answer |
//! | [`incident`] | which incidents begin and end: kept between two looks |
//! | [`webhook`] | the message and its signature |
//! | [`watch`] | one look: asks, compares, posts |
//!
//! Invariant: an incident is posted when it begins and when it is over. A message that may not have arrived is posted
//! again under the same id, so that its receiver can drop the second.

pub mod incident;
pub mod reading;
pub mod rule;
pub mod watch;
pub mod webhook;
