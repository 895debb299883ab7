//! The wire as it is, byte by byte. `INSTA_UPDATE=always cargo xtask test wire` accepts a change.

use reqwest::Method;
use serde_json::json;

use crate::support::{Client, server};

/// The parts that differ from run to run.
const CHANGING: [(&str, &str); 3] = [
    (r"mcp-session-id: [A-Za-z0-9_-]+", "mcp-session-id: [session]"),
    (r"id: [0-9a-f]{8}\.", "id: [incarnation]."),
    (r#""subject":"[0-9a-f]{32}""#, r#""subject":"[subject]""#),
];

/// An answer as text: status, headers in alphabetical order, body.
async fn shown(client: &Client, method: Method, body: &str) -> String {
    let sent = client.send(method).body(body.to_owned()).send().await.unwrap();
    let mut headers: Vec<String> = sent
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .filter(|line| !line.starts_with("content-length") && !line.starts_with("date"))
        .collect();
    headers.sort();
    let status = sent.status();
    format!("HTTP {status}\n{}\n\n{}", headers.join("\n"), sent.text().await.unwrap())
}

macro_rules! snapshot {
    ($name:literal, $text:expr) => {
        let text = $text;
        insta::with_settings!({ filters => CHANGING, omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!($name, text);
        });
    };
}

#[tokio::test]
async fn a_session_from_its_start_to_its_end() {
    let server = server().await;
    let client = Client::new(&server.url());
    let hello = json!({
        "jsonrpc": "2.0", "id": 0, "method": "initialize",
        "params": { "protocolVersion": "2025-11-25", "capabilities": {},
                    "clientInfo": { "name": "wire", "version": "1" } },
    });
    snapshot!("initialize", shown(&client, Method::POST, &hello.to_string()).await);
    let client = client.connect().await;
    let told = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    snapshot!("initialized", shown(&client, Method::POST, told).await);
    let call = r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"whoami"}}"#;
    snapshot!("quick_call", shown(&client, Method::POST, call).await);
    let slow = r#"{"jsonrpc":"2.0","id":"b","method":"tools/call","params":{"name":"slow","arguments":{"ms":300,"steps":2},"_meta":{"progressToken":7}}}"#;
    snapshot!("streamed_call", shown(&client, Method::POST, slow).await);
    snapshot!(
        "unknown_method",
        shown(&client, Method::POST, r#"{"jsonrpc":"2.0","id":1,"method":"x"}"#).await
    );
    snapshot!("broken_body", shown(&client, Method::POST, "{").await);
    snapshot!("ended", shown(&client, Method::DELETE, "").await);
    snapshot!("after_the_end", shown(&client, Method::POST, call).await);
}
