//! 2026-07-28: discovery, and the kinds of results.
//!
//! Source: MCP 2026-07-28 `server/discover`, `basic/index` "ResultType", `basic/patterns/mrtr`.

use serde_json::value::RawValue;

use mcp_protocol::{
    fields::{entries, fields},
    raw,
    stateless::{META_SERVER, method::Method},
    version::Version,
};

use crate::{
    connection::Connection,
    era::{Era, Handshake, object_or_empty},
    error::UpstreamError,
    request::{Declaration, Patience, Request},
    upstream::Upstream,
};

/// Questions that one result may ask.
const MAX_QUESTIONS: usize = 100;
/// Bytes of a task's id, which the header `Mcp-Name` repeats.
const MAX_TASK_ID: usize = 1_024;

/// A question of an upstream to its client.
#[derive(Debug, Clone)]
pub struct Question {
    /// The key of its answer.
    pub key: String,
    /// The method: `elicitation/create`, `sampling/createMessage` or `roots/list`.
    pub method: String,
    /// The parameters, unread.
    pub params: Option<Box<RawValue>>,
}

/// The kind of a result.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The final content. A result without `resultType` is one: its request has run.
    Complete,
    /// Questions, and a state to be sent back as it is; one of both is there.
    InputRequired {
        /// The questions, in their order. None where the field is missing.
        questions: Option<Vec<Question>>,
        /// `requestState`.
        state: Option<String>,
    },
    /// The handle of a task (SEP-2663).
    Task {
        /// Its id.
        id: String,
    },
}

/// The kind of the result of a method.
///
/// # Errors
/// Where the kind is unknown, not allowed for the method, or incomplete.
pub fn outcome(method: &str, result: &RawValue) -> Result<Outcome, UpstreamError> {
    let bad = |why| UpstreamError::bad_answer(why, result.get().as_bytes());
    let names = ["resultType", "inputRequests", "requestState", "taskId"];
    let found = fields(result.get(), names).map_err(|_| bad("a field is there twice"))?;
    let [kind, requests, state, task] = found;
    let Some(kind) = kind else {
        return Ok(Outcome::Complete);
    };
    match raw::text(kind).as_deref() {
        Some("complete") => Ok(Outcome::Complete),
        Some("task") if method == Method::ToolsCall.as_str() => {
            let id = task.and_then(raw::string).unwrap_or_default();
            let fits = (1..=MAX_TASK_ID).contains(&id.len());
            if fits { Ok(Outcome::Task { id }) } else { Err(bad("its task has no usable id")) }
        }
        Some("input_required") if Method::parse(method).is_ok_and(Method::may_ask) => {
            let questions = requests.map(questions).transpose().map_err(bad)?;
            let state = state.map(|state| raw::string(state).ok_or("`requestState` is no string"));
            let state = state.transpose().map_err(bad)?;
            if questions.is_none() && state.is_none() {
                return Err(bad("it asks nothing"));
            }
            Ok(Outcome::InputRequired { questions, state })
        }
        Some("input_required" | "task") => Err(bad("its `resultType` is not allowed here")),
        _ => Err(bad("its `resultType` is unknown")),
    }
}

fn questions(requests: &RawValue) -> Result<Vec<Question>, &'static str> {
    let all = entries(requests.get()).map_err(|_| "`inputRequests` is no object")?;
    if all.len() > MAX_QUESTIONS {
        return Err("it asks more than 100 questions");
    }
    let mut questions = Vec::with_capacity(all.len());
    for (key, question) in all {
        let [method, params] =
            fields(question.get(), ["method", "params"]).map_err(|_| "a question is no object")?;
        let method = method.and_then(raw::string).ok_or("a question has no method")?;
        if !["elicitation/create", "sampling/createMessage", "roots/list"].contains(&&*method) {
            return Err("a question has an unknown method");
        }
        if questions.iter().any(|other: &Question| other.key == key) {
            return Err("two questions have one key");
        }
        questions.push(Question { key, method, params: params.map(ToOwned::to_owned) });
    }
    Ok(questions)
}

/// Asks `server/discover`.
///
/// # Errors
/// Where there is no result. What it says of versions is for [`era`](crate::era) to judge.
pub async fn discover(
    upstream: &Upstream,
    declaration: &Declaration,
) -> Result<Box<RawValue>, UpstreamError> {
    let version = Version::V2026_07_28;
    let connection = Connection::new(upstream.clone(), declaration.clone(), version, None, 0);
    let request = Request { patience: Patience::List, ..Request::new("server/discover", None) };
    connection.request(request).result().await
}

/// What a result of `server/discover` says; None where it does not list 2026-07-28.
pub(crate) fn read_discovered(result: &RawValue) -> Option<Handshake> {
    let names = ["supportedVersions", "capabilities", "instructions", "_meta"];
    let [versions, capabilities, instructions, meta] = fields(result.get(), names).ok()?;
    let versions = raw::elements(versions?.get()).ok()?;
    let version = Version::STATELESS.into_iter().find(|version| {
        versions.iter().any(|listed| raw::text(listed).as_deref() == Some(version.as_str()))
    })?;
    let server_info = meta.and_then(|meta| fields(meta.get(), [META_SERVER]).ok());
    let server_info = server_info.and_then(|[server_info]| server_info);
    Some(Handshake {
        era: Era::Stateless,
        version,
        server_info: server_info.map(ToOwned::to_owned),
        capabilities: object_or_empty(capabilities),
        instructions: instructions.and_then(raw::string),
        session: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(method: &str, result: &str) -> Result<Outcome, UpstreamError> {
        outcome(method, &RawValue::from_string(result.to_owned()).unwrap())
    }

    #[test]
    fn a_result_without_a_type_is_complete() {
        for result in
            ["{}", r#"{"resultType":"complete"}"#, r#"{"resultType":null,"requestState":"x"}"#]
        {
            assert!(matches!(of("tools/call", result), Ok(Outcome::Complete)), "{result}");
        }
    }

    #[test]
    fn questions_keep_their_order_and_their_text() {
        let result = r#"{"resultType":"input_required","requestState":"\u00fc=","inputRequests":{
            "b":{"method":"elicitation/create","params":{ "x":1.0 }},"a":{"method":"roots/list"}}}"#;
        let Ok(Outcome::InputRequired { questions, state }) = of("tools/call", result) else {
            panic!()
        };
        let questions = questions.unwrap();
        assert_eq!((questions[0].key.as_str(), questions[1].key.as_str()), ("b", "a"));
        assert_eq!(questions[0].params.as_ref().unwrap().get(), "{ \"x\":1.0 }");
        assert_eq!(state.as_deref(), Some("ü="));
    }

    #[test]
    fn an_empty_map_of_questions_is_not_a_missing_one() {
        let empty = of("tools/call", r#"{"resultType":"input_required","inputRequests":{}}"#);
        let Ok(Outcome::InputRequired { questions: Some(questions), state: None }) = empty else {
            panic!()
        };
        assert!(questions.is_empty());
        let only_state = of("tools/call", r#"{"resultType":"input_required","requestState":"x"}"#);
        assert!(matches!(
            only_state,
            Ok(Outcome::InputRequired { questions: None, state: Some(_) })
        ));
    }

    #[test]
    fn a_result_that_lies_is_refused() {
        let many: Vec<String> =
            (0..101).map(|n| format!(r#""{n}":{{"method":"roots/list"}}"#)).collect();
        let many =
            format!(r#"{{"resultType":"input_required","inputRequests":{{{}}}}}"#, many.join(","));
        for (method, result) in [
            ("tools/list", r#"{"resultType":"input_required","requestState":"x"}"#),
            ("completion/complete", r#"{"resultType":"input_required","requestState":"x"}"#),
            ("tools/call", r#"{"resultType":"input_required"}"#),
            ("tools/call", r#"{"resultType":"input_required","requestState":1}"#),
            ("tools/call", r#"{"resultType":"input_required","inputRequests":[]}"#),
            ("tools/call", r#"{"resultType":"input_required","inputRequests":{"a":1}}"#),
            (
                "tools/call",
                r#"{"resultType":"input_required","inputRequests":{"a":{"method":"tools/call"}}}"#,
            ),
            (
                "tools/call",
                r#"{"resultType":"input_required","inputRequests":{"a":{"method":"roots/list"},"a":{"method":"roots/list"}}}"#,
            ),
            ("tools/call", &many),
            ("tools/call", r#"{"resultType":"other"}"#),
            ("tools/call", r#"{"resultType":1}"#),
            ("prompts/get", r#"{"resultType":"task","taskId":"a"}"#),
            ("tasks/get", r#"{"resultType":"task","taskId":"a"}"#),
        ] {
            assert!(of(method, result).is_err(), "{method} {result}");
        }
    }

    #[test]
    fn a_task_has_an_id_that_a_header_can_repeat() {
        let task = |id: &str| of("tools/call", &format!(r#"{{"resultType":"task"{id}}}"#));
        for id in ["a", "a.b:c/d+e", " ", "größe", &"x".repeat(1_024)] {
            let named = task(&format!(r#","taskId":"{id}""#));
            assert!(matches!(named, Ok(Outcome::Task { id: read }) if read == id), "{id}");
        }
        let long = format!(r#","taskId":"{}""#, "x".repeat(1_025));
        let twice = r#","taskId":"a","taskId":"b""#;
        for id in [
            "",
            r#","taskId":"""#,
            r#","taskId":null"#,
            r#","taskId":1"#,
            r#","task":{}"#,
            twice,
            &long,
        ] {
            assert!(task(id).is_err(), "{id}");
        }
    }
}
