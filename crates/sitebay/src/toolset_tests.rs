//! Some tools of every toolset: the request that each sends, and what it says.

use serde_json::{Value, json};

use super::testing::run;
use mcp_server::testing::{FakePlatform, json, text};

const ID: &str = "6f1c2b1e-8f0a-4c57-9d0e-0a9b8c7d6e5f";
const BLOCKS: &str = "<<<<<< SEARCH\na\n======\nb\n>>>>>> REPLACE";

#[test]
fn each_tool_has_its_own_request() {
    let sent = BLOCKS.replace("<<<<<<", "<<<<<<<").replace("======", "=======");
    let sent = sent.replace(">>>>>>", ">>>>>>>");
    let fqdn = json!({"fqdn": "a.org"});
    let with = |more: Value| {
        let mut arguments = fqdn.clone();
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        arguments
    };
    for (tool, arguments, line, body) in [
        (
            "sitebay_get_pit_restore",
            with(json!({"pit_restore_id": ID})),
            format!("Get /site/a.org/pit_restore/{ID}?format=json"),
            Value::Null,
        ),
        (
            "sitebay_get_download_urls",
            with(json!({"keys": ["/wp-content/a"], "at_date": "2026-11-20T08:00:00Z"})),
            "Post /site/a.org/get_download_urls?at_date=2026-11-20T08%3A00%3A00Z".into(),
            json!({"keys": ["/wp-content/a"]}),
        ),
        (
            "sitebay_create_staging_site",
            with(json!({"subdomain": "staging", "restore_point": ""})),
            "Post /site/a.org/stage".into(),
            json!({"subdomain": "staging"}),
        ),
        (
            "sitebay_delete_staging_site",
            with(json!({})),
            "Delete /site/a.org/stage".into(),
            Value::Null,
        ),
        (
            "sitebay_create_checkpoint",
            with(json!({"name": "before", "conversation": {"a": 1}})),
            "Post /site/a.org/checkpoints".into(),
            json!({"name": "before", "page_path": "/", "metadata_json": {}, "conversation": {"a": 1}}),
        ),
        (
            "sitebay_edit_file",
            with(json!({"file_path": "/bitnami/wordpress/wp-content/a.php",
                "file_edit_using_search_replace_blocks": BLOCKS})),
            "Post /site/a.org/wpfile/edit".into(),
            json!({"file_path": "a.php", "file_edit_using_search_replace_blocks": sent, "dry_run": false}),
        ),
        (
            "sitebay_file_tree",
            with(json!({})),
            "Post /site/a.org/wpfile/tree".into(),
            json!({"path": "", "max_depth": 3}),
        ),
        (
            "sitebay_dolt_diff",
            with(json!({"table": "wp_posts"})),
            "Get /site/a.org/database_changes/diff?table=wp_posts".into(),
            Value::Null,
        ),
        (
            "sitebay_get_site_logs",
            with(json!({"level": "ERROR"})),
            "Get /site/a.org/logs?log_type=wordpress&lines=100&level=error".into(),
            Value::Null,
        ),
        (
            "sitebay_get_container_logs",
            with(json!({"container_name": "git-sync/../x"})),
            "Get /site/a.org/logs/git-sync%2F..%2Fx?lines=100".into(),
            Value::Null,
        ),
        (
            "sitebay_create_dns_record",
            with(json!({"dns_name": "www", "dns_type": "A", "dns_content": "192.0.2.1"})),
            "Post /site/a.org/dns".into(),
            json!({"name": "www", "type": "A", "content": "192.0.2.1", "proxied": false}),
        ),
        (
            "sitebay_update_cf_settings",
            with(json!({"dev_mode": true})),
            "Patch /site/a.org/cf_settings".into(),
            json!({"dev_mode": true}),
        ),
        (
            "sitebay_add_custom_hostname",
            with(json!({"hostname": "Shop.Example.org"})),
            "Post /site/a.org/custom_hostname".into(),
            json!({"hostname": "shop.example.org"}),
        ),
        ("sitebay_unlink_git", with(json!({})), "Delete /site/a.org/git".into(), Value::Null),
        (
            "sitebay_browser_text",
            with(json!({})),
            "Post /site/a.org/browser/text".into(),
            json!({"selector": "body"}),
        ),
        (
            "sitebay_update_shopify_store",
            json!({"id": 3, "blog_url": ""}),
            "Patch /account/shopify_store/3".into(),
            json!({"blog_url": null}),
        ),
        (
            "sitebay_read_asset",
            json!({"shop_name": "s", "theme_id": 7, "key": "sections/a.liquid"}),
            "Get /shopify/s/theme/7/asset?key=sections%2Fa.liquid".into(),
            Value::Null,
        ),
        (
            "sitebay_multi_edit_assets",
            json!({"shop_name": "s", "theme_id": 7,
                "edits": [{"key": "a.liquid", "search_replace_blocks": BLOCKS}]}),
            "Post /shopify/s/theme/7/assets/multi_edit".into(),
            json!({"edits": [{"key": "a.liquid", "search_replace_blocks": sent}], "dry_run": false}),
        ),
        (
            "sitebay_proxy_to_grafana",
            json!({"team_id": ID, "path": "/api/search"}),
            "Post /grafana-proxy".into(),
            json!({"team_id": ID, "path": "/api/search", "method": "get"}),
        ),
    ] {
        let fake = FakePlatform::new([json(200, json!({}))]);
        let result = run(&fake, tool, arguments);
        assert!(!result.is_error, "{tool}: {}", result.text);
        assert_eq!((fake.lines(), fake.body(0)), (vec![line], body), "{tool}");
    }
}

#[test]
fn bad_values_are_refused_before_anything_is_sent() {
    let fake = FakePlatform::new([]);
    for (tool, arguments, told) in [
        ("sitebay_read_file", json!({"file_path": "../wp-config.php"}), "below wp-content"),
        ("sitebay_read_file", json!({"file_path": "a", "start_line": 0}), "at least 1"),
        (
            "sitebay_edit_file",
            json!({"file_path": "a", "file_edit_using_search_replace_blocks": "x"}),
            "whole search and replace blocks",
        ),
        ("sitebay_file_tree", json!({"max_depth": 11}), "from 1 to 10"),
        ("sitebay_multi_edit_files", json!({"edits": []}), "an array of objects with"),
        ("sitebay_get_site_logs", json!({"level": "loud"}), "one of error, warning"),
        ("sitebay_dolt_history_search", json!({"query": "a", "date_to": "2026-13-01"}), "a date"),
        ("sitebay_add_custom_hostname", json!({"hostname": "https://a.org"}), "a host name"),
        (
            "sitebay_create_external_path",
            json!({"external_name": "a.org:8", "path": "/a"}),
            "a host",
        ),
        ("sitebay_get_download_urls", json!({"keys": []}), "strings that is not empty"),
        ("sitebay_delete_checkpoint", json!({"checkpoint_id": "1"}), "a UUID"),
        ("sitebay_site_shell_command", json!({"command": "x".repeat(70_000)}), "65536 characters"),
        ("sitebay_update_cf_settings", json!({}), "nothing to change"),
    ] {
        let mut arguments = arguments;
        arguments["fqdn"] = json!("a.org");
        let result = run(&fake, tool, arguments);
        assert!(result.is_error && result.text.contains(told), "{tool}: {}", result.text);
    }
    assert!(fake.requests().is_empty());
}

#[test]
fn an_answer_without_a_known_form_is_shown_as_it_came() {
    for (answer, shown) in [
        (json!({"tree": ["a", "b"]}), "{\n  \"tree\": [\n    \"a\""),
        (json!({"diff": "-a\n+b"}), "diff:\n-a\n+b"),
        (json!("plain\ntext"), "plain\ntext"),
        (json!(null), "the answer was empty"),
    ] {
        let fake = FakePlatform::new([json(200, answer.clone())]);
        let result = run(&fake, "sitebay_file_tree", json!({"fqdn": "a.org"}));
        assert_eq!(result.data, json!({"result": answer}));
        assert!(result.text.contains(shown), "{}", result.text);
    }
}

#[test]
fn a_secret_field_is_shown_on_demand_only() {
    for (reveal, shown) in [(false, "[redacted]"), (true, "wp|secret")] {
        let cookie =
            json!({"name": "wordpress_logged_in", "value": "wp|secret", "domain": "a.org"});
        let fake = FakePlatform::new([json(200, cookie)]);
        let arguments = json!({"fqdn": "a.org", "reveal": reveal});
        let result = run(&fake, "sitebay_browser_admin_cookie", arguments);
        assert_eq!(result.data["value"], shown);
        assert!(result.text.contains(shown), "{}", result.text);
    }
}

#[test]
fn a_success_is_said_with_what_it_was_about() {
    let fake = FakePlatform::new([json(200, json!({"rows": 1}))]);
    let arguments = json!({"shop_name": "s", "theme_id": 7, "name": "Copy"});
    let result = run(&fake, "sitebay_duplicate_theme", arguments);
    assert!(result.text.starts_with("Theme 7 of s was copied as Copy.\n{"), "{}", result.text);
}

#[test]
fn a_post_that_reads_is_sent_again_and_one_that_changes_is_not() {
    for (tool, requests) in [("sitebay_browser_text", 2), ("sitebay_browser_goto", 1)] {
        let fake = FakePlatform::new([text(503, ""), json(200, json!({}))]);
        run(&fake, tool, json!({"fqdn": "a.org"}));
        assert_eq!(fake.requests().len(), requests, "{tool}");
    }
}

#[test]
fn a_hidden_tool_names_what_takes_its_place() {
    let fake = FakePlatform::new([text(410, "")]);
    let arguments = json!({"fqdn": "a.org", "checkpoint_id": ID});
    let result = run(&fake, "sitebay_restore_checkpoint", arguments);
    assert!(result.is_error && result.text.contains("sitebay_backup_restore"), "{}", result.text);
}

#[test]
fn what_is_not_found_is_named() {
    for (tool, arguments, told) in [
        ("sitebay_get_staging_site", json!({"fqdn": "a.org"}), "Check the host name: "),
        (
            "sitebay_delete_dns_record",
            json!({"fqdn": "a.org", "dns_id": "7"}),
            "Check dns_id and the host name: ",
        ),
        (
            "sitebay_read_asset",
            json!({"shop_name": "s", "theme_id": 7, "key": "a"}),
            "Check shop_name and theme_id.",
        ),
    ] {
        let fake = FakePlatform::new([json(404, json!({"detail": "No such thing"}))]);
        let result = run(&fake, tool, arguments);
        assert!(result.is_error && result.text.contains(told), "{}", result.text);
    }
}

#[test]
fn one_page_is_read_where_one_is_named() {
    let page = |offset: u32| {
        json!({"results": [{"id": offset, "name": "T"}], "count": 3, "limit": 1, "offset": offset,
            "next": null})
    };
    for (offset, truncated) in [(1, true), (2, false)] {
        let fake = FakePlatform::new([json(200, page(offset))]);
        let number = offset + 1;
        let result = run(&fake, "sitebay_list_teams", json!({"page": number, "size": 1}));
        assert_eq!(fake.lines(), [format!("Get /team?page={number}&size=1")]);
        assert_eq!(
            (&result.data["total"], &result.data["truncated"]),
            (&json!(3), &json!(truncated))
        );
    }
    let fake = FakePlatform::new([json(200, page(0))]);
    let result = run(&fake, "sitebay_list_teams", json!({"page": 2}));
    assert!(result.is_error && result.text.contains("another page"), "{}", result.text);
}
