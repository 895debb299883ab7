//! Gives a version a share of the requests.

use catalogue::{CallOutcome, ShortCircuit};
use serde_json::Value;

use super::shares::{Deployed, deploy};
use crate::{
    api::{VersionShare, check_shares},
    call::{Call, error},
};

/// What would be deployed.
pub(super) async fn plan(call: &Call<'_>) -> Result<String, ShortCircuit> {
    let deployed = Deployed::read(call).await?;
    let shares = shares(call, &deployed)?;
    deployed.lines(call, &shares)
}

pub(super) async fn run(call: &Call<'_>) -> CallOutcome {
    let deployed = Deployed::read(call).await?;
    let shares = shares(call, &deployed)?;
    deploy(call, &deployed, &shares).await
}

fn shares(call: &Call<'_>, deployed: &Deployed) -> Result<Vec<VersionShare>, ShortCircuit> {
    let now = deployed.now()?;
    let asked = call.arguments.text("version_id").unwrap_or_default();
    let version = deployed.version(asked)?.id.clone();
    let percentage = call.arguments.get("percentage").and_then(Value::as_f64).unwrap_or_default();
    let share = |version_id: String, percentage: f64| VersionShare { version_id, percentage };
    let mut others: Vec<&VersionShare> =
        now.versions.iter().filter(|share| share.version_id != version).collect();
    if now.versions.len() > 1 && others.len() == now.versions.len() {
        return Err(error(
            "Nothing was changed: two versions share the requests by now, and a deployment has no third. End that rollout first, with \
             100 or 0 for one of them.",
        ));
    }
    others.sort_by(|one, two| two.percentage.total_cmp(&one.percentage));
    let shares = match (others.first(), percentage) {
        (_, percentage) if percentage >= 100.0 => vec![share(version, 100.0)],
        (Some(other), percentage) => {
            let rest = 100.0 - percentage;
            vec![share(version, percentage), share(other.version_id.clone(), rest)]
        }
        (None, _) => {
            return Err(error(format!(
                "Nothing was changed: {version} is the only version that is deployed. Name the one that is to have a share beside it.",
            )));
        }
    };
    check_shares(&shares).map_err(|why| error(format!("Nothing was changed: {why}.")))?;
    if now.versions.len() == shares.len() && shares.iter().all(|it| now.versions.contains(it)) {
        return Err(error("Nothing was changed: it is so already."));
    }
    Ok(shares)
}
