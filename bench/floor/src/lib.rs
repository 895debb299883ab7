//! The floors: what the runtime itself costs, which no server of this kind can go below.
//!
//! Each answer writes a line of `LINE_BYTES` bytes into the log, as a server in production does.
//!
//! `/bare` reads a JSON-RPC message, parses it with raw values and answers; `/open` does the same and
//! names a session; `/object` forwards the original request to one object that does the same,
//! `/named` to the object of the session, `/fresh` to a new object each time. `/relay` passes the request
//! with its body unread to the URL in `RELAY_TO`, and the answer back; `/read` reads and parses both, and writes the headers of
//! a call anew. `/upstream` is the server behind it:
//! one of 2026-07-28 with the tool `echo`, which writes no line.

use std::{borrow::Cow, cell::OnceCell};

use serde::Deserialize;
use serde_json::value::RawValue;
use worker::{
    Context, DurableObject, Env, Fetch, Headers, Method, Request, RequestInit, Response,
    ResponseBuilder, Result, State, durable_object, event, wasm_bindgen::JsCast as _, web_sys,
};

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "it is read to be found well formed")]
struct Answer<'a> {
    #[serde(borrow)]
    id: &'a RawValue,
    #[serde(borrow)]
    result: &'a RawValue,
}

#[event(fetch)]
async fn fetch(request: Request, env: Env, _context: Context) -> Result<Response> {
    match request.path().as_str() {
        "/bare" => answer(request, &env, None).await,
        "/open" => answer(request, &env, Some(unique())).await,
        "/object" => forward(request, &env, "one").await,
        "/fresh" => forward(request, &env, &unique()).await,
        // In boxes: in one function with the others, `wasm-bindgen` cannot read what the compiler makes of them.
        "/relay" => Box::pin(relay(request, &env)).await,
        "/read" => Box::pin(read(request, &env)).await,
        "/upstream" => Box::pin(upstream(request)).await,
        _ => {
            let name = request.headers().get("mcp-session-id")?.unwrap_or_default();
            forward(request, &env, &name).await
        }
    }
}

async fn forward(request: Request, env: &Env, name: &str) -> Result<Response> {
    env.durable_object("FLOOR")?.get_by_name(name)?.fetch_with_request(request).await
}

async fn relay(request: Request, env: &Env) -> Result<Response> {
    write_line(env);
    let to = env.var("RELAY_TO")?.to_string();
    // A request is a valid init of another one, which takes its method, headers and unread body.
    let passed = web_sys::Request::new_with_str_and_init(&to, request.inner().unchecked_ref())?;
    Fetch::Request(passed.into()).send().await
}

/// The headers of a call of the tool, but for those that say what its body is.
const CALL: [(&str, &str); 4] = [
    ("accept", "application/json, text/event-stream"),
    ("mcp-protocol-version", "2026-07-28"),
    ("mcp-method", "tools/call"),
    ("mcp-name", "echo"),
];

async fn read(mut request: Request, env: &Env) -> Result<Response> {
    write_line(env);
    let body = request.text().await?;
    serde_json::from_str::<Message<'_>>(&body)?;
    let headers = json_headers()?;
    for (name, value) in CALL {
        headers.set(name, value)?;
    }
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_headers(headers).with_body(Some(body.into()));
    let call = Request::new_with_init(&env.var("RELAY_TO")?.to_string(), &init)?;
    let answer = Fetch::Request(call).send().await?.bytes().await?;
    serde_json::from_slice::<Answer<'_>>(&answer)?;
    Ok(ResponseBuilder::new().with_headers(json_headers()?).fixed(answer))
}

fn json_headers() -> Result<Headers> {
    let headers = Headers::new();
    headers.set("content-type", "application/json")?;
    Ok(headers)
}

/// The results of a server of 2026-07-28.
const DISCOVERED: &str = r#"{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"ttlMs":3600000,"cacheScope":"public"}"#;
const TOOLS: &str = r#"{"resultType":"complete","ttlMs":3600000,"cacheScope":"public","tools":[{"name":"echo","inputSchema":{"type":"object","properties":{"text":{"type":"string"}}}}]}"#;
const CALLED: &str = r#"{"resultType":"complete","content":[{"type":"text","text":"hello"}]}"#;

async fn upstream(mut request: Request) -> Result<Response> {
    let body = request.bytes().await?;
    let message: Message<'_> = serde_json::from_slice(&body)?;
    let id = message.id.map_or("null", RawValue::get);
    let result = match message.method.as_ref() {
        "server/discover" => DISCOVERED,
        "tools/list" => TOOLS,
        _ => CALLED,
    };
    let headers = json_headers()?;
    let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#);
    Ok(ResponseBuilder::new().with_headers(headers).fixed(text.into_bytes()))
}

thread_local! {
    /// The line written for each request; empty for none.
    static LINE: OnceCell<String> = const { OnceCell::new() };
}

/// Writes a line of as many bytes as `LINE_BYTES` says.
fn write_line(env: &Env) {
    LINE.with(|line| {
        let line = line.get_or_init(|| {
            let bytes = env.var("LINE_BYTES").ok().and_then(|bytes| bytes.to_string().parse().ok());
            "x".repeat(bytes.unwrap_or_default())
        });
        if !line.is_empty() {
            worker::console_log!("{line}");
        }
    });
}

async fn answer(mut request: Request, env: &Env, session: Option<String>) -> Result<Response> {
    write_line(env);
    let body = request.bytes().await?;
    let message: Message<'_> = serde_json::from_slice(&body)?;
    let headers = json_headers()?;
    if let Some(session) = session {
        headers.set("mcp-session-id", &session)?;
    }
    Ok(ResponseBuilder::new().with_headers(headers).fixed(response(&message)))
}

fn response(message: &Message<'_>) -> Vec<u8> {
    let id = message.id.map_or("null", RawValue::get);
    let params = message.params.map_or(0, |params| params.get().len());
    let text = format!("hello {} {params}", message.method);
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[{{"type":"text","text":"{text}"}}]}}}}"#
    )
    .into_bytes()
}

fn unique() -> String {
    format!("{}{}", js_sys::Math::random(), js_sys::Math::random())
}

/// An object that answers, and keeps nothing.
#[durable_object(fetch)]
pub struct Floor {
    env: Env,
}

impl DurableObject for Floor {
    fn new(_state: State, env: Env) -> Self {
        Self { env }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        answer(request, &self.env, None).await
    }
}
