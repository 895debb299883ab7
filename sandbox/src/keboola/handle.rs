//! The handle of a running stand-in for Keboola.

use std::io;
use std::time::Duration;

use crate::engine::fault::Fault;
use crate::engine::record::Recorded;
use crate::engine::server::Server;
use crate::keboola::data::{JobPlan, SqlRule, World};
use crate::keboola::options::Options;
use crate::keboola::place::DOMAIN;
use crate::keboola::play::Play;

/// A running stand-in for Keboola. Dropping it stops the server and closes its connections.
#[derive(Debug)]
pub struct Keboola {
    server: Server<Play>,
}

impl Keboola {
    /// Binds a loopback port and serves on a task of the current runtime.
    ///
    /// # Errors
    ///
    /// When the port cannot be bound.
    pub async fn start(options: Options) -> io::Result<Self> {
        let world = World::new(&options);
        let server = Server::start(options.port, Play { world }).await?;
        Ok(Self { server })
    }

    /// The origin, without a trailing slash.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The address of a service of a stack by path, such as `http://127.0.0.1:4000/us/queue`.
    pub fn service_url(&self, stack: &str, service: &str) -> String {
        format!("{}/{stack}/{service}", self.url())
    }

    /// The host name of a service of a stack, for a `Host` header sent to [`url`](Self::url).
    pub fn host(stack: &str, service: &str) -> String {
        format!("{service}.{stack}.{DOMAIN}")
    }

    /// The requests received, oldest first, with all headers as they came. Requests to the
    /// control routes are left out.
    pub fn requests(&self) -> Vec<Recorded> {
        self.server.requests()
    }

    /// Adds a fault behind those already given.
    pub fn inject(&self, fault: Fault) {
        self.server.inject(fault);
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.server.lock().service.world.clock.advance(by);
    }

    /// Says how the next queue jobs go. Of several plans that fit, the last counts.
    pub fn plan_job(&self, plan: JobPlan) {
        self.server.lock().service.world.plans.push(plan);
    }

    /// Says what a statement gives. Of several rules that fit, the last counts.
    pub fn answer_sql(&self, rule: SqlRule) {
        self.server.lock().service.world.rules.push(rule);
    }

    /// Ends all work under way: jobs of the queue, of Storage and of the query service.
    pub fn finish(&self) {
        self.server.lock().service.world.finish();
    }

    /// Disables a project, or enables it again.
    pub fn disable_project(&self, id: u64, disabled: bool) {
        if let Ok(project) = self.server.lock().service.world.project_mut(id) {
            project.is_disabled = disabled;
        }
    }

    /// Forgets requests, faults, plans and rules, and restores the initial data and clock.
    pub fn reset(&self) {
        self.server.reset();
    }
}
