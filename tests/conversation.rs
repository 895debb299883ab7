//! A whole conversation about one site, in every era and with both generations of the API: create it,
//! see it become idle, make a checkpoint, edit a file, break it, restore it, delete it.

use futures_util::future::join_all;
use reqwest::Method;
use sandbox::Generation;
use serde_json::{Value, json};
use xtask::server::{Options, Server};

use crate::support::{
    Client,
    events::Live,
    new_site, options, production, start,
    stateless::{ask, listen},
    wait,
};

const FQDN: &str = "www.talk.example.com";
const URI: &str = "sitebay://site/www.talk.example.com";
const STYLE: &str = "wp-content/themes/twentytwentyfive/style.css";

/// How a client speaks.
#[derive(Clone, Copy, PartialEq)]
enum Era {
    Session,
    Rounds,
    Tasks,
}

/// A client whose person agrees to everything.
struct Talk {
    client: Client,
    era: Era,
    asked: Vec<String>,
}

impl Talk {
    async fn new(server: &Server, era: Era) -> Self {
        let client = Client::new(&server.url());
        let client = match era {
            Era::Session => client.connect_with(json!({ "elicitation": {} })).await,
            Era::Rounds | Era::Tasks => client,
        };
        Self { client, era, asked: Vec::new() }
    }

    /// Watches the site, which is yet to be created.
    async fn watch(&self, server: &Server) -> Live {
        match self.era {
            Era::Session => {
                let watched = json!({ "uri": URI });
                self.client.request("resources/subscribe", watched).await.result();
                let mut live = Live::new(self.client.get().await);
                live.until("connected").await;
                live
            }
            Era::Rounds | Era::Tasks => {
                listen(&server.url(), json!({ "resourceSubscriptions": [URI] })).await
            }
        }
    }

    /// Calls a tool and answers what it asks; its result.
    async fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let params = json!({ "name": tool, "arguments": arguments });
        let result = match self.era {
            Era::Session => self.in_session(params).await,
            Era::Rounds | Era::Tasks => self.in_rounds(params).await,
        };
        assert_ne!(result["isError"], true, "{tool}: {result}");
        result
    }

    fn agrees(&mut self, question: &Value) -> Value {
        self.asked.push(question["message"].as_str().unwrap().to_owned());
        json!({ "action": "accept", "content": { "confirm": true, "checkpoint": true } })
    }

    async fn in_session(&mut self, params: Value) -> Value {
        let body = json!({ "jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": params });
        let sent = self.client.send(Method::POST).body(body.to_string()).send().await.unwrap();
        if sent.headers()["content-type"] == "application/json" {
            let text = sent.text().await.unwrap();
            return serde_json::from_str::<Value>(&text).unwrap()["result"].take();
        }
        let mut live = Live::new(sent);
        let mut answered = Vec::new();
        loop {
            let new = |message: &Value| {
                let id = message["id"].to_string();
                message["result"].is_object()
                    || (message["method"] == "elicitation/create" && !answered.contains(&id))
            };
            let mut message = live.message(new).await;
            if message["result"].is_object() {
                return message["result"].take();
            }
            answered.push(message["id"].to_string());
            let result = self.agrees(&message["params"]);
            let reply = json!({ "jsonrpc": "2.0", "id": message["id"], "result": result });
            assert_eq!(self.client.post(reply.to_string()).await.status, 202);
        }
    }

    fn can(&self) -> Value {
        match self.era {
            Era::Tasks => {
                json!({ "elicitation": {}, "extensions": { "io.modelcontextprotocol/tasks": {} } })
            }
            _ => json!({ "elicitation": {} }),
        }
    }

    fn answers(&mut self, asked: &Value) -> Value {
        let asked = asked["inputRequests"].as_object().unwrap().clone();
        let answers = asked.iter().map(|(key, one)| (key.clone(), self.agrees(&one["params"])));
        answers.collect::<serde_json::Map<_, _>>().into()
    }

    async fn in_rounds(&mut self, mut params: Value) -> Value {
        for _ in 0..5 {
            let answer = ask(&self.client, "tools/call", params.clone(), self.can()).await;
            let result = answer.result();
            match result["resultType"].as_str() {
                Some("input_required") => {
                    params["inputResponses"] = self.answers(&result);
                    params["requestState"] = result["requestState"].clone();
                }
                Some("task") => return self.followed(result["taskId"].as_str().unwrap()).await,
                _ => return result,
            }
        }
        panic!("asked for ever: {:?}", self.asked)
    }

    async fn followed(&mut self, task: &str) -> Value {
        wait::until("the task is completed", async || {
            let params = json!({ "taskId": task });
            let mut seen = ask(&self.client, "tasks/get", params, self.can()).await.result();
            match seen["status"].as_str() {
                Some("completed") => return Ok(seen["result"].take()),
                Some("input_required") => {
                    let responses = self.answers(&seen);
                    let params = json!({ "taskId": task, "inputResponses": responses });
                    ask(&self.client, "tasks/update", params, self.can()).await.result();
                }
                Some("working") => {}
                _ => panic!("{seen}"),
            }
            Err(seen)
        })
        .await
    }
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
    let mut talk = Talk::new(&server, era).await;
    let mut live = talk.watch(&server).await;
    let created = talk.call("sitebay_create_site", new_site(FQDN)).await;
    assert_eq!(created["structuredContent"]["status"], "idle", "{created}");
    let told = live.message(|message| message["method"] == "notifications/resources/updated").await;
    assert_eq!(told["params"]["uri"], URI);
    let named = json!({ "fqdn": FQDN, "name": "before the edit" });
    talk.call("sitebay_create_checkpoint", named).await;
    if generation == Generation::March {
        let line = "    color: #111111;";
        talk.call("sitebay_site_edit_file", edit(line, "    color: #222222;")).await;
        talk.call("sitebay_site_edit_file", edit("    color: #222222;", "    color: nonsense("))
            .await;
        assert_eq!(changes(&server, "POST", "/wpfile_diff_edit"), 2);
    }
    let restored = talk.call("sitebay_backup_restore", json!({ "fqdn": FQDN })).await;
    assert!(
        restored["content"][0]["text"].as_str().unwrap().contains("was restored"),
        "{restored}"
    );
    let asked = talk.asked.last().unwrap();
    assert!(asked.contains("would overwrite") && asked.contains("restore point"), "{asked}");
    // The person wanted a checkpoint first.
    assert_eq!(changes(&server, "POST", "/checkpoints"), 2);
    assert_eq!(changes(&server, "POST", "/pit_restore"), 1);
    talk.call("sitebay_delete_site", json!({ "fqdn": FQDN })).await;
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
        let mut talk = Talk::new(&server, era).await;
        talk.call("sitebay_backup_restore", json!({ "fqdn": "site-2.example.com" })).await;
        assert_eq!(talk.asked.len(), 1);
    }
}
