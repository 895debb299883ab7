//! OAuth as clients and people go through it, against the real Worker.

use std::time::Duration;

use reqwest::Method;
use sandbox::Recorded;
use serde_json::{Value, json};
use xtask::server::{Options, Server};

use crate::{
    storage::{files, objects},
    support::{
        Client,
        events::Live,
        hasty,
        oauth::{
            App, CALLBACK, SITEBAY_TOKEN, Tokens, VERIFIER, get, post, register, send, sent_to,
            server, with_oauth,
        },
        options,
        passing::Passing,
        start,
        stateless::{ask, call},
        wait,
    },
};

async fn document(server: &Server, path: &str) -> Value {
    let answer = get(&format!("{}{path}", server.url())).await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    answer.json()
}

#[tokio::test]
async fn oauth_is_found_from_the_401_on() {
    let server = server().await;
    let url = server.url();
    let refused = Client::new(&url).initialize("2025-11-25").await;
    refused.refused(401, -32000);
    let challenge = refused.header("www-authenticate");
    let at = challenge.split("resource_metadata=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(
        challenge.starts_with("Bearer ") && challenge.contains("scope=\"read write\""),
        "{challenge}"
    );
    assert!(!challenge.contains("error="), "nothing was wrong yet: {challenge}");
    let resource = get(at).await.json();
    assert_eq!(resource["resource"], format!("{url}/mcp"));
    assert_eq!(resource["authorization_servers"], json!([url]));
    let issuer = document(&server, "/.well-known/oauth-authorization-server").await;
    assert_eq!(issuer["issuer"], json!(url));
    for (path, resource) in [("", ""), ("/mcp", "/mcp"), ("/sse", "/sse")] {
        let path = format!("/.well-known/oauth-protected-resource{path}");
        assert_eq!(document(&server, &path).await["resource"], format!("{url}{resource}"));
    }
    for path in [
        "/.well-known/oauth-authorization-server/mcp",
        "/.well-known/openid-configuration",
        "/.well-known/openid-configuration/mcp",
        "/mcp/.well-known/openid-configuration",
    ] {
        assert_eq!(document(&server, path).await["token_endpoint"], issuer["token_endpoint"]);
    }
    let wrong = Client::new(&url)
        .with("authorization", "Bearer smat_forged")
        .initialize("2025-11-25")
        .await;
    assert!(wrong.header("www-authenticate").contains("error=\"invalid_token\""), "{wrong:?}");
    assert_eq!(objects(&server), 0);
}

#[tokio::test]
async fn oauth_is_not_there_where_it_is_off() {
    for options in [options(), with_oauth().var("CREDENTIAL_KEY", "")] {
        let server = start(options).await;
        for path in [
            "/.well-known/oauth-authorization-server",
            "/.well-known/oauth-protected-resource/mcp",
            "/.well-known/openid-configuration",
            "/authorize",
            "/account",
        ] {
            assert_eq!(get(&format!("{}{path}", server.url())).await.status, 404, "{path}");
        }
        for path in ["/token", "/register", "/revoke"] {
            let answer = post(&format!("{}{path}", server.url()), &[], &[]).await;
            assert_eq!(answer.status, 404, "{path}");
        }
    }
}

#[tokio::test]
async fn the_log_says_that_oauth_needs_a_key() {
    let server = start(with_oauth().var("CREDENTIAL_KEY", "")).await;
    get(&format!("{}/health", server.url())).await;
    assert!(server.log().contains("MCP_OAUTH is on, but CREDENTIAL_KEY"), "{}", server.log());
}

#[tokio::test]
async fn oauth_leads_from_registration_to_a_call_on_the_person_s_account() {
    let server = server().await;
    let app = App::register(&server.url()).await;
    let page = app.ask(&[]).await;
    assert_eq!(page.status, 200, "{page:?}");
    for shown in ["An app", "app.example", "value=\"read\"", "value=\"write\"", "SiteBay API token"]
    {
        assert!(page.text.contains(shown), "{shown}: {page:?}");
    }
    let fields =
        [("scope", "read"), ("scope", "write"), ("token", SITEBAY_TOKEN), ("answer", "allow")];
    let sent = app.answer(&page, &fields).await;
    assert!(sent.header("location").starts_with(CALLBACK), "{sent:?}");
    assert_eq!(sent_to(&sent, "state").as_deref(), Some("st&te"));
    assert_eq!(sent_to(&sent, "iss"), Some(server.url()));
    let tokens = Tokens::of(&app.redeem(&sent_to(&sent, "code").unwrap()).await);
    assert_eq!(tokens.scope, "read write");
    let client = app.client(&tokens.access).connect().await;
    let seen = client.call("sitebay_list_teams", json!({})).await;
    assert!(seen.result()["isError"].is_null(), "{seen:?}");
    let modern = call(&app.client(&tokens.access), "whoami", json!({})).await;
    assert!(modern.tool_text().contains("oauth"), "{modern:?}");
}

#[tokio::test]
async fn the_credential_of_the_grant_counts_and_not_one_that_is_sent() {
    let sandbox =
        sandbox::Options { token: Some(SITEBAY_TOKEN.into()), ..sandbox::Options::default() };
    let mut options = with_oauth();
    options.sandbox = Some(sandbox);
    let server = start(options).await;
    let app = App::register(&server.url()).await;
    let tokens = app.tokens().await;
    let client =
        app.client(&tokens.access).with("x-sitebay-token", "somebody-else's").connect().await;
    let seen = client.call("sitebay_list_teams", json!({})).await;
    assert!(seen.result()["isError"].is_null(), "{seen:?}");
}

#[tokio::test]
async fn a_wrong_sitebay_token_is_told_on_the_page() {
    let sandbox =
        sandbox::Options { token: Some("the-right-one".into()), ..sandbox::Options::default() };
    let mut options = with_oauth();
    options.sandbox = Some(sandbox);
    let server = start(options).await;
    let app = App::register(&server.url()).await;
    let page = app.ask(&[]).await;
    for (token, said) in [
        ("wrong-one-entered", "does not know this token"),
        ("", "Enter your"),
        ("a b", "not a SiteBay"),
    ] {
        let again =
            app.answer(&page, &[("scope", "read"), ("token", token), ("answer", "allow")]).await;
        assert_eq!(again.status, 422, "{again:?}");
        assert!(
            again.text.contains(said) && again.text.contains("id=\"token-error\""),
            "{again:?}"
        );
        // What the person did not tick stays so.
        assert!(again.text.contains("value=\"read\" checked>"), "{again:?}");
        assert!(again.text.contains("value=\"write\">"), "{again:?}");
        assert!(token.is_empty() || !again.text.contains("wrong-one-entered"), "{again:?}");
    }
    let fields = [("scope", "read"), ("token", "the-right-one"), ("answer", "allow")];
    assert!(sent_to(&app.answer(&page, &fields).await, "code").is_some());
}

#[tokio::test]
async fn a_refreshed_token_keeps_the_session() {
    let server = server().await;
    let app = App::register(&server.url()).await;
    let tokens = app.tokens().await;
    let client = app.client(&tokens.access).connect().await;
    let newer = Tokens::of(&app.refresh(&tokens.refresh).await);
    assert_ne!(newer.refresh, tokens.refresh);
    let client = client.with("authorization", &format!("Bearer {}", newer.access));
    assert_eq!(client.call("echo", json!({ "text": "same" })).await.tool_text(), "same");
    // Another grant of the same person is the same subject, another person is not.
    let again = app.tokens().await;
    let client = client.with("authorization", &format!("Bearer {}", again.access));
    assert_eq!(client.request("ping", json!({})).await.status, 200);
    let page = app.ask(&[]).await;
    let other = [("scope", "read"), ("token", "token-of-somebody-else"), ("answer", "allow")];
    let code = sent_to(&app.answer(&page, &other).await, "code").unwrap();
    let other = Tokens::of(&app.redeem(&code).await);
    let client = client.with("authorization", &format!("Bearer {}", other.access));
    client.request("ping", json!({})).await.refused(404, -32001);
}

#[tokio::test]
async fn what_a_person_does_not_tick_is_not_granted() {
    let server = server().await;
    let app = App::register(&server.url()).await;
    let page = app.ask(&[]).await;
    let none = app.answer(&page, &[("token", SITEBAY_TOKEN), ("answer", "allow")]).await;
    assert_eq!(none.status, 422, "{none:?}");
    let fields = [("scope", "read"), ("token", SITEBAY_TOKEN), ("answer", "allow")];
    let code = sent_to(&app.answer(&page, &fields).await, "code").unwrap();
    let tokens = Tokens::of(&app.redeem(&code).await);
    assert_eq!(tokens.scope, "read");
    let more =
        [("grant_type", "refresh_token"), ("refresh_token", &tokens.refresh), ("scope", "write")];
    assert_eq!(Tokens::of(&app.token(&more).await).scope, "read");
    // The page of a client that asks for less does not offer more, and more is not granted.
    let page = app.ask(&[("scope", "read")]).await;
    assert!(!page.text.contains("value=\"write\""), "{page:?}");
    let fields = [
        ("scope", "read"),
        ("scope", "write"),
        ("scope", "admin"),
        ("token", SITEBAY_TOKEN),
        ("answer", "allow"),
    ];
    let code = sent_to(&app.answer(&page, &fields).await, "code").unwrap();
    assert_eq!(Tokens::of(&app.redeem(&code).await).scope, "read");
}

#[tokio::test]
async fn scopes_that_this_server_does_not_have_are_ignored() {
    let server = server().await;
    let app = App::register(&server.url()).await;
    for scope in [" offline_access", "openid email profile", "sitebay", " ", "read:all,mcp"] {
        let page = app.ask(&[("scope", scope)]).await;
        assert_eq!(page.status, 200, "{scope}: {page:?}");
        for offered in ["value=\"read\"", "value=\"write\""] {
            assert!(page.text.contains(offered), "{scope}: {page:?}");
        }
        let metadata = json!({ "redirect_uris": [CALLBACK], "scope": scope });
        let registered = register(&server.url(), &metadata).await;
        assert_eq!(registered.status, 201, "{scope}: {registered:?}");
        assert_eq!(registered.json()["scope"], "read write");
        let tokens = app.tokens().await;
        let fields =
            [("grant_type", "refresh_token"), ("refresh_token", &tokens.refresh), ("scope", scope)];
        assert_eq!(Tokens::of(&app.token(&fields).await).scope, "read write", "{scope}");
    }
}

#[tokio::test]
async fn a_call_beyond_its_scopes_says_where_to_get_more() {
    let server = server().await;
    let app = App::register(&server.url()).await;
    let page = app.ask(&[("scope", "read")]).await;
    let fields = [("scope", "read"), ("token", SITEBAY_TOKEN), ("answer", "allow")];
    let code = sent_to(&app.answer(&page, &fields).await, "code").unwrap();
    let client = app.client(&Tokens::of(&app.redeem(&code).await).access);
    let in_session = client.clone().connect().await;
    let delete = json!({ "fqdn": "x.example" });
    let refused = in_session.call("sitebay_delete_site", delete).await;
    let stateless = call(&client, "sitebay_delete_site", json!({})).await;
    for refused in [refused, stateless] {
        assert_eq!(refused.status, 403, "{refused:?}");
        let challenge = refused.header("www-authenticate");
        let place =
            format!("resource_metadata=\"{}/.well-known/oauth-protected-resource/mcp\"", app.url);
        assert!(challenge.contains("error=\"insufficient_scope\""), "{challenge}");
        assert!(challenge.contains("write") && challenge.contains(&place), "{challenge}");
    }
}

#[tokio::test]
async fn a_client_with_a_secret_proves_who_it_is() {
    let server = server().await;
    let answer = register(&server.url(), &json!({ "redirect_uris": [CALLBACK] })).await.json();
    let (id, secret) =
        (answer["client_id"].as_str().unwrap(), answer["client_secret"].as_str().unwrap());
    let app = App { url: server.url(), id: id.to_owned(), redirect: CALLBACK.to_owned() };
    let code = app.code().await;
    assert_eq!(app.redeem(&code).await.status, 401);
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("code_verifier", VERIFIER),
        ("client_secret", secret),
    ];
    Tokens::of(&app.token(&fields).await);
}

#[tokio::test]
async fn a_person_who_says_no_goes_back_with_that() {
    let server = server().await;
    let app =
        App::register_for(&server.url(), "cursor://anysphere.cursor-mcp/oauth/callback").await;
    let page = app.ask(&[]).await;
    let policy = page.header("content-security-policy");
    assert!(policy.ends_with("form-action 'self' https: cursor:"), "{policy}");
    let sent = app.answer(&page, &[("answer", "deny")]).await;
    assert!(sent.header("location").starts_with("cursor://"), "{sent:?}");
    assert_eq!(sent_to(&sent, "error").as_deref(), Some("access_denied"));
    assert_eq!(sent_to(&sent, "iss"), Some(server.url()));
}

#[tokio::test]
async fn a_page_of_another_origin_may_ask_for_tokens() {
    let server = server().await;
    for path in ["/token", "/register", "/revoke", "/.well-known/oauth-authorization-server"] {
        let headers = [
            ("origin", "https://app.example"),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization,mcp-protocol-version"),
        ];
        let url = format!("{}{path}", server.url());
        let preflight = send(Method::OPTIONS, &url, &headers, String::new()).await;
        assert_eq!(preflight.status, 204, "{path}");
        assert_eq!(preflight.header("access-control-allow-origin"), "*");
        assert!(preflight.header("access-control-allow-headers").contains("MCP-Protocol-Version"));
        assert!(preflight.headers.get("access-control-allow-credentials").is_none());
    }
}

#[tokio::test]
async fn a_revoked_grant_ends_at_once_here_and_in_30_s_elsewhere() {
    let time = Passing::moved();
    let mut options = time.of(with_oauth());
    options.isolates = 2;
    let server = start(options).await;
    let urls = server.urls();
    let app = App::register(&urls[0]).await;
    let tokens = app.tokens().await;
    assert!(app.is_let_in(&tokens.access).await);
    // Another isolate of the same server: a token is good for the name that is asked.
    let host = urls[0].strip_prefix("http://").unwrap();
    let authorization = format!("Bearer {}", tokens.access);
    let elsewhere = Client::new(&urls[1]).with("authorization", &authorization);
    assert_eq!(elsewhere.initialize("2025-11-25").await.status, 401);
    let elsewhere = elsewhere.with("host", host);
    assert_eq!(elsewhere.initialize("2025-11-25").await.status, 200);
    let fields = [("client_id", app.id.as_str()), ("token", &tokens.refresh)];
    assert_eq!(post(&format!("{}/revoke", app.url), &fields, &[]).await.status, 200);
    assert!(!app.is_let_in(&tokens.access).await);
    assert_eq!(app.refresh(&tokens.refresh).await.json()["error"], "invalid_grant");
    time.pass(31).await;
    assert_eq!(elsewhere.initialize("2025-11-25").await.status, 401);
    // An unknown token ends nothing.
    let fields = [("client_id", app.id.as_str()), ("token", "unknown")];
    assert_eq!(post(&format!("{}/revoke", app.url), &fields, &[]).await.status, 200);
}

#[tokio::test]
async fn a_grant_outlives_a_restart_and_an_unused_one_leaves_no_secret() {
    let mut server = server().await;
    let app = App::register(&server.url()).await;
    let (tokens, code) = (app.tokens().await, app.code().await);
    server.restart().await.unwrap();
    assert!(app.is_let_in(&tokens.access).await);
    let tokens = Tokens::of(&app.refresh(&tokens.refresh).await);
    Tokens::of(&app.redeem(&code).await);
    for file in files(server.storage(), "") {
        let stored = std::fs::read(&file).unwrap();
        let has = |text: &str| stored.windows(text.len()).any(|window| window == text.as_bytes());
        for secret in [SITEBAY_TOKEN, &tokens.access, &tokens.refresh, &code, VERIFIER] {
            assert!(!has(secret), "{} has a secret", file.display());
        }
    }
}

#[tokio::test]
async fn a_grant_is_good_under_a_list_of_keys_and_over_without_its_own() {
    let storage = tempfile::tempdir().unwrap();
    let port = xtask::ports::free().unwrap();
    let with_key = async |key: &str| {
        wait::until(
            "the server before it has ended",
            async || match tokio::net::TcpStream::connect(("127.0.0.1", port)).await {
                Ok(_) => Err("it listens"),
                Err(_) => Ok(()),
            },
        )
        .await;
        let options = with_oauth().var("CREDENTIAL_KEY", key);
        start(Options { storage: Some(storage.path().into()), port, ..options }).await
    };
    let (old, new) = ("old-".repeat(10), "new-".repeat(10));
    let server = with_key(&old).await;
    let app = App::register(&server.url()).await;
    let tokens = app.tokens().await;
    drop(server);
    let server = with_key(&format!("{new},{old}")).await;
    assert!(app.is_let_in(&tokens.access).await);
    let tokens = Tokens::of(&app.refresh(&tokens.refresh).await);
    drop(server);
    let _server = with_key(&new).await;
    assert!(!app.is_let_in(&tokens.access).await);
    // The client asks its person again.
    assert_eq!(app.refresh(&tokens.refresh).await.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn a_stream_ends_when_its_grant_is_taken_back() {
    // It is asked for at each of the comments that break the stream's silence.
    let server = start(hasty(with_oauth())).await;
    let app = App::register(&server.url()).await;
    let tokens = app.tokens().await;
    let client = app.client(&tokens.access).connect().await;
    let live = Live::new(client.get().await);
    let fields = [("client_id", app.id.as_str()), ("token", &tokens.access)];
    assert_eq!(post(&format!("{}/revoke", app.url), &fields, &[]).await.status, 200);
    let rest = live.rest().await;
    assert!(rest.contains("closed: the access was revoked"), "{rest}");
}

#[tokio::test]
async fn a_task_ends_when_its_grant_is_taken_back() {
    let creating_for = Duration::from_secs(30);
    let sandbox = sandbox::Options { creating_for, ..sandbox::Options::default() };
    let server = start(Options { sandbox: Some(sandbox), ..with_oauth() }).await;
    let app = App::register(&server.url()).await;
    let (begins, looks) = (app.tokens().await, app.tokens().await);
    let follows =
        json!({ "elicitation": {}, "extensions": { "io.modelcontextprotocol/tasks": {} } });
    let site =
        json!({ "fqdn": "x.example.com", "team_id": "00007ea0-0000-4000-8000-000000000001" });
    let mut params = json!({ "name": "open_site", "arguments": site });
    let client = app.client(&begins.access);
    let asked = ask(&client, "tools/call", params.clone(), follows.clone()).await.result();
    params["requestState"] = asked["requestState"].clone();
    params["inputResponses"] =
        json!({ "agree": { "action": "accept", "content": { "agree": true } } });
    let begun = ask(&client, "tools/call", params, follows.clone()).await.result();
    let params = json!({ "taskId": begun["taskId"] });
    let is_sent = |request: &Recorded| request.method == "POST";
    let requests = || server.sandbox().unwrap().requests();
    wait::holds("SiteBay was told", || requests().iter().any(is_sent)).await;
    let fields = [("client_id", app.id.as_str()), ("token", &begins.access)];
    assert_eq!(post(&format!("{}/revoke", app.url), &fields, &[]).await.status, 200);
    let seen = wait::until("the task ends", async || {
        let client = app.client(&looks.access);
        let seen = ask(&client, "tasks/get", params.clone(), follows.clone()).await.result();
        if seen["status"] == "working" { Err(seen) } else { Ok(seen) }
    })
    .await;
    assert_eq!(seen["status"], "failed", "{seen}");
    assert!(seen.to_string().contains("was revoked"), "{seen}");
}
