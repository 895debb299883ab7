//! The objects that keep what belongs to a stage of a system, and to no caller.

use futures_util::future::LocalBoxFuture;

/// Asks the object of a stage.
pub trait Stages {
    /// Sends a request in JSON, and returns the answer. A failure leaves open whether it was carried out.
    fn ask(&self, stage: &str, request: String) -> LocalBoxFuture<'static, Result<String, String>>;
}
