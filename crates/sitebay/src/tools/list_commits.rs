//! Lists backups near a time. The API wants the time; without one it is now.

use crate::call::{Call, CallOutcome};
use mcp_platform::time::rfc3339;

pub(super) async fn run(call: &Call<'_>) -> CallOutcome {
    let mut call = call.clone();
    if call.arguments.get("restore_point").is_none() {
        call.arguments.set("restore_point", rfc3339(call.ctx.platform.now_ms()));
    }
    call.plain().await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::run;
    use mcp_server::testing::{FakePlatform, json};

    const TOOL: &str = "sitebay_backup_list_commits";

    #[test]
    fn without_a_time_it_asks_for_now() {
        let entry = json!({"id": "1", "created_at": "2026-11-20T07:59:00Z", "commit_hash": "abc",
            "finished_at": null, "tables_saved": ["wp_posts"]});
        let fake = FakePlatform::new([json(200, json!([entry]))]);
        let result = run(&fake, TOOL, json!({"fqdn": "a.org"}));
        assert_eq!(
            fake.lines(),
            ["Get /site/a.org/pit_restore/commits?number_to_fetch=1\
              &restore_point=2026-11-20T08%3A00%3A00Z"]
        );
        assert_eq!(result.data["commits"][0]["commit_hash"], "abc");
        assert_eq!((&result.data["count"], &result.data["truncated"]), (&json!(1), &json!(false)));
        assert!(result.text.contains("Commit abc"), "{}", result.text);
    }

    #[test]
    fn a_given_time_is_sent_with_its_offset_encoded() {
        let fake = FakePlatform::new([json(200, json!([]))]);
        let arguments = json!({"fqdn": "a.org", "number_to_fetch": 100,
            "restore_point": "2026-11-20T08:00:00+01:00"});
        let result = run(&fake, TOOL, arguments);
        assert!(fake.lines()[0].ends_with("restore_point=2026-11-20T08%3A00%3A00%2B01%3A00"));
        assert_eq!(result.text, "No commits.");
    }
}
