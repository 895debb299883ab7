//! What every stand-in is made of: a port and its connections, requests and replies, the record
//! of requests, faults, a clock that tests can move, and the control routes.
//!
//! A stand-in implements [`Service`](service::Service) and owns a [`Server`](server::Server). The engine knows
//! nothing of any API: error shapes and paths are the service's.

pub(crate) mod answer;
pub(crate) mod call;
pub(crate) mod clock;
pub(crate) mod control;
pub(crate) mod fault;
pub(crate) mod json;
pub(crate) mod paging;
pub(crate) mod path;
pub(crate) mod record;
pub(crate) mod reply;
pub(crate) mod route;
pub(crate) mod server;
pub(crate) mod service;
