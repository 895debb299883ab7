//! The point about the alarms of the Worker.

use anyhow::{Result, bail};

use super::Scene;

/// The secrets that they need (`docs/OPERATIONS.md`).
const ALARMS: [&str; 3] = ["ALARM_WEBHOOK_URL", "ALARM_WEBHOOK_SECRET", "ALARM_API_TOKEN"];
/// What says in which account they look.
const ACCOUNT: &str = "CLOUDFLARE_ACCOUNT_ID";
/// The dataset that they look at where no setting names another: production's.
const DATASET: &str = "sitebay_mcp";

/// The alarms are on as a whole, or off as a whole.
pub(super) fn alarms(scene: &Scene<'_>) -> Result<String> {
    let is_set = |name: &str| scene.has_secret(name) || scene.variable(name).is_some();
    let has = |name: &&str| is_set(name);
    let set: Vec<&str> = ALARMS.into_iter().filter(has).collect();
    let schedules = scene.api.find(&scene.worker.path("schedules"))?.unwrap_or_default();
    let list = schedules.get("schedules").unwrap_or(&schedules).as_array().cloned();
    let mut crons: Vec<String> = list
        .unwrap_or_default()
        .iter()
        .filter_map(|one| one.get("cron")?.as_str().map(str::to_owned))
        .collect();
    let mut wanted = scene.stage.crons();
    crons.sort();
    wanted.sort();
    match (set.len(), wanted.is_empty()) {
        (0, true) => return Ok("off".to_owned()),
        (0, false) => bail!("there are crons, and ALARM_WEBHOOK_URL is not set"),
        (_, true) => bail!("ALARM_WEBHOOK_URL is set, and wrangler.toml has no crons"),
        (found, false) if found < ALARMS.len() => {
            let missing = ALARMS.into_iter().filter(|name| !set.contains(name));
            bail!("not set: {}", missing.collect::<Vec<_>>().join(", "));
        }
        _ => {}
    }
    if crons != wanted {
        bail!("the crons are {crons:?}, and not {wanted:?}");
    }
    if !is_set(ACCOUNT) {
        bail!("not set: {ACCOUNT}");
    }
    let dataset = scene.variable("ALARM_DATASET").unwrap_or(DATASET);
    let own = scene.stage.dataset().unwrap_or_default();
    if dataset != own {
        bail!("they look at the dataset {dataset}, and not at {own}: set ALARM_DATASET");
    }
    Ok(format!("on: {}", crons.join(", ")))
}
