//! Keys that persons connect to an upstream: how a client is led to the page, whose key is used, and how long.
//!
//! Tests name the statements of the gateway that they show.

use std::{fs, path::Path};

use serde_json::{Value, json};
use xtask::server::Options;

use crate::support::{
    Client,
    gateway::{Front, error},
    keyed::{
        Keyed, Tab, before, client_of, connect, connects, link_for, link_in, pages, stand, status,
    },
    options,
    stateless::ask,
    upstream::mcp::{Era, TOOLS},
};

const ERAS: [Era; 3] = [Era::Session("2025-11-25"), Era::Stateless, Era::Sse];

/// Statement 18: a client that opens no pages reads the link, and its next call goes on in the same session.
#[tokio::test]
async fn a_call_without_a_key_leads_to_the_page_and_goes_on_after_it() {
    for era in ERAS {
        let (keyed, worker) = stand(era).await;
        for (path, tool) in [("/mcp", "t_echo"), ("/u/t/mcp", "echo")] {
            let person = format!("ada at {path}");
            let session = client_of(&worker, path, &person).connect().await;
            connect(&link_for(&session, tool).await, "key-of-ada").await;
            let stateless = Front::Stateless(client_of(&worker, path, &person));
            for front in [Front::Session(session), stateless] {
                let called = front.call(tool, json!({ "text": path })).await;
                assert_eq!(called.tool_text(), path, "{era:?}");
            }
        }
        assert!(keyed.echoes().iter().all(|(_, key)| key == "key-of-ada"), "{era:?}");
        assert_eq!(keyed.echoes().len(), 4, "{era:?}");
    }
}

/// Statement 18, in sessions.
#[tokio::test]
async fn a_session_that_opens_pages_is_asked_by_an_error_that_names_the_page() {
    let (_keyed, worker) = stand(Era::Session("2025-11-25")).await;
    let client = client_of(&worker, "/mcp", "ada").connect_with(pages()).await;
    let asked = error(&client.call("t_echo", json!({ "text": "x" })).await);
    assert_eq!(asked["code"], -32042, "{asked}");
    let elicitation = &asked["data"]["elicitations"][0];
    assert_eq!(elicitation["mode"], "url", "{asked}");
    connect(elicitation["url"].as_str().unwrap(), "key-of-ada").await;
    assert_eq!(client.call("t_echo", json!({ "text": "x" })).await.tool_text(), "x");
    let read = client.request("resources/read", json!({ "uri": "t+urn:demo:1" })).await;
    assert_eq!(read.result()["contents"][0]["text"], "one");
}

/// A round of a call of a client without a session that opens pages.
async fn round(client: &Client, before: Option<(&Value, &str)>) -> Value {
    let mut params = json!({ "name": "t_echo", "arguments": { "text": "x" } });
    if let Some((asked, action)) = before {
        params["requestState"] = asked["requestState"].clone();
        for key in asked["inputRequests"].as_object().unwrap().keys() {
            params["inputResponses"][key] = json!({ "action": action });
        }
    }
    ask(client, "tools/call", params, pages()).await.result()
}

fn asked_url(asked: &Value) -> String {
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    let request = asked["inputRequests"].as_object().unwrap().values().next().unwrap();
    assert_eq!(request["method"], "elicitation/create", "{asked}");
    assert_eq!(request["params"]["mode"], "url", "{asked}");
    request["params"]["url"].as_str().unwrap().to_owned()
}

/// Statement 18, without sessions.
#[tokio::test]
async fn a_request_without_a_session_is_asked_and_goes_on_once_the_person_has_connected() {
    for era in ERAS {
        let (keyed, worker) = stand(era).await;
        let client = client_of(&worker, "/mcp", "ada");
        let first = round(&client, None).await;
        let link = asked_url(&first);
        // Agreeing to open the page is not having entered a key there.
        let second = round(&client, Some((&first, "accept"))).await;
        assert_eq!(asked_url(&second), link, "{era:?}");
        let declined = round(&client, Some((&second, "decline"))).await;
        assert_eq!(declined["isError"], true, "{declined}");
        assert!(!declined.to_string().contains("/connect/"), "{declined}");
        // The state is the person's own.
        let other = client_of(&worker, "/mcp", "bob");
        let mut params = json!({ "name": "t_echo", "arguments": { "text": "x" } });
        params["requestState"] = second["requestState"].clone();
        let refused = ask(&other, "tools/call", params, pages()).await;
        assert_eq!(error(&refused)["code"], -32602, "{refused:?}");
        connect(&link, "key-of-ada").await;
        let last = round(&client, Some((&second, "accept"))).await;
        assert_eq!(last["content"][0]["text"], "x", "{era:?}: {last}");
        assert_eq!(keyed.echoes(), [("x".to_owned(), "key-of-ada".to_owned())]);
        // A call that asks over its upstream's session goes on as before.
        let stateless = Front::Stateless(client);
        assert_eq!(stateless.call("t_echo", json!({ "text": "y" })).await.tool_text(), "y");
    }
}

/// Statement 8: keys, lists and sessions are one person's.
#[tokio::test]
async fn two_people_use_one_upstream_each_with_their_own_key() {
    for era in ERAS {
        let (keyed, worker) = stand(era).await;
        let ada = connects(&worker, "ada", "key-of-ada").await;
        let of_bob = Front::Stateless(client_of(&worker, "/mcp", "bob")).tools().await;
        assert!(!of_bob.contains(&"t_echo".to_owned()), "{of_bob:?}");
        let bob = connects(&worker, "bob", "key-of-bob").await;
        for round in 0..3 {
            for (name, session) in [("ada", &ada), ("bob", &bob)] {
                let stateless = Front::Stateless(client_of(&worker, "/mcp", name));
                for front in [Front::Session(session.clone()), stateless] {
                    let text = format!("{name} {round}");
                    let called = front.call("t_echo", json!({ "text": text })).await;
                    assert_eq!(called.tool_text(), text, "{era:?}");
                }
            }
        }
        assert_eq!(keyed.echoes().len(), 12);
        for (text, key) in keyed.echoes() {
            assert!(key.ends_with(text.split(' ').next().unwrap()), "{era:?}: {text} by {key}");
        }
    }
}

/// Statement 8: callers who share a key of this server would all use the key of one of them.
#[tokio::test]
async fn callers_who_share_a_key_connect_none() {
    let keyed = Keyed::start(Era::Stateless, &["key-of-ada"]).await;
    let shared = "a-shared-key-of-this-test";
    let worker = before(&keyed, Era::Stateless, options().var("MCP_API_KEY", shared)).await;
    let client = Client::new(&worker.url()).with("authorization", &format!("Bearer {shared}"));
    for front in [Front::Session(client.clone().connect().await), Front::Stateless(client.clone())]
    {
        let told = front.call("t_echo", json!({ "text": "x" })).await.tool_text();
        assert!(told.contains("not one person") && !told.contains("/connect/"), "{told}");
        assert!(!front.tools().await.iter().any(|name| name.starts_with("t_")));
    }
    // One who is told from the others by a SiteBay token is one person.
    let ada = client.with("x-sitebay-token", "ada").connect().await;
    connect(&link_for(&ada, "t_echo").await, "key-of-ada").await;
    assert_eq!(ada.call("t_echo", json!({ "text": "x" })).await.tool_text(), "x");
}

#[tokio::test]
async fn a_list_is_without_an_upstream_that_has_no_key_and_says_so() {
    for era in ERAS {
        let (_keyed, worker) = stand(era).await;
        for (path, prefix) in [("/mcp", "t_"), ("/u/t/mcp", "")] {
            let person = format!("ada at {path}");
            let session = client_of(&worker, path, &person).connect().await;
            let fronts = [
                Front::Session(session.clone()),
                Front::Stateless(client_of(&worker, path, &person)),
            ];
            let stand_in = format!("{prefix}connect_account");
            for front in &fronts {
                let names = front.tools().await;
                let theirs: Vec<_> = names.iter().filter(|one| one.starts_with(prefix)).collect();
                assert_eq!(theirs, [&stand_in], "{era:?} {path}");
                let page = front.ask("tools/list", json!({})).await.result();
                let notes = page["_meta"]["org.sitebay/incomplete"].to_string();
                assert!(notes.contains("needs a key of yours"), "{page}");
                let prompts = front.ask("prompts/list", json!({})).await.result();
                assert!(prompts["_meta"]["org.sitebay/incomplete"].is_array(), "{prompts}");
            }
            connect(&link_for(&session, &stand_in).await, "key-of-ada").await;
            for front in &fronts {
                let names = front.tools().await;
                let theirs = names.iter().filter(|name| name.starts_with(prefix)).count();
                assert!(theirs >= TOOLS.len() && !names.contains(&stand_in), "{names:?}");
                let done = front.call(&stand_in, json!({})).await;
                assert!(done.tool_text().contains("is connected"), "{done:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_key_that_the_upstream_refuses_later_is_asked_for_anew() {
    for era in ERAS {
        let (keyed, worker) = stand(era).await;
        let session = connects(&worker, "ada", "key-of-ada").await;
        let fronts = [Front::Session(session), Front::Stateless(client_of(&worker, "/mcp", "ada"))];
        for front in &fronts {
            front.call("t_echo", json!({ "text": "x" })).await.result();
        }
        keyed.knows(&["another-key"]);
        let mut link = String::new();
        for front in &fronts {
            let told = front.call("t_echo", json!({ "text": "y" })).await.tool_text();
            assert!(told.contains("no longer accepts the key"), "{era:?}: {told}");
            link = link_in(&told);
        }
        // One that was refused is not sent again.
        let sent = keyed.upstream.recorded().len();
        fronts[1].call("t_echo", json!({ "text": "y" })).await.result();
        assert_eq!(keyed.upstream.recorded().len(), sent, "{era:?}");
        connect(&link, "another-key").await;
        for front in &fronts {
            assert_eq!(front.call("t_echo", json!({ "text": "z" })).await.tool_text(), "z");
        }
    }
}

/// What a storage has in its files, as far as it is not encrypted.
fn has(folder: &Path, text: &str) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return has(&path, text);
        }
        fs::read(&path).unwrap().windows(text.len()).any(|window| window == text.as_bytes())
    })
}

/// Statement 27: an upstream that is configured at another place does not get the key.
#[tokio::test]
async fn a_key_is_kept_sealed_and_for_the_origin_that_it_was_connected_to() {
    let era = Era::Session("2025-11-25");
    let keyed = Keyed::start(era, &["key-of-ada"]).await;
    let storage = tempfile::tempdir().unwrap();
    let options = || Options { storage: Some(storage.path().into()), ..options() };
    let worker = before(&keyed, era, options()).await;
    let client = connects(&worker, "ada", "key-of-ada").await;
    assert_eq!(client.call("t_echo", json!({ "text": "x" })).await.tool_text(), "x");
    let log = worker.log();
    assert!(!log.contains("key-of-ada") && !log.contains("?link="), "{log}");
    drop(worker);
    assert!(has(storage.path(), "credential:t") && !has(storage.path(), "key-of-ada"));
    let worker = before(&keyed, era, options()).await;
    let client = client_of(&worker, "/mcp", "ada");
    let front = Front::Stateless(client.clone());
    assert_eq!(front.call("t_echo", json!({ "text": "y" })).await.tool_text(), "y");
    drop(worker);
    let elsewhere = Keyed::start(era, &["key-of-ada"]).await;
    let worker = before(&elsewhere, era, options()).await;
    let front = Front::Stateless(client_of(&worker, "/mcp", "ada"));
    link_in(&front.call("t_echo", json!({ "text": "z" })).await.tool_text());
    elsewhere.upstream.never_received("key-of-ada");
}

#[tokio::test]
async fn a_person_removes_a_key_by_the_link_of_the_resource() {
    let (keyed, worker) = stand(Era::Session("2025-11-25")).await;
    let client = connects(&worker, "ada", "key-of-ada").await;
    let said = status(&client).await;
    assert_eq!(said["key"], "connected", "{said}");
    let link = said["connect"].as_str().unwrap().to_owned();
    let mut tab = Tab::default();
    let page = tab.open(&link).await;
    assert!(page.text.contains("You are connected"), "{page:?}");
    let removed = tab.submit(&link, &page, &[("do", "remove")]).await;
    assert!(removed.text.contains("was deleted"), "{removed:?}");
    link_for(&client, "t_echo").await;
    assert_eq!(keyed.echoes().len(), 0);
}
