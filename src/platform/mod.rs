//! The Workers runtime as the core sees it: timers, outbound HTTP, the clock, what an isolate keeps.
//!
//! Invariant: only values are kept between requests, never futures, channels or locks: a request
//! that waits for another's wake-up is killed at once.

pub mod binding;
pub mod cipher;
pub mod clock;
pub mod console;
pub mod departure;
pub mod host_name;
pub mod http;
pub mod object;
pub mod random;
pub mod request;
pub mod signature;
pub mod sleep;
pub mod workers;

pub mod object_stub;
pub mod socket;
