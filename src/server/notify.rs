//! The way from a running call back to its client.

/// Where a call's notifications go. The session puts them on the stream of the call.
pub trait Notifier {
    /// A `notifications/progress`, if the client asked for progress.
    fn progress(&self, progress: f64, total: Option<f64>, message: Option<&str>);

    /// A `notifications/tools/list_changed` on the session's long-lived stream.
    fn tools_changed(&self);
}
