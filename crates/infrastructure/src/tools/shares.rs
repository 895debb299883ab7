//! Gives versions of a Worker their shares of the requests.
//!
//! Invariant: a deployment is sent once, never forced, only over the one that the person was shown, and not in a stage that is being
//! destroyed. Where its answer is lost, it is looked up among the deployments.

use std::fmt::Write as _;

use catalogue::{CallOutcome, ShortCircuit, call::data};
use serde_json::json;

use crate::{
    api::{ApiError, Deployment, Version, VersionShare},
    call::{Call, error, foreign, in_doubt, told, unchanged},
    operate::check_not_destroyed,
};

/// The versions of a Worker and how they are deployed.
pub(super) struct Deployed {
    pub(super) deployments: Vec<Deployment>,
    pub(super) versions: Vec<Version>,
}

impl Deployed {
    /// As it is now. Where the call says which deployment it replaces, it is in force.
    pub(super) async fn read(call: &Call<'_>) -> Result<Self, ShortCircuit> {
        let worker = call.state.worker()?;
        let client = call.state.client(call.ctx);
        let deployments = client.deployments(worker).await.map_err(|why| gone(call, &why))?;
        let versions = client.versions(worker).await.map_err(|why| gone(call, &why))?;
        let deployed = Self { deployments, versions };
        let now = deployed.now()?;
        match call.arguments.text("replaces") {
            Some(replaces) if replaces != now.id => Err(error(format!(
                "Nothing was changed: the deployment in force is {} by now, and not {}. Read it with list_deployments.",
                now.id,
                foreign(replaces)
            ))),
            _ => Ok(deployed),
        }
    }

    /// The deployment in force.
    pub(super) fn now(&self) -> Result<&Deployment, ShortCircuit> {
        self.deployments.first().ok_or_else(|| error("Nothing was changed: nothing is deployed."))
    }

    /// The version with this id, where it can be deployed.
    pub(super) fn version(&self, id: &str) -> Result<&Version, ShortCircuit> {
        let found = self.versions.iter().find(|version| version.id == id);
        found.ok_or_else(|| {
            error(format!(
                "Nothing was changed: there is no version {} that can be deployed. list_deployments shows those that can.",
                foreign(id)
            ))
        })
    }

    /// The lines of a change for the person who is asked. Notes what they are shown.
    pub(super) fn lines(
        &self,
        call: &Call<'_>,
        shares: &[VersionShare],
    ) -> Result<String, ShortCircuit> {
        let now = self.now()?;
        let (before, after) = (self.shown(&now.versions), self.shown(shares));
        call.state.show(shown_as(now, shares));
        Ok(format!("- Worker: {}\n- Now: {before}\n- Then: {after}", call.state.worker()?))
    }

    fn shown(&self, shares: &[VersionShare]) -> String {
        let mut text = String::new();
        for share in shares {
            let between = if text.is_empty() { "" } else { "; " };
            let _ = write!(text, "{between}{} % {}", share.percentage, share.version_id);
            let version = self.versions.iter().find(|version| version.id == share.version_id);
            let named =
                version.and_then(|version| version.tag.as_ref().or(version.message.as_ref()));
            if let Some(named) = named {
                let _ = write!(text, " ({})", foreign(named));
            }
        }
        text
    }
}

/// What the person is shown, in short.
fn shown_as(now: &Deployment, shares: &[VersionShare]) -> String {
    format!("{}: {}", now.id, json!(shares))
}

/// Deploys these shares.
pub(super) async fn deploy(
    call: &Call<'_>,
    deployed: &Deployed,
    shares: &[VersionShare],
) -> CallOutcome {
    let (worker, now) = (call.state.worker()?, deployed.now()?);
    call.state.check_shown(&shown_as(now, shares))?;
    let message = call.arguments.text("message").unwrap_or(call.operation.title);
    let stage = &call.state.stage()?.name;
    let free = check_not_destroyed(call.ctx, stage).await;
    free.map_err(|why| error(format!("Nothing was changed. {why}")))?;
    let begun = call.ctx.begin().await?;
    let client = call.state.client(call.ctx);
    match client.deploy(&begun, worker, shares, message).await {
        Ok(id) => done(call, &id, shares, now, None),
        Err(why) if why.is_secrets_changed() => Err(error(format!(
            "Nothing was changed. {why}. This server never forces it: upload the version again, or deploy one that has the secrets."
        ))),
        Err(why) if why.leaves_doubt() => {
            client.start_over();
            let found = client.deployments(worker).await;
            let newest = found.as_ref().ok().and_then(|found| found.first());
            match newest.filter(|newest| newest.id != now.id && newest.versions == shares) {
                Some(newest) => {
                    let note = "The answer was lost; the deployment was found afterwards.";
                    done(call, &newest.id, shares, now, Some(note))
                }
                None => Err(in_doubt(call, &format!("{why}."))),
            }
        }
        Err(why) => Err(unchanged(call, &why)),
    }
}

fn done(
    call: &Call<'_>,
    id: &str,
    shares: &[VersionShare],
    before: &Deployment,
    note: Option<&str>,
) -> CallOutcome {
    let fields = vec![
        ("stage", json!(call.state.stage()?.name)),
        ("worker", json!(call.state.worker()?)),
        ("deployment_id", json!(id)),
        ("versions", json!(shares)),
        ("before", json!(before.versions)),
        ("note", json!(note)),
    ];
    Ok(call.shown(data(fields), Vec::new()))
}

/// The failure of reading a Worker.
pub(super) fn gone(call: &Call<'_>, why: &ApiError) -> ShortCircuit {
    let stage = call.state.stage().map(|stage| stage.name.as_str()).unwrap_or_default();
    match why.is_gone() {
        true => error(format!("The stage `{stage}` has no Worker at Cloudflare.")),
        false => told(why),
    }
}
