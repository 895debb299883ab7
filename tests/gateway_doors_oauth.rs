//! Tokens for the doors of upstreams: metadata and audiences of each door, and scopes of upstreams.
//!
//! Tests name the statements of the gateway that they show.

use reqwest::Method;
use serde_json::{Value, json};
use xtask::server::{Options, Server as Worker};

use crate::support::{
    Answer, Client,
    gateway::{Front, settings},
    issuer::{claims, hs256},
    oauth::{App, SITEBAY_TOKEN, Tokens, VERIFIER, get, post, register, send, sent_to, with_oauth},
    options, start,
    stateless::ask,
    upstream::mcp::{Era, Server},
};

const SECRET: &str = "a-secret-of-this-test-with-enough-characters";
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// An upstream as `tickets`, which has a scope of its own; as `wiki`, which people who may read use; and as `boss`,
/// which nobody is granted.
fn upstreams(upstream: &Server) -> String {
    settings(&[
        ("tickets", &upstream.url(), json!({})),
        ("wiki", &upstream.url(), json!({ "scope": "read" })),
        ("boss", &upstream.url(), json!({ "scope": "admin" })),
    ])
}

fn with_doors(upstream: &Server) -> Options {
    with_oauth().var("UPSTREAMS", &upstreams(upstream))
}

fn at(worker: &Worker, path: &str, token: &str) -> Client {
    Client::at(&worker.url(), path).with("authorization", &format!("Bearer {token}"))
}

/// The first answer to a caller with this token.
async fn opens(worker: &Worker, path: &str, token: &str) -> Answer {
    at(worker, path, token).initialize("2025-11-25").await
}

/// The status of a request whose answer may be a stream that does not end.
async fn opens_stream(worker: &Worker, path: &str, token: &str) -> u16 {
    at(worker, path, token).get().await.status().as_u16()
}

/// A parameter of a challenge.
fn parameter(answer: &Answer, name: &str) -> String {
    let challenge = answer.header("www-authenticate");
    let after =
        challenge.split(&format!("{name}=\"")).nth(1).unwrap_or_else(|| panic!("{challenge}"));
    after.split('"').next().unwrap().to_owned()
}

/// What a person grants: the fields of the form.
fn allowed<'a>(scopes: &[&'a str]) -> Vec<(&'static str, &'a str)> {
    let scopes = scopes.iter().map(|scope| ("scope", *scope));
    scopes.chain([("token", SITEBAY_TOKEN), ("answer", "allow")]).collect()
}

/// The tokens of an app that asks for a resource and scopes, all of which the person grants.
async fn granted(app: &App, resource: &str, scope: &str) -> Tokens {
    let resource = format!("{}{resource}", app.url);
    let page = app.ask(&[("resource", &resource), ("scope", scope)]).await;
    assert_eq!(page.status, 200, "{page:?}");
    let offered: Vec<&str> = page
        .text
        .split("name=\"scope\" value=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    let code = sent_to(&app.answer(&page, &allowed(&offered)).await, "code").expect("a code");
    Tokens::of(&app.redeem(&code).await)
}

#[tokio::test]
async fn the_challenge_of_a_door_leads_to_metadata_of_the_very_url_that_was_used() {
    let upstream = Server::start(Era::Stateless).await;
    let worker = start(with_doors(&upstream)).await;
    for (path, scopes) in [
        ("/u/tickets/mcp", json!(["read", "write", "upstream:tickets"])),
        ("/u/tickets/mcp/", json!(["read", "write", "upstream:tickets"])),
        ("/u/tickets/mcp?x=%22a%20b%22&y[]=z", json!(["read", "write", "upstream:tickets"])),
        ("/u/wiki/mcp", json!(["read", "write"])),
        ("/u/boss/mcp", json!(["read", "write"])),
        ("/mcp", json!(["read", "write", "upstream:tickets"])),
    ] {
        for token in ["", "smat_forged"] {
            let client = Client::at(&worker.url(), path);
            let client = match token {
                "" => client,
                token => client.with("authorization", &format!("Bearer {token}")),
            };
            let refused = client.initialize("2025-11-25").await;
            assert_eq!(refused.status, 401, "{path}: {refused:?}");
            let place = parameter(&refused, "resource_metadata");
            assert_eq!(place, format!("{}{WELL_KNOWN}{path}", worker.url()));
            let document = get(&place).await;
            assert_eq!(document.status, 200, "{document:?}");
            assert_eq!(document.header("access-control-allow-origin"), "*");
            assert_eq!(document.json()["resource"], format!("{}{path}", worker.url()));
            assert_eq!(document.json()["scopes_supported"], scopes, "{path}");
            assert_eq!(document.json()["authorization_servers"], json!([worker.url()]));
            let names = scopes.as_array().unwrap().iter().filter_map(Value::as_str);
            assert_eq!(parameter(&refused, "scope"), names.collect::<Vec<_>>().join(" "));
        }
    }
    for (path, stream) in
        [("/u/tickets/sse", "/u/tickets/sse"), ("/u/tickets/sse/?x=1", "/u/tickets/sse/?x=1")]
    {
        let url = format!("{}{path}", worker.url());
        let accept = [("accept", "text/event-stream")];
        let refused = send(Method::GET, &url, &accept, String::new()).await;
        let place = parameter(&refused, "resource_metadata");
        assert_eq!(place, format!("{}{WELL_KNOWN}{stream}", worker.url()));
        assert_eq!(get(&place).await.json()["resource"], format!("{}{stream}", worker.url()));
    }
    for path in ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"] {
        let server = get(&format!("{}{path}/u/tickets/mcp", worker.url())).await.json();
        assert_eq!(server["issuer"], json!(worker.url()));
        assert_eq!(server["scopes_supported"], json!(["read", "write", "upstream:tickets"]));
    }
    let metadata = json!({ "redirect_uris": ["https://app.example/cb"], "token_endpoint_auth_method": "none" });
    let registered = register(&worker.url(), &metadata).await.json();
    assert_eq!(registered["scope"], "read write upstream:tickets");
}

#[tokio::test]
async fn an_unknown_door_has_no_metadata_and_is_no_resource() {
    let upstream = Server::start(Era::Stateless).await;
    let worker = start(with_doors(&upstream)).await;
    let app = App::register(&worker.url()).await;
    let nothing = get(&format!("{}{WELL_KNOWN}/other", worker.url())).await;
    for path in [
        "/u/none/mcp",
        "/u/none/sse",
        "/u/tickets",
        "/u/tickets/",
        "/u/tickets/messages",
        "/u/tickets/mcp/x",
        "/u//mcp",
        "/u/Tickets/mcp",
        "/u/tickets%2f/mcp",
    ] {
        let document = get(&format!("{}{WELL_KNOWN}{path}", worker.url())).await;
        assert_eq!(document.status, 404, "{path}: {document:?}");
        assert_eq!(document.text, nothing.text, "{path}");
        let resource = format!("{}{path}", worker.url());
        let sent = app.ask(&[("resource", &resource)]).await;
        assert_eq!(sent_to(&sent, "error").as_deref(), Some("invalid_target"), "{path}");
        let fields =
            [("grant_type", "refresh_token"), ("refresh_token", "x"), ("resource", &resource)];
        assert_eq!(app.token(&fields).await.json()["error"], "invalid_target", "{path}");
    }
    let two = [
        ("grant_type", "refresh_token"),
        ("refresh_token", "x"),
        ("resource", &*format!("{}/u/tickets/mcp", worker.url())),
        ("resource", &*format!("{}/u/wiki/mcp", worker.url())),
    ];
    assert_eq!(app.token(&two).await.json()["error"], "invalid_target");
}

/// Statement 9: no byte of the token reaches the upstream.
#[tokio::test]
async fn a_token_for_a_door_opens_that_door_and_nothing_else() {
    let upstream = Server::start(Era::Session("2025-11-25")).await;
    let worker = start(with_doors(&upstream)).await;
    let app = App::register(&worker.url()).await;
    let tokens = granted(&app, "/u/tickets/mcp?x=1", "").await;
    assert_eq!(tokens.scope, "read write upstream:tickets");
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens.refresh.as_str()),
        ("scope", "read"),
        ("resource", &*format!("{}/u/tickets/mcp", worker.url())),
    ];
    let refreshed = Tokens::of(&app.token(&fields).await);
    assert_eq!(refreshed.scope, "read upstream:tickets");
    for token in [&tokens.access, &refreshed.access] {
        assert_eq!(opens(&worker, "/u/tickets/mcp", token).await.status, 200);
        assert_eq!(opens_stream(&worker, "/u/tickets/sse", token).await, 200);
        for path in ["/mcp", "/u/wiki/mcp", "/u/boss/mcp"] {
            let refused = opens(&worker, path, token).await;
            assert_eq!(refused.status, 401, "{path}: {refused:?}");
            assert_eq!(parameter(&refused, "error"), "invalid_token");
        }
        assert_eq!(opens_stream(&worker, "/sse", token).await, 401);
        assert_eq!(at(&worker, "/sessions", token).delete().await.status, 401);
        assert_eq!(at(&worker, "/admin/health", token).get().await.status(), 401);
    }
    let client = at(&worker, "/u/tickets/mcp", &tokens.access);
    for front in [Front::Session(client.clone().connect().await), Front::Stateless(client)] {
        assert_eq!(front.call("echo", json!({ "text": "x" })).await.tool_text(), "x");
    }
    upstream.never_received("smat_");
    // Another resource than the one that was granted is none.
    for path in ["/mcp", "/u/wiki/mcp"] {
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refreshed.refresh.as_str()),
            ("resource", &*format!("{}{path}", worker.url())),
        ];
        assert_eq!(app.token(&fields).await.json()["error"], "invalid_target", "{path}");
    }
    let revoked = [("token", refreshed.access.as_str()), ("client_id", app.id.as_str())];
    assert_eq!(post(&format!("{}/revoke", worker.url()), &revoked, &[]).await.status, 200);
    let gone = app.refresh(&refreshed.refresh).await;
    assert_eq!(gone.json()["error"], "invalid_grant", "{gone:?}");
}

#[tokio::test]
async fn a_token_for_the_server_opens_the_doors_that_its_scopes_name() {
    let upstream = Server::start(Era::Stateless).await;
    let worker = start(with_doors(&upstream)).await;
    let app = App::register(&worker.url()).await;
    let none = Client::at(&worker.url(), "/u/none/mcp").initialize("2025-11-25").await;
    for (asked, scope, has_tickets) in [
        ("", "read write upstream:tickets", true),
        ("read upstream:tickets upstream:none", "read upstream:tickets", true),
        ("upstream:tickets", "read write upstream:tickets", true),
        ("read write", "read write", false),
    ] {
        let tokens = granted(&app, "/mcp", asked).await;
        assert_eq!(tokens.scope, scope, "{asked}");
        let client = at(&worker, "/mcp", &tokens.access);
        for front in [Front::Session(client.clone().connect().await), Front::Stateless(client)] {
            let names = front.tools().await;
            let has = |first: &str| names.iter().any(|name| name.starts_with(first));
            assert_eq!(has("tickets_"), has_tickets, "{asked}: {names:?}");
            assert!(has("wiki_") && !has("boss_"), "{names:?}");
            let called = front.call("tickets_echo", json!({ "text": "x" })).await;
            assert_eq!(called.response()["result"].is_object(), has_tickets, "{called:?}");
        }
        let door = opens(&worker, "/u/tickets/mcp", &tokens.access).await;
        assert_eq!(door.status.as_u16(), if has_tickets { 200 } else { 403 }, "{door:?}");
        if !has_tickets {
            assert_eq!(parameter(&door, "error"), "insufficient_scope");
            assert_eq!(parameter(&door, "scope"), "read upstream:tickets");
            let place = format!("{}{WELL_KNOWN}/u/tickets/mcp", worker.url());
            assert_eq!(parameter(&door, "resource_metadata"), place);
            let client = at(&worker, "/u/tickets/mcp", &tokens.access);
            let stateless = ask(&client, "tools/list", json!({}), json!({})).await;
            assert_eq!(stateless.status, 403);
        }
        assert_eq!(opens(&worker, "/u/wiki/mcp", &tokens.access).await.status, 200);
        // Nobody is granted what it takes: it is as unknown as one that is not there.
        let boss = opens(&worker, "/u/boss/mcp", &tokens.access).await;
        assert_eq!((boss.status, &boss.text), (none.status, &none.text));
    }
}

#[tokio::test]
async fn a_grant_for_the_server_gives_tokens_for_one_door() {
    let upstream = Server::start(Era::Stateless).await;
    let worker = start(with_doors(&upstream)).await;
    let app = App::register(&worker.url()).await;
    let whole = granted(&app, "/mcp", "").await;
    let door = format!("{}/u/tickets/mcp", worker.url());
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", whole.refresh.as_str()),
        ("resource", &door),
    ];
    let narrow = Tokens::of(&app.token(&fields).await);
    assert_eq!(opens(&worker, "/u/tickets/mcp", &narrow.access).await.status, 200);
    assert_eq!(opens(&worker, "/mcp", &narrow.access).await.status, 401);
    let again = Tokens::of(&app.refresh(&narrow.refresh).await);
    assert_eq!(opens(&worker, "/mcp", &again.access).await.status, 200);
    let revoked = [("token", narrow.access.as_str()), ("client_id", app.id.as_str())];
    assert_eq!(post(&format!("{}/revoke", worker.url()), &revoked, &[]).await.status, 200);
    assert_eq!(app.refresh(&again.refresh).await.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn the_page_says_which_server_is_meant_and_a_person_may_refuse_it() {
    let upstream = Server::start(Era::Stateless).await;
    let worker = start(with_doors(&upstream)).await;
    let app = App::register(&worker.url()).await;
    let page = app.ask(&[("scope", "")]).await;
    for words in ["Use tickets, a server", "value=\"upstream:tickets\"", "SiteBay account"] {
        assert!(page.text.contains(words), "{words}: {page:?}");
    }
    let code = sent_to(&app.answer(&page, &allowed(&["read"])).await, "code").unwrap();
    let tokens = Tokens::of(&app.redeem(&code).await);
    assert_eq!(tokens.scope, "read");
    assert_eq!(opens(&worker, "/u/tickets/mcp", &tokens.access).await.status, 403);
    // A form cannot add what was not asked for.
    let page = app.ask(&[("scope", "read")]).await;
    let more = allowed(&["read", "write", "upstream:tickets", "admin"]);
    let code = sent_to(&app.answer(&page, &more).await, "code").unwrap();
    assert_eq!(Tokens::of(&app.redeem(&code).await).scope, "read");
    let door = format!("{}/u/tickets/mcp", worker.url());
    let page = app.ask(&[("resource", &door), ("scope", "read")]).await;
    assert!(page.text.contains("asks to use <b>tickets</b>"), "{page:?}");
    assert!(!page.text.contains("SiteBay account"), "{page:?}");
    let without = app.answer(&page, &allowed(&["read"])).await;
    assert_eq!(without.status, 422, "{without:?}");
    assert!(without.text.contains("leave it ticked"), "{without:?}");
}

#[tokio::test]
async fn a_grant_from_before_upstreams_were_there_keeps_what_it_had() {
    let upstream = Server::start(Era::Stateless).await;
    let mut worker = start(with_oauth()).await;
    let app = App::register(&worker.url()).await;
    let before = app.tokens().await;
    worker.restart_with(&with_doors(&upstream)).await.unwrap();
    assert_eq!(opens(&worker, "/mcp", &before.access).await.status, 200);
    let refreshed = Tokens::of(&app.refresh(&before.refresh).await);
    assert_eq!(refreshed.scope, "read write");
    assert_eq!(opens(&worker, "/u/wiki/mcp", &refreshed.access).await.status, 200);
    assert_eq!(opens(&worker, "/u/tickets/mcp", &refreshed.access).await.status, 403);
    // Its scopes do not grow because a client asks for more.
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refreshed.refresh.as_str()),
        ("scope", "read write upstream:tickets"),
    ];
    assert_eq!(Tokens::of(&app.token(&fields).await).scope, "read write");
    let code = {
        let page = app.ask(&[]).await;
        let fields = allowed(&["read"]);
        sent_to(&app.answer(&page, &fields).await, "code").unwrap()
    };
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", &app.redirect),
        ("code_verifier", VERIFIER),
        ("resource", &*format!("{}/u/wiki/mcp", worker.url())),
    ];
    let narrow = Tokens::of(&app.token(&fields).await);
    assert_eq!(opens(&worker, "/u/wiki/mcp", &narrow.access).await.status, 200);
    assert_eq!(opens(&worker, "/mcp", &narrow.access).await.status, 401);
}

#[tokio::test]
async fn a_jwt_carries_scopes_of_upstreams() {
    let upstream = Server::start(Era::Session("2025-11-25")).await;
    let options = options().var("UPSTREAMS", &upstreams(&upstream)).var("MCP_JWT_SECRET", SECRET);
    let worker = start(options).await;
    for (over, opened) in [
        (json!({ "scope": "read upstream:tickets openid" }), 200),
        (json!({ "scp": ["read", "upstream:tickets"] }), 200),
        (json!({ "scope": "admin" }), 200),
        (json!({ "scope": "read" }), 403),
        (json!({ "scope": "read write upstream:tickets2 upstream" }), 403),
        (json!({ "scope": "upstream:tickets" }), 403),
        (json!({}), 403),
    ] {
        let token = hs256(SECRET, claims(over.clone()));
        let door = opens(&worker, "/u/tickets/mcp", &token).await;
        assert_eq!(door.status.as_u16(), opened, "{over}: {door:?}");
        if opened == 200 {
            let client = at(&worker, "/u/tickets/mcp", &token);
            for front in [Front::Session(client.clone().connect().await), Front::Stateless(client)]
            {
                assert_eq!(front.call("echo", json!({ "text": "x" })).await.tool_text(), "x");
            }
            let names = Front::Stateless(at(&worker, "/mcp", &token)).tools().await;
            assert!(names.iter().any(|name| name == "tickets_echo"), "{names:?}");
        } else if over["scope"] != "upstream:tickets" {
            let challenge = door.header("www-authenticate");
            let wanted = "Bearer error=\"insufficient_scope\", scope=\"read upstream:tickets\"";
            assert_eq!(challenge, wanted, "{over}");
        }
    }
    // Within the upstream its tools still need what they need.
    let token = hs256(SECRET, claims(json!({ "scope": "read upstream:tickets" })));
    let client = at(&worker, "/u/tickets/mcp", &token).connect().await;
    let refused = client.call("count", json!({})).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    assert_eq!(upstream.executions("count"), 0);
}

#[tokio::test]
async fn a_jwt_for_a_door_opens_that_door_and_nothing_else() {
    let upstream = Server::start(Era::Stateless).await;
    let unchecked = options().var("UPSTREAMS", &upstreams(&upstream)).var("MCP_JWT_SECRET", SECRET);
    let worker = start(unchecked.clone()).await;
    let url = |path: &str| format!("{}{path}", worker.url());
    let token = |audience: Value| {
        hs256(SECRET, claims(json!({ "scope": "read upstream:tickets", "aud": audience })))
    };
    let doors = ["/mcp", "/u/tickets/mcp", "/u/wiki/mcp"];
    for (audience, opened) in [
        (json!("mcp"), &doors[..]),
        (json!(null), &doors),
        (json!(url("/mcp")), &doors),
        (json!([url("/u/tickets/mcp"), url("")]), &doors),
        (json!(url("/u/tickets/mcp")), &doors[1..2]),
        (json!(url("/u/tickets/sse/?x=1")), &doors[1..2]),
        (json!(["account", url("/u/wiki/mcp")]), &doors[2..]),
        (json!([url("/u/wiki/mcp"), url("/u/tickets/mcp")]), &doors[1..]),
        (json!(url("/u/none/mcp")), &[]),
        (json!("https://other.example/u/tickets/mcp"), &[]),
    ] {
        let token = token(audience.clone());
        for path in doors {
            let answer = opens(&worker, path, &token).await;
            let expected = if opened.contains(&path) { 200 } else { 401 };
            assert_eq!(answer.status.as_u16(), expected, "{audience} at {path}: {answer:?}");
        }
        let sessions = at(&worker, "/sessions", &token).delete().await;
        assert_eq!(sessions.status == 401, !opened.contains(&"/mcp"), "{audience}: {sessions:?}");
    }
    // Where the operator says which audiences count, a door is one that has to be named.
    let mut worker = worker;
    let door = format!("{}/u/tickets/mcp", worker.url());
    for (audiences, opened) in [("mcp".to_owned(), [401, 401]), (format!("mcp,{door}"), [401, 200])]
    {
        let checked = unchecked.clone().var("MCP_JWT_AUDIENCE", &audiences);
        worker.restart_with(&checked).await.unwrap();
        let token = token(json!(door));
        let mut seen = Vec::new();
        for path in ["/mcp", "/u/tickets/mcp"] {
            seen.push(opens(&worker, path, &token).await.status.as_u16());
        }
        assert_eq!(seen, opened, "{audiences}");
        let both = hs256(SECRET, claims(json!({ "scope": "read", "aud": ["mcp", "x"] })));
        assert_eq!(opens(&worker, "/mcp", &both).await.status, 200);
    }
}

#[tokio::test]
async fn keys_of_the_operator_open_every_door() {
    let upstream = Server::start(Era::Stateless).await;
    let options = options()
        .var("UPSTREAMS", &upstreams(&upstream))
        .var("MCP_API_KEY", "a-key-of-the-operator");
    let worker = start(options).await;
    for door in ["tickets", "wiki", "boss"] {
        let path = format!("/u/{door}/mcp");
        assert_eq!(opens(&worker, &path, "a-key-of-the-operator").await.status, 200, "{door}");
        let refused = Client::at(&worker.url(), &path).initialize("2025-11-25").await;
        assert_eq!(refused.status, 401);
        // Without sign-in there is nowhere to be sent.
        assert!(!refused.header("www-authenticate").contains("resource_metadata"), "{refused:?}");
        let document = get(&format!("{}{WELL_KNOWN}{path}", worker.url())).await;
        assert_eq!(document.status, 404, "{document:?}");
    }
}
