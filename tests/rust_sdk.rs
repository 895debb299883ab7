//! `rmcp`, the official Rust SDK, as a client.

use std::{sync::Arc, time::Duration};

use reqwest::header::{self, HeaderName, HeaderValue};
use rmcp::{
    ClientHandler, RoleClient,
    model::{
        CallToolRequestParams, ClientCapabilities, ClientConfig, ElicitRequestParams, ElicitResult,
        ElicitationAction, ElicitationCapability, Implementation, ProgressNotificationParam,
        ProtocolVersion, ServerNotification, SubscriptionFilter,
    },
    service::{
        ClientLifecycleMode, ClientServiceExt as _, NotificationContext, RequestContext,
        RunningService,
    },
    transport::{
        StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig,
    },
};
use serde_json::{Value, json};
use tokio::sync::watch;
use xtask::server::Options;

use crate::support::{AUTO, client::LATEST, options, start};

const KEY: &str = "rmcp key";
const MODERN: &str = "2026-07-28";
const PATIENCE: Duration = Duration::from_secs(20);
const PAGE: &str = "https://page.example";
/// The time limit of "at once" on a loaded machine. Clients wait for a minute and more.
const AT_ONCE: Duration = Duration::from_secs(5);

/// The server's notifications and requests.
#[derive(Debug, Default, Clone, PartialEq)]
struct Heard {
    progress: Vec<f64>,
    changed: usize,
    asked: Vec<String>,
}

#[derive(Debug, Default, Clone)]
struct Ears(Arc<watch::Sender<Heard>>);

impl Ears {
    /// Waits until something was heard.
    async fn until(&self, what: impl FnMut(&Heard) -> bool) {
        let mut heard = self.0.subscribe();
        let waited = tokio::time::timeout(PATIENCE, heard.wait_for(what)).await;
        assert!(waited.is_ok(), "heard only {:?}", *self.0.borrow());
    }
}

impl ClientHandler for Ears {
    async fn create_elicitation(
        &self,
        request: ElicitRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, rmcp::ErrorData> {
        let ElicitRequestParams::FormElicitationParams { requested_schema, .. } = request else {
            return Ok(ElicitResult::new(ElicitationAction::Decline));
        };
        let names = requested_schema.properties.keys().cloned();
        self.0.send_modify(|heard| heard.asked.extend(names));
        Ok(ElicitResult::new(ElicitationAction::Accept).with_content(json!({ "name": "Ada" })))
    }

    async fn on_progress(
        &self,
        params: ProgressNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        self.0.send_modify(|heard| heard.progress.push(params.progress));
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.0.send_modify(|heard| heard.changed += 1);
    }

    fn get_info(&self) -> ClientConfig {
        let mut capabilities = ClientCapabilities::default();
        capabilities.elicitation = Some(ElicitationCapability::default());
        ClientConfig::new(capabilities, Implementation::new("rmcp-test", "1.0"))
    }
}

type Client = RunningService<RoleClient, Ears>;

async fn call(client: &Client, name: &'static str, arguments: Value) -> String {
    let mut params = CallToolRequestParams::new(name);
    params.arguments = arguments.as_object().cloned();
    let result = client.call_tool(params).await.expect("an answer");
    assert_ne!(result.is_error, Some(true), "{name}: {result:?}");
    result.content[0].as_text().expect("a text").text.clone()
}

async fn connect(url: &str, ears: Ears, lifecycle: ClientLifecycleMode) -> Client {
    let config = StreamableHttpClientTransportConfig::with_uri(format!("{url}/mcp"));
    let transport = StreamableHttpClientTransport::from_config(config.auth_header(KEY));
    ears.serve_with_lifecycle(transport, lifecycle).await.expect("a connection")
}

/// Connects, lists, calls, answers a question, hears news, ends.
async fn everything(lifecycle: ClientLifecycleMode, version: &str) {
    let server = start(options().var("MCP_API_KEY", KEY)).await;
    let ears = Ears::default();
    let client = connect(&server.url(), ears.clone(), lifecycle).await;
    let info = client.peer_info().expect("a server");
    assert_eq!(info.protocol_version.to_string(), version);

    let tools = client.list_all_tools().await.expect("tools");
    let has = |name: &str| tools.iter().any(|tool| tool.name == name);
    assert!(has("echo") && has("slow") && has("notify"), "{tools:?}");
    assert_eq!(call(&client, "echo", json!({ "text": "grüße 🌍" })).await, "grüße 🌍");

    assert_eq!(call(&client, "slow", json!({ "ms": 400, "steps": 4 })).await, "done");
    ears.until(|heard| heard.progress == [1.0, 2.0, 3.0, 4.0]).await;

    if has("ask") {
        assert_eq!(call(&client, "ask", json!({})).await, "Hello, Ada");
        ears.until(|heard| heard.asked == ["name"]).await;
    }

    hears_news(&client, &ears, version).await;
    client.cancel().await.expect("an end");
}

/// News comes on the session's own stream, or on one that the client asks for.
async fn hears_news(client: &Client, ears: &Ears, version: &str) {
    if version != MODERN {
        assert_eq!(call(client, "notify", json!({})).await, "announced");
        return ears.until(|heard| heard.changed == 1).await;
    }
    let filter = SubscriptionFilter::builder().tools_list_changed().build();
    let mut news = client.listen(filter).await.expect("a subscription");
    assert_eq!(call(client, "notify", json!({})).await, "announced");
    let heard = tokio::time::timeout(PATIENCE, news.next()).await.expect("news in time");
    let heard = heard.expect("a subscription that goes on").expect("news");
    assert!(matches!(heard, ServerNotification::ToolListChangedNotification(_)), "{heard:?}");
}

#[tokio::test]
async fn rmcp_uses_everything_in_a_session() {
    everything(ClientLifecycleMode::Initialize, LATEST).await;
}

#[tokio::test]
async fn rmcp_finds_out_which_version_to_speak() {
    let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
    everything(ClientLifecycleMode::Auto { preferred_versions, legacy_version: None }, AUTO).await;
}

/// The error of a client that cannot connect. It must not wait for long.
async fn refused(url: &str, headers: &[(&'static str, &'static str)]) -> String {
    let mut config = StreamableHttpClientTransportConfig::with_uri(url.to_owned());
    for (name, value) in headers {
        config
            .custom_headers
            .insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let transport = StreamableHttpClientTransport::from_config(config);
    let lifecycle = ClientLifecycleMode::Initialize;
    let connecting = Ears::default().serve_with_lifecycle(transport, lifecycle);
    let told = tokio::time::timeout(AT_ONCE, connecting).await.expect("an answer in time");
    told.err().map(|error| format!("{error:?}")).expect("a refusal")
}

#[tokio::test]
async fn rmcp_does_not_wait_where_it_may_not_connect() {
    let open = start(options()).await;
    let mcp = format!("{}/mcp", open.url());
    let told = refused(&mcp, &[("origin", PAGE)]).await;
    assert!(told.contains("403") && told.contains("MCP_ALLOWED_ORIGINS"), "{told}");
    let told = refused(&format!("{mcp}?toolsets=nonsense"), &[]).await;
    assert!(told.contains("nonsense"), "{told}");
    let told = refused(&format!("{}/other", open.url()), &[]).await;
    assert!(told.contains("the MCP endpoint is /mcp"), "{told}");
    let closed = start(options().var("ENVIRONMENT", "production")).await;
    let told = refused(&format!("{}/mcp", closed.url()), &[]).await;
    assert!(told.contains("this server is not configured"), "{told}");
}

#[tokio::test]
async fn rmcp_does_not_wait_for_a_call_that_is_refused() {
    let mut server =
        start(options().var("MCP_API_KEY", KEY).var("MCP_ALLOWED_ORIGINS", PAGE)).await;
    let mut config = StreamableHttpClientTransportConfig::with_uri(format!("{}/mcp", server.url()));
    config.custom_headers.insert(header::ORIGIN, HeaderValue::from_static(PAGE));
    let transport = StreamableHttpClientTransport::from_config(config.auth_header(KEY));
    let lifecycle = ClientLifecycleMode::Initialize;
    let client = Ears::default().serve_with_lifecycle(transport, lifecycle).await.unwrap();
    let large = "x".repeat(5 * 1024 * 1024);
    let told = fails(&client, "echo", json!({ "text": large })).await;
    assert!(told.contains("413") && told.contains("larger than 4 MiB"), "{told}");
    let own = options().var("MCP_API_KEY", KEY);
    for (options, status) in [
        (
            options().var("ENVIRONMENT", "production").var("MCP_ALLOWED_ORIGINS", PAGE),
            "this server is not configured",
        ),
        (own.clone().var("MCP_ALLOWED_ORIGINS", "https://other.example"), "403"),
        (own.var("MCP_ALLOWED_ORIGINS", PAGE).var("MCP_API_KEY", "another one"), "AuthRequired"),
    ] {
        server.restart_with(&options).await.unwrap();
        let told = fails(&client, "echo", json!({ "text": "x" })).await;
        assert!(told.contains(status), "{told}");
    }
}

#[tokio::test]
async fn rmcp_does_not_wait_where_it_asks_too_often() {
    let server = start(options().var("MCP_API_KEY", KEY).var("RATE_LIMIT", "10")).await;
    let client = connect(&server.url(), Ears::default(), ClientLifecycleMode::Initialize).await;
    for _ in 0..20 {
        let mut params = CallToolRequestParams::new("echo");
        params.arguments = json!({ "text": "x" }).as_object().cloned();
        let call = tokio::time::timeout(AT_ONCE, client.call_tool(params)).await;
        if let Err(error) = call.expect("an answer in time") {
            let told = format!("{error:?}");
            return assert!(told.contains("429"), "{told}");
        }
    }
    panic!("it was never refused");
}

#[tokio::test]
async fn rmcp_does_not_wait_for_a_session_whose_object_fails() {
    let server = start(Options { isolates: 2, ..options().var("MCP_API_KEY", KEY) }).await;
    let [_, other] = server.urls().try_into().unwrap();
    let client = connect(&other, Ears::default(), ClientLifecycleMode::Initialize).await;
    let told = fails(&client, "panic", json!({ "when": "twice" })).await;
    assert!(told.contains("500"), "{told}");
    assert_eq!(call(&client, "echo", json!({ "text": "next" })).await, "next");
    client.cancel().await.expect("an end");
}

/// The error of a call without a result. The client must not wait for long.
async fn fails(client: &Client, name: &'static str, arguments: Value) -> String {
    let mut params = CallToolRequestParams::new(name);
    params.arguments = arguments.as_object().cloned();
    let called = tokio::time::timeout(AT_ONCE, client.call_tool(params)).await;
    format!("{:?}", called.expect("an answer in time").expect_err("a refusal"))
}

#[tokio::test]
async fn rmcp_does_not_wait_for_an_answer_that_was_lost_with_the_instance() {
    let server = start(options().var("MCP_API_KEY", KEY)).await;
    let client = connect(&server.url(), Ears::default(), ClientLifecycleMode::Initialize).await;
    fails(&client, "panic", json!({ "when": "twice" })).await;
    assert_eq!(call(&client, "echo", json!({ "text": "next" })).await, "next");
    client.cancel().await.expect("an end");
}
