//! Every message in the vocabulary of its version: checked against the schema that was published for
//! it, and for fields and kinds of content that this schema does not have.

use std::{collections::BTreeSet, time::Duration};

use reqwest::Method;
use sandbox::Generation;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use xtask::server::Server;

use crate::{
    every_tool::{
        rows::rows,
        setup::{Setup, TOKEN},
    },
    support::{
        Answer, Client,
        events::{Live, parse},
        options, server,
        spec::Spec,
        start, stateless,
    },
};

/// Those that have sessions.
const SESSIONS: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

/// A client of a version that sends what a test wants, and checks every message it receives.
struct Speaker {
    version: &'static str,
    spec: Spec,
    client: Client,
}

impl Speaker {
    /// One of each version that has sessions, and one without. None of them can be asked.
    async fn all(client: &Client) -> Vec<Self> {
        let mut all = Self::sessions(client, json!({})).await;
        let version = stateless::VERSION;
        all.push(Self { version, spec: Spec::of(version), client: client.clone() });
        all
    }

    /// One of each version that has sessions, with these capabilities.
    async fn sessions(client: &Client, can: Value) -> Vec<Self> {
        let mut all = Vec::new();
        for version in SESSIONS {
            let spec = Spec::of(version);
            let hello = json!({ "protocolVersion": version, "capabilities": can,
                "clientInfo": { "name": "speaker", "version": "1" } });
            spec.accepts("initialize", &client.request("initialize", hello).await.json());
            let client = client.clone().connect_fully(version, can.clone()).await;
            all.push(Self { version, spec, client });
        }
        all
    }

    async fn ask(&self, method: &str, params: Value) -> Value {
        let answer = match self.version {
            stateless::VERSION => stateless::ask(&self.client, method, params, json!({})).await,
            _ => self.client.request(method, params).await,
        };
        self.hears(method, &answer)
    }

    async fn call(&self, tool: &str, arguments: Value) -> Value {
        let meta = json!({ "progressToken": "token" });
        let params = json!({ "name": tool, "arguments": arguments, "_meta": meta });
        self.ask("tools/call", params).await
    }

    /// Checks all messages of an answer; the last of them.
    fn hears(&self, method: &str, answer: &Answer) -> Value {
        if !answer.is_stream() {
            self.spec.accepts(method, &answer.json());
            return answer.json();
        }
        for message in parse(&answer.text).iter().filter(|event| !event.data.is_empty()) {
            self.spec.accepts(method, &message.json());
        }
        answer.response()
    }

    /// Calls a tool that asks, and says no to all its questions.
    async fn decline(&self, tool: &str, arguments: Value) {
        let body = json!({ "jsonrpc": "2.0", "id": 5, "method": "tools/call",
            "params": { "name": tool, "arguments": arguments } });
        let sent = self.client.send(Method::POST).body(body.to_string()).send().await.unwrap();
        if sent.headers()["content-type"] != "text/event-stream" {
            self.spec.accepts("tools/call", &sent.json().await.unwrap());
            return;
        }
        let mut live = Live::new(sent);
        let question = live.message(|message| message["method"].is_string()).await;
        self.spec.accepts("tools/call", &question);
        let no = json!({ "jsonrpc": "2.0", "id": question["id"],
            "error": { "code": -1, "message": "no" } });
        assert_eq!(self.client.post(no.to_string()).await.status, 202);
        for message in parse(&live.rest().await).iter().filter(|event| !event.data.is_empty()) {
            self.spec.accepts("tools/call", &message.json());
        }
    }
}

fn caller(server: &Server) -> Client {
    Client::at(&server.url(), "/mcp?toolsets=all")
}

#[tokio::test]
async fn lists_prompts_resources_and_completions_are_within_their_version() {
    let server = server().await;
    for speaker in Speaker::all(&caller(&server)).await {
        for method in ["tools/list", "resources/list", "resources/templates/list", "prompts/list"] {
            let list = speaker.ask(method, json!({})).await;
            // Twice, because what was made is kept.
            assert_eq!(speaker.ask(method, json!({})).await, list, "{} {method}", speaker.version);
        }
        let arguments = json!({ "site_fqdn": "site-1.example.com", "arg1": "a", "arg2": "b",
            "resourceUri": "test://a" });
        let prompts = speaker.ask("prompts/list", json!({})).await;
        for prompt in prompts["result"]["prompts"].as_array().unwrap() {
            let params = json!({ "name": prompt["name"], "arguments": arguments });
            speaker.ask("prompts/get", params).await;
        }
        for uri in ["test://static-text", "test://static-binary", "sitebay://sites", "test://no"] {
            speaker.ask("resources/read", json!({ "uri": uri })).await;
        }
        let completion = json!({
            "ref": { "type": "ref/resource", "uri": "sitebay://site/{site_fqdn}" },
            "argument": { "name": "site_fqdn", "value": "s" },
        });
        speaker.ask("completion/complete", completion).await;
    }
}

/// The beginning of a value's digest.
fn digest(value: &Value) -> String {
    let whole = Sha256::digest(value.to_string());
    whole.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// A line for each tool: its name, and digests of its schemas and of all of it.
#[tokio::test]
async fn the_lists_of_tools_are_those_that_clients_know() {
    let setup = Setup::new(Generation::March).await;
    let mut lines = Vec::new();
    for speaker in Speaker::all(&Setup::caller(&setup.server)).await {
        let list = speaker.ask("tools/list", json!({})).await;
        let tools = list["result"]["tools"].as_array().unwrap();
        lines.push(format!(
            "{}: {} tools, {}",
            speaker.version,
            tools.len(),
            digest(&json!(tools))
        ));
        let fields: BTreeSet<&str> = tools
            .iter()
            .flat_map(|tool| tool.as_object().unwrap().keys())
            .map(String::as_str)
            .collect();
        lines.push(format!("  {}", Vec::from_iter(fields).join(", ")));
        if speaker.version == stateless::VERSION {
            lines.extend(tools.iter().map(|tool| {
                let (input, output) = (digest(&tool["inputSchema"]), digest(&tool["outputSchema"]));
                format!("{} {input} {output} {}", tool["name"].as_str().unwrap(), digest(tool))
            }));
        }
    }
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("tools", lines.join("\n"));
    });
}

#[tokio::test]
async fn every_kind_of_content_is_within_its_version() {
    let server = server().await;
    for speaker in Speaker::all(&caller(&server)).await {
        for tool in [
            "whoami",
            "test_simple_text",
            "test_image_content",
            "test_audio_content",
            "test_embedded_resource",
            "test_multiple_content_types",
            "test_error_handling",
            "test_tool_with_progress",
            "test_tool_with_logging",
            "no_such_tool",
        ] {
            speaker.call(tool, json!({})).await;
        }
        speaker.call("add", json!({ "a": 1, "b": 2 })).await;
        speaker.call("slow", json!({ "ms": 300, "steps": 2 })).await;
        speaker.call("echo", json!({ "text": 7 })).await;
        let site = json!({ "fqdn": "site-1.example.com", "log_type": "access", "lines": 2_000 });
        let cut = speaker.call("sitebay_get_site_logs", site).await["result"].clone();
        let kinds: Vec<&Value> =
            cut["content"].as_array().unwrap().iter().map(|block| &block["type"]).collect();
        let linked = kinds.contains(&&json!("resource_link"));
        assert_eq!(linked, speaker.version >= "2025-06-18", "{} {kinds:?}", speaker.version);
        let address = "sitebay://site/site-1.example.com/logs/access";
        assert!(cut["content"].to_string().contains(address), "{}", speaker.version);
    }
}

#[tokio::test]
async fn what_a_version_lacks_is_said_as_text() {
    let server = server().await;
    let old = caller(&server).connect_as("2025-03-26").await;
    let sum = old.call("add", json!({ "a": 1, "b": 2.5 })).await.result();
    let text = |text: &str| json!({ "type": "text", "text": text });
    assert_eq!(sum, json!({ "content": [text("3.5"), text(r#"{"sum":3.5}"#)] }));
    let older = caller(&server).connect_as("2024-11-05").await;
    let sound = older.call("test_audio_content", json!({})).await.result();
    let said = "Content of the kind audio (audio/wav) needs MCP 2025-03-26 or later.";
    assert_eq!(sound, json!({ "content": [text(said)] }));
}

#[tokio::test]
async fn questions_to_the_client_are_within_their_version() {
    let server = server().await;
    let can = json!({ "elicitation": {}, "sampling": {}, "roots": {} });
    for speaker in Speaker::sessions(&caller(&server), can).await {
        for tool in ["ask", "sample", "roots", "test_elicitation_sep1034_defaults"] {
            speaker.decline(tool, json!({})).await;
        }
        speaker.decline("test_elicitation_sep1330_enums", json!({})).await;
        speaker.decline("test_elicitation", json!({ "message": "Who?" })).await;
        speaker.decline("test_sampling", json!({ "prompt": "Hello" })).await;
    }
}

#[tokio::test]
async fn what_a_session_is_told_is_within_its_version() {
    let server = server().await;
    for speaker in Speaker::sessions(&caller(&server), json!({})).await {
        let uri = json!({ "uri": "test://watched-resource" });
        speaker.ask("resources/subscribe", uri.clone()).await;
        let mut live = Live::new(speaker.client.get().await);
        live.until("connected").await;
        speaker.call("touch", uri.clone()).await;
        speaker.call("notify", json!({})).await;
        for method in ["notifications/resources/updated", "notifications/tools/list_changed"] {
            let told = live.message(|message| message["method"] == method).await;
            speaker.spec.accepts("", &told);
        }
        speaker.ask("resources/unsubscribe", uri).await;
        speaker.ask("logging/setLevel", json!({ "level": "debug" })).await;
        speaker.ask("ping", json!({})).await;
    }
}

#[tokio::test]
async fn every_tool_of_the_catalogue_answers_within_its_version() {
    let setup = Setup::new(Generation::March).await;
    for speaker in Speaker::all(&Setup::caller(&setup.server)).await {
        for row in rows() {
            let row = setup.ready(&row).await;
            speaker.call(row.tool, row.arguments).await;
            speaker.call(row.tool, json!({ "nothing_of_the_kind": 1 })).await;
        }
    }
}

#[tokio::test]
async fn a_list_that_is_too_large_is_within_its_version() {
    let sandbox = sandbox::Options {
        sites: 1_500,
        creating_for: Duration::ZERO,
        token: Some(TOKEN.to_owned()),
        ..sandbox::Options::default()
    };
    let options = xtask::server::Options { sandbox: Some(sandbox), ..options() };
    let server = start(options.var("SITEBAY_API_TOKEN", TOKEN)).await;
    for speaker in Speaker::all(&caller(&server)).await {
        let large = speaker.call("sitebay_list_sites", json!({})).await;
        let text = large["result"]["content"].to_string();
        assert!(text.contains("sitebay://result/"), "{}", speaker.version);
        assert!(text.len() < 200_000, "{}: {}", speaker.version, text.len());
    }
}
