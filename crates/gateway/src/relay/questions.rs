//! Requests of upstreams to their clients, as this server asks them.
//!
//! Invariant: only what the client in front declared is asked; an upstream that asks something else gets
//! the error that a client without it would give.

use mcp_protocol::{
    capabilities::{ClientCapabilities, TASKS_EXTENSION},
    input_request::InputRequest,
    jsonrpc::{INTERNAL_ERROR, INVALID_PARAMS, METHOD_NOT_FOUND, RpcError},
    object::Object,
    raw,
    stateless::mrtr::KeyedRequest,
};
use mcp_server::{
    client_request::{Stop, StopReason},
    notifier::Notifier,
};
use serde_json::{Value, value::RawValue};

/// Questions of an upstream that may be open for one request.
pub(super) const MAX_QUESTIONS: usize = 100;

/// Reads what a request of an upstream asks.
///
/// # Errors
/// The answer to a request that no client of this server can be asked.
pub fn question(method: &str, params: Option<&RawValue>) -> Result<InputRequest, RpcError> {
    let unreadable = |why: &str| RpcError::new(INVALID_PARAMS, format!("{method}: {why}"));
    let mut params = match params.map(|params| raw::value(params.get())) {
        None => Value::Object(serde_json::Map::new()),
        Some(Ok(params @ Value::Object(_))) => params,
        Some(_) => return Err(unreadable("`params` must be an object")),
    };
    if let Some(params) = params.as_object_mut() {
        // What it says is about the connection behind.
        params.remove("_meta");
        params.remove("task");
    }
    let text = |name: &str| params.get(name).and_then(Value::as_str).map(str::to_owned);
    match method {
        "roots/list" => Ok(InputRequest::Roots),
        "sampling/createMessage" => match params.get("messages") {
            Some(Value::Array(_)) => Ok(InputRequest::Sampling(params)),
            _ => Err(unreadable("`messages` must be an array")),
        },
        "elicitation/create" => {
            let message = text("message").ok_or_else(|| unreadable("`message` is missing"))?;
            match text("mode").as_deref() {
                Some("url") => {
                    let url = text("url").ok_or_else(|| unreadable("`url` is missing"))?;
                    Ok(InputRequest::Url { message, url })
                }
                None | Some("form") => {
                    let schema = params.get_mut("requestedSchema").map(Value::take);
                    let requested_schema = schema.filter(Value::is_object);
                    let missing = || unreadable("`requestedSchema` must be an object");
                    let requested_schema = requested_schema.ok_or_else(missing)?;
                    Ok(InputRequest::Form { message, requested_schema })
                }
                Some(_) => Err(unreadable("`mode` must be `form` or `url`")),
            }
        }
        _ => Err(RpcError::new(METHOD_NOT_FOUND, format!("no method `{method}`"))),
    }
}

/// Puts a request of a session upstream to the client in front: the upstream's answer.
///
/// # Errors
/// The error that the upstream gets.
pub async fn ask(
    notifier: &dyn Notifier,
    method: &str,
    params: Option<&RawValue>,
) -> Result<Value, RpcError> {
    if method == "ping" {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    let question = question(method, params)?;
    if !notifier.capabilities().has(question.needs()) {
        return Err(RpcError::new(METHOD_NOT_FOUND, "the client did not declare what this needs"));
    }
    match notifier.ask(vec![KeyedRequest::new("", question)]).await {
        Ok(answers) => {
            let answer = answers.into_iter().next();
            answer.ok_or_else(|| RpcError::new(INTERNAL_ERROR, "the client did not answer"))
        }
        Err(Stop(StopReason::Refused(error))) => Err(error),
        Err(stop) => Err(RpcError::new(INTERNAL_ERROR, stop.into_message())),
    }
}

/// What an upstream is told that the client in front can be asked: the text of an object.
pub fn declared(capabilities: ClientCapabilities) -> String {
    declaration(capabilities).end()
}

/// The same for a client without a session, which can also follow tasks where it says so.
pub fn declared_without_session(capabilities: ClientCapabilities) -> String {
    let all = declaration(capabilities);
    if !capabilities.has(ClientCapabilities::TASKS) {
        return all.end();
    }
    all.raw("extensions", &Object::new().raw(TASKS_EXTENSION, "{}").end()).end()
}

fn declaration(capabilities: ClientCapabilities) -> Object {
    let has = |capability| capabilities.has(capability);
    let mut all = Object::new();
    let form = has(ClientCapabilities::ELICITATION_FORM);
    let url = has(ClientCapabilities::ELICITATION_URL);
    if form || url {
        let mut modes = Object::new();
        if form {
            modes = modes.raw("form", "{}");
        }
        if url {
            modes = modes.raw("url", "{}");
        }
        all = all.raw("elicitation", &modes.end());
    }
    if has(ClientCapabilities::SAMPLING) {
        let mut parts = Object::new();
        if has(ClientCapabilities::SAMPLING_TOOLS) {
            parts = parts.raw("tools", "{}");
        }
        if has(ClientCapabilities::SAMPLING_CONTEXT) {
            parts = parts.raw("context", "{}");
        }
        all = all.raw("sampling", &parts.end());
    }
    if has(ClientCapabilities::ROOTS) {
        // A client of the stateless era cannot say that they changed.
        all = all.raw("roots", r#"{"listChanged":false}"#);
    }
    all
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn raw(value: &Value) -> Box<RawValue> {
        RawValue::from_string(value.to_string()).unwrap()
    }

    #[test]
    fn a_form_is_one_with_and_without_its_mode() {
        for mode in [json!({}), json!({ "mode": "form" })] {
            let mut params = json!({ "message": "Who?", "requestedSchema": { "type": "object" } });
            params.as_object_mut().unwrap().extend(mode.as_object().unwrap().clone());
            let asked = question("elicitation/create", Some(&raw(&params))).unwrap();
            assert_eq!(
                asked,
                InputRequest::Form {
                    message: "Who?".into(),
                    requested_schema: json!({ "type": "object" })
                }
            );
        }
        let url = json!({ "mode": "url", "message": "Open", "url": "https://a.example" });
        let asked = question("elicitation/create", Some(&raw(&url))).unwrap();
        assert!(matches!(asked, InputRequest::Url { url, .. } if url == "https://a.example"));
    }

    #[test]
    fn what_cannot_be_asked_is_answered_with_an_error() {
        for (method, params, code) in [
            ("elicitation/create", json!({ "message": "x" }), INVALID_PARAMS),
            ("elicitation/create", json!({ "message": "x", "mode": "mind" }), INVALID_PARAMS),
            ("sampling/createMessage", json!({}), INVALID_PARAMS),
            ("sampling/createMessage", json!([]), INVALID_PARAMS),
            ("tools/call", json!({}), METHOD_NOT_FOUND),
        ] {
            let refused = question(method, Some(&raw(&params))).unwrap_err();
            assert_eq!(refused.code, code, "{method} {params}");
        }
    }

    #[test]
    fn an_upstream_learns_what_the_client_in_front_can_be_asked() {
        let all = ClientCapabilities::ELICITATION_URL.with(ClientCapabilities::ROOTS);
        assert_eq!(declared(all), r#"{"elicitation":{"url":{}},"roots":{"listChanged":false}}"#);
        assert_eq!(declared(ClientCapabilities::default()), "{}");
    }

    #[test]
    fn only_a_client_without_a_session_follows_tasks() {
        let tasks = ClientCapabilities::ROOTS.with(ClientCapabilities::TASKS);
        let roots = r#"{"roots":{"listChanged":false}"#;
        assert_eq!(declared(tasks), format!("{roots}}}"));
        let extensions = r#""extensions":{"io.modelcontextprotocol/tasks":{}}"#;
        assert_eq!(declared_without_session(tasks), format!("{roots},{extensions}}}"));
        let none = ClientCapabilities::default();
        assert_eq!(declared_without_session(none), "{}");
    }
}
