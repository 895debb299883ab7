//! Sites, their backups, staging sites and checkpoints.

use serde_json::json;

use super::{SITE, TEAM};
use crate::every_tool::row::{Row, call};

pub fn rows() -> Vec<Row> {
    [sites(), backups(), staging(), checkpoints()].concat()
}

fn sites() -> Vec<Row> {
    let new = json!({
        "team_id": TEAM,
        "fqdn": "new.example.com",
        "wordpress_blog_name": "Blog",
        "wordpress_first_name": "Ada",
        "wordpress_last_name": "Example",
        "wordpress_email": "ada@example.com",
        "wordpress_username": "ada",
        "wordpress_password": "secret-given-password",
        "git_url": "https://git.example.com/a.git",
        "ready_made_site_name": "plain-blog",
        "is_free": true,
    });
    let settings = json!({
        "cf_dev_mode_enabled": true,
        "new_fqdn": "other.example.com",
        "git_url": "https://git.example.com/a.git",
        "http_auth_enabled": true,
        "team_id": "00007ea0-0000-4000-8000-000000000002",
        "is_free": false,
    });
    let mut update = settings.clone();
    update["fqdn"] = json!(SITE);
    vec![
        call("sitebay_list_sites", json!({ "team_id": TEAM, "page": 1, "size": 1 }))
            .get("/site/?team_id=00007ea0-0000-4000-8000-000000000001&page=1&size=1"),
        call("sitebay_get_site", json!({ "fqdn": SITE })).get("/site/site-1.example.com"),
        call("sitebay_create_site", new.clone()).post("/site/", new).get("/site/new.example.com"),
        call("sitebay_update_site", update).patch("/site/site-1.example.com", settings),
        call("sitebay_delete_site", json!({ "fqdn": SITE, "confirm": true }))
            .delete("/site/site-1.example.com"),
        call("sitebay_list_ready_made_sites", json!({ "page": 1, "size": 2 }))
            .get("/ready_made_site?page=1&size=2"),
    ]
}

fn backups() -> Vec<Row> {
    let commits =
        "GET /site/site-1.example.com/pit_restore/commits?restore_point=2036-01-01T00:00:00Z";
    let restores = "/site/site-1.example.com/pit_restore";
    let plan = json!({
        "restore_point": "2026-01-01T08:00:00Z",
        "for_stage_site": false,
        "restore_db": true,
        "restore_wp_content": false,
        "delete_extra_files": true,
        "dolt_restore_hash": "{id}",
        "is_dry_run": true,
    });
    let mut planned = plan.clone();
    planned["fqdn"] = json!(SITE);
    let files = "wp-content/themes/twentytwentyfive/style.css";
    vec![
        call(
            "sitebay_backup_list_commits",
            json!({ "fqdn": SITE, "number_to_fetch": 2, "restore_point": "2026-01-01T08:00:00+01:00" }),
        )
        .get(
            "/site/site-1.example.com/pit_restore/commits?number_to_fetch=2\
             &restore_point=2026-01-01T08%3A00%3A00%2B01%3A00",
        ),
        call("sitebay_backup_restore", json!({ "fqdn": SITE, "confirm": true, "restore_db": false }))
            .post(restores, json!({ "restore_db": false }))
            .get("/site/site-1.example.com/pit_restore/*"),
        call("sitebay_preview_restore_site", planned)
            .given(commits, json!(null), "/0/commit_hash")
            .post("/site/site-1.example.com/pit_restore/preview", plan)
            .get("/site/site-1.example.com/pit_restore/*"),
        call("sitebay_get_pit_restores", json!({ "fqdn": SITE, "page": 1, "size": 5 }))
            .get("/site/site-1.example.com/pit_restore?page=1&size=5"),
        call("sitebay_get_pit_restore", json!({ "fqdn": SITE, "pit_restore_id": "{id}" }))
            .given(&format!("POST {restores}"), json!({ "is_dry_run": true }), "/id")
            .get("/site/site-1.example.com/pit_restore/{id}?format=json"),
        call(
            "sitebay_get_files_at_point",
            json!({ "fqdn": SITE, "restore_point": "2026-01-01T08:00:00Z" }),
        )
        .get("/site/site-1.example.com/pit_restore/files?restore_point=2026-01-01T08%3A00%3A00Z"),
        call(
            "sitebay_get_download_urls",
            json!({
                "fqdn": SITE, "keys": [files], "version_ids": ["v1"], "at_date": "2026-01-01T08:00:00Z",
            }),
        )
        .post(
            "/site/site-1.example.com/get_download_urls?at_date=2026-01-01T08%3A00%3A00Z",
            json!({ "keys": [files], "version_ids": ["v1"] }),
        ),
    ]
}

fn staging() -> Vec<Row> {
    let stage = json!({ "subdomain": "try", "git_staging_branch": "main", "restore_point": "2026-01-01T08:00:00Z" });
    let mut new = stage.clone();
    new["fqdn"] = json!("site-2.example.com");
    vec![
        call("sitebay_get_staging_site", json!({ "fqdn": SITE }))
            .get("/site/site-1.example.com/stage"),
        call("sitebay_create_staging_site", new)
            .given(
                "PATCH /site/site-2.example.com",
                json!({ "git_url": "https://git.example.com/a.git" }),
                "/id",
            )
            .post("/site/site-2.example.com/stage", stage)
            .get("/site/site-2.example.com/stage"),
        call("sitebay_delete_staging_site", json!({ "fqdn": SITE, "confirm": true }))
            .delete("/site/site-1.example.com/stage")
            .get("/site/site-1.example.com/stage"),
    ]
}

fn checkpoints() -> Vec<Row> {
    let path = "/site/site-1.example.com/checkpoints";
    let made = "POST /site/site-1.example.com/checkpoints";
    let before = json!({ "name": "Before" });
    let new = json!({
        "name": "Before the sale",
        "description": "All is well",
        "page_path": "/shop?a=b",
        "metadata_json": { "a": [1] },
        "conversation": { "id": 1 },
    });
    let mut named = new.clone();
    named["fqdn"] = json!(SITE);
    let one = json!({ "fqdn": SITE, "checkpoint_id": "{id}" });
    let mut confirmed = one.clone();
    confirmed["confirm"] = json!(true);
    vec![
        call("sitebay_list_checkpoints", json!({ "fqdn": SITE })).get(path),
        call("sitebay_create_checkpoint", named).post(path, new).get("/site/site-1.example.com"),
        call("sitebay_get_checkpoint", one)
            .given(made, before.clone(), "/id")
            .get("/site/site-1.example.com/checkpoints/{id}"),
        call("sitebay_delete_checkpoint", confirmed.clone())
            .given(made, before.clone(), "/id")
            .delete("/site/site-1.example.com/checkpoints/{id}"),
        call("sitebay_restore_checkpoint", confirmed)
            .given(made, before, "/id")
            .post("/site/site-1.example.com/checkpoints/{id}/restore", json!(null))
            .get("/site/site-1.example.com")
            .retired(),
    ]
}
