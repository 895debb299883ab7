//! How a stand-in for Cloudflare is set up.

use std::time::Duration;

/// The options of a stand-in for Cloudflare.
#[derive(Debug, Clone)]
pub struct Options {
    /// The loopback port to listen on; 0 takes any free one.
    pub port: u16,
    /// Whether the clock stands still until a test moves it. It then starts at
    /// 2026-11-20T12:00:00Z, so that answers are the same in every run.
    pub frozen: bool,
    /// Whether the account begins with the sample data; without it there are only accounts, zones
    /// and tokens.
    pub samples: bool,
    /// The requests that a token may make in five minutes.
    pub request_limit: u32,
    /// How long a workflow instance is queued before it runs.
    pub workflow_waits: Duration,
    /// How long it runs where no [`WorkflowPlan`](super::WorkflowPlan) says otherwise.
    pub workflow_runs: Duration,
    /// The real time that the statements of one request to D1 may take. D1 itself allows 30 s, for
    /// which no test should wait.
    pub query_time: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            frozen: false,
            samples: true,
            request_limit: 1200,
            workflow_waits: Duration::from_millis(500),
            workflow_runs: Duration::from_secs(2),
            query_time: Duration::from_secs(2),
        }
    }
}
