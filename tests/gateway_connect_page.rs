//! The page on which a person connects a key to an upstream: who may open it, and what may be entered.
//!
//! Tests name the statements of the gateway that they show.

use sandbox::Sandbox;
use serde_json::{Value, json};

use crate::{
    oauth_account::sign_in,
    oauth_upstream,
    oauth_wrangler::{ADMIN, audit},
    support::{
        Client,
        events::Live,
        keyed::{Keyed, Tab, before, client_of, connect, connects, link_for, stand, status},
        oauth::{App, SITEBAY_TOKEN, get, post, ticket, with_oauth},
        options,
        passing::Passing,
        provider::Provider,
        upstream::{any, mcp::Era},
        wait,
        wrangler::Wrangler,
    },
};

const ERA: Era = Era::Stateless;

/// Statement 18: a second person who opens the link gets 403.
#[tokio::test]
async fn a_link_is_good_in_the_browser_that_opened_it_first_and_connects_once() {
    let (_keyed, worker) = stand(ERA).await;
    let client = client_of(&worker, "/mcp", "ada").connect().await;
    let link = link_for(&client, "t_echo").await;
    let mut tab = Tab::default();
    let page = tab.open(&link).await;
    assert_eq!(page.status, 200, "{page:?}");
    for (header, value) in [
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-frame-options", "DENY"),
    ] {
        assert_eq!(page.header(header), value, "{page:?}");
    }
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("form-action 'self'"));
    assert!(page.text.contains("<b>t</b> at <b>127.0.0.1</b>"), "{page:?}");
    assert_eq!(tab.open(&link).await.status, 200, "it is the same browser");
    for other in [Tab::default(), Tab::with("mcp-form=another")] {
        let mut other = other;
        assert_eq!(other.open(&link).await.status, 403);
        let sent = other.enter(&link, &page, "key-of-bob").await;
        assert!([400, 403].contains(&sent.status.as_u16()), "{sent:?}");
    }
    // Not from the page of another site, and not without the ticket.
    let action = link.split('?').next().unwrap();
    let cookie = page.header("set-cookie").split(';').next().unwrap();
    let secret = ticket(&page);
    let fields = [("ticket", secret.as_str()), ("key", "key-of-bob"), ("do", "connect")];
    let foreign = [("cookie", cookie), ("sec-fetch-site", "cross-site")];
    assert_eq!(post(action, &fields, &foreign).await.status, 400);
    assert_eq!(post(action, &fields[1..], &[("cookie", cookie)]).await.status, 400);
    let connected = tab.enter(&link, &page, "key-of-ada").await;
    assert!(connected.text.contains("accepts your key"), "{connected:?}");
    assert_eq!(tab.open(&link).await.status, 410);
    assert_eq!(tab.enter(&link, &page, "key-of-bob").await.status, 410);
    assert_eq!(Tab::default().open(&link).await.status, 403);
}

#[tokio::test]
async fn a_link_that_was_not_made_here_or_for_another_upstream_opens_nothing() {
    let (_keyed, worker) = stand(ERA).await;
    let client = client_of(&worker, "/mcp", "ada").connect().await;
    let link = link_for(&client, "t_echo").await;
    let (page, ticket) = link.split_once("?link=").unwrap();
    for (wrong, status) in [
        (format!("{page}?link=A{ticket}"), 410),
        (format!("{page}?link={}", &ticket[1..]), 410),
        (format!("{page}?link="), 410),
        (page.to_owned(), 410),
        (link.replace("/connect/t?", "/connect/other?"), 404),
        (link.replace("/connect/t?", "/connect/?"), 404),
    ] {
        assert_eq!(get(&wrong).await.status, status, "{wrong}");
    }
    // The older of two links is over once the younger one connected.
    let younger = link_for(&client, "t_echo").await;
    connect(&younger, "key-of-ada").await;
    assert_eq!(get(&link).await.status, 410);
}

#[tokio::test]
async fn a_link_is_over_after_ten_minutes() {
    let Some(time) = Passing::only_moved("a_link_is_over_after_ten_minutes") else { return };
    let keyed = Keyed::start(ERA, &["key-of-ada"]).await;
    let worker = before(&keyed, ERA, time.of(options())).await;
    let client = client_of(&worker, "/mcp", "ada").connect().await;
    let (opened, unopened) = (link_for(&client, "t_echo").await, link_for(&client, "t_echo").await);
    let mut tab = Tab::default();
    let page = tab.open(&opened).await;
    assert_eq!(page.status, 200);
    time.pass(601).await;
    assert_eq!(tab.open(&opened).await.status, 410);
    assert_eq!(tab.open(&unopened).await.status, 410);
    assert_eq!(tab.enter(&opened, &page, "key-of-ada").await.status, 400);
    link_for(&client, "t_echo").await;
}

#[tokio::test]
async fn what_is_no_key_is_not_sent_and_one_that_is_refused_is_not_kept() {
    for era in [Era::Session("2025-11-25"), Era::Stateless, Era::Sse] {
        let (keyed, worker) = stand(era).await;
        let client = client_of(&worker, "/mcp", "ada").connect().await;
        let link = link_for(&client, "t_echo").await;
        let mut tab = Tab::default();
        let page = tab.open(&link).await;
        let long = "x".repeat(10_000);
        for wrong in ["", " \r\n ", "a\r\nX-Injected: 1", "a\0b", "schlüssel", &long] {
            let refused = tab.enter(&link, &page, wrong).await;
            assert_eq!(refused.status, 422, "{wrong:?}: {refused:?}");
            assert!(refused.text.contains("cannot be a key"), "{refused:?}");
        }
        assert_eq!(keyed.upstream.count(&any()), 0, "{era:?}");
        for attempt in 0..5 {
            let wrong = format!("wrong-key-{attempt}");
            let refused = tab.enter(&link, &page, &wrong).await;
            assert_eq!(refused.status, 422, "{refused:?}");
            assert!(refused.text.contains("does not accept this key"), "{era:?}: {refused:?}");
            assert!(!refused.text.contains("wrong-key"), "{refused:?}");
        }
        assert_eq!(tab.enter(&link, &page, "key-of-ada").await.status, 429);
        // Spaces and line ends around it come from copying.
        let link = link_for(&client, "t_echo").await;
        connect(&link, " key-of-ada\r\n").await;
        assert_eq!(client.call("t_echo", json!({ "text": "x" })).await.tool_text(), "x");
        keyed.upstream.never_received("Injected");
        assert!(!worker.log().contains("wrong-key"));
    }
}

#[tokio::test]
async fn a_key_is_not_kept_where_the_upstream_does_not_say_what_it_thinks() {
    let (keyed, worker) = stand(ERA).await;
    let client = client_of(&worker, "/mcp", "ada").connect().await;
    let link = link_for(&client, "t_echo").await;
    let mut tab = Tab::default();
    let page = tab.open(&link).await;
    keyed.upstream.forget_rules();
    keyed.upstream.on(any(), |_| crate::support::upstream::Reply::status(503));
    let unclear = tab.enter(&link, &page, "key-of-ada").await;
    assert_eq!(unclear.status, 422, "{unclear:?}");
    assert!(unclear.text.contains("did not say") && unclear.text.contains("Nothing was kept"));
    link_for(&client, "t_echo").await;
}

#[tokio::test]
async fn without_a_key_of_the_server_nothing_is_kept() {
    let keyed = Keyed::start(ERA, &["key-of-ada"]).await;
    let worker = before(&keyed, ERA, options().var("CREDENTIAL_KEY", "")).await;
    let client = client_of(&worker, "/mcp", "ada").connect().await;
    let told = client.call("t_echo", json!({ "text": "x" })).await.tool_text();
    assert!(told.contains("CREDENTIAL_KEY") && !told.contains("/connect/"), "{told}");
    assert_eq!(keyed.upstream.count(&any()), 0);
}

/// Statement 18: whoever signed in is known again.
#[tokio::test]
async fn the_link_of_a_person_who_signed_in_opens_for_that_person_only() {
    let keyed = Keyed::start(ERA, &["key-of-ada"]).await;
    let worker = before(&keyed, ERA, with_oauth()).await;
    let app = App::register(&worker.url()).await;
    let tokens = app.tokens().await;
    let client: Client = app.client(&tokens.access).connect().await;
    let link = link_for(&client, "t_echo").await;
    // Somebody who is nobody yet is asked, and somebody else is refused; neither uses the link up.
    let mut stranger = Tab::default();
    let asks = stranger.open(&link).await;
    assert!(asks.text.contains("Sign in as the person"), "{asks:?}");
    let fields = [("token", "another-token"), ("do", "sign-in")];
    assert_eq!(stranger.submit(&link, &asks, &fields).await.status, 403);
    let sent = stranger.enter(&link, &asks, "key-of-ada").await;
    assert_eq!(sent.status, 403, "{sent:?}");
    let mut other = Tab::with(&sign_in(&worker.url(), "another-token").await);
    assert_eq!(other.open(&link).await.status, 403);
    let mut tab = Tab::default();
    let asks = tab.open(&link).await;
    let wrong = tab.submit(&link, &asks, &[("token", ""), ("do", "sign-in")]).await;
    assert_eq!(wrong.status, 422, "{wrong:?}");
    let page = tab.submit(&link, &asks, &[("token", SITEBAY_TOKEN), ("do", "sign-in")]).await;
    assert!(page.text.contains("type=\"password\""), "{page:?}");
    assert_eq!(tab.enter(&link, &page, "key-of-ada").await.status, 200);
    assert_eq!(client.call("t_echo", json!({ "text": "x" })).await.tool_text(), "x");
    // Who is signed in already is shown the page at once.
    let link = status(&client).await["connect"].as_str().unwrap().to_owned();
    let mut own = Tab::with(&sign_in(&worker.url(), SITEBAY_TOKEN).await);
    assert!(own.open(&link).await.text.contains("You are connected"));
    // They remove the key at their account, and nobody else does.
    let account = format!("{}/account", worker.url());
    let remove = [("upstream", "t"), ("do", "disconnect")];
    for (tab, key) in
        [(&mut other, "connected"), (&mut own, "t needs a key of yours, and none is connected")]
    {
        let listed = tab.open(&account).await;
        let has_key = listed.text.contains("Remove the key for t");
        assert_eq!(has_key, key != "connected", "{listed:?}");
        assert_eq!(tab.submit(&account, &listed, &remove).await.status, 303);
        assert_eq!(status(&client).await["key"], key);
    }
    assert!(!own.open(&account).await.text.contains("Remove the key for t"));
}

/// Under `wrangler dev`, which has a database.
#[tokio::test]
async fn what_becomes_of_a_key_is_in_the_audit() {
    let keyed = Keyed::start(ERA, &["key-of-ada"]).await;
    let options = sandbox::Options { token: Some(SITEBAY_TOKEN.into()), ..Default::default() };
    let sandbox = Sandbox::start(options).await.unwrap();
    let server = Wrangler::start(&[
        ("ENVIRONMENT", "development"),
        ("SESSION_KEY", "a-session-key-of-this-test-with-enough-characters"),
        ("CREDENTIAL_KEY", "a-credential-key-of-this-test-with-enough-characters"),
        ("MCP_ADMIN_KEY", ADMIN),
        ("MCP_OAUTH", "on"),
        ("SITEBAY_API_URL", &sandbox.url()),
        ("UPSTREAMS", &keyed.settings(ERA)),
    ])
    .await;
    let (url, account) = (server.url(), format!("{}/account", server.url()));
    let app = App::register(url).await;
    let client = app.client(&app.tokens().await.access).connect().await;
    let mut tab = Tab::with(&sign_in(url, SITEBAY_TOKEN).await);
    let link = link_for(&client, "t_echo").await;
    let page = tab.open(&link).await;
    assert_eq!(tab.enter(&link, &page, "a-wrong-key").await.status, 422);
    assert_eq!(tab.enter(&link, &page, "key-of-ada").await.status, 200);
    let page = tab.open(&account).await;
    // What is not connected is not removed.
    for upstream in ["another", "t", "t"] {
        let remove = [("upstream", upstream), ("do", "disconnect")];
        assert_eq!(tab.submit(&account, &page, &remove).await.status, 303);
    }
    let link = link_for(&client, "t_echo").await;
    let page = tab.open(&link).await;
    assert_eq!(tab.enter(&link, &page, "key-of-ada").await.status, 200);
    let link = status(&client).await["connect"].as_str().unwrap().to_owned();
    let page = tab.open(&link).await;
    assert_eq!(tab.submit(&link, &page, &[("do", "remove")]).await.status, 200);
    let connected = audit(url, "action=upstream.connect", 3).await;
    let removed = audit(url, "action=upstream.disconnect", 2).await;
    let granted = audit(url, "action=oauth.grant", 1).await;
    let subject = &granted[0]["subject"];
    let told = |entries: &[Value]| {
        let word = |entry: &Value| ["effect", "outcome"].map(|name| entry[name].clone());
        entries.iter().map(word).collect::<Vec<_>>()
    };
    let (done, refused) = (["write", "done"], ["refusal", "wrong-credential"]);
    assert_eq!(told(&connected), [done, done, refused]);
    assert_eq!(told(&removed), [done, done]);
    for entry in connected.iter().chain(&removed) {
        assert_eq!((&entry["site"], &entry["subject"]), (&json!("t"), subject), "{entry}");
        assert!(!entry.to_string().contains("-key"), "{entry}");
    }
    assert!(!server.log().contains("key-of-ada") && !server.log().contains("a-wrong-key"));
    server.end().await;
}

#[tokio::test]
async fn the_end_of_the_last_grant_of_a_person_ends_their_key() {
    let name = "the_end_of_the_last_grant_of_a_person_ends_their_key";
    let Some(time) = Passing::only_moved(name) else { return };
    let keyed = Keyed::start(ERA, &["key-of-ada"]).await;
    let worker = before(&keyed, ERA, time.of(with_oauth())).await;
    let app = App::register(&worker.url()).await;
    let tokens = app.tokens().await;
    let client = app.client(&tokens.access).connect().await;
    let link = link_for(&client, "t_echo").await;
    let mut tab = Tab::with(&sign_in(&worker.url(), SITEBAY_TOKEN).await);
    let page = tab.open(&link).await;
    assert_eq!(tab.enter(&link, &page, "key-of-ada").await.status, 200);
    let account = format!("{}/account", worker.url());
    let listed = async |what: &'static str, is_listed: bool| {
        wait::until(what, async || {
            let page = tab.clone().open(&account).await;
            if page.text.contains("An app") == is_listed { Ok(()) } else { Err(page) }
        })
        .await;
    };
    listed("the grant is listed", true).await;
    let fields = [("token", tokens.refresh.as_str()), ("client_id", app.id.as_str())];
    let revoked = post(&format!("{}/revoke", app.url), &fields, &[]).await;
    assert_eq!(revoked.status, 200, "{revoked:?}");
    listed("the grant is gone", false).await;
    // Until then an isolate may remember the key.
    time.pass(31).await;
    let again = app.client(&app.tokens().await.access).connect().await;
    assert_eq!(status(&again).await["key"], "t needs a key of yours, and none is connected");
}

#[tokio::test]
async fn the_end_of_a_person_s_keys_is_announced() {
    let keyed = Keyed::start(ERA, &["key-of-ada"]).await;
    let worker = before(&keyed, ERA, with_oauth()).await;
    let app = App::register(&worker.url()).await;
    let tokens = app.tokens().await;
    let client = app.client(&tokens.access).connect().await;
    let link = link_for(&client, "t_echo").await;
    let mut own = Tab::with(&sign_in(&worker.url(), SITEBAY_TOKEN).await);
    let page = own.open(&link).await;
    assert_eq!(own.enter(&link, &page, "key-of-ada").await.status, 200);
    let mut live = Live::new(client.get().await);
    live.until(": connected").await;
    let fields = [("token", tokens.refresh.as_str()), ("client_id", app.id.as_str())];
    assert_eq!(post(&format!("{}/revoke", app.url), &fields, &[]).await.status, 200);
    live.until("notifications/tools/list_changed").await;
}

/// What a person connected is theirs to remove, also where nobody else needs it any more.
#[tokio::test]
async fn a_key_for_an_upstream_that_is_gone_is_listed_and_removed() {
    let keyed = Keyed::start(ERA, &["key-of-ada"]).await;
    let mut worker = before(&keyed, ERA, with_oauth()).await;
    let app = App::register(&worker.url()).await;
    let client = app.client(&app.tokens().await.access).connect().await;
    let link = link_for(&client, "t_echo").await;
    let mut own = Tab::with(&sign_in(&worker.url(), SITEBAY_TOKEN).await);
    let page = own.open(&link).await;
    assert_eq!(own.enter(&link, &page, "key-of-ada").await.status, 200);
    worker.restart_with(&with_oauth()).await.unwrap();
    let account = format!("{}/account", worker.url());
    let mut own = Tab::with(&sign_in(&worker.url(), SITEBAY_TOKEN).await);
    let listed = own.open(&account).await;
    assert!(listed.text.contains("Remove the key for t"), "{listed:?}");
    own.submit(&account, &listed, &[("upstream", "t"), ("do", "disconnect")]).await;
    let listed = own.open(&account).await;
    assert!(!listed.text.contains("Remove the key"), "{listed:?}");
}

/// Statement 18, where people sign in at a provider.
#[tokio::test]
async fn who_signs_in_elsewhere_comes_back_to_the_page() {
    let keyed = Keyed::start(ERA, &["key-of-ada"]).await;
    let provider = Provider::start().await;
    let worker = before(&keyed, ERA, oauth_upstream::at(&provider)).await;
    let app = App::register(&worker.url()).await;
    let tokens = oauth_upstream::tokens(&worker, &provider, &app, "ada", "").await;
    let client = app.client(&tokens.access).connect().await;
    let link = link_for(&client, "t_echo").await;
    for (id, status) in [("bob", 403), ("ada", 200)] {
        let (back, form) = oauth_upstream::signs_in(&worker, &provider, &link, id).await;
        assert_eq!(back.status, 303, "{back:?}");
        let page = format!("{}{}", worker.url(), back.header("location"));
        assert_eq!(page, link, "{id}");
        let account = back.header("set-cookie").split(';').next().unwrap();
        let mut tab = Tab::with(&format!("{form}; {account}"));
        let page = tab.open(&link).await;
        assert_eq!(page.status, status, "{id}: {page:?}");
        if id == "ada" {
            assert_eq!(tab.enter(&link, &page, "key-of-ada").await.status, 200);
        }
    }
    assert_eq!(client.call("t_echo", json!({ "text": "x" })).await.tool_text(), "x");
}

/// Other paths are the backend's, or nobody's.
#[tokio::test]
async fn there_is_no_page_where_no_upstream_asks_for_a_key() {
    let (_upstream, worker) = crate::support::gateway::stand(ERA).await;
    assert_eq!(get(&format!("{}/connect/t?link=x", worker.url())).await.status, 404);
    let (_keyed, worker) = stand(ERA).await;
    connects(&worker, "ada", "key-of-ada").await;
    let url = format!("{}/connect/t", worker.url());
    assert_eq!(reqwest::Client::new().put(url).send().await.unwrap().status(), 405);
}
