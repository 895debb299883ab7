//! The handle of a running stand-in for SiteBay.

use std::io;

use crate::engine::fault::Fault;
use crate::engine::record::Recorded;
use crate::engine::server::Server;
use crate::sitebay::SiteBay;
use crate::sitebay::data::World;
use crate::sitebay::options::Options;

/// A running stand-in for the API. Dropping it stops the server and closes its connections.
#[derive(Debug)]
pub struct Sandbox {
    server: Server<SiteBay>,
}

impl Sandbox {
    /// Binds a loopback port and serves on a task of the current runtime.
    ///
    /// # Errors
    ///
    /// When the port cannot be bound.
    pub async fn start(options: Options) -> io::Result<Self> {
        let port = options.port;
        let world = World::new(&options);
        let server = Server::start(port, SiteBay { options, world }).await?;
        Ok(Self { server })
    }

    /// The origin to send requests to, without a trailing slash.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The API requests received, oldest first; requests to the control routes are left out.
    pub fn requests(&self) -> Vec<Recorded> {
        self.server.requests()
    }

    /// Adds a fault behind those already given.
    pub fn inject(&self, fault: Fault) {
        self.server.inject(fault);
    }

    /// Brings all work under way to its end: sites are idle, restores done, domains verified.
    pub fn finish(&self) {
        self.server.lock().service.world.finish();
    }

    /// Forgets requests and faults and restores the initial data and generation.
    pub fn reset(&self) {
        self.server.reset();
    }
}
