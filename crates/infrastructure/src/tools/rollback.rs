//! Deploys an earlier version to all requests.

use catalogue::{CallOutcome, ShortCircuit};

use super::shares::{Deployed, deploy};
use crate::{
    api::{Deployment, VersionShare},
    call::{Call, error},
};

/// What would be deployed.
pub(super) async fn plan(call: &Call<'_>) -> Result<String, ShortCircuit> {
    let deployed = Deployed::read(call).await?;
    let shares = target(call, &deployed)?;
    deployed.lines(call, &shares)
}

pub(super) async fn run(call: &Call<'_>) -> CallOutcome {
    let deployed = Deployed::read(call).await?;
    let shares = target(call, &deployed)?;
    deploy(call, &deployed, &shares).await
}

/// The version that had all requests in a deployment.
fn whole(deployment: &Deployment) -> Option<&str> {
    let share = deployment.versions.iter().find(|share| share.percentage >= 100.0)?;
    Some(&share.version_id)
}

fn target(call: &Call<'_>, deployed: &Deployed) -> Result<Vec<VersionShare>, ShortCircuit> {
    let now = whole(deployed.now()?);
    let earlier = || {
        let before = deployed.deployments.iter().skip(1).filter_map(whole);
        before.filter(|version| Some(*version) != now).map(str::to_owned).next()
    };
    let named = call.arguments.text("version_id").map(str::to_owned);
    let Some(version) = named.or_else(earlier) else {
        return Err(error(
            "Nothing was changed: no earlier version had all requests. Name one with version_id (list_deployments).",
        ));
    };
    if now == Some(version.as_str()) {
        return Err(error(format!("Nothing was changed: {version} has all requests already.")));
    }
    let version_id = deployed.version(&version)?.id.clone();
    Ok(vec![VersionShare { version_id, percentage: 100.0 }])
}
