//! The real Worker in workerd, over HTTP, with real clients.

#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test fails by panicking, and nothing uses a test binary"
)]

mod support;

mod access;
mod admin;
mod admin_upstreams;
mod asking;
mod backend;
mod backend_bodies;
mod backend_card;
mod backend_door;
mod backend_fastmcp;

mod batches;
mod bindings;
mod bodies;
mod browser;
mod calls;
mod client_v2;
mod clock;
mod conversation;
mod deaf;
mod discovery;
mod documents;
mod ending;
mod endurance;
mod every_tool;
mod floods;
mod gateway;
mod gateway_answers;
mod gateway_bytes;
mod gateway_common;
mod gateway_connect;
mod gateway_connect_oauth;
mod gateway_connect_page;
mod gateway_doors_oauth;
mod gateway_faults;
mod gateway_forward;
mod gateway_lies;
mod gateway_listen;
mod gateway_parked;
mod gateway_pins;
mod gateway_real;
mod gateway_task_ids;
mod gateway_tasks;
mod gateway_toolsets;
mod guide;
mod in_flight;
mod infrastructure_bindings;
mod infrastructure_conversation;
mod infrastructure_isolation;
mod infrastructure_production;
mod infrastructure_shapes;
mod infrastructure_stage;
mod infrastructure_tools;
mod initialize;
mod inspector;
mod invented_tokens;
mod jwt;
mod keboola_asked;
mod keboola_cancel;
mod keboola_clients;
mod keboola_connect;
mod keboola_conversation;
mod keboola_native;
mod keboola_own;
mod keboola_real;
mod keboola_refused;
mod keboola_sign_in;
mod keboola_tools;
mod large;
mod layers;
mod leaving;
mod limits;
mod many_sites;
mod mcp_remote;
mod news;
mod oauth;
mod oauth_absent;
mod oauth_account;
mod oauth_attacks;
mod oauth_clients;
mod oauth_floods;
mod oauth_resources;
mod oauth_upstream;
mod oauth_wire;
mod oauth_wrangler;
mod observability;
mod origins;
mod panics;
mod python;
mod references;
mod resuming;
mod rust_sdk;
mod scheduled;
mod scopes;
mod sdk_v1;
mod serving;
mod sessions;
mod settings;
mod shown;
mod sitebay;
mod smuggling;
mod sse;
mod stateless;
mod storage;
mod stored;
mod streams;
mod suite;
mod task_faults;
mod task_questions;
mod tasks;
mod toolsets;
mod upgrading;
mod upstream_client;
mod upstream_script;
mod upstream_servers;
mod vocabulary;
mod watching;
mod wire;
