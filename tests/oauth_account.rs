//! `/account`: what a person gave, and taking it back.

use serde_json::json;

use crate::support::{
    Answer,
    events::Live,
    oauth::{App, SITEBAY_TOKEN, Tokens, get, post, send, server, ticket, with_oauth},
    start, wait,
};
use reqwest::Method;

fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

/// The cookie of a person who is signed in.
pub async fn sign_in(url: &str, token: &str) -> String {
    let page = get(&format!("{url}/account")).await;
    let ticket = ticket(&page);
    let fields = [("ticket", ticket.as_str()), ("token", token), ("do", "sign-in")];
    let signed = post(&format!("{url}/account"), &fields, &[("cookie", &cookie(&page))]).await;
    assert_eq!(
        (signed.status.as_u16(), signed.header("location")),
        (303, "/account"),
        "{signed:?}"
    );
    cookie(&signed)
}

async fn account(url: &str, cookie: &str) -> Answer {
    send(Method::GET, &format!("{url}/account"), &[("cookie", cookie)], String::new()).await
}

/// The page once it has this on it: a grant's object notifies the hub after its answer.
pub async fn account_with(url: &str, cookie: &str, what: &str) -> Answer {
    wait::until(&format!("{what:?} is on the page"), async || {
        let page = account(url, cookie).await;
        if page.text.contains(what) { Ok(page) } else { Err(page) }
    })
    .await
}

#[tokio::test]
async fn the_account_page_lists_grants_and_takes_them_back() {
    let server = server().await;
    let app = App::register(&server.url()).await;
    let tokens = app.tokens().await;
    assert!(app.is_let_in(&tokens.access).await);
    let cookie = sign_in(&app.url, SITEBAY_TOKEN).await;
    let page = account_with(&app.url, &cookie, "An app").await;
    assert!(page.text.contains("read and write; app.example"), "{page:?}");
    let grant =
        page.text.split("name=\"grant\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let url = format!("{}/account", app.url);
    let ticket = ticket(&page);
    let fields = [("ticket", ticket.as_str()), ("grant", grant), ("do", "revoke")];
    // Not without the cookie, not from another person, not from another site.
    let other = sign_in(&app.url, "somebody-else").await;
    assert_eq!(post(&url, &fields, &[]).await.status, 303);
    assert_eq!(post(&url, &fields, &[("cookie", &other)]).await.status, 400);
    let foreign = [("cookie", cookie.as_str()), ("sec-fetch-site", "cross-site")];
    assert_eq!(post(&url, &fields, &foreign).await.status, 400);
    let theirs = account(&app.url, &other).await;
    assert!(!theirs.text.contains("An app"), "{theirs:?}");
    let ticket_of_other = crate::support::oauth::ticket(&theirs);
    let fields_of_other =
        [("ticket", ticket_of_other.as_str()), ("grant", grant), ("do", "revoke")];
    assert_eq!(post(&url, &fields_of_other, &[("cookie", &other)]).await.status, 303);
    assert!(app.is_let_in(&tokens.access).await);
    assert_eq!(post(&url, &fields, &[("cookie", &cookie)]).await.status, 303);
    assert!(!app.is_let_in(&tokens.access).await);
    assert_eq!(app.refresh(&tokens.refresh).await.json()["error"], "invalid_grant");
    assert!(!account(&app.url, &cookie).await.text.contains("An app"));
}

#[tokio::test]
async fn the_account_page_lists_sessions_and_ends_all() {
    let server = server().await;
    let app = App::register(&server.url()).await;
    let tokens = app.tokens().await;
    let client = app.client(&tokens.access).connect().await;
    let mut live = Live::new(client.get().await);
    live.until(": connected").await;
    let cookie = sign_in(&app.url, SITEBAY_TOKEN).await;
    let page = account_with(&app.url, &cookie, "<code>").await;
    let ticket = ticket(&page);
    let fields = [("ticket", ticket.as_str()), ("do", "end-sessions")];
    let url = format!("{}/account", app.url);
    assert_eq!(post(&url, &fields, &[("cookie", &cookie)]).await.status, 303);
    assert!(live.rest().await.contains("closed: the session was ended"));
    client.request("ping", json!({})).await.refused(404, -32001);
    assert!(app.is_let_in(&tokens.access).await);
    let out =
        post(&url, &[("ticket", ticket.as_str()), ("do", "sign-out")], &[("cookie", &cookie)])
            .await;
    assert!(out.header("set-cookie").contains("Max-Age=0"), "{out:?}");
}

#[tokio::test]
async fn nobody_is_signed_in_without_a_token_that_sitebay_knows() {
    let server = server().await;
    let url = format!("{}/account", server.url());
    let page = get(&url).await;
    let (ticket, cookie) = (ticket(&page), cookie(&page));
    let fields = [("ticket", ticket.as_str()), ("token", ""), ("do", "sign-in")];
    assert_eq!(post(&url, &fields, &[("cookie", &cookie)]).await.status, 422);
    let fields = [("ticket", ticket.as_str()), ("token", SITEBAY_TOKEN), ("do", "sign-in")];
    assert_eq!(post(&url, &fields, &[]).await.status, 400);
    let forged = get(&url).await;
    assert!(forged.text.contains("Sign in"), "{forged:?}");
    let page = account(
        &server.url(),
        "mcp-account=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    )
    .await;
    assert!(page.text.contains("Sign in"), "{page:?}");
}

const OLD_KEY: &str = "old-old-old-old-old-old-old-old-old-old-";
const NEW_KEY: &str = "new-new-new-new-new-new-new-new-new-new-";

#[tokio::test]
async fn a_session_key_is_replaced_and_removed_and_everybody_keeps_their_name() {
    let list = format!("{NEW_KEY},{OLD_KEY}");
    let keys = |session: &str, subject: &str| {
        with_oauth().var("SESSION_KEY", session).var("SUBJECT_KEY", subject)
    };
    // A deployment that never heard of SUBJECT_KEY sets it to the last of its session keys.
    let mut server = start(keys(OLD_KEY, "")).await;
    let app = App::register(&server.url()).await;
    let tokens = app.tokens().await;
    let client = app.client(&tokens.access).connect().await;
    let name = async |client: &crate::support::Client| {
        client.call("whoami", json!({})).await.result()["structuredContent"]["subject"].clone()
    };
    let before = name(&client).await;
    server.restart_with(&keys(&list, OLD_KEY)).await.unwrap();
    assert_eq!(name(&client).await, before);
    let tokens = Tokens::of(&app.refresh(&tokens.refresh).await);
    server.restart_with(&keys(NEW_KEY, OLD_KEY)).await.unwrap();
    let again = app.client(&tokens.access);
    let lost = again.clone().with("mcp-session-id", &client.session());
    lost.request("ping", json!({})).await.refused(404, -32001);
    assert_eq!(name(&again.connect().await).await, before);
    let cookie = sign_in(&app.url, SITEBAY_TOKEN).await;
    let page = account_with(&app.url, &cookie, "An app").await;
    let grant = page.text.split("name=\"grant\" value=\"").nth(1).unwrap();
    let (grant, _) = grant.split_once('"').unwrap();
    let ticket = ticket(&page);
    let fields = [("ticket", ticket.as_str()), ("grant", grant), ("do", "revoke")];
    let url = format!("{}/account", app.url);
    assert_eq!(post(&url, &fields, &[("cookie", &cookie)]).await.status, 303);
    assert!(!app.is_let_in(&tokens.access).await);
    assert!(!account(&app.url, &cookie).await.text.contains("An app"));
}
