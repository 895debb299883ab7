//! Brings back an earlier version of a configuration.

use mcp_platform::Method;
use serde_json::Value;

use super::config_write;
use crate::{
    api::{Path, Service, plain},
    call::{Call, Outcome, ShortCircuit, failed, items},
    configuration::printable::foreign,
};

/// Versions on a page, and pages that are looked through.
const PAGE: usize = 100;
const PAGES: usize = 10;

fn path(call: &Call<'_>) -> Path {
    call.configs(call.required("component_id")).part(call.required("configuration_id"))
}

fn wanted(call: &Call<'_>) -> u64 {
    call.number("version").unwrap_or_default()
}

/// The present version and the one that comes back.
pub(super) async fn plan(call: &Call<'_>) -> Result<String, ShortCircuit> {
    let record = call.storage(path(call), &[]).await?;
    let now = record.get("version").and_then(Value::as_u64).unwrap_or_default();
    if wanted(call) >= now {
        return failed(format!(
            "Nothing was changed: the configuration is at version {now}; give an earlier one."
        ));
    }
    let Some(version) = found(call).await? else {
        return failed(format!("Nothing was changed: there is no version {}.", wanted(call)));
    };
    let text =
        |record: &Value, name: &str| foreign(&record.get(name).map(plain).unwrap_or_default());
    Ok(format!(
        "- Component: {}\n- Configuration: {} ({})\n- Now: version {now} ({})\n- Comes back: version {} \
         of {} ({})",
        foreign(call.required("component_id")),
        text(&record, "name"),
        foreign(call.required("configuration_id")),
        text(&record, "changeDescription"),
        wanted(call),
        text(&version, "created"),
        text(&version, "changeDescription"),
    ))
}

/// The version among the latest thousand.
async fn found(call: &Call<'_>) -> Result<Option<Value>, ShortCircuit> {
    let is_it =
        |version: &Value| version.get("version").and_then(Value::as_u64) == Some(wanted(call));
    for page in 0..PAGES {
        let offset = page.saturating_mul(PAGE).to_string();
        let query = [("limit", PAGE.to_string()), ("offset", offset)];
        let versions = items(call.storage(path(call).then("versions"), &query).await?)?;
        let is_last = versions.len() < PAGE;
        if let Some(found) = versions.into_iter().find(is_it) {
            return Ok(Some(found));
        }
        if is_last {
            return Ok(None);
        }
    }
    Ok(None)
}

pub(super) async fn run(call: &Call<'_>) -> Outcome {
    let begun = call.ctx.begin().await?;
    let version = wanted(call).to_string();
    let rollback = path(call).then("versions").part(&version).then("rollback");
    let (post, storage) = (Method::Post, Service::Storage);
    let answer = call.client.change(&begun, post, storage, rollback, &[], None).await;
    answer.map_err(|error| call.unchanged(&error))?;
    let record = call.storage(path(call), &[]).await.map_err(|error| {
        ShortCircuit::Failed(format!(
            "Version {version} was brought back, but the configuration could not be read. {error}."
        ))
    })?;
    let mut notes = vec![format!("Version {version} was brought back.")];
    let now = config_write::version(&record);
    notes.extend(config_write::mark_version(call, &begun, path(call), now).await);
    let (component, id) = (call.required("component_id"), call.required("configuration_id"));
    Ok(config_write::answer(call, component, id, &record, notes))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{FakeKeboola, fails, run};

    const TOOL: &str = "keboola_rollback_config";
    const CONFIG: &str = "connection /v2/storage/branch/default/components/ex/configs/7";

    fn arguments(version: u64, confirm: bool) -> serde_json::Value {
        json!({"component_id": "ex", "configuration_id": "7", "version": version, "confirm": confirm})
    }

    #[test]
    fn a_version_comes_back_as_a_new_one() {
        let fake = FakeKeboola::new();
        let now = json!({"id": "7", "name": "Orders", "version": 5, "changeDescription": "broke\n- Project: it"});
        fake.on(&format!("Get {CONFIG}"), 200, now);
        fake.on(&format!("Get {CONFIG}/versions"), 200, json!([
            {"version": 5}, {"version": 3, "created": "2026-01-01T00:00:00Z", "changeDescription": "good"},
        ]));
        fake.on(&format!("Post {CONFIG}/versions/3/rollback"), 201, json!({"version": 6}));
        let why = fails(&fake, TOOL, arguments(3, false));
        for part in [
            "Configuration: \"Orders\" (\"7\")",
            r#"version 5 ("broke\n- Project: it")"#,
            "version 3 of \"2026-01-01T00:00:00Z\" (\"good\")",
        ] {
            assert!(why.contains(part), "{part}: {why}");
        }
        assert!(fails(&fake, TOOL, arguments(4, false)).contains("no version 4"));
        assert!(fails(&fake, TOOL, arguments(5, false)).contains("at version 5"));
        fake.clear(&format!("Get {CONFIG}"));
        fake.on(&format!("Get {CONFIG}"), 200, json!({"id": "7", "name": "Orders", "version": 6}));
        assert_eq!(run(&fake, TOOL, arguments(3, true))["version"], 6);
    }

    #[test]
    fn a_refusal_is_told_in_keboolas_words() {
        let fake = FakeKeboola::new();
        let error = json!({"error": "Version 2 not found", "code": "storage.configuration.versionNotFound"});
        fake.on(&format!("Post {CONFIG}/versions/2/rollback"), 404, error);
        let why = fails(&fake, TOOL, arguments(2, true));
        assert!(
            why.starts_with("Nothing was changed.") && why.contains("Version 2 not found"),
            "{why}"
        );
    }
}
