//! The tools of the stand-ins.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::sleep;

use super::{
    core::{Change, Core},
    peer::{Failure, Peer, Question, can_answer, severity},
};

/// The definitions as they are sent. A gateway may replace names, and nothing else: fields that it does
/// not know, numbers that no double holds, escapes, spaces and the order of fields stay.
pub const TOOLS: [&str; 15] = [
    r#"{"name":"echo","title":"Echo","description":"Says it again: größe \u00e4 🌍","inputSchema":{"type":"object","properties":{"text":{"type":"string"}},"required":["text"]},"annotations":{"readOnlyHint":true},"x-vendor":{"big":12345678901234567890,"exact":1.10}}"#,
    r#"{ "name": "add", "inputSchema": {"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"}}}, "outputSchema": {"type":"object","properties":{"sum":{"type":"integer"}},"required":["sum"]}, "_meta": {"example.com/kept":[null,true]} }"#,
    r#"{"name":"slow","description":"Takes ms milliseconds in so many steps.","inputSchema":{"type":"object","properties":{"ms":{"type":"integer"},"steps":{"type":"integer"}}}}"#,
    r#"{"name":"ask","description":"Asks five times, one after the other.","inputSchema":{"type":"object"}}"#,
    r#"{"name":"ask_at_once","description":"Asks five questions together.","inputSchema":{"type":"object"}}"#,
    r#"{"name":"count","description":"Counts its executions.","inputSchema":{"type":"object"},"annotations":{"destructiveHint":true}}"#,
    r#"{"name":"fail","inputSchema":{"type":"object"}}"#,
    r#"{"name":"refuse","description":"Ends with a JSON-RPC error.","inputSchema":{"type":"object"}}"#,
    r#"{"name":"big","description":"Answers with so many bytes.","inputSchema":{"type":"object","properties":{"bytes":{"type":"integer"}}}}"#,
    r#"{"name":"resource_link","inputSchema":{"type":"object"}}"#,
    r#"{"name":"annotated","inputSchema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"},"place":{"type":"object","properties":{"floor":{"type":"integer","x-mcp-header":"Floor"}}}}}}"#,
    r#"{"name":"log","description":"Logs one message of each level.","inputSchema":{"type":"object"}}"#,
    r#"{"name":"change","description":"Announces that the list of tools changed.","inputSchema":{"type":"object"}}"#,
    r#"{"name":"wait","description":"Waits until it is cancelled or released.","inputSchema":{"type":"object"}}"#,
    r#"{"name":"odd","description":"A result with what a decoder would lose.","inputSchema":{"type":"object"}}"#,
];

/// The result of `odd`, byte for byte.
const ODD: &str = r#"{"content":[{"type":"text","text":"\u0061\/b größe 🌍"}],"structuredContent":{"big":12345678901234567890,"exact":1.10,"small":1e-7,"empty":{}, "b":1,"a":2},"unknown":[null],"_meta":{"example.com/kept":1}}"#;

/// The definition of a tool of [`TOOLS`], as it is sent.
pub fn definition(name: &str) -> &'static str {
    let named = |text: &&&str| serde_json::from_str::<Value>(text).unwrap()["name"] == name;
    TOOLS.iter().find(named).expect("a tool of this name")
}

/// The definition of one of many.
pub(super) fn one_of_many(number: usize) -> String {
    format!(
        r#"{{"name":"many_{number}","description":"One of many.","inputSchema":{{"type":"object"}}}}"#
    )
}

/// Whether the answer to a call is streamed where the wire leaves that open.
pub(super) fn is_streamed(name: &str) -> bool {
    matches!(name, "slow" | "ask" | "ask_at_once" | "log" | "wait" | "big")
}

/// Runs a tool; returns its result as text.
pub(super) async fn call(
    core: &Core,
    peer: &dyn Peer,
    name: &str,
    params: &Value,
) -> Result<String, Failure> {
    let arguments = &params["arguments"];
    match name {
        "slow" => return slow(core, peer, params).await,
        "ask" => return ask(core, peer, false).await,
        "ask_at_once" => return ask(core, peer, true).await,
        _ => {}
    }
    let times = core.executed(name);
    match name {
        "echo" => Ok(text(arguments["text"].as_str().unwrap_or_default())),
        "add" => {
            let part = |name: &str| arguments[name].as_i64().unwrap_or_default();
            let sum = json!({ "sum": part("a") + part("b") });
            let content = json!([{ "type": "text", "text": sum.to_string() }]);
            Ok(json!({ "content": content, "structuredContent": sum }).to_string())
        }
        "count" => Ok(text(&times.to_string())),
        "fail" => {
            let content = json!([{ "type": "text", "text": "it did not work" }]);
            Ok(json!({ "content": content, "isError": true }).to_string())
        }
        "refuse" => Err(Failure::Error {
            code: -32050,
            message: "refused".to_owned(),
            data: json!({ "why": "as asked" }),
        }),
        "big" => {
            let size = arguments["bytes"].as_u64().unwrap_or_default();
            Ok(text(&"x".repeat(usize::try_from(size).unwrap())))
        }
        "resource_link" => Ok(linked()),
        "annotated" => Ok(text(&arguments.to_string())),
        "log" => {
            log(peer);
            Ok(text("logged"))
        }
        "change" => {
            core.announce(Change::List("tools"));
            Ok(text("announced"))
        }
        "wait" => {
            core.is_released().await;
            Ok(text("released"))
        }
        "odd" => Ok(ODD.to_owned()),
        _ if name.starts_with("many_") => Ok(text(name)),
        _ => Err(Failure::error(-32602, format!("Unknown tool: {name}"))),
    }
}

fn text(text: &str) -> String {
    json!({ "content": [{ "type": "text", "text": text }] }).to_string()
}

fn linked() -> String {
    let link = json!({ "type": "resource_link", "uri": "urn:demo:1", "name": "plain" });
    let embedded = json!({ "type": "resource", "resource": { "uri": "file:///notes/größe.txt", "text": "x" } });
    json!({ "content": [link, embedded] }).to_string()
}

async fn slow(core: &Core, peer: &dyn Peer, params: &Value) -> Result<String, Failure> {
    core.executed("slow");
    let arguments = &params["arguments"];
    let steps = arguments["steps"].as_u64().unwrap_or(1).max(1);
    let pause = Duration::from_millis(arguments["ms"].as_u64().unwrap_or_default() / steps);
    for step in 1..=steps {
        // Real time: the caller says how long it takes.
        sleep(pause).await;
        if let Some(token) = params["_meta"].get("progressToken") {
            let progress = json!({ "progressToken": token, "progress": step, "total": steps, "message": format!("step {step}") });
            peer.notify("notifications/progress", progress);
        }
    }
    Ok(text("done"))
}

fn log(peer: &dyn Peer) {
    let wanted = peer.log_level();
    for level in ["debug", "info", "warning", "error"] {
        if wanted.is_some_and(|wanted| severity(level) >= Some(wanted)) {
            let params = json!({ "level": level, "logger": "stand-in", "data": { "said": level } });
            peer.notify("notifications/message", params);
        }
    }
}

/// Asks twice by a form, once by a URL, samples once and asks for roots. The result has every answer;
/// that to a question which the client cannot be asked is `null`.
async fn ask(core: &Core, peer: &dyn Peer, at_once: bool) -> Result<String, Failure> {
    let asked: Vec<Question> = questions()
        .into_iter()
        .filter(|question| can_answer(peer.capabilities(), question))
        .collect();
    let keys: Vec<&str> = asked.iter().map(|question| question.key).collect();
    let given = if at_once {
        peer.ask(asked).await?
    } else {
        let mut given = Vec::new();
        for question in asked {
            given.extend(peer.ask(vec![question]).await?);
        }
        given
    };
    let mut answers: Map<String, Value> =
        questions().iter().map(|question| (question.key.to_owned(), Value::Null)).collect();
    for (key, answer) in keys.into_iter().zip(given) {
        answers.insert(key.to_owned(), answer);
    }
    core.executed(if at_once { "ask_at_once" } else { "ask" });
    Ok(text(&Value::Object(answers).to_string()))
}

fn questions() -> Vec<Question> {
    let form = |field: &str| {
        let schema = json!({ "type": "object", "properties": { field: { "type": "string" } }, "required": [field] });
        json!({ "message": format!("Which {field}?"), "requestedSchema": schema })
    };
    let question = |key, method, params| Question { key, method, params };
    let message = json!({ "role": "user", "content": { "type": "text", "text": "Say a number." } });
    vec![
        question("first", "elicitation/create", form("name")),
        question("second", "elicitation/create", form("colour")),
        question(
            "page",
            "elicitation/create",
            json!({ "mode": "url", "message": "Open the page.", "url": "https://page.example/a?b=c", "elicitationId": "page-1" }),
        ),
        question(
            "sample",
            "sampling/createMessage",
            json!({ "messages": [message], "maxTokens": 16 }),
        ),
        question("roots", "roots/list", json!({})),
    ]
}
