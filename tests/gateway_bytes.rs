//! What of an upstream's bytes reaches a client, and what of a client's an upstream.
//!
//! Tests name the statements of the gateway that they show.

use serde_json::{Value, json};

use crate::support::{
    Client,
    gateway::{Front, before, error, opens_sessions, stand},
    stateless::{ask, prepared},
    upstream::{
        Request, Upstream,
        mcp::{Era, Server, TOOLS},
        rpc, tool,
    },
};

/// The result of `odd`, without its end.
const ODD: &str = r#""structuredContent":{"big":12345678901234567890,"exact":1.10,"small":1e-7,"empty":{}, "b":1,"a":2},"unknown":[null]"#;

/// Statement 10.
#[tokio::test]
async fn bytes_of_definitions_and_results_are_those_of_the_upstream() {
    for era in [Era::Session("2025-11-25"), Era::Stateless] {
        let (upstream, worker) = stand(era).await;
        for (path, prefix) in [("/u/t/mcp", ""), ("/mcp", "t_")] {
            for front in Front::both(&worker, path).await {
                let mut list = String::new();
                let mut params = json!({});
                loop {
                    let page = front.ask("tools/list", params).await;
                    list += &page.text;
                    let Some(cursor) = page.result()["nextCursor"].as_str().map(str::to_owned)
                    else {
                        break;
                    };
                    params = json!({ "cursor": cursor });
                }
                for text in TOOLS {
                    let name: Value = serde_json::from_str(text).unwrap();
                    let name = name["name"].as_str().unwrap();
                    let sent = format!("\"{name}\"");
                    let exposed = text.replacen(&sent, &format!("\"{prefix}{name}\""), 1);
                    assert!(list.contains(&exposed), "{era:?} {path}: {exposed}");
                }
                let odd = front.call(&format!("{prefix}odd"), json!({})).await;
                let text = format!(r#""text":"\u0061\/b größe 🌍"}}],{ODD}"#);
                assert!(odd.text.contains(&text), "{era:?} {path}: {}", odd.text);
                assert!(odd.text.contains(r#""example.com/kept":1"#), "{}", odd.text);
                let resources = front.ask("resources/list", json!({})).await.text;
                assert!(
                    resources.contains(r#""x-vendor":{"big":12345678901234567890}"#),
                    "{resources}"
                );
                let big = front.call(&format!("{prefix}big"), json!({ "bytes": 1_000_000 })).await;
                assert_eq!(big.tool_text().len(), 1_000_000);
            }
        }
        assert!(upstream.executions("odd") > 0);
    }
}

/// Statement 10 for what a client sends.
#[tokio::test]
async fn bytes_of_arguments_are_those_of_the_client() {
    const ARGUMENTS: &str = r#"{"text":"\u0061\/ größe","big":12345678901234567890,"exact":1.10, "b":[1e-7,{}],"a":null}"#;
    for era in [Era::Session("2025-11-25"), Era::Stateless] {
        let (upstream, worker) = stand(era).await;
        for (path, name) in [("/u/t/mcp", "echo"), ("/mcp", "t_echo")] {
            for front in Front::both(&worker, path).await {
                let params = json!({ "name": name, "arguments": "HERE" });
                let (client, body) = match front {
                    Front::Session(client) => {
                        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
                        (client, body.to_string())
                    }
                    Front::Stateless(client) => prepared(&client, "tools/call", params, json!({})),
                };
                let answer = client.post(body.replace("\"HERE\"", ARGUMENTS)).await;
                assert_eq!(answer.tool_text(), "a/ größe", "{answer:?}");
                let calls = upstream.requests(&tool("echo"));
                let sent = calls.last().unwrap().text();
                assert!(sent.contains(ARGUMENTS), "{era:?} {path}: {sent}");
            }
        }
        assert_eq!(upstream.executions("echo"), 4);
    }
}

fn header(request: &Request, name: &str) -> String {
    request.header(name).to_owned()
}

/// Statement 12.
#[tokio::test]
async fn headers_behind_repeat_the_body_that_is_sent_there() {
    let (upstream, worker) = stand(Era::Stateless).await;
    let arguments = json!({ "region": "größe", "place": { "floor": 3 } });
    for (path, prefix) in [("/u/t/mcp", ""), ("/mcp", "t_")] {
        let fronts = Front::both(&worker, path).await;
        let named = format!("{prefix}annotated");
        let session = fronts[0].call(&named, arguments.clone()).await;
        assert_eq!(session.tool_text(), r#"{"place":{"floor":3},"region":"größe"}"#);
        // A client without a session says in headers what its body says.
        let client = Client::at(&worker.url(), path)
            .with("mcp-param-region", "=?base64?Z3LDtsOfZQ==?=")
            .with("mcp-param-floor", "3");
        let params = json!({ "name": named, "arguments": arguments });
        let stateless = ask(&client, "tools/call", params.clone(), json!({})).await;
        assert_eq!(stateless.tool_text(), r#"{"place":{"floor":3},"region":"größe"}"#);
        let calls = upstream.requests(&tool("annotated"));
        let last = calls.last().unwrap();
        assert_eq!(header(last, "mcp-name"), "annotated");
        assert_eq!(header(last, "mcp-param-region"), "=?base64?Z3LDtsOfZQ==?=");
        assert_eq!(header(last, "mcp-param-floor"), "3");
        let uri = if prefix.is_empty() { "urn:demo:1" } else { "t+urn:demo:1" };
        fronts[1].ask("resources/read", json!({ "uri": uri })).await.result();
        let read = upstream.requests(&rpc("resources/read"));
        assert_eq!(header(read.last().unwrap(), "mcp-name"), "urn:demo:1");
        fronts[1].ask("prompts/get", json!({ "name": format!("{prefix}plain") })).await.result();
        let got = upstream.requests(&rpc("prompts/get"));
        assert_eq!(header(got.last().unwrap(), "mcp-name"), "plain");
    }
}

/// Statement 12: a header that contradicts its body is refused in front.
#[tokio::test]
async fn a_name_in_a_header_is_that_of_the_body_in_front() {
    let (upstream, worker) = stand(Era::Stateless).await;
    let params = json!({ "name": "t_echo", "arguments": { "text": "x" } });
    for name in ["echo", "t_count", "other_echo", "=?base64?%%?="] {
        let (client, body) =
            prepared(&Client::new(&worker.url()), "tools/call", params.clone(), json!({}));
        client.with("mcp-name", name).post(body).await.refused(400, -32020);
    }
    assert_eq!(upstream.count(&tool("echo")), 0);
    assert_eq!(upstream.count(&tool("count")), 0);
}

/// §8, "Definitions": what has no usable name is left out, and what has one is called by it.
#[tokio::test]
async fn definitions_of_any_form_are_listed_or_left_out_one_by_one() {
    let upstream = Upstream::start().await;
    opens_sessions(&upstream);
    upstream.forget_rules();
    let long = "n".repeat(120);
    let tools = [
        r#"{"name":"good","inputSchema":{"type":"object"}}"#.to_owned(),
        r#"{"name":"twice","inputSchema":{"type":"object"}}"#.to_owned(),
        r#"{"name":"twice","inputSchema":{"type":"object"}}"#.to_owned(),
        r#"{"name":"","inputSchema":{"type":"object"}}"#.to_owned(),
        r#"{"name":7,"inputSchema":{"type":"object"}}"#.to_owned(),
        r#""no object""#.to_owned(),
        r#"{"name":"__proto__","inputSchema":{"type":"object"}}"#.to_owned(),
        r#"{"name":"a/b.c d🌍","inputSchema":{"type":"object"}}"#.to_owned(),
        r#"{"name":"a-b-c-d-","inputSchema":{"type":"object"}}"#.to_owned(),
        r#"{"name":"schemaless"}"#.to_owned(),
        r#"{"name":"text-schema","inputSchema":"none"}"#.to_owned(),
        r#"{"name":"far","inputSchema":{"type":"object","$ref":"https://example.com/schema"}}"#
            .to_owned(),
        format!(r#"{{"name":"{long}","inputSchema":{{"type":"object"}}}}"#),
        r#"{"name":"marks","description":"left\u202eright","inputSchema":{"type":"object"}}"#
            .to_owned(),
    ];
    let list = format!(r#"{{"tools":[{}]}}"#, tools.join(","));
    upstream.on(rpc("tools/list"), move |request| request.result(&list));
    upstream.on(rpc("tools/call"), |request| {
        let text = json!({ "content": [{ "type": "text", "text": request.tool() }] });
        request.result(&text.to_string())
    });
    opens_sessions(&upstream);
    let worker = before(&[("t", &upstream.url(), json!({}))]).await;
    for front in Front::both(&worker, "/mcp").await {
        let mut names = front.tools().await;
        names.retain(|name| name.starts_with("t_"));
        let plain = |name: &String| {
            name.len() <= 64
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        };
        assert!(names.iter().all(plain), "{names:?}");
        let mut unique = names.clone();
        unique.dedup();
        assert_eq!(unique, names, "each once");
        for name in ["t_good", "t_marks"] {
            assert!(names.contains(&name.to_owned()), "{name}: {names:?}");
        }
        for name in names {
            let called = front.call(&name, json!({})).await.tool_text();
            assert!(!called.is_empty(), "{name}");
        }
        let refused = front.call("t_", json!({})).await;
        assert_eq!(error(&refused)["code"], -32602);
    }
}

/// A tool that is gone when it is called, and one that came after the list.
#[tokio::test]
async fn a_list_that_changes_is_asked_for_again() {
    let upstream = Server::start(Era::Session("2025-11-25")).await;
    let worker = before(&[("t", &upstream.url(), json!({}))]).await;
    for front in Front::both(&worker, "/mcp").await {
        front.tools().await;
    }
    upstream.set_tools(vec![r#"{"name":"echo","inputSchema":{"type":"object"}}"#.to_owned()]);
    for front in Front::both(&worker, "/mcp").await {
        assert_eq!(front.call("t_echo", json!({ "text": "x" })).await.tool_text(), "x");
    }
}
