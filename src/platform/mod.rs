//! The Workers runtime as the rest of the server sees it: HTTP, timers, the clock, sockets, stores, ciphers, the log.

pub mod bound;
pub mod cipher;
pub mod clock;
pub mod console;
pub mod dataset;
pub mod disconnect;
pub mod host_name;
pub mod http;
pub mod object;
pub mod random;
pub mod request;
pub mod signature;
pub mod sleep;
pub mod stores;
pub mod stream_fetch;
pub mod version;
pub mod workers;

pub mod object_stub;
pub mod socket;
