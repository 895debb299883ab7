//! How a sandbox is set up.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The options of a sandbox.
#[derive(Debug, Clone)]
pub struct Options {
    /// The loopback port to listen on; 0 takes any free one.
    pub port: u16,
    /// How long a new site stays in the state `creating`.
    pub creating_for: Duration,
    /// How long a site is busy with anything else: a restore, a stage, a new domain's checks.
    pub working_for: Duration,
    /// The one bearer token that is accepted; without one, any that is not empty.
    pub token: Option<String>,
    /// How many sites there are at the start.
    pub sites: usize,
    /// How many entries a page of a list has where the caller does not say.
    pub page_size: usize,
    /// Which generation of the API to speak.
    pub generation: Generation,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            creating_for: Duration::from_secs(2),
            working_for: Duration::from_secs(1),
            token: None,
            sites: 3,
            page_size: 50,
            generation: Generation::default(),
        }
    }
}

/// The generations of the API that differ in what the sandbox covers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Generation {
    /// The published contract: shell commands and file edits work.
    #[default]
    March,
    /// The later one: the shell route is gone, file edits are retired, a new site needs no
    /// WordPress password, and there is more around sites, stages and teams.
    October,
}
