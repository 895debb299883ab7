//! What a real client sees of a server, to be compared directly and through a gateway.

use serde_json::{Value, json};

use super::{process::script, upstream::mcp::TOOLS};

/// Clients of `tests/clients/tour.mjs` in sessions over Streamable HTTP.
pub const SESSION_CLIENTS: [&str; 2] = ["v1", "v2-legacy"];

/// The one for HTTP with SSE.
pub const SSE_CLIENT: &str = "v1-sse";

/// The one for 2026-07-28.
pub const STATELESS_CLIENT: &str = "v2-2026-07-28";

/// A plan for the stand-ins of [`super::upstream::mcp`].
pub fn plan() -> Value {
    json!({
        "calls": [
            ["echo", { "text": "grüße 🌍" }],
            ["add", { "a": 2, "b": 3 }],
            ["slow", { "ms": 60, "steps": 3 }],
            ["ask", {}],
            ["ask_at_once", {}],
            ["fail", {}],
            ["refuse", {}],
            ["resource_link", {}],
            ["annotated", { "region": "größe", "place": { "floor": 3 } }],
            ["annotated", {}],
        ],
        "reads": ["file:///notes/größe.txt", "demo://picture?size=1&kind=a%2Fb", "demo://item/7", "demo://none"],
        "prompts": [["greet", { "name": "Ada" }], ["plain", {}], ["none", {}]],
        "completions": [
            { "ref": { "type": "ref/prompt", "name": "greet" }, "argument": { "name": "name", "value": "A" } },
            { "ref": { "type": "ref/resource", "uri": "demo://item/{id}" }, "argument": { "name": "id", "value": "1" } },
        ],
    })
}

/// What a client sees at a URL that uses what the plan names.
pub async fn tour(url: &str, client: &str, plan: &Value) -> Value {
    let printed = script("tour.mjs", &[url, client, &plan.to_string()]).await;
    serde_json::from_str(&printed).unwrap_or_else(|_| panic!("no JSON: {printed}"))
}

/// The result of the only call of a tool.
pub fn call<'a>(seen: &'a Value, tool: &str) -> &'a Value {
    let calls = seen["calls"].as_array().expect("calls");
    calls.iter().find(|call| call["name"] == tool).unwrap_or_else(|| panic!("no {tool}: {seen}"))
}

/// The text of that result.
pub fn text<'a>(seen: &'a Value, tool: &str) -> &'a str {
    let text = &call(seen, tool)["result"]["content"][0]["text"];
    text.as_str().unwrap_or_else(|| panic!("no text of {tool}: {seen}"))
}

/// The answers that the clients give to the questions of `ask`.
pub fn answers() -> Value {
    let form =
        |field: &str| json!({ "action": "accept", "content": { field: format!("a {field}") } });
    json!({
        "first": form("name"),
        "second": form("colour"),
        "page": { "action": "accept" },
        "sample": { "role": "assistant", "model": "none", "stopReason": "endTurn", "content": { "type": "text", "text": "4" } },
        "roots": { "roots": [{ "uri": "file:///work", "name": "work" }] },
    })
}

/// Checks what a client saw of a stand-in.
pub fn is_complete(seen: &Value, expected: &Value) {
    assert_eq!(seen["tools"].as_array().map(Vec::len), Some(TOOLS.len()), "{seen}");
    assert_eq!(seen["resources"].as_array().map(Vec::len), Some(3), "{seen}");
    assert_eq!(seen["templates"][0]["uriTemplate"], "demo://item/{id}");
    assert_eq!(seen["promptList"][0]["name"], "greet");
    assert_eq!(text(seen, "echo"), "grüße 🌍");
    assert_eq!(call(seen, "add")["result"]["structuredContent"]["sum"], 5);
    assert_eq!(text(seen, "slow"), "done");
    assert_eq!(call(seen, "slow")["progress"][0], 1);
    for tool in ["ask", "ask_at_once"] {
        let told: Value = serde_json::from_str(text(seen, tool)).unwrap();
        assert_eq!(&told, expected, "{tool}: {seen}");
    }
    assert_eq!(call(seen, "fail")["result"]["isError"], true);
    assert_eq!(call(seen, "refuse")["result"]["error"], -32050);
    assert_eq!(text(seen, "annotated"), r#"{"place":{"floor":3},"region":"größe"}"#);
    assert_eq!(seen["reads"][0]["contents"][0]["text"], "grüße 🌍");
    let missing = &seen["reads"][3]["error"];
    assert!(*missing == -32602 || *missing == -32002, "{missing}");
    assert_eq!(seen["prompts"][0]["messages"][0]["content"]["text"], "Greet Ada.");
    assert_eq!(seen["completions"][0]["completion"]["values"], json!(["Ada", "Alan"]));
    assert_eq!(seen["completions"][1]["completion"]["total"], 2);
}
