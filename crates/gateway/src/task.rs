//! Tasks of upstreams, as callers see them (SEP-2663).
//!
//! Invariant: the id of the task is replaced with the one that the caller knows, and at the common door the URIs in its result
//! with those that are exposed; every other byte stays, but for what belongs to one connection. What an upstream says of
//! another task than the one that it was asked for is no answer.

use std::borrow::Cow;

use mcp_protocol::{
    fields::{entries, fields},
    raw,
    splice::Splice,
    stateless::result::task_without_hop,
};

use crate::result;

/// The two ids of a task.
#[derive(Debug, Clone, Copy)]
pub struct Ids<'a> {
    /// The upstream's.
    pub there: &'a str,
    /// The one that the caller knows.
    pub exposed: &'a str,
}

/// What the upstream says of a task. `common`: its configured name, where URIs are those of the common door.
///
/// # Errors
/// Why it says nothing of this task.
pub fn of_task(ids: Ids<'_>, common: Option<&str>, text: &str) -> Result<String, &'static str> {
    rewritten(ids, common, text, true)
}

/// The answer to `tasks/update` and `tasks/cancel`, which need not name the task.
///
/// # Errors
/// Where it is about another task.
pub fn of_acknowledgement(
    ids: Ids<'_>,
    common: Option<&str>,
    text: &str,
) -> Result<String, &'static str> {
    rewritten(ids, common, text, false)
}

/// The id that `tasks/get`, `tasks/update` and `tasks/cancel` name. None: every reader must find the same one.
pub fn id_of(params: &str) -> Option<String> {
    let all = entries(params).ok()?;
    let mut alike = all.iter().filter(|(name, _)| name.eq_ignore_ascii_case("taskId"));
    match (alike.next(), alike.next()) {
        (Some((name, id)), None) if name == "taskId" => raw::string(id),
        _ => None,
    }
}

/// The parameters with the upstream's id.
pub fn with_id<'a>(params: &'a str, there: &str) -> Cow<'a, str> {
    let mut splice = Splice::new(params);
    if let Ok([Some(id)]) = fields(params, ["taskId"]) {
        splice.replace_text(id, there);
    }
    splice.end()
}

fn rewritten(
    ids: Ids<'_>,
    common: Option<&str>,
    text: &str,
    must_name: bool,
) -> Result<String, &'static str> {
    let found = fields(text, ["taskId", "result"]);
    let [id, result] = found.map_err(|_| "it is no object, or has a field twice")?;
    let mut splice = Splice::new(text);
    match id.map(|id| (id, raw::text(id))) {
        Some((id, Some(named))) if named == ids.there => splice.replace_text(id, ids.exposed),
        Some(_) => return Err("it is about another task"),
        None if must_name => return Err("it is about no task"),
        None => {}
    }
    if let (Some(upstream), Some(result)) = (common, result)
        && let Cow::Owned(exposed) = result::of_tool(upstream, result.get())
    {
        splice.replace(result, exposed);
    }
    Ok(task_without_hop(&splice.end()))
}

#[cfg(test)]
mod tests {
    use mcp_protocol::object::quoted;
    use proptest::prelude::*;
    use test_support::json::ANY_TEXT;

    use super::*;

    const IDS: Ids<'_> = Ids { there: "a.b", exposed: "sealed" };

    #[test]
    fn ids_and_uris_of_a_task_are_those_of_the_caller_and_nothing_else() {
        let task = |id: &str, uri: &str, hop: &str| {
            let link =
                format!(r#"{{"type":"resource_link","uri":"{uri}a:1","name":"a.b"}}, 1e400"#);
            let result = format!(r#"{{ "taskId":"a.b","content":[{link}]}}"#);
            format!(
                r#"{{{hop}"taskId" : "{id}","ttlMs":null,"big":12345678901234567890,"result":{result},"inputRequests":{{"taskId": "a.b"}},"statusMessage":"a.b" }}"#
            )
        };
        let sent = task("a.b", "", r#""resultType":"complete","#);
        for (common, prefix) in [(Some("t"), "t+"), (None, "")] {
            assert_eq!(of_task(IDS, common, &sent).unwrap(), task("sealed", prefix, ""));
        }
    }

    #[test]
    fn what_is_said_of_another_task_is_no_answer() {
        for text in [
            r#"{"taskId":"a.c"}"#,
            r#"{"taskId":"sealed"}"#,
            r#"{"taskId":1}"#,
            r#"{"taskId":"a.b","taskId":"a.b"}"#,
            r#"{"taskId":"a.b","result":1,"result":2}"#,
            "[]",
        ] {
            assert!(of_task(IDS, None, text).is_err(), "{text}");
            assert!(of_acknowledgement(IDS, None, text).is_err(), "{text}");
        }
        assert!(of_task(IDS, None, "{}").is_err());
        assert_eq!(of_acknowledgement(IDS, None, r#"{"resultType":"complete"}"#).unwrap(), "{}");
        let named = of_acknowledgement(IDS, None, r#"{"taskId":"a\u002eb"}"#).unwrap();
        assert_eq!(named, r#"{"taskId":"sealed"}"#);
    }

    #[test]
    fn a_request_names_one_task() {
        assert_eq!(id_of(r#"{"task":{},"taskId":"x\n"}"#).as_deref(), Some("x\n"));
        for params in [
            "{}",
            "[]",
            r#"{"taskId":1}"#,
            r#"{"taskid":"x"}"#,
            r#"{"taskId":"x","taskId":"y"}"#,
            r#"{"taskId":"x","TaskID":"y"}"#,
            r#"{"taskId":"x","t\u0061skId":"y"}"#,
        ] {
            assert_eq!(id_of(params), None, "{params}");
        }
        let sent = r#"{ "inputResponses":{"taskId":"sealed"}, "taskId" : "sealed","n":1e400}"#;
        let there = r#"{ "inputResponses":{"taskId":"sealed"}, "taskId" : "a.b","n":1e400}"#;
        assert_eq!(with_id(sent, "a.b"), there);
    }

    proptest! {
        // Statement 10; §8 "task id with separators".
        #[test]
        fn any_id_is_replaced_and_every_other_byte_stays(there in ANY_TEXT, text in ANY_TEXT, n in "[0-9]{1,40}") {
            let task = |id: &str| format!(r#"{{"taskId":{},"a": 1{n},"t":{}}}"#, quoted(id), quoted(&text));
            let ids = Ids { there: &there, exposed: "sealed" };
            prop_assert_eq!(of_task(ids, Some("t"), &task(&there)).unwrap(), task("sealed"));
            let params = task("sealed");
            prop_assert_eq!(with_id(&params, &there).into_owned(), task(&there));
            prop_assert_eq!(id_of(&task(&there)), Some(there));
        }
    }
}
