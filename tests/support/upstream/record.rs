//! All that reached an upstream.

use std::sync::{Mutex, MutexGuard};

use super::request::Request;

/// The connections and requests so far.
#[derive(Debug, Default)]
pub(super) struct Record(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    connections: Vec<Connection>,
    requests: Vec<Recorded>,
}

#[derive(Debug, Default)]
struct Connection {
    bytes: Vec<u8>,
    is_closed: bool,
}

/// A request and how it ended.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub request: Request,
    /// Whether the answer was written to its end.
    pub is_answered: bool,
    /// When the client closed the connection before the answer's end.
    pub left_at: Option<std::time::Instant>,
}

impl Record {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    /// Opens a connection; returns its number.
    pub(super) fn opened(&self) -> usize {
        let mut inner = self.lock();
        inner.connections.push(Connection::default());
        inner.connections.len() - 1
    }

    pub(super) fn received(&self, connection: usize, bytes: &[u8]) {
        self.lock().connections[connection].bytes.extend(bytes);
    }

    pub(super) fn closed(&self, connection: usize) {
        self.lock().connections[connection].is_closed = true;
    }

    /// Notes a request; returns its number.
    pub(super) fn requested(&self, request: Request) -> usize {
        let mut inner = self.lock();
        inner.requests.push(Recorded { request, is_answered: false, left_at: None });
        inner.requests.len() - 1
    }

    pub(super) fn answered(&self, number: usize) {
        self.lock().requests[number].is_answered = true;
    }

    pub(super) fn left(&self, number: usize) {
        self.lock().requests[number].left_at = Some(std::time::Instant::now());
    }

    pub(super) fn requests(&self) -> Vec<Recorded> {
        self.lock().requests.clone()
    }

    /// The bytes of each connection, in the order of their opening.
    pub(super) fn connections(&self) -> Vec<Vec<u8>> {
        self.lock().connections.iter().map(|connection| connection.bytes.clone()).collect()
    }

    /// How many connections there have been.
    pub(super) fn count(&self) -> usize {
        self.lock().connections.len()
    }

    /// Whether the first so many are closed.
    pub(super) fn are_closed(&self, first: usize) -> bool {
        self.lock().connections.iter().take(first).all(|connection| connection.is_closed)
    }

    pub(super) fn open(&self) -> usize {
        self.lock().connections.iter().filter(|connection| !connection.is_closed).count()
    }
}
