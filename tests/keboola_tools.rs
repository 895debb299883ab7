//! Every tool that this server has for Keboola itself, over HTTP: what the stand-in receives for valid arguments, and that
//! it receives nothing, or only reads, for wrong ones.

pub mod row;
pub mod rows;
mod wrong;

use futures_util::{StreamExt as _, stream};
use reqwest::Method;
use sandbox::{Recorded, keboola::token};
use serde_json::{Value, json};

use crate::support::{
    gateway::Front, keboola::STACK, keboola_native::Native, oauth::send, options,
};
use row::{Row, Sent, compare};
use rows::rows;

const DOOR: &str = "/u/keboola/mcp";
/// Calls under way at once.
const AT_ONCE: usize = 8;

/// A person who connected the master token of project 101, at a stand-in whose clock stands still.
async fn stand() -> Native {
    let native = Native::still(options()).await;
    native.person("ada", 101).await;
    native
}

/// A client of a door, and what the names of tools begin with there.
struct Caller {
    front: Front,
    prefix: &'static str,
}

impl Caller {
    async fn in_a_session(native: &Native) -> Self {
        let client = native.client("/mcp", "ada").connect().await;
        Self { front: Front::Session(client), prefix: "keboola_" }
    }

    fn without_one(native: &Native) -> Self {
        Self { front: Front::Stateless(native.client(DOOR, "ada")), prefix: "" }
    }

    /// What a row says, with the names of tools that this caller has.
    fn as_read(&self, said: &str) -> String {
        said.replace("keboola_", self.prefix)
    }

    /// Calls a tool; whether that failed, the text of the result, and what the stand-in received.
    async fn calls(&self, native: &Native, tool: &str, of: Value) -> (bool, String, Vec<Recorded>) {
        let before = native.keboola.requests().len();
        let answer = self.front.call(&format!("{}{tool}", self.prefix), of).await;
        let received = native.keboola.requests().split_off(before);
        (answer.result()["isError"] == true, answer.tool_text(), received)
    }
}

/// The row once the stand-in is new and has what the row needs.
async fn ready(native: &Native, row: Row) -> Row {
    native.keboola.reset();
    let mut made = Value::Null;
    for Sent { line, body } in &row.given {
        let mut parts = line.splitn(3, ' ');
        let [method, service, path] = [(); 3].map(|()| parts.next().expect("a request"));
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let url = format!("{}{path}", native.keboola.service_url(STACK, service));
        let master = token(101, "master");
        let headers = [("x-storageapi-token", &*master), ("content-type", "application/json")];
        made = send(method, &url, &headers, body.to_string()).await.json();
    }
    match &made["id"] {
        Value::Null => row,
        Value::String(id) => row.with_id(id),
        id => row.with_id(&id.to_string()),
    }
}

/// Each request has the token in its header and nowhere else, and nothing else of the caller.
fn was_asked_rightly(tool: &str, received: &[Recorded]) {
    let master = token(101, "master");
    for request in received {
        let needs_none =
            request.path.contains("/encryption/") || request.path.ends_with("/v2/storage");
        let sent = request.headers.get("x-storageapi-token");
        assert_eq!(sent, (!needs_none).then_some(&master), "{tool}: {request:?}");
        assert_eq!(request.headers["accept"], "application/json", "{tool}");
        let has_json = request.headers.get("content-type").map(String::as_str);
        let expected = request.body.is_some().then_some("application/json");
        assert_eq!(has_json, expected, "{tool}: {request:?}");
        for header in ["authorization", "cookie", "x-sitebay-token"] {
            assert!(!request.headers.contains_key(header), "{tool}: {request:?}");
        }
        let body = request.body.as_ref().map(Value::to_string).unwrap_or_default();
        let shown = [&request.path, &request.query, &body];
        assert!(shown.iter().all(|text| !text.contains(&master)), "{tool}: {request:?}");
    }
}

/// Calls every tool with what its rows say.
async fn every_row(native: &Native, caller: &Caller) {
    for row in rows() {
        let row = ready(native, row).await;
        let tool = row.tool;
        let (failed, text, received) = caller.calls(native, tool, row.arguments.clone()).await;
        let says = caller.as_read(row.says);
        assert!(!failed && text.contains(&says), "{tool}: no {says:?}: {text}");
        compare(&format!("{tool} {}", row.arguments), &row.sent, &received);
        was_asked_rightly(tool, &received);
        for wrong in &row.wrong {
            let arguments = wrong.of(&row.arguments);
            let what: String = format!("{tool} {arguments}").chars().take(500).collect();
            let (failed, text, received) = caller.calls(native, tool, arguments).await;
            let words = caller.as_read(wrong.words);
            assert!(failed && text.contains(&words), "{what}: no {words:?}: {text}");
            compare(&what, &wrong.sent, &received);
            was_asked_rightly(tool, &received);
        }
    }
}

#[tokio::test]
async fn every_native_tool_has_a_row_and_wrong_arguments() {
    let native = stand().await;
    let (listed, rows) = (Caller::without_one(&native).front.tools().await, rows());
    for tool in &listed {
        let of_tool: Vec<&Row> = rows.iter().filter(|row| row.tool == *tool).collect();
        assert!(!of_tool.is_empty(), "{tool} has no row");
        assert!(of_tool.iter().any(|row| !row.wrong.is_empty()), "{tool} is called rightly alone");
        let says_something = |row: &&Row| !row.sent.is_empty() || row.tool == "list_branches";
        assert!(of_tool.iter().all(says_something), "{tool} sends nothing");
    }
    for row in &rows {
        assert!(listed.iter().any(|tool| tool == row.tool), "{} is not listed", row.tool);
    }
}

#[tokio::test]
async fn keboola_receives_what_each_tool_is_for_in_a_session() {
    let native = stand().await;
    every_row(&native, &Caller::in_a_session(&native).await).await;
}

#[tokio::test]
async fn keboola_receives_what_each_tool_is_for_without_a_session() {
    let native = stand().await;
    every_row(&native, &Caller::without_one(&native)).await;
}

#[tokio::test]
async fn what_calls_begin_with_is_asked_once_a_minute_and_before_each_change() {
    let native = stand().await;
    let caller = Caller::in_a_session(&native).await;
    let lines = |received: &[Recorded]| -> Vec<String> {
        received.iter().map(|one| Sent::from(one).line).collect()
    };
    let verify = "GET connection /v2/storage/tokens/verify".to_owned();
    let branches = "GET connection /v2/storage/dev-branches".to_owned();
    let (failed, text, received) = caller.calls(&native, "list_branches", json!({})).await;
    assert!(!failed, "{text}");
    assert_eq!(lines(&received), [verify.clone(), branches]);
    let (.., received) = caller.calls(&native, "list_branches", json!({})).await;
    assert_eq!(lines(&received), [""; 0]);
    let made = json!({
        "name": "n", "description": "d", "component_id": "keboola.ex-http", "parameters": {},
    });
    let (failed, text, received) = caller.calls(&native, "create_config", made).await;
    assert!(!failed, "{text}");
    assert_eq!(lines(&received)[0], verify);
    // The first query makes the workspace, and later ones find it.
    let query = json!({ "sql_query": "SELECT 1", "query_name": "One" });
    let (failed, text, received) = caller.calls(&native, "query_data", query.clone()).await;
    assert!(!failed && text.contains("1\\r\\n1\\r\\n"), "{text}");
    let changes = |received: &[Recorded]| -> Vec<Value> {
        let sent = received.iter().filter(|one| one.method != "GET");
        sent.map(|one| one.body.clone().unwrap_or_default()).collect()
    };
    let changed = changes(&received);
    let [configuration, workspace, statement] = &changed[..] else { panic!("{changed:?}") };
    assert_eq!(configuration["configuration"], json!({}), "{configuration}");
    let read_only = json!({
        "backend": "snowflake", "loginType": "snowflake-person-sso", "readOnlyStorageAccess": true,
    });
    assert_eq!(*workspace, read_only);
    assert_eq!(*statement, json!({ "statements": ["SELECT 1"] }));
    let (.., received) = caller.calls(&native, "query_data", query).await;
    assert_eq!(changes(&received), [json!({ "statements": ["SELECT 1"] })]);
}

#[tokio::test]
async fn a_value_that_does_not_fit_is_refused_by_the_name_of_its_parameter() {
    let native = stand().await;
    let caller = Caller::without_one(&native);
    let (rows, before) = (rows(), native.keboola.requests().len());
    for tool in caller.front.list("tools/list", "tools").await {
        let row = rows.iter().find(|row| tool["name"] == row.tool).expect("a row");
        let calls = wrong::calls(&tool["inputSchema"], &row.arguments);
        assert!(!calls.is_empty(), "{tool}");
        stream::iter(calls)
            .for_each_concurrent(AT_ONCE, async |(named, arguments)| {
                let answer = caller.front.call(row.tool, arguments.clone()).await;
                let what: String = format!("{} {arguments}", row.tool).chars().take(300).collect();
                assert_eq!(answer.result()["isError"], true, "{what}: {answer:?}");
                let text = answer.tool_text();
                let is_named = text.lines().any(|line| line.starts_with(&format!("- {named}")));
                assert!(is_named && text.contains("nothing was done"), "{what}: {text}");
            })
            .await;
    }
    assert_eq!(native.keboola.requests().len(), before);
}
