//! A call of a client without a session whose upstream asks over its session: the call waits in an object
//! until the client comes back with the answers.
//!
//! Tests name the statements of the gateway that they show.

use serde_json::{Value, json};
use xtask::server::Options;

use crate::support::{
    Answer, Client,
    gateway::{before, error, settings, stand},
    options,
    passing::Passing,
    start,
    stateless::ask,
    upstream::{
        Reply, any,
        mcp::{Era, Server},
        tool,
    },
    wait,
};

/// What the clients here can be asked.
fn able() -> Value {
    json!({ "elicitation": { "form": {} } })
}

/// One round of a call of `ask`.
async fn round(client: &Client, state: Option<&Value>, answers: Value) -> Answer {
    let mut params = json!({ "name": "t_ask", "arguments": {} });
    if let Some(state) = state {
        params["requestState"] = state.clone();
        params["inputResponses"] = answers;
    }
    ask(client, "tools/call", params, able()).await
}

/// The only question of a round: its key, the field that it asks for, and the state.
fn question(answer: &Answer) -> (String, String, Value) {
    let result = answer.result();
    assert_eq!(result["resultType"], "input_required", "{result}");
    let asked = result["inputRequests"].as_object().expect("questions");
    assert_eq!(asked.len(), 1, "{result}");
    let (key, request) = asked.iter().next().unwrap();
    let field = request["params"]["requestedSchema"]["required"][0].as_str().expect("a field");
    (key.clone(), field.to_owned(), result["requestState"].clone())
}

/// The right answer to a question.
fn right(key: &str, field: &str) -> Value {
    json!({ key: { "action": "accept", "content": { field: format!("a {field}") } } })
}

/// Answers all questions from here on; returns the text of the tool's result.
async fn ended(client: &Client, mut answer: Answer) -> Value {
    while answer.result()["resultType"] == "input_required" {
        let (key, field, state) = question(&answer);
        answer = round(client, Some(&state), right(&key, &field)).await;
    }
    serde_json::from_str(&answer.tool_text()).unwrap()
}

fn is_right(told: &Value) {
    assert_eq!(told["first"]["content"]["name"], "a name", "{told}");
    assert_eq!(told["second"]["content"]["colour"], "a colour", "{told}");
}

/// Statement 4: one call behind, however many rounds in front.
#[tokio::test]
async fn a_parked_call_is_one_call_of_its_upstream() {
    for era in [Era::Session("2025-11-25"), Era::Session("2025-06-18"), Era::Sse] {
        let upstream = Server::start(era).await;
        let setting = if era == Era::Sse { json!({ "era": "sse" }) } else { json!({}) };
        let worker = before(&[("t", &upstream.url(), setting)]).await;
        let client = Client::new(&worker.url());
        is_right(&ended(&client, round(&client, None, json!({})).await).await);
        assert_eq!((upstream.executions("ask"), upstream.count(&tool("ask"))), (1, 1), "{era:?}");
    }
}

/// Statement 4: an answer that does not fit is refused, and the call waits on.
#[tokio::test]
async fn answers_that_fit_no_question_leave_the_call_waiting() {
    let (upstream, worker) = stand(Era::Session("2025-11-25")).await;
    let client = Client::new(&worker.url());
    let (key, field, state) = question(&round(&client, None, json!({})).await);
    for wrong in [
        json!({ &key: { "action": "perhaps" } }),
        json!({ &key: { "action": "accept" } }),
        json!({ &key: { "action": "accept", "content": { &field: 7 } } }),
        json!({ &key: "text" }),
    ] {
        let refused = round(&client, Some(&state), wrong.clone()).await;
        assert_eq!(error(&refused)["code"], -32602, "{wrong}: {refused:?}");
    }
    for nothing in [
        json!({}),
        json!({ &key: null }),
        json!({ "unknown": { "action": "accept", "content": {} } }),
    ] {
        let again = round(&client, Some(&state), nothing).await;
        assert_eq!(question(&again).1, field, "it is asked again: {again:?}");
    }
    let mut answers = right(&key, &field);
    answers["unknown"] = json!({ "action": "decline" });
    is_right(&ended(&client, round(&client, Some(&state), answers).await).await);
    assert_eq!((upstream.executions("ask"), upstream.count(&tool("ask"))), (1, 1));
}

/// Statement 4: a state that was used is of no use.
#[tokio::test]
async fn a_state_that_is_replayed_carries_nothing_out() {
    let (upstream, worker) = stand(Era::Session("2025-11-25")).await;
    let client = Client::new(&worker.url());
    let first = round(&client, None, json!({})).await;
    let (key, field, state) = question(&first);
    is_right(&ended(&client, first).await);
    let replayed = round(&client, Some(&state), right(&key, &field)).await;
    let why = error(&replayed);
    assert_eq!(why["code"], -32602, "{why}");
    assert!(why["message"].as_str().unwrap().contains("outcome is not known"), "{why}");
    assert_eq!((upstream.executions("ask"), upstream.count(&tool("ask"))), (1, 1));
}

/// Statements 4 and 8: a state is good for its own person, tool and arguments.
#[tokio::test]
async fn a_state_of_somebody_else_or_of_another_call_is_refused() {
    let upstream = Server::start(Era::Session("2025-11-25")).await;
    let upstreams = settings(&[("t", &upstream.url(), json!({}))]);
    let options = options()
        .var("UPSTREAMS", &upstreams)
        .var("MCP_API_KEY", "key-of-one-person")
        .var("MCP_SHARED_SECRET", "secret-of-the-other");
    let worker = start(options).await;
    let one = Client::new(&worker.url()).with("authorization", "Bearer key-of-one-person");
    let other = Client::new(&worker.url()).with("x-mcp-secret", "secret-of-the-other");
    let first = round(&one, None, json!({})).await;
    let (key, field, state) = question(&first);
    let foreign = round(&other, Some(&state), right(&key, &field)).await;
    assert_eq!(error(&foreign)["code"], -32602, "{foreign:?}");
    for params in [
        json!({ "name": "t_ask_at_once", "arguments": {} }),
        json!({ "name": "t_ask", "arguments": { "other": 1 } }),
        json!({ "name": "t_count", "arguments": {} }),
    ] {
        let mut params = params;
        params["requestState"] = state.clone();
        params["inputResponses"] = right(&key, &field);
        let refused = ask(&one, "tools/call", params.clone(), able()).await;
        assert_eq!(error(&refused)["code"], -32602, "{params}: {refused:?}");
    }
    let text = state.as_str().unwrap();
    let flipped = if text.ends_with('A') { "B" } else { "A" };
    for broken in [format!("{}{flipped}", &text[..text.len() - 1]), "x".to_owned(), String::new()] {
        let refused = round(&one, Some(&json!(broken)), right(&key, &field)).await;
        assert_eq!(error(&refused)["code"], -32602, "{broken}: {refused:?}");
    }
    is_right(&ended(&one, first).await);
    assert_eq!((upstream.executions("ask"), upstream.count(&tool("ask"))), (1, 1));
    assert_eq!(upstream.executions("count"), 0);
}

/// Statement 8: what one upstream gave is no other's, although their tools have one name.
#[tokio::test]
async fn a_state_of_another_upstream_is_refused_at_its_door() {
    for era in [Era::Session("2025-11-25"), Era::Stateless] {
        let (one, other) = (Server::start(era).await, Server::start(era).await);
        let upstreams = [("one", &*one.url(), json!({})), ("other", &*other.url(), json!({}))];
        let worker = before(&upstreams).await;
        let params = json!({ "name": "ask", "arguments": {} });
        let door = Client::at(&worker.url(), "/u/one/mcp");
        let first = ask(&door, "tools/call", params.clone(), able()).await;
        let (key, field, state) = question(&first);
        let mut params = params;
        params["requestState"] = state;
        params["inputResponses"] = right(&key, &field);
        let wrong = Client::at(&worker.url(), "/u/other/mcp");
        let refused = ask(&wrong, "tools/call", params.clone(), able()).await;
        assert_eq!(error(&refused)["code"], -32602, "{era:?}: {refused:?}");
        assert_eq!(other.count(&tool("ask")), 0, "{era:?}");
        ask(&door, "tools/call", params, able()).await.result();
    }
}

/// Statement 4: a person may take their time.
async fn goes_on_after_four_minutes(time: &Passing) {
    let upstream = Server::start(Era::Session("2025-11-25")).await;
    let upstreams = settings(&[("t", &upstream.url(), json!({}))]);
    let worker = start(time.of(options().var("UPSTREAMS", &upstreams))).await;
    let client = Client::new(&worker.url());
    let parked = round(&client, None, json!({})).await;
    time.pass(240).await;
    is_right(&ended(&client, parked).await);
    assert_eq!((upstream.executions("ask"), upstream.count(&tool("ask"))), (1, 1));
}

#[tokio::test]
async fn a_state_of_a_parked_call_is_good_for_four_minutes() {
    let Some(time) = Passing::only_moved("the state of a parked call") else { return };
    goes_on_after_four_minutes(&time).await;
}

#[tokio::test]
#[ignore = "long: waits for four minutes of real time"]
async fn a_call_is_parked_for_four_minutes() {
    goes_on_after_four_minutes(&Passing::real()).await;
}

/// Statement 4: the object is gone, and with it what it knew.
#[tokio::test]
async fn a_call_whose_object_was_lost_has_an_unknown_outcome_and_is_not_done_over() {
    let upstream = Server::start(Era::Session("2025-11-25")).await;
    let upstreams = settings(&[("t", &upstream.url(), json!({}))]);
    let storage = tempfile::tempdir().unwrap();
    let options = || {
        let storage = Some(storage.path().into());
        Options { storage, ..options() }.var("UPSTREAMS", &upstreams)
    };
    let worker = start(options()).await;
    let (key, field, state) = question(&round(&Client::new(&worker.url()), None, json!({})).await);
    drop(worker);
    let worker = start(options()).await;
    let client = Client::new(&worker.url());
    let lost = round(&client, Some(&state), right(&key, &field)).await;
    let why = error(&lost);
    assert!(why["message"].as_str().unwrap().contains("outcome is not known"), "{why}");
    assert_eq!((upstream.executions("ask"), upstream.count(&tool("ask"))), (0, 1));
    is_right(&ended(&client, round(&client, None, json!({})).await).await);
    assert_eq!((upstream.executions("ask"), upstream.count(&tool("ask"))), (1, 2));
}

/// Statement 4: the call waits there, so that it is not said that nothing was sent.
#[tokio::test]
async fn answers_whose_tool_cannot_be_looked_up_leave_the_outcome_unknown() {
    let (upstream, mut worker) = stand(Era::Session("2025-11-25")).await;
    let first = round(&Client::new(&worker.url()), None, json!({})).await;
    let (key, field, state) = question(&first);
    // What the isolate knew of the tools is gone.
    worker.restart().await.unwrap();
    let client = Client::new(&worker.url());
    upstream.on(any(), |_| Reply::status(503));
    let told = round(&client, Some(&state), right(&key, &field)).await;
    let told = told.tool_text();
    assert!(told.starts_with("The outcome is unknown") && told.contains("requestState"), "{told}");
    assert_eq!((upstream.executions("ask"), upstream.count(&tool("ask"))), (0, 1));
    let unsent = round(&client, None, json!({})).await;
    assert!(unsent.tool_text().starts_with("Nothing was sent"), "{unsent:?}");
}

/// Statement 2: what a client cannot be asked, its upstream is told beforehand.
#[tokio::test]
async fn a_client_that_can_be_asked_nothing_gets_an_answer_all_the_same() {
    let (upstream, worker) = stand(Era::Session("2025-11-25")).await;
    let client = Client::new(&worker.url());
    let params = json!({ "name": "t_ask", "arguments": {} });
    let answer = ask(&client, "tools/call", params, json!({})).await;
    let told: Value = serde_json::from_str(&answer.tool_text()).unwrap();
    assert_eq!(told["first"], Value::Null);
    wait::holds("it ran once", || upstream.executions("ask") == 1).await;
}
