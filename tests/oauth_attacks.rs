//! Attacks on the OAuth endpoints.

use std::time::Duration;

use futures_util::FutureExt as _;
use reqwest::Method;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use xtask::server::Server;

use crate::{
    storage::objects,
    support::{
        Answer, hasty,
        oauth::{
            App, CALLBACK, ConsentForm, SITEBAY_TOKEN, Tokens, VERIFIER, get, post, register, send,
            sent_to, server, ticket, with_oauth,
        },
        passing::Passing,
        start,
    },
};

/// Checks that it is an OAuth error.
#[track_caller]
fn fails(answer: &Answer, status: u16, error: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.json()["error"], error, "{answer:?}");
}

#[tokio::test]
async fn a_hundred_parallel_refreshes_leave_one_live_token() {
    let server = server().await;
    let app = App::register(&server.url()).await;
    let tokens = app.tokens().await;
    let refreshes = (0..100).map(|_| {
        let (app, token) = (app.clone(), tokens.refresh.clone());
        tokio::spawn(async move { Tokens::of(&app.refresh(&token).await) })
    });
    let mut given = Vec::new();
    for refresh in refreshes.collect::<Vec<_>>() {
        given.push(refresh.await.unwrap());
    }
    let newest = &given[0];
    assert!(given.iter().all(|tokens| tokens.refresh == newest.refresh));
    assert!(app.is_let_in(&newest.access).await);
    let next = Tokens::of(&app.refresh(&newest.refresh).await);
    assert!(app.is_let_in(&next.access).await);
}

#[tokio::test]
async fn a_refresh_token_that_two_have_ends_everything() {
    let time = Passing::moved();
    let server = start(time.of(with_oauth())).await;
    let app = App::register(&server.url()).await;
    let first = app.tokens().await;
    let second = Tokens::of(&app.refresh(&first.refresh).await);
    let third = Tokens::of(&app.refresh(&second.refresh).await);
    assert!(app.is_let_in(&third.access).await);
    fails(&app.refresh(&first.refresh).await, 400, "invalid_grant");
    fails(&app.refresh(&third.refresh).await, 400, "invalid_grant");
    time.pass(31).await;
    for tokens in [&first, &second, &third] {
        assert!(!app.is_let_in(&tokens.access).await);
    }
}

#[tokio::test]
async fn a_code_is_good_once_and_twice_ends_what_it_gave() {
    let server = server().await;
    let app = App::register(&server.url()).await;
    let code = app.code().await;
    let tokens = Tokens::of(&app.redeem(&code).await);
    fails(&app.redeem(&code).await, 400, "invalid_grant");
    assert!(!app.is_let_in(&tokens.access).await);
    fails(&app.refresh(&tokens.refresh).await, 400, "invalid_grant");
}

#[tokio::test]
async fn of_a_hundred_who_bring_one_code_at_most_one_is_served() {
    let server = server().await;
    let app = App::register(&server.url()).await;
    let code = app.code().await;
    let tries = (0..100).map(|_| {
        let (app, code) = (app.clone(), code.clone());
        tokio::spawn(async move { app.redeem(&code).await.status == 200 })
    });
    let mut served = 0;
    for one in tries.collect::<Vec<_>>() {
        served += usize::from(one.await.unwrap());
    }
    assert_eq!(served, 1);
}

#[tokio::test]
async fn without_the_right_verifier_a_code_is_worth_nothing() {
    let server = server().await;
    let app = App::register(&server.url()).await;
    let code = app.code().await;
    let with = async |verifier: &str| {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", CALLBACK),
            ("code_verifier", verifier),
        ];
        app.token(&fields).await
    };
    fails(&with("").await, 400, "invalid_request");
    fails(&with("another-verifier-that-is-long-enough-for-the-rfc").await, 400, "invalid_grant");
    // The challenge itself, as `plain` would want it.
    let url = app.authorize_url(&[]);
    let challenge = url.split("code_challenge=").nth(1).unwrap().split('&').next().unwrap();
    fails(&with(challenge).await, 400, "invalid_grant");
    Tokens::of(&with(VERIFIER).await);
}

#[tokio::test]
async fn a_code_for_one_redirect_or_client_is_not_for_another() {
    let server = server().await;
    let app = App::register(&server.url()).await;
    let code = app.code().await;
    let swapped = App { redirect: "https://evil.example/callback".into(), ..app.clone() };
    fails(&swapped.redeem(&code).await, 400, "invalid_grant");
    let foreign = App::register(&server.url()).await;
    fails(
        &App { redirect: CALLBACK.into(), ..foreign.clone() }.redeem(&code).await,
        400,
        "invalid_grant",
    );
    let unknown = App { id: "forged".into(), ..app.clone() };
    fails(&unknown.redeem(&code).await, 401, "invalid_client");
    let tokens = Tokens::of(&app.redeem(&code).await);
    fails(&foreign.refresh(&tokens.refresh).await, 400, "invalid_grant");
    let fields = [("client_id", foreign.id.as_str()), ("token", &tokens.refresh)];
    assert_eq!(post(&format!("{}/revoke", app.url), &fields, &[]).await.status, 200);
    assert!(app.is_let_in(&tokens.access).await);
}

#[tokio::test]
async fn nobody_is_sent_to_a_stranger() {
    let server = server().await;
    let app = App::register(&server.url()).await;
    for redirect in [
        "https://evil.example/",
        "https://app.example/callback/../evil",
        "https://app.example/callback?x=1",
        "https://app.example@evil.example/callback",
        "https://app.example:444/callback",
        "javascript:alert(1)",
        "//evil.example",
    ] {
        let page = app.ask(&[("redirect_uri", redirect)]).await;
        assert_eq!(page.status, 400, "{redirect}: {page:?}");
        assert_eq!(page.header("location"), "");
        assert!(page.text.contains("redirect_uri"), "{page:?}");
    }
    for id in ["", "unknown", &format!("{}A", app.id)] {
        let page = app.ask(&[("client_id", id)]).await;
        assert_eq!((page.status.as_u16(), page.header("location")), (400, ""), "{page:?}");
    }
    let twice =
        get(&format!("{}&redirect_uri=https://evil.example/", app.authorize_url(&[]))).await;
    assert_eq!((twice.status.as_u16(), twice.header("location")), (400, ""), "{twice:?}");
    assert_eq!(objects(&server), 0);
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_told_to_its_client() {
    let server = server().await;
    let app = App::register(&server.url()).await;
    for (name, value, error) in [
        ("response_type", "token", "unsupported_response_type"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
        ("resource", "https://other.example/mcp", "invalid_target"),
    ] {
        let sent = app.ask(&[(name, value)]).await;
        assert!(sent.header("location").starts_with(CALLBACK), "{name}: {sent:?}");
        assert_eq!(sent_to(&sent, "error").as_deref(), Some(error), "{name}");
        assert_eq!(sent_to(&sent, "state").as_deref(), Some("st&te"));
        assert_eq!(sent_to(&sent, "iss"), Some(server.url()));
    }
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", "x"),
        ("resource", "https://other.example"),
    ];
    fails(&app.token(&fields).await, 400, "invalid_target");
    for resource in ["", "/", "/mcp/", "/sse"] {
        let resource = format!("{}{resource}", server.url());
        assert_eq!(app.ask(&[("resource", &resource)]).await.status, 200, "{resource}");
    }
}

#[tokio::test]
async fn consent_counts_only_from_its_page_in_its_browser() {
    let server = server().await;
    let app = App::register(&server.url()).await;
    let page = app.ask(&[]).await;
    let cookie = page.header("set-cookie").split(';').next().unwrap().to_owned();
    assert!(page.header("set-cookie").contains("HttpOnly; SameSite=Lax"), "{page:?}");
    let url = format!("{}/authorize", server.url());
    let ticket = ticket(&page);
    let agreed = [("scope", "read"), ("token", SITEBAY_TOKEN), ("answer", "allow")];
    let posts = async |ticket: &str, headers: &[(&str, &str)]| {
        post(&url, &[&[("ticket", ticket)], &agreed[..]].concat(), headers).await
    };
    let mut forged = ticket.clone();
    forged.replace_range(8..9, if &forged[8..9] == "A" { "B" } else { "A" });
    for (ticket, headers) in [
        ("", vec![("cookie", cookie.as_str())]),
        (ticket.as_str(), vec![]),
        (&ticket, vec![("cookie", "mcp-form=0123456789abcdef0123456789abcdef")]),
        (&ticket, vec![("cookie", &cookie), ("sec-fetch-site", "cross-site")]),
        (&forged, vec![("cookie", &cookie)]),
    ] {
        let refused = posts(ticket, &headers).await;
        assert_eq!((refused.status.as_u16(), refused.header("location")), (400, ""), "{refused:?}");
    }
    let bare = [("client_id", app.id.as_str()), ("redirect_uri", CALLBACK), ("answer", "allow")];
    assert_eq!(post(&url, &bare, &[("cookie", &cookie)]).await.status, 400);
    assert_eq!(objects(&server), 0);
    let agreed = posts(&ticket, &[("cookie", &cookie), ("sec-fetch-site", "same-origin")]).await;
    assert!(sent_to(&agreed, "code").is_some());
}

#[tokio::test]
async fn whoever_guesses_sitebay_tokens_is_kept_from_guessing_on() {
    let form = ConsentForm::open().await;
    for number in 0..60 {
        let answer = form.enter(&format!("guess-{number}"), "203.0.113.7").await;
        assert!(answer.text.contains("does not know this token"), "{answer:?}");
    }
    let late = form.enter(SITEBAY_TOKEN, "203.0.113.7").await;
    assert!(late.status == 422 && late.text.contains("Too many wrong tokens"), "{late:?}");
    assert!(sent_to(&form.enter(SITEBAY_TOKEN, "203.0.113.8").await, "code").is_some());
}

#[tokio::test]
async fn pages_are_in_no_frame_and_no_cache_and_run_no_script() {
    let server = server().await;
    let app = App::register(&server.url()).await;
    for page in [app.ask(&[]).await, get(&format!("{}/account", server.url())).await] {
        assert_eq!(page.status, 200, "{page:?}");
        let policy = page.header("content-security-policy");
        for part in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
            assert!(policy.contains(part), "{policy}");
        }
        assert_eq!(page.header("x-frame-options"), "DENY");
        assert_eq!(page.header("cache-control"), "no-store");
        assert_eq!(page.header("referrer-policy"), "no-referrer");
        assert!(!page.text.contains("<script"), "{page:?}");
        assert!(page.headers.get("access-control-allow-origin").is_none());
    }
}

#[tokio::test]
async fn registrations_that_cannot_be_served_are_refused() {
    let server = server().await;
    for redirect in ["http://app.example/", "javascript:alert(1)", "https://a.example/#x", "data:x"]
    {
        let answer =
            register(&server.url(), &json!({ "redirect_uris": [CALLBACK, redirect] })).await;
        fails(&answer, 400, "invalid_redirect_uri");
    }
    fails(&register(&server.url(), &json!([1])).await, 400, "invalid_client_metadata");
    let huge = json!({ "redirect_uris": [CALLBACK], "client_name": "x".repeat(70_000) });
    fails(&register(&server.url(), &huge).await, 400, "invalid_request");
    assert_eq!(objects(&server), 0);
}

#[tokio::test]
async fn forged_tokens_reach_no_object() {
    let server = server().await;
    let app = App::register(&server.url()).await;
    let tokens = app.tokens().await;
    let before = objects(&server);
    let changed = |token: &str| {
        let at = token.len() - 30;
        let with = if &token[at..=at] == "A" { "B" } else { "A" };
        format!("{}{with}{}", &token[..at], &token[at + 1..])
    };
    assert!(!app.is_let_in(&changed(&tokens.access)).await);
    assert!(!app.is_let_in(&tokens.refresh).await);
    for token in [&changed(&tokens.refresh), &tokens.access, "smrt_", "x\0y"] {
        fails(&app.refresh(token).await, 400, "invalid_grant");
    }
    fails(&app.token(&[("grant_type", "password")]).await, 400, "unsupported_grant_type");
    fails(&app.token(&[]).await, 400, "invalid_request");
    let twice = [("grant_type", "refresh_token"), ("grant_type", "refresh_token")];
    fails(&app.token(&twice).await, 400, "invalid_request");
    let json = [("content-type", "application/json")];
    let url = format!("{}/token", server.url());
    fails(&send(Method::POST, &url, &json, "{}".into()).await, 400, "invalid_request");
    assert_eq!(objects(&server), before);
}

#[tokio::test]
async fn a_metadata_document_must_be_its_client_s_small_quick_and_where_it_says() {
    let server = server().await;
    let good =
        |id: &str| json!({ "client_id": id, "client_name": "Doc", "redirect_uris": [CALLBACK] });
    let json = "HTTP/1.1 200 OK\r\ncontent-type: application/json";
    let app = async |server: &Server, head: &str, body: &dyn Fn(&str) -> String, pause: u64| {
        let id = serve_document(head, body, Duration::from_secs(pause)).await;
        App { url: server.url(), id, redirect: CALLBACK.into() }.ask(&[]).await
    };
    let page = app(&server, json, &|id| good(id).to_string(), 0).await;
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.text.contains("Doc") && page.text.contains("127.0.0.1"), "{page:?}");
    let huge = |id: &str| format!("{}{}", good(id), " ".repeat(6 * 1_024));
    let redirect = "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest/meta-data";
    let html = "HTTP/1.1 200 OK\r\ncontent-type: text/html";
    // There, one that takes 7 s is too late after a quarter of a second.
    let hasty = start(hasty(with_oauth())).await;
    for (server, head, body, pause) in [
        (&server, json, &huge as &dyn Fn(&str) -> String, 0),
        (&server, redirect, &|id| good(id).to_string(), 0),
        (
            &server,
            "HTTP/1.1 404 Not Found\r\ncontent-type: application/json",
            &|id| good(id).to_string(),
            0,
        ),
        (&server, html, &|id| good(id).to_string(), 0),
        (&server, json, &|_| good("https://app.example/client.json").to_string(), 0),
        (&server, json, &|_| "{".to_owned(), 0),
        (&hasty, json, &|id| good(id).to_string(), 7),
    ] {
        let page = app(server, head, body, pause).await;
        assert_eq!((page.status.as_u16(), page.header("location")), (400, ""), "{head}: {page:?}");
    }
}

/// Serves a document once, after a pause: its address.
async fn serve_document(head: &str, body: &dyn Fn(&str) -> String, pause: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let id = format!("http://{}/client.json", listener.local_addr().unwrap());
    let body = body(&id);
    let answer =
        format!("{head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 1_024];
        let _ = stream.read(&mut request).await;
        // Real time: how late the host is.
        tokio::time::sleep(pause).await;
        let _ = stream.write_all(answer.as_bytes()).await;
    });
    id
}

#[tokio::test]
async fn no_metadata_document_is_fetched_from_private_places() {
    let server = server().await;
    let production = start(with_oauth().var("ENVIRONMENT", "production")).await;
    let app = App { url: server.url(), id: String::new(), redirect: CALLBACK.into() };
    for id in [
        "https://127.0.0.1/client.json",
        "https://10.0.0.1/client.json",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/client.json",
        "https://localhost/client.json",
        "https://app.example:8443/client.json",
        "http://app.example/client.json",
        "https://app.example",
    ] {
        let page = App { id: id.into(), ..app.clone() }.ask(&[]).await;
        assert_eq!((page.status.as_u16(), page.header("location")), (400, ""), "{id}");
    }
    // A developer's machine may ask itself, a deployment may not.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let id = format!("http://{}/client.json", listener.local_addr().unwrap());
    assert_eq!(App { url: production.url(), id, ..app }.ask(&[]).await.status, 400);
    assert!(listener.accept().now_or_never().is_none(), "nobody came");
}

#[tokio::test]
async fn secrets_are_in_nothing_that_the_server_prints() {
    let server = server().await;
    let app = App::register(&server.url()).await;
    let code = app.code().await;
    let tokens = Tokens::of(&app.redeem(&code).await);
    app.client(&tokens.access).connect().await.call("sitebay_list_teams", json!({})).await.result();
    fails(&app.redeem(&code).await, 400, "invalid_grant");
    let log = server.log();
    for secret in [SITEBAY_TOKEN, &code, &tokens.access, &tokens.refresh, VERIFIER] {
        assert!(!log.contains(secret), "{log}");
    }
}
