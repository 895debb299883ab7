//! Tasks whose objects fail: reset before their answers leave, hung, or unable to go on.

use reqwest::Method;
use serde_json::{Value, json};
use xtask::{
    faults::{Fault, Faults, How},
    server::{Options, Server},
};

use crate::{
    support::{Client, events::Live, options, start, stateless::ask},
    tasks::{agreed, can_be_asked, creations, follows, open_site, second_round, started, until},
};

/// A server whose task objects fail in this way at this path.
async fn failing(path: &'static str, how: How, times: usize) -> Server {
    let fault = Fault { class: "TaskAgent", path, how, times };
    let faults = Faults { faults: vec![fault], haste: 20 };
    start(Options { faults: Some(faults), ..options() }).await
}

/// Calls `open_site` in a session whose person agrees, to the end of the call's stream.
async fn opened_in_a_session(client: &Client) -> String {
    let body = json!({ "jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": open_site() });
    let mut live =
        Live::new(client.send(Method::POST).body(body.to_string()).send().await.unwrap());
    let question = live.message(|message| message["method"] == "elicitation/create").await;
    let reply = json!({ "jsonrpc": "2.0", "id": question["id"], "result": agreed()["agree"] });
    assert_eq!(client.post(reply.to_string()).await.status, 202);
    live.rest().await
}

/// The id of the task that a text names as a resource.
fn named(text: &str) -> &str {
    let rest = text.split("sitebay://operation/").nth(1).expect(text);
    rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-').next().unwrap()
}

#[tokio::test]
async fn a_task_whose_object_is_reset_after_it_began_begins_once_and_is_followed_to_its_end() {
    let server = failing("/start", How::Lose, 1).await;
    let client = Client::new(&server.url()).connect_with(can_be_asked()).await;
    let text = opened_in_a_session(&client).await;
    assert!(text.contains("is there."), "{text}");
    assert_eq!(creations(&server), 1);
}

#[tokio::test]
async fn a_task_whose_start_is_lost_once_is_given_its_handle() {
    let server = failing("/start", How::Lose, 1).await;
    let client = Client::new(&server.url());
    let params = second_round(&client, follows()).await;
    let task = started(&client, params).await;
    until(&client, &task, "completed").await;
    assert_eq!(creations(&server), 1);
}

#[tokio::test]
async fn a_session_is_told_what_to_read_where_every_start_is_lost() {
    let server = failing("/start", How::Lose, usize::MAX).await;
    let client = Client::new(&server.url()).connect_with(can_be_asked()).await;
    let text = opened_in_a_session(&client).await;
    assert!(text.contains("may have begun") && !text.contains("Nothing was changed"), "{text}");
    let uri = format!("sitebay://operation/{}", named(&text));
    let read = client.request("resources/read", json!({ "uri": uri })).await.result();
    let seen: Value = serde_json::from_str(read["contents"][0]["text"].as_str().unwrap()).unwrap();
    until(&Client::new(&server.url()), seen["taskId"].as_str().unwrap(), "completed").await;
    assert_eq!(creations(&server), 1);
}

#[tokio::test]
async fn a_request_without_a_session_is_told_the_same() {
    let server = failing("/start", How::Lose, usize::MAX).await;
    let client = Client::new(&server.url());
    for capabilities in [can_be_asked(), follows()] {
        let params = second_round(&client, capabilities.clone()).await;
        let answer = ask(&client, "tools/call", params, capabilities).await;
        let text = answer.tool_text();
        assert!(text.contains("may have begun"), "{text}");
        until(&client, named(&text), "completed").await;
    }
    assert_eq!(creations(&server), 2);
}
