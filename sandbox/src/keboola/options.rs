//! How a stand-in for Keboola is set up.

use std::time::Duration;

/// The options of a stand-in for Keboola.
#[derive(Debug, Clone)]
pub struct Options {
    /// The loopback port to listen on; 0 takes any free one.
    pub port: u16,
    /// Whether the clock stands still until a test moves it. It then starts at
    /// 2026-08-17T05:39:18Z, so that answers are the same in every run.
    pub frozen: bool,
    /// How long a queue job waits before it runs.
    pub job_waits: Duration,
    /// How long a queue job runs where no [`JobPlan`](super::JobPlan) says otherwise.
    pub job_runs: Duration,
    /// How long a storage job takes: a workspace, a branch, an asynchronous bucket.
    pub storage_job_takes: Duration,
    /// How long a statement takes where no [`SqlRule`](super::SqlRule) says otherwise.
    pub statement_takes: Duration,
    /// The redirect URIs registered for the OAuth client, beside every loopback one over HTTP.
    pub redirect_uris: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            frozen: false,
            job_waits: Duration::from_millis(500),
            job_runs: Duration::from_secs(2),
            storage_job_takes: Duration::from_millis(200),
            statement_takes: Duration::from_millis(200),
            redirect_uris: Vec::new(),
        }
    }
}
