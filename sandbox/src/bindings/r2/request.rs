//! A request of the binding: its parameters, and the bytes of an object.

use bytes::Bytes;
use serde_json::Value;

use crate::bindings::r2::problem::Problem;
use crate::engine::call::Call;

/// A request.
#[derive(Debug)]
pub(super) struct Request {
    /// What is asked for.
    pub(super) parameters: Value,
    /// The bytes to put; empty in other requests.
    pub(super) bytes: Bytes,
}

impl Request {
    /// What a call asks for. One that reads says it in a header, which has any characters.
    pub(super) fn of(call: &Call) -> Result<Self, Problem> {
        if call.method == "GET" {
            let header = call.headers.get("cf-r2-request").ok_or_else(Problem::invalid)?;
            return Self::new(header.as_bytes(), Bytes::new());
        }
        let size = call.header("cf-r2-metadata-size").and_then(|size| size.parse::<usize>().ok());
        let size = size.filter(|size| *size <= call.body.len()).ok_or_else(Problem::invalid)?;
        let bytes = call.body.slice(size..);
        Self::new(&call.body.slice(..size), bytes)
    }

    fn new(parameters: &[u8], bytes: Bytes) -> Result<Self, Problem> {
        let parameters = serde_json::from_slice(parameters).map_err(|_| Problem::invalid())?;
        Ok(Self { parameters, bytes })
    }
}
