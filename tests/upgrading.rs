//! This version beside version 0.1.0: rows that it kept, and objects that still run it.

use std::{fs, path::Path};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mcp_auth::{keys::TAG_LEN, session_id::Claims};
use mcp_server::hub::hub_name;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use xtask::{
    capnp::OBJECTS,
    faults::{Fault, Faults, How},
    server::{Options, Server},
};

use crate::{
    oauth_account::{account_with, sign_in},
    support::{
        Client,
        events::Live,
        oauth::{App, SITEBAY_TOKEN, with_oauth},
        options, start,
    },
    tasks::{can_be_asked, follows, look, second_round, started, until},
};

/// The smallest WebAssembly module.
const EMPTY: &[u8] = b"\0asm\x01\0\0\0";

/// A Worker with the same classes. Its objects put what they are sent into their key-value storage, as version
/// 0.1.0 did, set an alarm, and answer with what is stored.
fn keeper(folder: &Path) -> Options {
    let mut module = String::from(
        r#"import { DurableObject } from "cloudflare:workers";
class Keeps extends DurableObject {
  alarm() {}
  async fetch(request) {
    const { rows, alarm, value } = await request.json();
    const { storage } = this.ctx;
    await storage.put(rows);
    if (alarm) await storage.setAlarm(alarm);
    const tables = storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'rows'").toArray();
    const moved = tables.length ? storage.sql.exec("SELECT key FROM rows").toArray() : [];
    return Response.json({
      keys: [...(await storage.list()).keys()],
      moved: moved.map((row) => row.key),
      alarm: await storage.getAlarm(),
      value: value ? await storage.get(value) : null,
    });
  }
}
export default {
  fetch(request, env) {
    const [, binding, name] = new URL(request.url).pathname.split("/");
    return env[binding].getByName(name).fetch(request);
  },
};
"#,
    );
    for (_, class) in OBJECTS {
        module.push_str(&format!("export class {class} extends Keeps {{}}\n"));
    }
    fs::write(folder.join("index.js"), module).unwrap();
    fs::write(folder.join("worker.js"), "").unwrap();
    fs::write(folder.join("index_bg.wasm"), EMPTY).unwrap();
    Options { sandbox: None, ..Options::new(folder).var("SITEBAY_API_URL", "http://127.0.0.1:9") }
}

/// What is stored in an object.
#[derive(Debug, Deserialize)]
struct Stored {
    /// The keys in the key-value storage.
    keys: Vec<String>,
    /// The keys in the table.
    moved: Vec<String>,
    /// In milliseconds since 1970.
    alarm: Option<u64>,
}

/// Puts rows into the key-value storage of an object, and gives what is in it then. Without an alarm the one
/// that is set stays.
async fn keep(storage: &Path, object: &str, rows: &Value, alarm: Option<u64>) -> Stored {
    let bundle = TempDir::new().unwrap();
    let options = Options { storage: Some(storage.to_owned()), ..keeper(bundle.path()) };
    let server = start(options).await;
    let put = reqwest::Client::new().put(format!("{}/{object}", server.url()));
    let body = json!({ "rows": rows, "alarm": alarm });
    let answer = put.body(body.to_string()).send().await.unwrap();
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

async fn over(storage: &Path) -> Server {
    start(Options { storage: Some(storage.to_owned()), ..options() }).await
}

/// What the client's session id claims.
fn claims(client: &Client) -> Claims {
    let id = URL_SAFE_NO_PAD.decode(client.session()).unwrap();
    Claims::from_bytes(&id[..id.len() - TAG_LEN]).unwrap()
}

/// The name of the object that has the client's session.
fn object_of(client: &Client) -> String {
    claims(client).session.simple().to_string()
}

/// A client of a server at another address.
fn at(client: &Client, server: &Server) -> Client {
    Client::new(&server.url()).with("mcp-session-id", &client.session())
}

#[tokio::test]
async fn a_session_that_0_1_0_ended_stays_ended() {
    let storage = TempDir::new().unwrap();
    let server = over(storage.path()).await;
    let client = Client::new(&server.url()).connect().await;
    drop(server);
    let object = object_of(&client);
    let rows = json!({ format!("session:{object}"): "4102444800,0;end" });
    keep(storage.path(), &format!("SESSION_AGENT/{object}"), &rows, None).await;
    let server = over(storage.path()).await;
    at(&client, &server).request("ping", json!({})).await.refused(404, -32001);
}

#[tokio::test]
async fn a_session_that_this_version_ended_stays_ended_for_0_1_0() {
    let storage = TempDir::new().unwrap();
    let server = over(storage.path()).await;
    let client = Client::new(&server.url()).connect().await;
    assert_eq!(client.delete().await.status, 204);
    drop(server);
    let key = format!("session:{}", object_of(&client));
    let folder = TempDir::new().unwrap();
    let server =
        start(Options { storage: Some(storage.path().to_owned()), ..keeper(folder.path()) });
    let server = server.await;
    let object = format!("{}/SESSION_AGENT/{}", server.url(), object_of(&client));
    let body = json!({ "rows": {}, "value": key }).to_string();
    let answer = reqwest::Client::new().put(object).body(body).send().await.unwrap();
    let stored: Value = answer.json().await.unwrap();
    assert!(stored["value"].as_str().unwrap().ends_with(",0;end"), "{stored}");
}

#[tokio::test]
async fn a_long_answer_that_0_1_0_kept_is_read_on() {
    let storage = TempDir::new().unwrap();
    let server = over(storage.path()).await;
    let client = Client::new(&server.url()).connect().await;
    drop(server);
    let object = object_of(&client);
    let key = format!("answer:{object}:aaaa.1.Nw");
    let rows = json!({
        key.as_str(): r#"4102444800,1;{"jsonrpc":"2.0","id":7,"result":{"first":1,"#,
        format!("{key}/0"): r#"4102444800,0;"second":2}}"#,
        // Of a longer answer that was there before.
        format!("{key}/1"): "4102444800,0;stale",
    });
    keep(storage.path(), &format!("SESSION_AGENT/{object}"), &rows, None).await;
    let server = over(storage.path()).await;
    let client = at(&client, &server).with("last-event-id", "aaaa.1.Nw.3");
    for _ in 0..2 {
        let text = Live::new(client.get().await).rest().await;
        assert!(text.contains(r#""result":{"first":1,"second":2}}"#), "{text}");
        assert!(!text.contains("stale"), "{text}");
    }
}

#[tokio::test]
async fn what_0_1_0_kept_in_a_hub_moves_into_the_table_at_first_use_and_its_alarm_stays() {
    let storage = TempDir::new().unwrap();
    let server = over(storage.path()).await;
    let client = Client::new(&server.url()).connect().await;
    drop(server);
    let claims = claims(&client);
    let hub = format!("HUB_AGENT/{}", hub_name(claims.subject));
    // More rows than are moved in one go, and one in three pieces.
    let mut rows = Map::new();
    for number in 0..20 {
        rows.insert(format!("nonce:{number:032x}"), json!("4102444800,0;"));
    }
    rows.insert("not-before".into(), json!(format!("4102444800,0;{}", claims.issued)));
    rows.insert("result:a:1".into(), json!("4102444800,2;a"));
    rows.insert("result:a:1/0".into(), json!("4102444800,0;b"));
    rows.insert("result:a:1/1".into(), json!("4102444800,0;c"));
    let alarm = Some(4_102_444_800_000);
    let stored = keep(storage.path(), &hub, &Value::Object(rows), alarm).await;
    assert_eq!((stored.keys.len(), stored.moved.len(), stored.alarm), (24, 0, alarm));
    // The second time from the table.
    for _ in 0..2 {
        let server = over(storage.path()).await;
        at(&client, &server).request("ping", json!({})).await.refused(404, -32001);
        drop(server);
        let stored = keep(storage.path(), &hub, &json!({}), None).await;
        assert_eq!((stored.keys.len(), stored.moved.len(), stored.alarm), (0, 24, alarm));
    }
}

#[tokio::test]
async fn what_0_1_0_wrote_after_a_rollback_counts_and_not_the_row_that_was_moved_before() {
    let storage = TempDir::new().unwrap();
    let server = over(storage.path()).await;
    let client = Client::new(&server.url()).connect().await;
    drop(server);
    let claims = claims(&client);
    let hub = format!("HUB_AGENT/{}", hub_name(claims.subject));
    let row = |not_before: u32| json!({ "not-before": format!("4102444800,0;{not_before}") });
    keep(storage.path(), &hub, &row(1), Some(4_102_444_800_000)).await;
    let server = over(storage.path()).await;
    assert_eq!(at(&client, &server).request("ping", json!({})).await.status, 200);
    drop(server);
    // 0.1.0 runs again, does not see the table, and ends all sessions.
    let stored = keep(storage.path(), &hub, &row(claims.issued), None).await;
    assert_eq!((stored.keys.len(), stored.moved.len()), (1, 1));
    let server = over(storage.path()).await;
    at(&client, &server).request("ping", json!({})).await.refused(404, -32001);
}

/// A server whose objects do not know requests in JSON, as those of version 0.1.0.
fn with_old_objects(options: Options) -> Options {
    let old = |(_, class): &(&str, &'static str)| Fault {
        class,
        path: "/ask/*",
        how: How::Unknown,
        times: usize::MAX,
    };
    let faults = OBJECTS.iter().map(old).collect();
    Options { faults: Some(Faults { faults, haste: 1 }), ..options }
}

#[tokio::test]
async fn sessions_and_limits_work_with_objects_of_0_1_0() {
    let options = options().var("SESSION_KEY", "").var("RATE_LIMIT", "100");
    let server = start(with_old_objects(options)).await;
    let client = Client::new(&server.url()).connect().await;
    assert_eq!(client.call("echo", json!({ "text": "hello" })).await.tool_text(), "hello");
    let other = Client::new(&server.url()).connect().await;
    let mut live = Live::new(other.get().await);
    client.call("notify", json!({})).await;
    live.message(|message| message["method"] == "notifications/tools/list_changed").await;
    assert_eq!(Client::at(&server.url(), "/sessions").delete().await.status, 204);
    client.request("ping", json!({})).await.refused(404, -32001);
}

#[tokio::test]
async fn a_task_works_with_objects_of_0_1_0() {
    let server = start(with_old_objects(options())).await;
    let client = Client::new(&server.url());
    let params = second_round(&client, follows()).await;
    let task = started(&client, params).await;
    let ended = until(&client, &task, "completed").await;
    assert!(ended["result"].is_object(), "{ended}");
    assert_eq!(look(&client, &task).await["status"], "completed");
    let waits = Client::new(&server.url()).connect_with(can_be_asked()).await;
    let arguments = json!({ "seconds": 0.1, "label": "x" });
    assert!(waits.call("slow_compute", arguments).await.status == 200);
}

#[tokio::test]
async fn an_app_signs_in_with_objects_of_0_1_0() {
    let server = start(with_old_objects(with_oauth())).await;
    let app = App::register(&server.url()).await;
    let tokens = app.tokens().await;
    assert!(app.is_let_in(&tokens.access).await);
    assert_eq!(app.refresh(&tokens.refresh).await.status, 200);
    let cookie = sign_in(&app.url, SITEBAY_TOKEN).await;
    account_with(&app.url, &cookie, "An app").await;
    let revoked = app.client(&tokens.access).send(Method::POST);
    assert_eq!(revoked.body("{}").send().await.unwrap().status(), 400);
}
