//! Test support: servers, a typed client, events, processes of other languages.

pub mod backend;
pub mod browser;
pub mod client;
pub mod deaf;
pub mod events;
pub mod fuzzer;
pub mod gateway;
pub mod issuer;
pub mod issuing;
pub mod keboola;
pub mod keboola_native;
pub mod keboola_server;
pub mod keyed;
pub mod lines;
pub mod memory;
pub mod oauth;
pub mod operated;
pub mod pages;
pub mod passing;
pub mod process;
pub mod provider;
pub mod real_upstreams;
pub mod rmcp_server;
pub mod site;
pub mod spec;
pub mod stateless;
pub mod talk;
pub mod tour;
pub mod upstream;
pub mod wait;
pub mod wrangler;

pub use client::{Answer, Client};
use serde_json::{Value, json};
use xtask::{
    bundle::{self, Bundle, Flavour},
    faults::Faults,
    server::{Options, Server},
    setup::Panics,
};

/// The version on which clients and this server agree that find out by themselves.
pub const AUTO: &str = "2026-07-28";

/// The arguments of `sitebay_create_site` for a site in the sandbox's team.
pub fn new_site(fqdn: &str) -> Value {
    json!({
        "team_id": "00007ea0-0000-4000-8000-000000000001",
        "fqdn": fqdn,
        "wordpress_blog_name": "Blog",
        "wordpress_first_name": "A",
        "wordpress_last_name": "B",
        "wordpress_email": "a@example.com",
        "wordpress_username": "admin",
        "wordpress_password": "correct horse battery staple",
    })
}

/// The Worker with the fixture tools, built where it is not current.
pub fn fixtures() -> Bundle {
    static BUILT: std::sync::OnceLock<Bundle> = std::sync::OnceLock::new();
    BUILT.get_or_init(|| bundle::build(Flavour::Fixtures).expect("the Worker builds")).clone()
}

/// The Worker as it is deployed.
pub fn production() -> Bundle {
    static BUILT: std::sync::OnceLock<Bundle> = std::sync::OnceLock::new();
    BUILT.get_or_init(|| bundle::build(Flavour::Production).expect("the Worker builds")).clone()
}

/// Whether panics can be answered in this build.
pub fn unwinds() -> bool {
    fixtures().panics == Panics::Unwind
}

/// The default options of a test's server.
pub fn options() -> Options {
    Options::new(fixtures().folder)
}

/// The same for a server whose pauses of a second or more pass twenty times as fast.
pub fn hasty(options: Options) -> Options {
    Options { faults: Some(Faults { faults: Vec::new(), haste: 20 }), ..options }
}

/// A server of its own, with the fixture tools and a sandbox.
pub async fn server() -> Server {
    start(options()).await
}

/// A server with these options.
pub async fn start(options: Options) -> Server {
    Server::start(&options).await.expect("the server starts")
}
