//! Tools for a site's content: files, shell, database, logs, Git, WordPress.

use serde_json::{Value, json};

use super::{SEVEN, SITE, SIX};
use crate::every_tool::row::{Row, call};

const STYLE: &str = "themes/twentytwentyfive/style.css";

pub fn rows() -> Vec<Row> {
    [files(), shell(), database(), logs(), git(), wordpress()].concat()
}

fn files() -> Vec<Row> {
    let whole = format!("wp-content/{STYLE}");
    let blocks = "file_edit_using_search_replace_blocks";
    let edit = |path: &str, text: &str| json!({ "fqdn": SITE, "file_path": path, blocks: text, "confirm": true });
    let mut dry = edit(&whole, SIX);
    dry["dry_run"] = json!(true);
    let sent = json!({ "file_path": STYLE, blocks: SEVEN, "dry_run": false });
    let mut tried = sent.clone();
    tried["dry_run"] = json!(true);
    let edits =
        |path: &str, text: &str| json!([{ "file_path": path, "search_replace_blocks": text }]);
    vec![
        call("sitebay_site_edit_file", edit(&whole, SEVEN)).post(
            "/site/site-1.example.com/wpfile_diff_edit",
            json!({ "file_path": whole, blocks: SEVEN }),
        ),
        call(
            "sitebay_file_tree",
            json!({ "fqdn": SITE, "path": "wp-content/themes", "max_depth": 2 }),
        )
        .post("/site/site-1.example.com/wpfile/tree", json!({ "path": "themes", "max_depth": 2 })),
        call(
            "sitebay_read_file",
            json!({ "fqdn": SITE, "file_path": whole, "start_line": 1, "end_line": 2 }),
        )
        .post(
            "/site/site-1.example.com/wpfile/read",
            json!({ "file_path": STYLE, "start_line": 1, "end_line": 2 }),
        ),
        call("sitebay_edit_file", edit(STYLE, SIX))
            .post("/site/site-1.example.com/wpfile/edit", sent),
        call("sitebay_read_and_edit_file", dry)
            .post("/site/site-1.example.com/wpfile/read_and_edit", tried),
        call(
            "sitebay_multi_edit_files",
            json!({ "fqdn": SITE, "edits": edits(&whole, SIX), "confirm": true }),
        )
        .post(
            "/site/site-1.example.com/wpfile/multi_edit",
            json!({ "edits": edits(STYLE, SEVEN), "dry_run": false }),
        ),
    ]
    .into_iter()
    .map(Row::retired)
    .collect()
}

fn shell() -> Vec<Row> {
    let command = json!({
        "fqdn": SITE, "command": "wp core version", "cwd": "/tmp", "auto_track_dir": true, "confirm": true,
    });
    let sent = json!({ "cmd": "wp core version", "cwd": "/tmp", "auto_track_dir": true });
    vec![
        call("sitebay_site_shell_command", command)
            .post("/site/site-1.example.com/cmd", sent)
            .retired(),
    ]
}

/// An operation that March knows under `dolt`, October under `database_changes`.
fn history(tool: &'static str, arguments: Value, end: &str) -> Row {
    call(tool, arguments)
        .get(&format!("/site/site-1.example.com/database_changes/{end}"))
        .in_march(&format!("GET /site/site-1.example.com/dolt/{end}"))
}

fn database() -> Vec<Row> {
    let range = json!({ "fqdn": SITE, "from_commit": "HEAD", "to_commit": "HEAD" });
    let mut table = range.clone();
    table["table"] = json!("wp_posts");
    let search = json!({
        "fqdn": SITE, "query": "a b&c", "diff_type": "added", "date_from": "2025-01-01",
        "date_to": "2026-12-31", "limit": 3,
    });
    vec![
        history("sitebay_dolt_log", json!({ "fqdn": SITE, "limit": 7 }), "log?limit=7"),
        history("sitebay_dolt_diff", table, "diff?from_commit=HEAD&to_commit=HEAD&table=wp_posts"),
        history("sitebay_dolt_diff_summary", range, "diff-summary?from_commit=HEAD&to_commit=HEAD"),
        call("sitebay_dolt_history_search", search)
            .get(
                "/site/site-1.example.com/dolt/history-search?query=a+b%26c&diff_type=added\
                 &date_from=2025-01-01&date_to=2026-12-31&limit=3",
            )
            .retired(),
    ]
}

fn logs() -> Vec<Row> {
    vec![
        call(
            "sitebay_get_site_logs",
            json!({ "fqdn": SITE, "log_type": "php", "lines": 5, "level": "ERROR" }),
        )
        .get("/site/site-1.example.com/logs?log_type=php&lines=5&level=error"),
        call(
            "sitebay_get_container_logs",
            json!({ "fqdn": SITE, "container_name": "nginx", "lines": 5, "since": "10m" }),
        )
        .get("/site/site-1.example.com/logs/nginx?lines=5&since=10m"),
    ]
}

fn git() -> Vec<Row> {
    let linked = json!({ "git_url": "https://git.example.com/a.git" });
    vec![
        call("sitebay_get_linked_git_repos_for_user", json!({})).get("/account/git_repos"),
        call("sitebay_get_git_sync_repos", json!({})).get("/get_git_sync_repos"),
        call("sitebay_unlink_git", json!({ "fqdn": SITE, "confirm": true }))
            .given("PATCH /site/site-1.example.com", linked, "/id")
            .delete("/site/site-1.example.com/git"),
    ]
}

fn wordpress() -> Vec<Row> {
    let parameters = r#"{"title":"Hello","status":"draft"}"#;
    let sent = json!({
        "fqdn": SITE, "path": "/wp-json/wp/v2/posts", "query_params_json": parameters, "method": "post",
    });
    vec![call("sitebay_wordpress_proxy", sent.clone()).post("/wp-proxy", sent)]
}
