//! Deletes a site. Before that the site is read, to say what would be lost.

use serde_json::Value;

use crate::{
    call::{Call, CallOutcome, Requests as _, ShortCircuit, data, finished},
    losses,
};

pub(super) async fn run(call: &Call<'_>) -> CallOutcome {
    let answer = call.sent().await?;
    let fqdn = call.arguments.text("fqdn").unwrap_or_default();
    let (status, text) = match answer.status {
        202 => ("accepted", format!("SiteBay is deleting {fqdn} and its staging site, if any.")),
        _ => ("deleted", format!("{fqdn} was deleted, with its staging site if it had one.")),
    };
    let data =
        data(vec![("fqdn", fqdn.into()), ("status", status.into()), ("answer", answer.json)]);
    Ok(finished(data, text, Vec::new()))
}

/// The content that would be lost with the site.
pub(super) async fn losses(call: &Call<'_>) -> Result<String, ShortCircuit> {
    let fqdn = call.arguments.text("fqdn").unwrap_or_default();
    let Some(site) = losses::site(call).await? else {
        return Ok(format!(
            "Deleting {fqdn} would remove its files, its database and its staging site for good; its \
             details could not be read just now."
        ));
    };
    let text = |key: &str| site.get(key).and_then(Value::as_str).unwrap_or("unknown");
    let stage = match site.get("site_stage") {
        Some(Value::Object(stage)) => {
            let name = stage.get("fqdn").and_then(Value::as_str).unwrap_or("its name is unknown");
            format!("deleted as well ({name})")
        }
        _ => "none".to_owned(),
    };
    Ok(format!(
        "This would be lost for good, with all files and the database:\n\
         - Site: {}\n- Status: {}\n- Created: {}\n- Staging site: {stage}\n\
         - Latest restore point: {}\nDeleting cannot be undone.",
        site.get("fqdn").and_then(Value::as_str).unwrap_or(fqdn),
        text("status"),
        text("created_at"),
        losses::restore_point(&site),
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::run;
    use mcp_server::testing::{FakePlatform, json, text};

    const TOOL: &str = "sitebay_delete_site";

    #[test]
    fn without_confirmation_it_only_reads_and_says_what_would_be_lost() {
        let fake = FakePlatform::new([json(
            200,
            json!({"fqdn": "a.org", "status": "idle", "created_at": "2025-01-02T03:04:05Z",
                "max_restore_point": "2026-11-20T07:00:00Z", "site_stage": {"fqdn": "stage.a.org"}}),
        )]);
        let result = run(&fake, TOOL, json!({"fqdn": "a.org", "confirm": false}));
        assert_eq!(fake.lines(), ["Get /site/a.org"]);
        assert!(result.is_error);
        for part in ["a.org", "idle", "2025-01-02", "stage.a.org", "2026-11-20T07", "confirm: true"]
        {
            assert!(result.text.contains(part), "{part}: {}", result.text);
        }
    }

    #[test]
    fn a_site_that_is_not_there_or_cannot_be_read_changes_nothing() {
        let fake = FakePlatform::new([json(404, json!({"detail": "Site not found"}))]);
        let result = run(&fake, TOOL, json!({"fqdn": "a.org", "confirm": false}));
        assert!(result.is_error && result.text.contains("404 Not Found: Site not found"));
        let fake = FakePlatform::new([text(500, "oops")]);
        let result = run(&fake, TOOL, json!({"fqdn": "a.org", "confirm": false}));
        assert!(result.is_error && result.text.contains("confirm: true"), "{}", result.text);
        assert_eq!(fake.lines(), ["Get /site/a.org"]);
    }

    #[test]
    fn confirmed_it_deletes_once() {
        let fake = FakePlatform::new([text(200, "")]);
        let result = run(&fake, TOOL, json!({"fqdn": "a.org", "confirm": true}));
        assert_eq!(fake.lines(), ["Delete /site/a.org"]);
        assert_eq!(result.data["status"], "deleted");
        assert!(fake.requests()[0].body.is_none());
        let fake = FakePlatform::new([text(502, "<h1>Bad Gateway</h1>")]);
        let result = run(&fake, TOOL, json!({"fqdn": "a.org", "confirm": true}));
        assert_eq!(fake.requests().len(), 1);
        assert!(result.text.contains("MAY have happened"), "{}", result.text);
    }
}
