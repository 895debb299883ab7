//! A whole conversation about one site, in every era and with both generations of the API: create it,
//! see it become idle, make a checkpoint, edit a file, break it, restore it, delete it.

use futures_util::future::join_all;
use sandbox::Generation;
use serde_json::{Value, json};
use xtask::server::{Options, Server};

use crate::support::{
    Client,
    events::Live,
    new_site, options, production, start,
    stateless::{ask, listen},
    talk::{Era, Talk},
};

const FQDN: &str = "www.talk.example.com";
const URI: &str = "sitebay://site/www.talk.example.com";
const STYLE: &str = "wp-content/themes/twentytwentyfive/style.css";

/// A client whose person agrees to everything, and wants a checkpoint before.
async fn talker(server: &Server, era: Era) -> Talk {
    let says = json!({ "action": "accept", "content": { "confirm": true, "checkpoint": true } });
    Talk::new(Client::new(&server.url()), era).await.saying(says)
}

/// Watches the site, which is yet to be created.
async fn watch(talk: &Talk, server: &Server) -> Live {
    match talk.era {
        Era::Session => {
            let watched = json!({ "uri": URI });
            talk.client.request("resources/subscribe", watched).await.result();
            let mut live = Live::new(talk.client.get().await);
            live.until("connected").await;
            live
        }
        Era::Rounds | Era::Tasks => {
            listen(&server.url(), json!({ "resourceSubscriptions": [URI] })).await
        }
    }
}

/// Calls a tool that must not fail; its result.
async fn done(talk: &mut Talk, tool: &str, arguments: Value) -> Value {
    let result = talk.call(tool, arguments).await;
    assert_ne!(result["isError"], true, "{tool}: {result}");
    result
}

async fn with(generation: Generation) -> Server {
    let sandbox = sandbox::Options { generation, ..sandbox::Options::default() };
    // The production bundle, without the fixture tools.
    start(Options { sandbox: Some(sandbox), ..Options::new(production().folder) }).await
}

fn edit(from: &str, to: &str) -> Value {
    let blocks = format!("<<<<<<< SEARCH\n{from}\n=======\n{to}\n>>>>>>> REPLACE");
    json!({ "fqdn": FQDN, "file_path": STYLE, "file_edit_using_search_replace_blocks": blocks })
}

/// How often the sandbox was asked to change something at this path's end.
fn changes(server: &Server, method: &str, end: &str) -> usize {
    let requests = server.sandbox().unwrap().requests();
    let fits = |r: &&sandbox::Recorded| r.method == method && r.path.ends_with(end);
    requests.iter().filter(fits).count()
}

async fn talk(era: Era, generation: Generation) {
    let server = with(generation).await;
    let mut talk = talker(&server, era).await;
    let mut live = watch(&talk, &server).await;
    let created = done(&mut talk, "sitebay_create_site", new_site(FQDN)).await;
    assert_eq!(created["structuredContent"]["status"], "idle", "{created}");
    let told = live.message(|message| message["method"] == "notifications/resources/updated").await;
    assert_eq!(told["params"]["uri"], URI);
    let named = json!({ "fqdn": FQDN, "name": "before the edit" });
    done(&mut talk, "sitebay_create_checkpoint", named).await;
    if generation == Generation::March {
        let line = "    color: #111111;";
        done(&mut talk, "sitebay_site_edit_file", edit(line, "    color: #222222;")).await;
        done(
            &mut talk,
            "sitebay_site_edit_file",
            edit("    color: #222222;", "    color: nonsense("),
        )
        .await;
        assert_eq!(changes(&server, "POST", "/wpfile_diff_edit"), 2);
    }
    let restored = done(&mut talk, "sitebay_backup_restore", json!({ "fqdn": FQDN })).await;
    assert!(
        restored["content"][0]["text"].as_str().unwrap().contains("was restored"),
        "{restored}"
    );
    let asked = talk.asked.last().unwrap();
    assert!(asked.contains("would overwrite") && asked.contains("restore point"), "{asked}");
    // The person wanted a checkpoint first.
    assert_eq!(changes(&server, "POST", "/checkpoints"), 2);
    assert_eq!(changes(&server, "POST", "/pit_restore"), 1);
    done(&mut talk, "sitebay_delete_site", json!({ "fqdn": FQDN })).await;
    assert_eq!(changes(&server, "DELETE", FQDN), 1);
    assert!(talk.asked.last().unwrap().contains(FQDN), "{:?}", talk.asked);
    assert_eq!(changes(&server, "POST", "/site/"), 1);
}

#[tokio::test]
async fn in_a_session() {
    talk(Era::Session, Generation::March).await;
}

#[tokio::test]
async fn in_rounds() {
    talk(Era::Rounds, Generation::March).await;
}

#[tokio::test]
async fn with_tasks() {
    talk(Era::Tasks, Generation::March).await;
}

#[tokio::test]
async fn with_the_october_generation() {
    let eras = [Era::Session, Era::Rounds, Era::Tasks];
    join_all(eras.map(|era| talk(era, Generation::October))).await;
}

#[tokio::test]
async fn whoever_watches_a_site_hears_of_its_changes() {
    let server = with(Generation::March).await;
    let watcher = Client::new(&server.url()).connect().await;
    let uri = "sitebay://site/site-1.example.com";
    watcher.request("resources/subscribe", json!({ "uri": uri })).await.result();
    let mut live = Live::new(watcher.get().await);
    live.until("connected").await;
    let other = Client::new(&server.url()).connect().await;
    let settings = json!({ "fqdn": "site-1.example.com", "http_auth_enabled": true });
    other.call("sitebay_update_site", settings).await.result();
    let told = live.message(|message| message["method"] == "notifications/resources/updated").await;
    assert_eq!(told["params"]["uri"], uri);
}

#[tokio::test]
async fn what_was_refused_is_not_done() {
    let server = with(Generation::March).await;
    let client = Client::new(&server.url());
    let params = json!({
        "name": "sitebay_delete_site",
        "arguments": { "fqdn": "site-1.example.com", "confirm": true },
    });
    let can = json!({ "elicitation": {} });
    let first = ask(&client, "tools/call", params.clone(), can.clone()).await.result();
    assert_eq!(first["resultType"], "input_required", "the model's word is not enough: {first}");
    for answer in [
        json!({ "action": "decline" }),
        json!({ "action": "cancel" }),
        json!({ "action": "accept", "content": { "confirm": false } }),
    ] {
        let mut again = params.clone();
        again["requestState"] = first["requestState"].clone();
        again["inputResponses"] = json!({ "consent": answer });
        let result = ask(&client, "tools/call", again, can.clone()).await.result();
        assert_eq!(result["isError"], true, "{result}");
    }
    assert_eq!(changes(&server, "DELETE", "site-1.example.com"), 0);
}

#[tokio::test]
async fn where_only_a_person_may_agree_a_client_that_cannot_ask_is_refused() {
    let server = start(options().var("MCP_CONSENT", "refuse")).await;
    let client = Client::new(&server.url());
    let arguments = json!({ "fqdn": "site-1.example.com", "confirm": true });
    let params = json!({ "name": "sitebay_delete_site", "arguments": arguments });
    let mute = client.clone().connect().await;
    for result in [
        mute.call("sitebay_delete_site", arguments.clone()).await.result(),
        ask(&client, "tools/call", params.clone(), json!({})).await.result(),
    ] {
        assert_eq!(result["isError"], true, "{result}");
        let text = result["content"][0]["text"].as_str().unwrap();
        assert!(text.contains("client cannot ask them"), "{text}");
    }
    let sent = server.sandbox().unwrap().requests();
    assert!(sent.iter().all(|request| !request.path.contains("site-1")), "{sent:?}");
    // Long work, too: the person's answer goes along into its task.
    for era in [Era::Session, Era::Rounds, Era::Tasks] {
        let mut talk = talker(&server, era).await;
        done(&mut talk, "sitebay_backup_restore", json!({ "fqdn": "site-2.example.com" })).await;
        assert_eq!(talk.asked.len(), 1);
    }
}
