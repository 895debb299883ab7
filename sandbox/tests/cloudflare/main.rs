//! The stand-in for Cloudflare over loopback HTTP: what it promises, as a client sees it.

mod alerts;
mod analytics;
mod buckets;
mod client;
mod control;
mod d1;
mod deployments;
mod domains;
mod faults;
mod graphql;
mod instances;
mod limits;
mod namespaces;
mod objects;
mod program;
mod queues;
mod robustness;
mod secrets;
mod sql;
mod tokens;
mod uploads;
mod workers;
