//! Deployments of a Worker: which versions run, and with which share.
//!
//! Invariant: a deployment is never forced. Where secrets changed since a version was uploaded, Cloudflare refuses it, and the
//! refusal stands ([`ApiError::is_secrets_changed`]).

use mcp_platform::Method;
use mcp_server::execution::Begun;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use thiserror::Error;

use super::{client::Client, error::ApiError, settings::Purpose};

/// Bytes of a message that Cloudflare keeps.
const LONGEST_MESSAGE: usize = 1_000;

/// A version and its share of the requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VersionShare {
    /// The version.
    pub version_id: String,
    /// Percent.
    pub percentage: f64,
}

/// A deployment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deployment {
    /// Its id.
    pub id: String,
    /// When it was made.
    #[serde(default)]
    pub created_on: String,
    /// One or two versions.
    pub versions: Vec<VersionShare>,
    /// Why it was made.
    #[serde(default)]
    pub message: Option<String>,
}

/// A version that can be deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its id.
    pub id: String,
    /// Its number, which grows.
    pub number: Option<u64>,
    /// When it was uploaded.
    pub created_on: Option<String>,
    /// The tag of its upload.
    pub tag: Option<String>,
    /// The message of its upload.
    pub message: Option<String>,
}

/// Shares that make no deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "a deployment has one or two different versions, whose percentages are from 0 to 100 and make 100 together"
)]
pub struct SharesError;

/// Checks the shares of a deployment.
///
/// # Errors
/// Where they make none.
pub fn check_shares(versions: &[VersionShare]) -> Result<(), SharesError> {
    let is_share = |version: &VersionShare| {
        (0.0..=100.0).contains(&version.percentage) && !version.version_id.is_empty()
    };
    let sum: f64 = versions.iter().map(|version| version.percentage).sum();
    let are_different = match versions {
        [one, two] => one.version_id != two.version_id,
        versions => versions.len() == 1,
    };
    let is_right = are_different && versions.iter().all(is_share) && (sum - 100.0).abs() < 1e-9;
    if is_right { Ok(()) } else { Err(SharesError) }
}

impl Client<'_> {
    /// The deployments of a Worker, newest first.
    ///
    /// # Errors
    /// Why they cannot be had.
    pub async fn deployments(&self, worker: &str) -> Result<Vec<Deployment>, ApiError> {
        let path = self.account("workers/scripts")?.part(worker).then("deployments");
        let mut result = self.get(&path, &[]).await?.result;
        let Some(Value::Array(items)) = result.get_mut("deployments").map(Value::take) else {
            return Err(ApiError::Incomplete("deployments"));
        };
        let read: Option<Vec<Deployment>> = items.into_iter().map(deployment).collect();
        read.ok_or(ApiError::Incomplete("versions of a deployment"))
    }

    /// The versions of a Worker that can be deployed, as Cloudflare orders them.
    ///
    /// # Errors
    /// Why they cannot be had.
    pub async fn versions(&self, worker: &str) -> Result<Vec<Version>, ApiError> {
        let path = self.account("workers/scripts")?.part(worker).then("versions");
        let query = [("deployable", "true".to_owned())];
        let result = self.get(&path, &query).await?.result;
        let items = result.get("items").and_then(Value::as_array);
        let read: Option<Vec<Version>> =
            items.ok_or(ApiError::Incomplete("versions"))?.iter().map(version).collect();
        read.ok_or(ApiError::Incomplete("id of a version"))
    }

    /// Deploys versions with these shares, which [`check_shares`] has accepted. The answer is the id of the deployment.
    ///
    /// # Errors
    /// Why it was not made, or may have been.
    pub async fn deploy(
        &self,
        begun: &Begun,
        worker: &str,
        versions: &[VersionShare],
        message: &str,
    ) -> Result<String, ApiError> {
        let path = self.account("workers/scripts")?.part(worker).then("deployments");
        let mut end = message.len().min(LONGEST_MESSAGE);
        while !message.is_char_boundary(end) {
            end = end.saturating_sub(1);
        }
        let body = json!({
            "strategy": "percentage",
            "versions": versions,
            "annotations": { "workers/message": message.get(..end) },
        });
        let made = self.change(begun, Purpose::Write, Method::Post, &path, Some(&body)).await?;
        let id = made.result.get("id").and_then(Value::as_str);
        id.map(str::to_owned).ok_or(ApiError::Incomplete("id"))
    }
}

fn version(item: &Value) -> Option<Version> {
    let text = |part: &str, name: &str| {
        item.get(part).and_then(|part| part.get(name)?.as_str()).map(str::to_owned)
    };
    Some(Version {
        id: item.get("id")?.as_str()?.to_owned(),
        number: item.get("number").and_then(Value::as_u64),
        created_on: text("metadata", "created_on"),
        tag: text("annotations", "workers/tag"),
        message: text("annotations", "workers/message"),
    })
}

fn deployment(mut item: Value) -> Option<Deployment> {
    let message = item.get("annotations").and_then(|it| it.get("workers/message")).cloned();
    item.as_object_mut()?.insert("message".to_owned(), message.unwrap_or_default());
    serde_json::from_value(item).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_one_or_two_versions_and_make_a_whole() {
        let check = |shares: &[(&str, f64)]| {
            let share = |(id, percentage): &(&str, f64)| VersionShare {
                version_id: (*id).to_owned(),
                percentage: *percentage,
            };
            check_shares(&shares.iter().map(share).collect::<Vec<_>>()).is_ok()
        };
        assert!(check(&[("a", 100.0)]));
        assert!(check(&[("a", 10.0), ("b", 90.0)]));
        assert!(check(&[("a", 0.0), ("b", 100.0)]));
        for wrong in [
            &[][..],
            &[("a", 99.0)],
            &[("a", 50.0), ("a", 50.0)],
            &[("a", -10.0), ("b", 110.0)],
            &[("a", 10.0), ("b", 10.0), ("c", 80.0)],
            &[("a", f64::NAN)],
            &[("", 100.0)],
        ] {
            assert!(!check(wrong), "{wrong:?}");
        }
    }
}
