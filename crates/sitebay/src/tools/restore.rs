//! Starts a restore; a dry run changes nothing and needs no consent.

use serde_json::Value;

use crate::{
    call::{Call, CallOutcome, Requests as _, ShortCircuit, finished},
    losses,
};
use catalogue::{conform, render};

pub(super) async fn run(call: &Call<'_>) -> CallOutcome {
    let dry = call.is_dry();
    let answer = call.sent().await?;
    let mut warnings = Vec::new();
    let mut data = match answer.json {
        Value::Object(map) => map,
        _ => {
            warnings.push("SiteBay did not describe the restore".to_owned());
            serde_json::Map::new()
        }
    };
    conform::conform(call.operation.output, &mut data, "", &mut warnings);
    let status = status(&data);
    data.insert("status".into(), status.clone().into());
    data.insert("dry_run".into(), dry.into());
    let text = sentence(call, dry, status == "failed");
    let text = format!("{text}\n{}", render::record(call.operation.output, &data));
    Ok(finished(data, text, warnings))
}

/// SiteBay's own word, else what its times and reasons say.
fn status(data: &serde_json::Map<String, Value>) -> String {
    let there = |key: &str| data.get(key).is_some_and(|value| !value.is_null());
    match data.get("status").and_then(Value::as_str) {
        Some(status) => status.to_owned(),
        None if there("failed_reason") => "failed".into(),
        None if there("finished_at") => "finished".into(),
        None => "started".into(),
    }
}

fn sentence(call: &Call<'_>, dry: bool, failed: bool) -> String {
    let site = target(call);
    match (dry, failed) {
        (true, _) => format!("A dry run of a restore of {site} was made. Nothing is changed."),
        (false, true) => {
            format!("The restore of {site} FAILED; check the site before anything else.")
        }
        (false, false) => format!("{site} was restored."),
    }
}

fn target(call: &Call<'_>) -> String {
    let fqdn = call.arguments.text("fqdn").unwrap_or_default();
    match call.arguments.flag("for_stage_site") {
        true => format!("the staging site of {fqdn}"),
        false => fqdn.to_owned(),
    }
}

/// The content that would be overwritten.
pub(super) async fn losses(call: &Call<'_>) -> Result<String, ShortCircuit> {
    let off = |name: &str| call.arguments.get(name) == Some(&Value::Bool(false));
    let what = match (off("restore_db"), off("restore_wp_content")) {
        (false, false) => "the database and the files in wp-content",
        (false, true) => "the database",
        (true, false) => "the files in wp-content",
        (true, true) => "nothing (both restore_db and restore_wp_content are false)",
    };
    let point = call.arguments.text("restore_point").unwrap_or("the latest restore point");
    let extra = match call.arguments.flag("delete_extra_files") {
        true => "\n- Files that are not in the backup would be deleted.",
        false => "",
    };
    let site = losses::site_lines(call).await?;
    Ok(format!(
        "A restore of {} to {point} would overwrite {what}:\n\
         - Everything changed there since then would be lost (posts, orders, uploads, settings).",
        target(call)
    ) + extra
        + "\n- SiteBay makes no checkpoint of the present state first. A dry run (is_dry_run: true) \
           changes nothing."
        + &site)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::run;
    use mcp_server::testing::{FakePlatform, json};

    const TOOL: &str = "sitebay_backup_restore";

    #[test]
    fn without_confirmation_nothing_is_sent() {
        let fake = FakePlatform::new([json(200, json!({"fqdn": "a.org", "status": "idle"}))]);
        let arguments = json!({"fqdn": "a.org", "restore_db": false, "delete_extra_files": true,
            "confirm": false});
        let result = run(&fake, TOOL, arguments);
        assert!(result.is_error);
        assert_eq!(fake.lines(), ["Get /site/a.org"]);
        for part in ["the files in wp-content:", "not in the backup", "confirm: true"] {
            assert!(result.text.contains(part), "{part}: {}", result.text);
        }
    }

    #[test]
    fn confirmed_it_sends_only_what_was_given() {
        let restore = json!({"id": "r1", "created_at": "2026-11-20T08:00:00Z", "restore_db": true});
        let fake = FakePlatform::new([json(200, restore)]);
        let result = run(&fake, TOOL, json!({"fqdn": "a.org", "confirm": true}));
        assert_eq!(fake.lines(), ["Post /site/a.org/pit_restore"]);
        assert_eq!(fake.body(0), json!({}));
        assert_eq!(result.data["status"], "idle");
        assert_eq!(result.data["dry_run"], false);
        assert!(result.text.starts_with("a.org was restored."), "{}", result.text);
    }

    #[test]
    fn a_dry_run_needs_no_confirmation() {
        let fake = FakePlatform::new([json(200, json!({"id": "r2", "finished_at": "x"}))]);
        let arguments = json!({"fqdn": "a.org", "is_dry_run": true, "for_stage_site": true,
            "restore_point": "2026-11-20T08:00:00Z"});
        let result = run(&fake, TOOL, arguments);
        assert_eq!(
            fake.body(0),
            json!({"is_dry_run": true, "for_stage_site": true,
                "restore_point": "2026-11-20T08:00:00Z"})
        );
        assert_eq!(result.data["status"], "idle");
        assert!(result.text.contains("Nothing is changed"), "{}", result.text);
    }
}
