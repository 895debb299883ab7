//! Asking the person before something is lost.
//!
//! Invariant: nothing is sent before consent but reads. Where the client can ask, the person is asked,
//! also if the model passed `confirm`; `confirm: true` counts only where it cannot, or where the operator
//! wants it so (`MCP_CONSENT=argument`). With `MCP_CONSENT=refuse` it never counts: a client that cannot
//! ask destroys nothing. What a person agreed to is what is lost: if that has changed
//! while they were asked, they are asked again.

use futures_util::FutureExt as _;
use serde_json::Value;

use super::{
    call::{Call, ShortCircuit},
    checkpoint, tools,
};
use crate::api::{ApiError, Request, encode_part};
use mcp_platform::time::is_rfc3339;
use mcp_protocol::{content::CallToolResult, raw};
use mcp_server::{
    client_request::{ElicitForm, ElicitResult},
    context::Consent,
};

/// How often a person is asked anew, because what would be lost changes as they read.
const TRIES: usize = 3;

/// Goes on only where the operation destroys nothing, or the person agrees; then makes the checkpoint
/// that they want before.
pub(crate) async fn given(call: &Call<'_>) -> Result<(), ShortCircuit> {
    if call.operation.consent.is_none() || call.is_dry() {
        return Ok(());
    }
    let checkpoint = call.ctx.once("consent", agreed(call).boxed_local()).await?;
    if checkpoint == Value::Bool(true) { checkpoint::make(call).await } else { Ok(()) }
}

/// True where a checkpoint is to be made before.
async fn agreed(call: &Call<'_>) -> Result<Value, ShortCircuit> {
    let can_ask = call.ctx.can_ask(&form(call, ""));
    match (call.ctx.consent, can_ask) {
        (Consent::Person | Consent::Refuse, true) => {}
        (Consent::Refuse, false) => return Err(refused().into()),
        (Consent::Argument, _) | (Consent::Person, false) => {
            return match call.arguments.flag("confirm") {
                true => Ok(Value::Bool(false)),
                false => Err(unconfirmed(&tools::losses(call).await?).into()),
            };
        }
    }
    let mut losses = tools::losses(call).await?;
    for _ in 0..TRIES {
        let answer = call.ctx.ask(form(call, &losses)).await?;
        let checkpoint = read(call, &answer)?;
        let now = tools::losses(call).await?;
        if now == losses {
            return Ok(Value::Bool(checkpoint));
        }
        losses = now;
    }
    let text = "Nothing was changed: the site changed each time while the person was asked. Wait \
                until it is idle, then call again.";
    Err(CallToolResult::error(text).into())
}

/// The losses, in the catalogue's words, and the site as it is now.
pub(crate) async fn losses(call: &Call<'_>) -> Result<String, ShortCircuit> {
    let lost = call.filled(call.operation.consent.unwrap_or_default());
    Ok(format!("This would be lost: {lost}{}", site_lines(call).await?))
}

/// The site of a call in lines of text; empty where it has none.
pub(crate) async fn site_lines(call: &Call<'_>) -> Result<String, ShortCircuit> {
    let Some(fqdn) = call.arguments.text("fqdn") else {
        return Ok(String::new());
    };
    let Some(site) = site(call).await? else {
        return Ok(format!("\n- {fqdn} could not be read just now."));
    };
    let status = site.get("status").and_then(Value::as_str).unwrap_or("unknown");
    let point = restore_point(&site);
    Ok(format!("\n- Site: {fqdn}, {status}\n- Latest restore point: {point}"))
}

/// The latest restore point, to the hour: it moves on while a person reads, and what they agree to
/// must not.
pub(crate) fn restore_point(site: &Value) -> String {
    let point = site.get("max_restore_point").and_then(Value::as_str).unwrap_or("unknown");
    match point.get(..13) {
        Some(hour) if is_rfc3339(point) => format!("{hour}:00 or later"),
        _ => point.to_owned(),
    }
}

/// The site of a call as it is now; None where it could not be read just now.
pub(crate) async fn site(call: &Call<'_>) -> Result<Option<Value>, ShortCircuit> {
    let explained = |error: &ApiError| ShortCircuit::from(call.explained(error, false));
    let part = encode_part(call.arguments.text("fqdn").unwrap_or_default());
    let path = format!("/site/{}", part.unwrap_or_default());
    let client = call.client()?;
    let url = client.address(&path, &[]).map_err(|error| explained(&error))?;
    match client.send(&Request::get(url)).await {
        Ok(answer) => Ok(Some(answer.json)),
        Err(error @ ApiError::Refused { status: 401 | 403 | 404, .. }) => Err(explained(&error)),
        Err(_) => Ok(None),
    }
}

/// The form's schema.
const AGREE: &str = r#"{"type":"object","required":["confirm"],"properties":{"confirm":{"type":"boolean","title":"Yes, go on","description":"What is named above is lost.","default":false}}}"#;
/// The same with a checkpoint to choose.
const AGREE_WITH_CHECKPOINT: &str = r#"{"type":"object","required":["confirm"],"properties":{"confirm":{"type":"boolean","title":"Yes, go on","description":"What is named above is lost.","default":false},"checkpoint":{"type":"boolean","title":"Make a checkpoint first","description":"So that the present state can be brought back.","default":true}}}"#;

fn form(call: &Call<'_>, losses: &str) -> ElicitForm {
    let schema = if call.operation.checkpoint { AGREE_WITH_CHECKPOINT } else { AGREE };
    let schema = raw::value(schema).unwrap_or_default();
    ElicitForm::new(&format!("{}\n{losses}", call.operation.title), schema).key("consent")
}

/// True where the person agrees and wants a checkpoint first.
fn read(call: &Call<'_>, answer: &ElicitResult) -> Result<bool, ShortCircuit> {
    let says = |name: &str| {
        answer.content().and_then(|content| content.get(name)).and_then(Value::as_bool)
    };
    let text = match answer {
        ElicitResult::Accept { .. } if says("confirm") == Some(true) => {
            return Ok(call.operation.checkpoint && says("checkpoint") != Some(false));
        }
        ElicitResult::Accept { .. } | ElicitResult::Decline => {
            "The person said no: nothing was changed. Do not ask again unless they want it."
        }
        ElicitResult::Cancel => {
            "The person closed the question without an answer: nothing was changed. Ask them what they \
             want before you call again."
        }
    };
    Err(CallToolResult::error(text).into())
}

fn refused() -> CallToolResult {
    CallToolResult::error(
        "Nothing was changed. On this server a person must agree before a tool destroys \
         something, and this client cannot ask them (it has no elicitation with forms): `confirm: \
         true` does not count here. Tell them to use a client that can ask, or SiteBay itself.",
    )
}

fn unconfirmed(losses: &str) -> CallToolResult {
    CallToolResult::error(format!(
        "Nothing was changed. {losses}\nAsk the person; if they agree, call again with confirm: true."
    ))
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, rc::Rc};

    use futures_util::future::{LocalBoxFuture, ready};
    use serde_json::json;

    use super::*;
    use crate::testing::{Seen, run_in};
    use mcp_protocol::{capabilities::ClientCapabilities, stateless::mrtr::KeyedRequest};
    use mcp_server::{
        client_request::Stop,
        context::Context,
        notifier::Notifier,
        testing::{FakePlatform, ScriptedResponse, json, text},
    };

    /// A client with a person who gives these answers.
    struct Person {
        answers: RefCell<Vec<Value>>,
        asked: RefCell<Vec<String>>,
    }

    impl Notifier for Person {
        fn ask(
            &self,
            questions: Vec<KeyedRequest>,
        ) -> LocalBoxFuture<'static, Result<Vec<Value>, Stop>> {
            let message = questions[0].question.params()["message"].as_str().unwrap().to_owned();
            self.asked.borrow_mut().push(message);
            ready(Ok(vec![self.answers.borrow_mut().remove(0)])).boxed_local()
        }

        fn capabilities(&self) -> ClientCapabilities {
            ClientCapabilities::ELICITATION_FORM
        }
    }

    fn says(confirm: bool) -> Value {
        json!({ "action": "accept", "content": { "confirm": confirm, "checkpoint": confirm } })
    }

    fn site(point: &str) -> ScriptedResponse {
        json(200, json!({"fqdn": "a.org", "status": "idle", "max_restore_point": point}))
    }

    /// Calls a tool for a person; the result, what was sent, and what they were asked.
    fn call(
        steps: Vec<ScriptedResponse>,
        answers: Vec<Value>,
        tool: &str,
        arguments: Value,
    ) -> (Seen, Vec<String>, Vec<String>) {
        let fake = FakePlatform::new(steps);
        let person = Rc::new(Person { answers: RefCell::new(answers), asked: RefCell::default() });
        let ctx = Context { notifier: person.clone(), ..fake.context() };
        let seen = run_in(&ctx, tool, arguments);
        (seen, fake.lines(), person.asked.take())
    }

    #[test]
    fn a_person_is_asked_whatever_the_model_passed() {
        let arguments = json!({"fqdn": "a.org", "confirm": true});
        for (answer, part) in [
            (says(false), "said no"),
            (json!({"action": "decline"}), "said no"),
            (json!({"action": "cancel"}), "without an answer"),
        ] {
            let (seen, lines, asked) =
                call(vec![site("1")], vec![answer], "sitebay_delete_site", arguments.clone());
            assert!(seen.is_error && seen.text.contains(part), "{}", seen.text);
            assert_eq!(lines, ["Get /site/a.org"]);
            assert!(
                asked[0].contains("a.org") && asked[0].contains("restore point: 1"),
                "{asked:?}"
            );
        }
    }

    #[test]
    fn what_they_agree_to_happens() {
        let steps = vec![site("1"), site("1"), text(200, "")];
        let (seen, lines, _) =
            call(steps, vec![says(true)], "sitebay_delete_site", json!({"fqdn": "a.org"}));
        assert!(!seen.is_error, "{}", seen.text);
        assert_eq!(lines, ["Get /site/a.org", "Get /site/a.org", "Delete /site/a.org"]);
    }

    #[test]
    fn a_state_that_changed_is_asked_about_again() {
        let steps = vec![site("1"), site("2"), site("2"), text(200, "")];
        let (seen, _, asked) = call(
            steps,
            vec![says(true), says(true)],
            "sitebay_delete_site",
            json!({"fqdn": "a.org"}),
        );
        assert!(!seen.is_error && asked.len() == 2, "{}", seen.text);
        let steps = (1..=9).map(|point| site(&point.to_string())).collect();
        let answers = vec![says(true); 3];
        let (seen, _, _) = call(steps, answers, "sitebay_delete_site", json!({"fqdn": "a.org"}));
        assert!(seen.is_error && seen.text.contains("changed each time"), "{}", seen.text);
    }

    #[test]
    fn a_checkpoint_comes_before_a_restore_and_its_failure_stops_it() {
        let restored = json(200, json!({"id": "r1", "status": "started"}));
        let made = json(200, json!({"id": "c1"}));
        let steps = vec![site("1"), site("1"), made, restored];
        let arguments = json!({"fqdn": "a.org"});
        let (seen, lines, _) =
            call(steps, vec![says(true)], "sitebay_backup_restore", arguments.clone());
        assert!(!seen.is_error, "{}", seen.text);
        assert_eq!(lines[2..], ["Post /site/a.org/checkpoints", "Post /site/a.org/pit_restore"]);
        let steps = vec![site("1"), site("1"), text(500, "")];
        let (seen, lines, _) = call(steps, vec![says(true)], "sitebay_backup_restore", arguments);
        assert!(seen.is_error && seen.text.contains("checkpoint"), "{}", seen.text);
        assert_eq!(lines.len(), 3);
    }

    #[test]
    fn the_operator_may_refuse_clients_that_cannot_ask() {
        let fake = FakePlatform::new([]);
        let ctx = Context { consent: Consent::Refuse, ..fake.context() };
        for confirm in [true, false] {
            let arguments = json!({"fqdn": "a.org", "confirm": confirm});
            let seen = run_in(&ctx, "sitebay_delete_site", arguments);
            assert!(seen.is_error && seen.text.contains("cannot ask them"), "{}", seen.text);
        }
        assert!(fake.lines().is_empty(), "nothing is sent, not even to read");
        // One that can ask is served as ever.
        let fake = FakePlatform::new([site("1"), site("1"), text(200, "")]);
        let answers = RefCell::new(vec![says(true)]);
        let person = Rc::new(Person { answers, asked: RefCell::default() });
        let ctx = Context { notifier: person, consent: Consent::Refuse, ..fake.context() };
        let seen = run_in(&ctx, "sitebay_delete_site", json!({"fqdn": "a.org"}));
        assert!(!seen.is_error, "{}", seen.text);
    }

    #[test]
    fn the_operator_may_leave_it_to_the_model() {
        let fake = FakePlatform::new([text(200, "")]);
        let ctx = Context { consent: Consent::Argument, ..fake.context() };
        let seen = run_in(&ctx, "sitebay_delete_site", json!({"fqdn": "a.org", "confirm": true}));
        assert!(!seen.is_error, "{}", seen.text);
        assert_eq!(fake.lines(), ["Delete /site/a.org"]);
    }
}
