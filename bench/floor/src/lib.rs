//! The floors: what the runtime itself costs, which no server of this kind can go below.
//!
//! Each answer writes a line of `LINE_BYTES` bytes into the log, as a server in production does.
//!
//! `/bare` reads a JSON-RPC message, parses it with raw values and answers; `/open` does the same and
//! names a session; `/object` forwards the original request to one object that does the same,
//! `/named` to the object of the session, `/fresh` to a new object each time.

use std::{borrow::Cow, cell::OnceCell};

use serde::Deserialize;
use serde_json::value::RawValue;
use worker::{
    Context, DurableObject, Env, Headers, Request, Response, ResponseBuilder, Result, State,
    durable_object, event,
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

#[event(fetch)]
async fn fetch(request: Request, env: Env, _context: Context) -> Result<Response> {
    match request.path().as_str() {
        "/bare" => answer(request, &env, None).await,
        "/open" => answer(request, &env, Some(unique())).await,
        "/object" => forward(request, &env, "one").await,
        "/fresh" => forward(request, &env, &unique()).await,
        _ => {
            let name = request.headers().get("mcp-session-id")?.unwrap_or_default();
            forward(request, &env, &name).await
        }
    }
}

async fn forward(request: Request, env: &Env, name: &str) -> Result<Response> {
    env.durable_object("FLOOR")?.get_by_name(name)?.fetch_with_request(request).await
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
    let headers = Headers::new();
    headers.set("content-type", "application/json")?;
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
