//! The database, the KV namespace and the dataset on plain `workerd`: what this server writes to them and reads
//! from them, and how requests fare where they fail. `tests/admin.rs` asks the same of `wrangler dev`.

use std::fs;

use reqwest::Method;
use sandbox::{
    Fault,
    bindings::{Bindings, Point},
};
use serde_json::{Value, json};
use xtask::{
    bindings::Bound,
    paths,
    server::{Options, Server},
};

use crate::support::{
    Answer, Client,
    issuer::{claims, hs256},
    new_site, options, start, wait,
};

/// The names of what is bound, from `wrangler.toml`.
const DATABASE: &str = "sitebay-mcp";
const NAMESPACE: &str = "MCP_KV";
const DATASET: &str = "sitebay_mcp";
/// The key of the rollout's share.
const SHARE: &str = "feature:dark-launch-percentage";

const ADMIN: &str = "the-admin-key-of-this-test";
const PLAIN: &str = "a-plain-key-of-this-test";
const SECRET: &str = "a-secret-of-this-test-with-enough-characters";

/// A server with all bindings that is closed without a key.
fn bound() -> Options {
    let options = options().with_bindings().expect("wrangler.toml is read");
    options.var("MCP_ADMIN_KEY", ADMIN).var("MCP_API_KEY", PLAIN).var("MCP_JWT_SECRET", SECRET)
}

fn bindings(server: &Server) -> &Bindings {
    server.bindings().expect("bindings")
}

fn bearer(url: &str, key: &str) -> Client {
    Client::new(url).with("authorization", &format!("Bearer {key}"))
}

async fn admin(url: &str, method: Method, path: &str, body: Value) -> Answer {
    let client = Client::at(url, path).with("authorization", &format!("Bearer {ADMIN}"));
    let body = if body.is_null() { String::new() } else { body.to_string() };
    Answer::of(client.send(method).body(body).send().await.unwrap()).await
}

/// A named key with this scope.
async fn make_key(url: &str, scope: &str) -> String {
    let body = json!({ "name": "of the test", "scopes": [scope] });
    let made = admin(url, Method::POST, "/admin/keys", body).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.json()["key"].as_str().unwrap().to_owned()
}

/// The rows of a query of the database, once there are so many.
async fn rows(server: &Server, sql: &str, count: usize) -> Vec<Value> {
    wait::until(sql, async || {
        let rows = bindings(server).sql(DATABASE, sql).unwrap();
        if rows.len() < count { Err(rows) } else { Ok(rows) }
    })
    .await
}

/// The points of which this holds, once there are so many.
async fn points(server: &Server, count: usize, of: impl Fn(&Point) -> bool) -> Vec<Point> {
    wait::until("data points", async || {
        let mut points = bindings(server).points(DATASET);
        points.retain(&of);
        if points.len() < count { Err(points) } else { Ok(points) }
    })
    .await
}

fn failing(path: &str, status: u16) -> Fault {
    Fault { path: Some(path.to_owned()), status: Some(status), ..Fault::default() }
}

/// `GET /health` as anyone reads it.
async fn health(url: &str) -> Value {
    let answer = Client::at(url, "/health").send(Method::GET).send().await.unwrap();
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_named_key_is_kept_as_a_digest_and_opens_in_all_isolates_and_after_a_restart() {
    let mut server = start(Options { isolates: 2, ..bound() }).await;
    let urls = server.urls();
    let key = make_key(&urls[0], "read").await;
    for url in &urls {
        assert_eq!(bearer(url, &key).initialize("2025-11-25").await.status, 200, "{url}");
    }
    let kept = rows(&server, "SELECT name, scopes, hash, revoked FROM keys", 1).await;
    let shown = ["name", "scopes", "revoked"].map(|name| kept[0][name].clone());
    assert_eq!(json!(shown), json!(["of the test", "read", null]));
    let dump = bindings(&server).dump(DATABASE).unwrap();
    assert!(!dump.contains(&key[17..]), "{dump}");
    server.restart().await.unwrap();
    let again = bearer(&urls[1], &key).initialize("2025-11-25").await;
    assert_eq!(again.status, 200, "{again:?}");
    let id = kept_id(&server).await;
    let path = format!("/admin/keys/{id}");
    assert_eq!(admin(&urls[0], Method::DELETE, &path, Value::Null).await.status, 204);
    assert_eq!(bearer(&urls[0], &key).initialize("2025-11-25").await.status, 401);
}

async fn kept_id(server: &Server) -> String {
    let kept = rows(server, "SELECT id FROM keys", 1).await;
    kept[0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_change_and_its_task_are_in_the_audit_once_and_what_only_reads_is_not() {
    let server = start(bound()).await;
    let key = make_key(&server.url(), "write").await;
    let client = bearer(&server.url(), &key).connect().await;
    client.call("whoami", json!({})).await.result();
    client.call("sitebay_create_site", new_site("audited.example.org")).await.result();
    let of_site = "SELECT action, key, way, effect, outcome FROM audit WHERE site = 'audited.example.org' \
                   ORDER BY outcome";
    let entries = rows(&server, of_site, 2).await;
    let entry = |outcome: &str| {
        json!({ "action": "sitebay_create_site", "key": "of the test", "way": "named-key", "effect": "write",
                "outcome": outcome })
    };
    assert_eq!(entries, [entry("done"), entry("task-done")]);
    let read = bindings(&server).sql(DATABASE, "SELECT id FROM audit WHERE action = 'whoami'");
    assert_eq!(read.unwrap(), Vec::<Value>::new());
    // The password of the new site is an argument like others.
    let dump = bindings(&server).dump(DATABASE).unwrap();
    assert!(!dump.contains("correct horse"), "{dump}");
    let path = "/admin/audit?site=audited.example.org&limit=1";
    let page = admin(&server.url(), Method::GET, path, Value::Null).await.json();
    assert_eq!((page["entries"].as_array().unwrap().len(), page["next"].is_u64()), (1, true));
}

#[tokio::test]
async fn the_share_in_kv_decides_who_is_let_in() {
    let server = start(bound()).await;
    let url = server.url();
    let token = hs256(SECRET, claims(json!({ "sub": "user-0" })));
    bindings(&server).put_value(NAMESPACE, SHARE, "0");
    let refused = bearer(&url, &token).initialize("2025-11-25").await;
    assert_eq!((refused.status.as_u16(), &refused.json()["percentage"]), (503, &json!(0)));
    assert_eq!(health(&url).await["rollout"], json!({ "percentage": 0, "on": true }));
    let set = json!({ "percentage": 100 });
    assert_eq!(admin(&url, Method::PUT, "/admin/dark-launch", set).await.status, 200);
    assert_eq!(bindings(&server).value(NAMESPACE, SHARE).as_deref(), Some("100"));
    assert_eq!(bearer(&url, &token).initialize("2025-11-25").await.status, 200);
}

#[tokio::test]
async fn each_request_is_a_data_point_as_the_page_says() {
    let server = start(bound()).await;
    let client = bearer(&server.url(), PLAIN).connect().await;
    client.call("sitebay_list_sites", json!({})).await.result();
    let refused = bearer(&server.url(), "wrong").initialize("2025-11-25").await;
    assert_eq!(refused.status, 401, "{refused:?}");
    let called = points(&server, 1, |point| point.blobs[4] == "sitebay_list_sites").await.remove(0);
    let expected =
        ["info", "request", "mcp", "tools/call", "sitebay_list_sites", "done", "2025-11-25"];
    assert_eq!(called.blobs[..7], expected, "{called:?}");
    assert_eq!(called.blobs[8], "test client", "{called:?}");
    // Status; calls of SiteBay and the last one's status; no code of an error.
    let numbers = [2, 3, 5, 6].map(|at| called.doubles[at]);
    assert_eq!(numbers, [200.0, 1.0, 200.0, 0.0], "{called:?}");
    assert!(!called.index.is_empty(), "{called:?}");
    let wrong = points(&server, 1, |point| point.doubles[2] == 401.0).await.remove(0);
    assert_eq!((wrong.index.as_str(), wrong.blobs[5].as_str()), ("", "wrong-credential"));
    // initialize, notifications/initialized, tools/call and the refused one, each once.
    let all = points(&server, 4, |point| point.blobs[1] == "request").await;
    assert_eq!(all.len(), 4, "{all:#?}");
    every_query_of_the_page_runs(&server);
}

/// The queries of `docs/OPERATIONS.md`, on the points of real requests.
fn every_query_of_the_page_runs(server: &Server) {
    let page = fs::read_to_string(paths::root().join("docs/OPERATIONS.md")).unwrap();
    let (_, queries) = page.split_once("```sql\n").unwrap();
    let (queries, _) = queries.split_once("```").unwrap();
    let ask = |name: &str| {
        let found = queries.split("\n\n").find(|query| query.starts_with(&format!("-- {name}:")));
        let (_, sql) = found.unwrap().split_once('\n').unwrap();
        bindings(server).query_points(sql).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    for query in queries.split("\n\n") {
        ask(&query[3..4]);
    }
    assert_eq!(ask("A"), [json!({ "failed": 0 })]);
    assert_eq!(ask("C")[0]["tool"], "sitebay_list_sites");
    let refused = ask("D");
    assert_eq!((refused.len(), &refused[0]["outcome"]), (1, &json!("wrong-credential")));
    assert!(ask("F").iter().any(|row| row["client"] == "test client"));
}

#[tokio::test]
async fn requests_are_answered_where_the_stores_fail() {
    let server = start(bound()).await;
    let url = server.url();
    for path in ["/kv/*", "/analytics/*"] {
        bindings(&server).inject(failing(path, 500));
    }
    let key = make_key(&url, "write").await;
    bindings(&server).inject(failing("/d1/*", 500));
    // Keys of the settings open; a share that was never read is all.
    let client = bearer(&url, PLAIN).connect().await;
    client.call("sitebay_create_site", new_site("unaudited.example.org")).await.result();
    assert_eq!(health(&url).await["rollout"]["percentage"], 100);
    let lost = "entries of the audit are lost: ";
    wait::until("the loss is in the log", async || {
        if server.log().contains(lost) { Ok(()) } else { Err(server.log()) }
    })
    .await;
    assert!(server.log().contains(&format!("{SHARE} cannot be read")), "{}", server.log());
    // A named key whose record cannot be read is neither right nor wrong.
    let other = format!("{}{}", "sbk_000000000000_", &key[17..]);
    let refused = bearer(&url, &other).initialize("2025-11-25").await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (503, "5"));
    let refused = admin(&url, Method::GET, "/admin/keys", Value::Null).await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (503, "5"));
    let set = json!({ "percentage": 10 });
    assert_eq!(admin(&url, Method::PUT, "/admin/dark-launch", set).await.status, 503);
    // No text of a store leaves, and no credential is in the log.
    assert!(!refused.text.contains("D1_ERROR"), "{refused:?}");
    for secret in [ADMIN, PLAIN, SECRET, &key[17..]] {
        assert!(!server.log().contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn a_database_without_tables_says_what_to_do_and_closes_nothing() {
    let mut empty = Bound::declared().unwrap();
    empty.sandbox.migrations.clear();
    let server = start(Options { bound: Some(empty), ..bound() }).await;
    let refused = admin(&server.url(), Method::GET, "/admin/keys", Value::Null).await;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(server.log().contains("no such table: keys"), "{}", server.log());
    let client = bearer(&server.url(), PLAIN).connect().await;
    client.call("whoami", json!({})).await.result();
}

#[tokio::test]
async fn without_bindings_what_needs_them_is_off_and_says_so() {
    let server = start(Options { bound: None, ..bound() }).await;
    assert!(server.bindings().is_none());
    let health = admin(&server.url(), Method::GET, "/admin/health", Value::Null).await.json();
    assert_eq!((&health["namedKeys"], &health["audit"]), (&json!(false), &json!(false)));
    let refused = admin(&server.url(), Method::GET, "/admin/keys", Value::Null).await;
    assert!(refused.status == 501 && refused.text.contains("MCP_DB"), "{refused:?}");
}
