//! Accounts that persons connect at the authorization server of an upstream.
//!
//! Tests name the statements of the gateway that they show.

use futures_util::future::join_all;
use serde_json::{Value, json};
use xtask::server::Options;

use crate::support::{
    Client,
    gateway::Front,
    issuing::Issuing,
    keyed::{Tab, client_of, link_for},
    options,
    upstream::{
        Reply, any,
        mcp::{Era, Server},
    },
};

const ERAS: [Era; 2] = [Era::Session("2025-11-25"), Era::Stateless];

async fn session(worker: &xtask::server::Server, person: &str) -> Client {
    client_of(worker, "/mcp", person).connect().await
}

/// Statement 18.
#[tokio::test]
async fn a_person_signs_in_at_the_upstream_and_the_call_goes_on() {
    for era in ERAS {
        let issuing = Issuing::start(era).await;
        let worker = issuing.before(options()).await;
        let (ada, bob) = (session(&worker, "ada").await, session(&worker, "bob").await);
        issuing.connects(&link_for(&ada, "t_echo").await, "ada").await;
        for front in [Front::Session(ada), Front::Stateless(client_of(&worker, "/mcp", "ada"))] {
            assert_eq!(front.call("t_echo", json!({ "text": "x" })).await.tool_text(), "x");
        }
        issuing.connects(&link_for(&bob, "t_echo").await, "bob").await;
        assert_eq!(bob.call("t_echo", json!({ "text": "y" })).await.tool_text(), "y");
        let calls = issuing.upstream.requests(&crate::support::upstream::tool("echo"));
        let sent: Vec<&str> = calls.iter().map(|call| call.header("authorization")).collect();
        assert_eq!(sent, ["Bearer access-1", "Bearer access-1", "Bearer access-2"], "{era:?}");
        assert!(!worker.log().contains("access-") && !worker.log().contains("refresh-"));
    }
}

/// Statement 19.
#[tokio::test]
async fn fifty_calls_whose_token_is_over_renew_it_once() {
    for era in ERAS {
        let issuing = Issuing::start(era).await;
        let worker = issuing.before(options()).await;
        let ada = session(&worker, "ada").await;
        issuing.connects(&link_for(&ada, "t_echo").await, "ada").await;
        let fronts =
            [Front::Session(ada.clone()), Front::Stateless(client_of(&worker, "/mcp", "ada"))];
        for front in &fronts {
            front.call("t_echo", json!({ "text": "x" })).await.result();
        }
        for (round, front) in fronts.iter().enumerate() {
            issuing.ends_access();
            let calls = (0..50).map(|n| {
                let text = format!("call {n}");
                async move { (front.call("t_echo", json!({ "text": text })).await, text) }
            });
            for (called, text) in join_all(calls).await {
                assert_eq!(called.tool_text(), text, "{era:?}");
            }
            assert_eq!(issuing.books(|books| books.refreshes), round + 1, "{era:?}");
        }
    }
}

#[tokio::test]
async fn a_token_that_is_about_to_end_is_renewed_before_it_is_sent() {
    let issuing = Issuing::start(Era::Stateless).await;
    issuing.books(|books| books.lasts = 30);
    let worker = issuing.before(options()).await;
    let ada = session(&worker, "ada").await;
    issuing.connects(&link_for(&ada, "t_echo").await, "ada").await;
    issuing.books(|books| books.lasts = 3_600);
    assert_eq!(ada.call("t_echo", json!({ "text": "x" })).await.tool_text(), "x");
    let call = issuing.upstream.received(&crate::support::upstream::tool("echo")).await;
    assert_eq!(call.header("authorization"), "Bearer access-2");
    assert_eq!(issuing.books(|books| books.refreshes), 1);
}

#[tokio::test]
async fn a_refresh_token_stays_where_no_new_one_comes_and_one_that_is_over_is_asked_for_anew() {
    let issuing = Issuing::start(Era::Session("2025-11-25")).await;
    issuing.books(|books| books.rotates = false);
    let worker = issuing.before(options()).await;
    let ada = session(&worker, "ada").await;
    issuing.connects(&link_for(&ada, "t_echo").await, "ada").await;
    for renewed in 1..3 {
        issuing.ends_access();
        assert_eq!(ada.call("t_echo", json!({ "text": "x" })).await.tool_text(), "x");
        assert_eq!(issuing.books(|books| books.refreshes), renewed);
    }
    issuing.ends_access();
    issuing.ends_refresh();
    let link = link_for(&ada, "t_echo").await;
    let asked = issuing.books(|books| books.refreshes);
    link_for(&ada, "t_echo").await;
    assert_eq!(issuing.books(|books| books.refreshes), asked, "it is not tried again");
    issuing.connects(&link, "again").await;
    assert_eq!(ada.call("t_echo", json!({ "text": "x" })).await.tool_text(), "x");
}

#[tokio::test]
async fn an_account_whose_next_token_is_refused_too_is_asked_for_anew_and_not_renewed_again() {
    for era in ERAS {
        let issuing = Issuing::start(era).await;
        let worker = issuing.before(options()).await;
        let ada = session(&worker, "ada").await;
        issuing.connects(&link_for(&ada, "t_echo").await, "ada").await;
        assert_eq!(ada.call("t_echo", json!({ "text": "x" })).await.tool_text(), "x");
        issuing.books(|books| books.takes_none = true);
        let told = ada.call("t_echo", json!({ "text": "y" })).await.tool_text();
        assert!(told.contains("no longer accepts the key"), "{era:?}: {told}");
        let sent = issuing.upstream.recorded().len();
        for front in
            [Front::Session(ada.clone()), Front::Stateless(client_of(&worker, "/mcp", "ada"))]
        {
            let told = front.call("t_echo", json!({ "text": "z" })).await.tool_text();
            assert!(told.contains("no longer accepts the key"), "{era:?}: {told}");
        }
        assert_eq!(issuing.books(|books| books.refreshes), 1, "{era:?}");
        assert_eq!(issuing.upstream.recorded().len(), sent, "{era:?}");
    }
}

#[tokio::test]
async fn who_comes_back_is_the_browser_that_left_and_from_where_it_went_once() {
    let issuing = Issuing::start(Era::Stateless).await;
    let worker = issuing.before(options()).await;
    let ada = session(&worker, "ada").await;
    let link = link_for(&ada, "t_echo").await;
    let mut tab = Tab::default();
    let page = tab.open(&link).await;
    let sent = tab.submit(&link, &page, &[("do", "leave")]).await;
    let back = issuing.agrees(&sent, "code");
    assert_eq!(Tab::default().open(&back).await.status, 400);
    assert_eq!(Tab::with("mcp-form=another").open(&back).await.status, 400);
    assert_eq!(tab.open(&back.replace("state=", "state=A")).await.status, 400);
    let origin = issuing.upstream.origin();
    let encoded = crate::support::oauth::encoded(&[("iss", origin)]);
    for foreign in
        [back.replace(&encoded, "iss=https%3A%2F%2Felsewhere.example"), back.replace(&encoded, "")]
    {
        assert_eq!(tab.open(&foreign).await.status, 400, "{foreign}");
        assert_eq!(tab.open(&back).await.status, 410, "the state was used");
        let page = tab.open(&link).await;
        tab.submit(&link, &page, &[("do", "leave")]).await;
    }
    // A code that the server does not know, and a person who did not agree.
    let page = tab.open(&link).await;
    let sent = tab.submit(&link, &page, &[("do", "leave")]).await;
    let back = issuing.agrees(&sent, "known");
    assert_eq!(tab.open(&back.replace("code=known", "code=unknown")).await.status, 422);
    let page = tab.open(&link).await;
    let sent = tab.submit(&link, &page, &[("do", "leave")]).await;
    let back = issuing.agrees(&sent, "known");
    let denied = tab.open(&back.replace("code=known", "error=access_denied")).await;
    assert!(denied.status == 400 && denied.text.contains("without an agreement"), "{denied:?}");
    // A key is not taken in the place of an account.
    assert_eq!(tab.enter(&link, &page, "a-key").await.status, 400);
    link_for(&ada, "t_echo").await;
}

/// A client that the operator registered, with a secret in the variable `CLIENT_SECRET`.
fn registered(issuer: &str) -> Value {
    json!({ "kind": "oauth", "issuer": issuer, "client_id": "client-1", "secret": "CLIENT_SECRET" })
}

#[tokio::test]
async fn the_secret_of_the_operator_goes_to_the_issuer_that_the_operator_named() {
    let issuing = Issuing::start(Era::Stateless).await;
    let options = || options().var("CLIENT_SECRET", "secret-of-the-operator");
    let auth = registered("https://elsewhere.example");
    let worker = issuing.before_as(auth, options()).await;
    let link = link_for(&session(&worker, "ada").await, "t_echo").await;
    let mut tab = Tab::default();
    let page = tab.open(&link).await;
    let told = tab.submit(&link, &page, &[("do", "leave")]).await;
    assert!(told.status == 422 && told.text.contains("another authorization server"), "{told:?}");
    issuing.upstream.never_received("secret-of-the-operator");
    let worker = issuing.before_as(registered(issuing.upstream.origin()), options()).await;
    let ada = session(&worker, "ada").await;
    issuing.connects(&link_for(&ada, "t_echo").await, "ada").await;
    assert_eq!(ada.call("t_echo", json!({ "text": "x" })).await.tool_text(), "x");
    let exchanged = issuing.upstream.received(&any().path("/token")).await;
    assert!(exchanged.text().contains("client_secret=secret-of-the-operator"));
}

#[tokio::test]
async fn a_secret_that_was_replaced_ends_no_account() {
    let issuing = Issuing::start(Era::Stateless).await;
    let storage = tempfile::tempdir().unwrap();
    let worker = async |secret: &str| {
        let options = Options { storage: Some(storage.path().into()), ..options() };
        let auth = registered(issuing.upstream.origin());
        issuing.before_as(auth, options.var("CLIENT_SECRET", secret)).await
    };
    issuing.books(|books| books.secret = Some("first"));
    let before = worker("first").await;
    let ada = session(&before, "ada").await;
    issuing.connects(&link_for(&ada, "t_echo").await, "ada").await;
    issuing.books(|books| books.secret = Some("second"));
    issuing.ends_access();
    let told = ada.call("t_echo", json!({ "text": "x" })).await.tool_text();
    assert!(told.contains("cannot be renewed at the moment"), "{told}");
    drop(before);
    let after = worker("second").await;
    let ada = session(&after, "ada").await;
    assert_eq!(ada.call("t_echo", json!({ "text": "x" })).await.tool_text(), "x");
}

#[tokio::test]
async fn a_server_that_cannot_be_used_is_said_to_the_person() {
    let metadata = "/.well-known/oauth-authorization-server";
    for (answer, why) in [
        (json!({ "issuer": "https://elsewhere.example" }), "does not say where people sign in"),
        (json!({ "code_challenge_methods_supported": ["plain"] }), "PKCE"),
        (json!({ "registration_endpoint": null }), "registers no clients"),
        (json!({ "authorization_endpoint": "javascript:alert(1)" }), "address that is refused"),
        (json!({ "registration_endpoint": "http://10.0.0.1/register" }), "address that is refused"),
        (json!({ "token_endpoint": "http://127.0.0.1:9/token" }), "at another place"),
    ] {
        let upstream = Server::start(Era::Stateless).await;
        let origin = upstream.origin().to_owned();
        let mut said = json!({
            "issuer": origin, "authorization_endpoint": format!("{origin}/authorize"),
            "token_endpoint": format!("{origin}/token"), "registration_endpoint": format!("{origin}/register"),
            "code_challenge_methods_supported": ["S256"],
        });
        for (name, value) in answer.as_object().unwrap() {
            said[name] = value.clone();
        }
        upstream.on(any().path(metadata), move |_| Reply::json(&said.to_string()));
        upstream.on(any().path("/mcp"), |_| Reply::status(401));
        let other = json!({ "auth": { "kind": "oauth" } });
        let worker = crate::support::gateway::before(&[("t", &upstream.url(), other)]).await;
        let ada = session(&worker, "ada").await;
        let link = link_for(&ada, "t_echo").await;
        let mut tab = Tab::default();
        let page = tab.open(&link).await;
        let told = tab.submit(&link, &page, &[("do", "leave")]).await;
        assert!(told.status == 422 && told.text.contains(why), "{why}: {told:?}");
    }
}
