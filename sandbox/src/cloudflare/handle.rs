//! The handle of a running stand-in for Cloudflare.

use std::io;
use std::time::Duration;

use crate::cloudflare::control;
use crate::cloudflare::data::{ACCOUNT, DataPoint, Number, WorkflowPlan, World};
use crate::cloudflare::dispatch::BASE;
use crate::cloudflare::options::Options;
use crate::cloudflare::play::Play;
use crate::engine::fault::Fault;
use crate::engine::record::Recorded;
use crate::engine::server::Server;

/// A running stand-in for Cloudflare. Dropping it stops the server and closes its connections.
#[derive(Debug)]
pub struct Cloudflare {
    server: Server<Play>,
}

impl Cloudflare {
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

    /// Where the API begins, which is what `CLOUDFLARE_API_URL` is for, without a trailing slash.
    pub fn api_url(&self) -> String {
        format!("{}{}", self.url(), BASE.trim_end_matches('/'))
    }

    /// The requests received, oldest first, with all headers as they came. Requests to the
    /// control routes are left out.
    pub fn requests(&self) -> Vec<Recorded> {
        self.server.requests()
    }

    /// Adds a fault behind those already given. Its path may leave out the API's base, and the
    /// account or the zone as well: `/d1/database` is the list of databases of any account.
    pub fn inject(&self, fault: Fault) {
        self.server.inject(fault);
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.server.lock().service.world.clock.advance(by);
    }

    /// Says how the next workflow instances go. Of several plans that fit, the last counts.
    pub fn plan_workflow(&self, plan: WorkflowPlan) {
        self.server.lock().service.world.plans.push(plan);
    }

    /// Writes points of a dataset of Analytics Engine.
    ///
    /// # Errors
    ///
    /// When SQLite refuses them, with its text.
    pub fn write_points(&self, dataset: &str, points: &[DataPoint]) -> Result<(), String> {
        control::write_points(&mut self.server.lock().service.world, dataset, points)
    }

    /// Adds rows to the numbers that GraphQL gives.
    pub fn add_numbers(&self, numbers: Vec<Number>) {
        if let Ok(account) = self.server.lock().service.world.account_mut(ACCOUNT) {
            account.numbers.extend(numbers);
        }
    }

    /// Runs statements on a database, by its name, without a request.
    ///
    /// # Errors
    ///
    /// When there is no such database, or a statement fails, with a text.
    pub fn execute(&self, database: &str, sql: &str) -> Result<(), String> {
        control::execute(&mut self.server.lock().service.world, database, sql)
    }

    /// A database as a text of statements, by its name. Two that are the same text have the same
    /// schema and rows.
    ///
    /// # Errors
    ///
    /// When there is no such database, with a text.
    pub fn dump(&self, database: &str) -> Result<String, String> {
        control::dump(&self.server.lock().service.world, database)
    }

    /// Forgets requests, faults, plans and limits, and restores the initial data and clock.
    pub fn reset(&self) {
        self.server.reset();
    }
}
