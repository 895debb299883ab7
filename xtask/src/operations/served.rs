//! What a Worker answers at its address.

use std::{thread, time::Duration};

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::Value;
use ureq::Agent;

use super::{
    api::{agent, exchange},
    stage::Stage,
    worker::short,
};

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(20);
/// How often a version is asked for until it answers: an override takes seconds to arrive.
const TRIES: u32 = 10;

/// A Worker at an address.
#[derive(Debug)]
pub struct Served {
    agent: Agent,
    address: String,
}

impl Served {
    /// The Worker at this address.
    pub fn at(address: &str) -> Self {
        Self { agent: agent(TIMEOUT), address: address.trim_end_matches('/').to_owned() }
    }

    /// Its address.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The status and the document of `/health`; of this version, where one is named.
    ///
    /// # Errors
    /// Where it does not answer.
    pub fn health(&self, version: Option<(&Stage, &str)>) -> Result<(u16, Value)> {
        let mut headers = vec![("accept", "application/json".to_owned())];
        if let Some((stage, version)) = version {
            let wanted = format!("{}=\"{version}\"", stage.worker);
            headers.push(("cloudflare-workers-version-overrides", wanted));
        }
        let url = format!("{}/health", self.address);
        let (status, text) = exchange(&self.agent, "GET", &url, &headers, None)
            .with_context(|| format!("{url} does not answer"))?;
        Ok((status, serde_json::from_str(&text).unwrap_or_default()))
    }

    /// The status of a request to `/mcp`.
    ///
    /// # Errors
    /// Where it does not answer.
    pub fn mcp(&self, method: &str, headers: &[(&str, String)]) -> Result<u16> {
        let body =
            (method == "POST").then(|| r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#.to_owned());
        let url = format!("{}/mcp", self.address);
        let answered = exchange(&self.agent, method, &url, headers, body);
        Ok(answered.with_context(|| format!("{url} does not answer"))?.0)
    }

    /// Whether this version answers, and well.
    ///
    /// # Errors
    /// Where it does not, or another one does.
    pub fn smoke(&self, stage: &Stage, version: &str, pause: Duration) -> Result<()> {
        let mut last = anyhow!("it was not asked");
        for tried in 0..TRIES {
            if tried > 0 {
                thread::sleep(pause);
            }
            match self.answers(stage, version) {
                Ok(()) => return Ok(()),
                Err(error) => last = error,
            }
        }
        Err(last.context(format!("{} at {}", short(version), self.address)))
    }

    fn answers(&self, stage: &Stage, version: &str) -> Result<()> {
        let (status, health) = self.health(Some((stage, version)))?;
        if status != 200 {
            bail!("/health answers {status}");
        }
        match health.get("versionId").and_then(Value::as_str) {
            Some(found) if found == version => {}
            Some(found) => {
                bail!("the version {} answers: the override was not applied", short(found))
            }
            None => bail!("/health has no versionId"),
        }
        let expected = stage.vars().remove("ENVIRONMENT").unwrap_or_default();
        if health["environment"] != *expected {
            bail!("/health is of the environment {}, and not of {expected}", health["environment"]);
        }
        Ok(())
    }
}
