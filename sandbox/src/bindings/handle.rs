//! The handle of a running stand-in for bindings.

use std::io;
use std::time::Duration;

use serde_json::Value;

use crate::bindings::analytics::Point;
use crate::bindings::kv::Entry;
use crate::bindings::options::Options;
use crate::bindings::play::Play;
use crate::bindings::r2;
use crate::bindings::world::World;
use crate::engine::fault::Fault;
use crate::engine::record::Recorded;
use crate::engine::server::Server;

/// A running stand-in for bindings. Dropping it stops the server and closes its connections.
#[derive(Debug)]
pub struct Bindings {
    server: Server<Play>,
}

impl Bindings {
    /// Binds a loopback port and serves on a task of the current runtime.
    ///
    /// # Errors
    ///
    /// When the port cannot be bound, a migration fails, or a folder of assets cannot be read.
    pub async fn start(options: Options) -> io::Result<Self> {
        let world = World::new(&options).map_err(io::Error::other)?;
        let server = Server::start(options.port, Play { world }).await?;
        Ok(Self { server })
    }

    /// The address for the configuration of `workerd`: host and port.
    pub fn address(&self) -> String {
        self.server.url().trim_start_matches("http://").to_owned()
    }

    /// The requests received, oldest first. Requests to the control routes are left out.
    pub fn requests(&self) -> Vec<Recorded> {
        self.server.requests()
    }

    /// Adds a fault behind those already given. Its path is `/kv/NAME/KEY`, `/d1/NAME/query` (or `execute`),
    /// `/r2/NAME/get` (the method), `/analytics/NAME/` or `/assets/NAME/PATH`. A `body` is what an error of D1 is made
    /// of; KV and R2 name the status only.
    pub fn inject(&self, fault: Fault) {
        self.server.inject(fault);
    }

    /// Moves the clock forward, by which KV's values expire.
    pub fn advance(&self, by: Duration) {
        self.server.lock().service.world.clock.advance(by);
    }

    /// Forgets requests and faults, and restores the initial data and clock.
    pub fn reset(&self) {
        self.server.reset();
    }

    /// Runs statements on a database without a request, and gives the rows of the last one as objects.
    ///
    /// # Errors
    ///
    /// When a statement fails, with D1's text.
    pub fn sql(&self, database: &str, sql: &str) -> Result<Vec<Value>, String> {
        self.server.lock().service.world.database(database)?.rows(sql)
    }

    /// A database as a text of statements. Two that are the same text have the same schema and rows.
    ///
    /// # Errors
    ///
    /// When SQLite cannot read it.
    pub fn dump(&self, database: &str) -> Result<String, String> {
        self.server.lock().service.world.database(database)?.dump()
    }

    /// A value of a namespace, as a text.
    pub fn value(&self, namespace: &str, key: &str) -> Option<String> {
        let inner = self.server.lock();
        let now = inner.service.world.clock.now().timestamp();
        let entry = inner.service.world.namespaces.get(namespace)?.get(key, now)?;
        Some(String::from_utf8_lossy(&entry.value).into_owned())
    }

    /// Puts a value into a namespace.
    pub fn put_value(&self, namespace: &str, key: &str, value: &str) {
        let entry = Entry { value: value.to_owned().into(), ..Entry::default() };
        let mut inner = self.server.lock();
        inner.service.world.namespaces.entry(namespace.to_owned()).or_default().put(key, entry);
    }

    /// The bytes of an object.
    pub fn object(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        let inner = self.server.lock();
        let object = inner.service.world.buckets.get(bucket)?.objects.get(key)?;
        Some(object.bytes.to_vec())
    }

    /// Puts an object into a bucket.
    pub fn put_object(&self, bucket: &str, key: &str, bytes: impl Into<Vec<u8>>) {
        let mut inner = self.server.lock();
        let world = &mut inner.service.world;
        let now = world.clock.now().timestamp_millis();
        let bucket = world.buckets.entry(bucket.to_owned()).or_default();
        r2::put(bucket, key, bytes.into(), now);
    }

    /// Adds a file to assets; its path begins with a slash.
    pub fn put_asset(&self, assets: &str, path: &str, content: impl Into<Vec<u8>>) {
        let mut inner = self.server.lock();
        let site = inner.service.world.sites.entry(assets.to_owned()).or_default();
        site.put(path, content.into().into());
    }

    /// The points of a dataset, oldest first.
    pub fn points(&self, dataset: &str) -> Vec<Point> {
        self.server.lock().service.world.datasets.points(dataset)
    }

    /// The rows that a query in the SQL of Analytics Engine gives.
    ///
    /// # Errors
    ///
    /// When the query is none, or the dataset has no points, with a text.
    pub fn query_points(&self, sql: &str) -> Result<Vec<Value>, String> {
        let inner = self.server.lock();
        let world = &inner.service.world;
        world.datasets.query(sql, world.clock.now())
    }
}
