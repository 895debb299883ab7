//! The server's texts as snapshots: the list of the tools, the lines of the
//! log, the documents that say what is here. `INSTA_UPDATE=always cargo xtask test shown` accepts a change.

use serde_json::{Value, json};
use xtask::{
    faults::{Fault, Faults, How},
    server::{Options, Server},
};

use crate::{
    support::{
        Client,
        lines::{faults, line, lines},
        options, production, start,
        stateless::ask,
        wait,
    },
    tasks::{started, until},
};

/// The parts that differ from run to run.
const CHANGING: [(&str, &str); 9] = [
    (r#""trace": "[0-9a-f]{32}""#, r#""trace": "[trace]""#),
    (r"http://(127\.0\.0\.1|localhost):\d+", "[server]"),
    (r"(127\.0\.0\.1|localhost):\d+", "[host]"),
    (r#""version": "\d+\.\d+\.\d+""#, r#""version": "[version]""#),
    (r#"\d{4}-\d\d-\d\dT[0-9:.]+Z"#, "[time]"),
    (r#""(request)": "[0-9a-f-]+""#, r#""$1": "[id]""#),
    (r#""(subject|session|incarnation|task)": "[A-Za-z0-9_-]+""#, r#""$1": "[hash]""#),
    (r#""(\w*ms)": \d+"#, r#""$1": "[ms]""#),
    (r#""(bytes|bytes_in|bytes_out|size)": \d+"#, r#""$1": "[bytes]""#),
];

macro_rules! snapshot {
    ($name:literal, $text:expr) => {
        let text = $text;
        insta::with_settings!({ filters => CHANGING, omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!($name, text);
        });
    };
}

async fn deployed() -> Server {
    start(Options::new(production().folder)).await
}

/// The tools with all toolsets, one to a line.
#[tokio::test]
async fn the_list_of_the_tools_is_as_it_was() {
    let server = deployed().await;
    let client = Client::at(&server.url(), "/mcp?toolsets=all").connect().await;
    let list = client.request("tools/list", json!({})).await.result();
    let list = list["tools"].as_array().unwrap().iter().map(|tool| {
        let hints = tool["annotations"].as_object().unwrap().iter();
        let hints = hints.filter(|(_, value)| value.is_boolean());
        let hints = Vec::from_iter(hints.map(|(name, value)| format!("{name}={value}")));
        // `registry::tests` holds the server to this.
        let scope = if tool["annotations"]["readOnlyHint"] == true { "read" } else { "write" };
        let name = tool["name"].as_str().unwrap();
        let title = tool["title"].as_str().or(tool["annotations"]["title"].as_str());
        format!("{name} \"{}\" {scope} {}", title.unwrap_or(""), hints.join(" "))
    });
    snapshot!("tool_list", Vec::from_iter(list).join("\n"));
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

#[tokio::test]
async fn the_documents_of_the_server_are_as_they_were() {
    let server = deployed().await;
    let mut shown = Vec::new();
    for path in [
        "/health",
        "/.well-known/mcp/server-card.json",
        "/.well-known/mcp.json",
        "/mcp/server-card",
        "/.well-known/ai-catalog.json",
    ] {
        let answer = reqwest::get(format!("{}{path}", server.url())).await.unwrap();
        let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
        let mut document: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        // The list of the tools has a snapshot of its own.
        if let Some(count) = document.get("tools").and_then(Value::as_array).map(Vec::len) {
            document["tools"] = json!(count);
        }
        shown.push(format!("{path} {kind}\n{}", pretty(&document)));
    }
    snapshot!("documents", shown.join("\n\n"));
}

/// The line of an object that failed.
async fn an_error() -> Value {
    let fault = Fault { class: "KeyAgent", path: "/ask/keys", how: How::Refuse, times: 1 };
    let failing = Some(Faults { faults: vec![fault], haste: 1 });
    let server = start(Options { faults: failing, ..options() }.var("SESSION_KEY", "")).await;
    assert_eq!(Client::new(&server.url()).initialize("2025-11-25").await.status, 503);
    let errors = || faults(&server).into_iter().find(|line| line["level"] == "error");
    wait::until("there is a line of it", async || errors().ok_or(server.log())).await
}

/// One line of each kind: a request of each outcome, a task, a warning, an error.
#[tokio::test]
async fn the_lines_of_the_log_are_as_they_were() {
    let server = start(options().var("MCP_PAGE_SIZE", "none")).await;
    let url = server.url();
    Client::new(&url).initialize("2025-11-25").await;
    line(&server, |line| line["method"] == "initialize").await;
    let client = Client::new(&url);
    for (tool, arguments) in [
        ("echo", json!({ "text": "hello" })),
        ("sitebay_list_sites", json!({})),
        ("sitebay_get_site", json!({ "fqdn": "none.example.com" })),
        ("no_such_tool", json!({})),
    ] {
        let params = json!({ "name": tool, "arguments": arguments });
        let before = lines(&server).len();
        ask(&client, "tools/call", params, json!({})).await;
        wait::holds("it has a line", || lines(&server).len() > before).await;
    }
    client.post("{").await;
    line(&server, |line| line["status"] == 400).await;
    let params = json!({ "name": "slow_compute", "arguments": { "seconds": 0.1, "label": "x" } });
    let task = started(&client, params).await;
    until(&client, &task, "completed").await;
    line(&server, |line| line["event"] == "task").await;
    // Polls of the task have lines like those of other requests, and their number varies.
    let mut all = lines(&server);
    all.retain(|line| line["method"] != "tasks/get");
    all.extend(faults(&server).into_iter().take(1));
    all.push(an_error().await);
    snapshot!("log_lines", Vec::from_iter(all.iter().map(pretty)).join("\n"));
}
