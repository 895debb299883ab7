//! The SiteBay tools over the wire: the sandbox's requests, and the client's results.

use sandbox::{Fault, Generation, Recorded};
use serde_json::{Value, json};
use xtask::server::{Options, Server};

use crate::support::{Answer, Client, events::Live, hasty, new_site, options, server, start};

const SITE: &str = "site-1.example.com";

/// Checks that a call failed as a tool does, and returns what the model reads.
#[track_caller]
fn failure(answer: &Answer) -> String {
    assert_eq!(answer.result()["isError"], true, "{answer:?}");
    answer.tool_text()
}

fn received(server: &Server) -> Vec<Recorded> {
    server.sandbox().unwrap().requests()
}

#[tokio::test]
async fn every_tool_says_what_it_does_to_the_world() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let list = client.request("tools/list", json!({})).await.result();
    let tools = list["tools"].as_array().unwrap().iter();
    let ours = |tool: &&Value| tool["name"].as_str().unwrap().starts_with("sitebay_");
    let tools: Vec<_> = tools.filter(ours).collect();
    assert_eq!(tools.len(), 24);
    for tool in tools {
        for hint in ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"] {
            assert!(tool["annotations"][hint].is_boolean(), "{hint}: {tool}");
        }
        assert!(tool["title"].is_string() && tool["outputSchema"]["type"] == "object", "{tool}");
        assert_eq!(tool["inputSchema"]["additionalProperties"], false, "{tool}");
    }
}

#[tokio::test]
async fn a_path_that_climbs_is_refused_before_any_request() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    for fqdn in [
        "../team",
        "",
        " ",
        "a b.example.com",
        "https://a.example.com",
        "a.example.com:80",
        "a%2fb.c",
        "127.0.0.1",
    ] {
        let text = failure(&client.call("sitebay_get_site", json!({ "fqdn": fqdn })).await);
        assert!(text.contains("fqdn"), "{fqdn}: {text}");
    }
    assert!(received(&server).is_empty(), "{:?}", received(&server));
    client.call("sitebay_get_site", json!({ "fqdn": "Bücher.example.com" })).await;
    assert_eq!(received(&server)[0].path, "/f/api/v1/site/xn--bcher-kva.example.com");
}

#[tokio::test]
async fn wrong_arguments_are_named_and_nothing_is_sent() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let args = json!({ "fqdn": SITE, "is_free": "yes", "gitUrl": "x", "new_fqdn": 7 });
    let text = failure(&client.call("sitebay_update_site", args).await);
    let mut told = vec![text];
    for (tool, arguments) in [
        ("sitebay_get_site", json!({})),
        ("sitebay_get_site", json!([1])),
        ("sitebay_list_sites", json!({ "page": "two", "size": 1_000, "team_id": "mine" })),
        (
            "sitebay_get_download_urls",
            json!({ "fqdn": SITE, "keys": "[\"/a\"]", "at_date": "now" }),
        ),
        ("sitebay_create_site", json!({ "wordpress_password": 7, "is_free": "false" })),
        ("sitebay_find_tools", json!({ "query": ["dns"], "limit": "5" })),
        ("add", json!({ "a": "1", "b": true })),
        ("slow", json!({ "ms": -1, "pause": 1 })),
        ("panic", json!({ "when": "later" })),
    ] {
        told.push(failure(&client.call(tool, arguments).await));
    }
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("wrong_arguments", told.join("\n\n"));
    });
    assert!(received(&server).is_empty());
}

#[tokio::test]
async fn lists_read_all_pages() {
    let sandbox = sandbox::Options { sites: 230, ..sandbox::Options::default() };
    let server = start(Options { sandbox: Some(sandbox), ..options() }).await;
    let client = Client::new(&server.url()).connect().await;
    let answer = client.call_with_progress("sitebay_list_sites", json!({})).await;
    let data = &answer.result()["structuredContent"];
    assert_eq!(data["count"], 230);
    assert_eq!(data["truncated"], false);
    assert_eq!(data["sites"].as_array().unwrap().len(), 230);
    assert!(received(&server).len() >= 3);
}

#[tokio::test]
async fn passwords_are_hidden_unless_asked_for() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let hidden = client.call("sitebay_get_site", json!({ "fqdn": SITE })).await;
    assert!(!hidden.text.contains("secret-"), "{hidden:?}");
    assert_eq!(hidden.result()["structuredContent"]["http_auth_password"], "[redacted]");
    let args = json!({ "fqdn": SITE, "reveal": true });
    let shown = client.call("sitebay_get_site", args).await;
    assert!(shown.text.contains("secret-http-"), "{shown:?}");
}

#[tokio::test]
async fn deleting_needs_confirmation_and_says_what_would_be_lost() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    for confirm in [json!({ "fqdn": SITE }), json!({ "fqdn": SITE, "confirm": false })] {
        let text = failure(&client.call("sitebay_delete_site", confirm).await);
        assert!(text.contains(SITE) && text.contains("confirm: true"), "{text}");
    }
    assert!(received(&server).iter().all(|request| request.method == "GET"));
    let args = json!({ "fqdn": SITE, "confirm": true });
    assert_eq!(client.call("sitebay_delete_site", args).await.result()["isError"], Value::Null);
    let deleted = received(&server).into_iter().filter(|r| r.method == "DELETE").count();
    assert_eq!(deleted, 1);
}

#[tokio::test]
async fn restoring_needs_confirmation_unless_it_only_tries() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    failure(&client.call("sitebay_backup_restore", json!({ "fqdn": SITE })).await);
    assert!(received(&server).iter().all(|request| request.method == "GET"));
    let dry = json!({ "fqdn": SITE, "is_dry_run": true });
    assert_eq!(client.call("sitebay_backup_restore", dry).await.result()["isError"], Value::Null);
}

#[tokio::test]
async fn an_api_failure_carries_the_servers_own_words() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let missing = json!({ "fqdn": "nobody.example.com" });
    let text = failure(&client.call("sitebay_get_site", missing).await);
    assert!(text.contains("Site not found"), "{text}");
    let mut wrong = new_site("fine.example.com");
    wrong["team_id"] = json!("00000000-0000-4000-8000-00000000dead");
    let text = failure(&client.call("sitebay_create_site", wrong).await);
    assert!(text.contains("Team not found"), "{text}");
    let detail = r#"{"detail":[{"loc":["body","fqdn"],"msg":"is reserved","type":"value_error"},
                     {"loc":["body","team_id"],"msg":"has no plan","type":"value_error"}]}"#;
    let fault = Fault {
        method: Some("POST".into()),
        status: Some(422),
        body: Some(detail.into()),
        content_type: Some("application/json".into()),
        times: Some(1),
        ..Fault::default()
    };
    server.sandbox().unwrap().inject(fault);
    let text = failure(&client.call("sitebay_create_site", new_site("x.example.com")).await);
    assert!(text.contains("is reserved") && text.contains("has no plan"), "{text}");
    assert!(!text.contains("correct horse"), "{text}");
}

#[tokio::test]
async fn safe_requests_are_retried_and_mutations_are_not() {
    let server = server().await;
    let sandbox = server.sandbox().unwrap();
    let client = Client::new(&server.url()).connect().await;
    for status in [502, 503, 504, 429] {
        sandbox.reset();
        let retry_after = (status == 429).then(|| "1".to_owned());
        sandbox.inject(Fault {
            status: Some(status),
            times: Some(2),
            retry_after,
            ..Fault::default()
        });
        let answer = client.call("sitebay_get_site", json!({ "fqdn": SITE })).await;
        assert_eq!(answer.result()["isError"], Value::Null, "{status}: {answer:?}");
        assert_eq!(received(&server).len(), 3, "{status}");
    }
    sandbox.reset();
    sandbox.inject(Fault { cut: true, times: Some(1), ..Fault::default() });
    client.call("sitebay_get_site", json!({ "fqdn": SITE })).await.result();
    assert_eq!(received(&server).len(), 2);
    sandbox.reset();
    let patch = Some("PATCH".to_owned());
    sandbox.inject(Fault { method: patch, status: Some(503), times: Some(1), ..Fault::default() });
    let args = json!({ "fqdn": SITE, "http_auth_enabled": true });
    let text = failure(&client.call("sitebay_update_site", args).await);
    assert!(text.contains("MAY have happened"), "{text}");
    assert_eq!(received(&server).len(), 1);
}

#[tokio::test]
async fn a_site_whose_answer_was_lost_is_created_once() {
    let server = server().await;
    let sandbox = server.sandbox().unwrap();
    let client = Client::new(&server.url()).connect().await;
    let fault = Fault {
        method: Some("POST".into()),
        cut: true,
        after: true,
        times: Some(1),
        ..Fault::default()
    };
    sandbox.inject(fault);
    let answer = client.call("sitebay_create_site", new_site("once.example.com")).await;
    assert_eq!(answer.result()["isError"], Value::Null, "{answer:?}");
    let posts: Vec<_> = received(&server).into_iter().filter(|r| r.method == "POST").collect();
    assert_eq!(posts.len(), 2);
    let keys: Vec<_> = posts.iter().map(|post| post.headers.get("idempotency-key")).collect();
    assert!(keys[0].is_some() && keys[0] == keys[1], "{keys:?}");
    let sites = client.call("sitebay_list_sites", json!({})).await;
    assert_eq!(sites.result()["structuredContent"]["count"], 4);
}

#[tokio::test]
async fn a_page_instead_of_json_is_a_readable_error() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    for (body, kind) in [
        ("<html><h1>Down for maintenance</h1></html>", "text/html"),
        ("{\"id\":", "application/json"),
    ] {
        server.sandbox().unwrap().reset();
        let fault =
            Fault { body: Some(body.into()), content_type: Some(kind.into()), ..Fault::default() };
        server.sandbox().unwrap().inject(fault);
        let text = failure(&client.call("sitebay_get_site", json!({ "fqdn": SITE })).await);
        assert!(!text.contains("<h1>"), "{text}");
        assert!(text.contains("JSON"), "{text}");
    }
}

#[tokio::test]
async fn a_service_that_is_slow_or_away_is_an_error_long_before_it_answers() {
    let server = start(hasty(options())).await;
    let away = start(options().var("SITEBAY_API_URL", "http://127.0.0.1:9")).await;
    let client = Client::new(&server.url()).connect().await;
    let fault = Fault { delay_ms: Some(60_000), ..Fault::default() };
    server.sandbox().unwrap().inject(fault);
    let nowhere = Client::new(&away.url()).connect().await;
    let (slow, away) = tokio::join!(
        client.call("sitebay_get_site", json!({ "fqdn": SITE })),
        nowhere.call("sitebay_list_teams", json!({})),
    );
    // After its 60 s SiteBay would show the site.
    failure(&slow);
    failure(&away);
}

#[tokio::test]
async fn retired_routes_name_what_to_use_instead() {
    let sandbox =
        sandbox::Options { generation: Generation::October, ..sandbox::Options::default() };
    let server = start(Options { sandbox: Some(sandbox), ..options() }).await;
    let client = Client::new(&server.url()).connect().await;
    let command = json!({ "fqdn": SITE, "command": "wp core version", "confirm": true });
    let text = failure(&client.call("sitebay_site_shell_command", command).await);
    assert!(text.contains("retired"), "{text}");
    let edit = json!({
        "fqdn": SITE,
        "file_path": "wp-content/themes/a/style.css",
        "file_edit_using_search_replace_blocks": "<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE",
        "confirm": true,
    });
    let text = failure(&client.call("sitebay_site_edit_file", edit).await);
    assert!(text.contains("retired"), "{text}");
}

#[tokio::test]
async fn what_the_original_left_out_is_supplied() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    client.call("sitebay_backup_list_commits", json!({ "fqdn": SITE })).await.result();
    assert!(received(&server)[0].query.contains("restore_point="), "{:?}", received(&server));
    client.call("sitebay_account_create_checkout", json!({})).await.result();
    let checkout = received(&server).into_iter().find(|r| r.path.ends_with("checkout_session"));
    assert!(checkout.unwrap().body.unwrap()["for_team_id"].is_string());
}

#[tokio::test]
async fn without_a_token_the_tools_are_listed_and_say_how_to_set_one() {
    let server = start(options().var("SITEBAY_API_TOKEN", "")).await;
    let client = Client::new(&server.url()).connect().await;
    assert_eq!(client.request("tools/list", json!({})).await.status, 200);
    let text = failure(&client.call("sitebay_list_sites", json!({})).await);
    assert!(text.contains("SITEBAY_API_TOKEN") && text.contains("X-SiteBay-Token"), "{text}");
    assert!(received(&server).is_empty());
    let own = Client::new(&server.url()).with("x-sitebay-token", "token-of-my-own-9876");
    let answer = own.connect().await.call("sitebay_list_sites", json!({})).await;
    assert_eq!(answer.result()["structuredContent"]["count"], 3);
    assert!(received(&server)[0].headers["authorization"].ends_with("9876"));
}

#[tokio::test]
async fn resources_are_json() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let read = async |uri: &str| client.request("resources/read", json!({ "uri": uri })).await;
    let config = read(&format!("sitebay://site/{SITE}/config")).await.result();
    assert_eq!(config["contents"][0]["mimeType"], "application/json");
    let text: Value =
        serde_json::from_str(config["contents"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(text["site_info"]["domain"], SITE);
    let missing = read("sitebay://site/nobody.example.com/config").await;
    assert_eq!(missing.json()["error"]["code"], -32002);
    let climbing = read("sitebay://site/..%2Fteam/config").await;
    assert_eq!(climbing.json()["error"]["code"], -32002);
}

#[tokio::test]
async fn a_mark_before_an_answer_and_half_a_surrogate_pair_in_it_do_no_harm() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let answer = |body: &str| Fault {
        status: Some(200),
        body: Some(body.to_owned()),
        content_type: Some("application/json".to_owned()),
        times: Some(1),
        ..Fault::default()
    };
    for (body, name) in [
        (r#"{"fqdn":"a.org","name":"cut \ud83d"}"#.to_owned(), "cut \u{fffd}"),
        (format!("\u{feff}{}", r#"{"fqdn":"a.org","name":"plain"}"#), "plain"),
    ] {
        server.sandbox().unwrap().inject(answer(&body));
        let site = client.call("sitebay_get_site", json!({ "fqdn": SITE })).await.result();
        assert_eq!(site["isError"], Value::Null, "{site}");
        assert_eq!(site["structuredContent"]["name"], name, "{site}");
    }
    let fault = Fault { status: Some(400), ..answer(r#"{"detail":"bad \udfff name"}"#) };
    server.sandbox().unwrap().inject(fault);
    let text = failure(&client.call("sitebay_get_site", json!({ "fqdn": SITE })).await);
    assert!(text.contains("bad \u{fffd} name"), "{text}");
}

#[tokio::test]
async fn a_resource_is_found_in_capitals_and_with_a_slash_at_its_end() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    for uri in [
        format!("SITEBAY://site/{SITE}/"),
        format!("SiteBay://site/{SITE}/config//"),
        "SITEBAY://sites/".to_owned(),
        "Sitebay://account/summary/".to_owned(),
        "TEST://static-text/".to_owned(),
    ] {
        let read = client.request("resources/read", json!({ "uri": uri })).await.result();
        assert_eq!(read["contents"][0]["uri"], uri, "{read}");
    }
    let completion = json!({
        "ref": { "type": "ref/resource", "uri": "SITEBAY://site/{site_fqdn}/" },
        "argument": { "name": "site_fqdn", "value": "site-1" },
    });
    let found = client.request("completion/complete", completion).await.result();
    assert_eq!(found["completion"]["values"], json!([SITE]));
    let watched = json!({ "uri": "TEST://watched-resource/" });
    client.request("resources/subscribe", watched.clone()).await.result();
    let mut live = Live::new(client.get().await);
    live.until("connected").await;
    client.call("touch", json!({ "uri": "test://watched-resource" })).await.result();
    let told = live.message(|message| message["method"] == "notifications/resources/updated").await;
    assert_eq!(told["params"], watched);
    let plain = json!({ "uri": "test://watched-resource" });
    client.request("resources/unsubscribe", plain).await.result();
}
