//! Questions of a task that a session's person is asked while other views of the task go on.

use reqwest::Method;
use serde_json::{Value, json};
use xtask::server::Server;

use crate::{
    support::{Client, events::Live, server, stateless::ask},
    tasks::{agreed, can_be_asked, creations, follows, open_site_later, stored_task, until},
};

/// A session whose call waits for its task, which asks.
async fn asked(server: &Server) -> (Client, Live, Value) {
    let client = Client::new(&server.url()).connect_with(can_be_asked()).await;
    let body =
        json!({ "jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": open_site_later() });
    let sent = client.send(Method::POST).body(body.to_string()).send().await.unwrap();
    let mut live = Live::new(sent);
    let question = question(&mut live).await;
    (client, live, question)
}

async fn question(live: &mut Live) -> Value {
    live.message(|message| message["method"] == "elicitation/create").await
}

/// That the client is notified that this request is cancelled.
fn takes_back(text: &str, question: &Value) -> bool {
    text.contains("notifications/cancelled")
        && text.contains(&format!(r#""requestId":{}"#, question["id"]))
}

#[tokio::test]
async fn an_answer_of_another_view_ends_the_question_to_the_session() {
    let server = server().await;
    let (_client, live, question) = asked(&server).await;
    let task = stored_task(&server).await;
    let params = json!({ "taskId": task, "inputResponses": agreed() });
    let other = Client::new(&server.url());
    ask(&other, "tasks/update", params, follows()).await.result();
    let text = live.rest().await;
    assert!(text.contains("is there.") && takes_back(&text, &question), "{text}");
    assert_eq!(creations(&server), 1);
}

#[tokio::test]
async fn the_end_of_a_task_ends_the_question_to_the_session() {
    let server = server().await;
    let (client, live, question) = asked(&server).await;
    let task = stored_task(&server).await;
    let other = Client::new(&server.url());
    ask(&other, "tasks/cancel", json!({ "taskId": task }), follows()).await.result();
    let text = live.rest().await;
    assert!(text.contains("The work was cancelled.") && takes_back(&text, &question), "{text}");
    // An answer that comes too late is taken for none.
    let late = json!({ "jsonrpc": "2.0", "id": question["id"], "result": agreed()["agree"] });
    assert_eq!(client.post(late.to_string()).await.status, 202);
    assert_eq!(creations(&server), 0);
}

#[tokio::test]
async fn a_client_that_reads_on_is_asked_again_and_cancels_nothing_where_it_leaves() {
    let mut server = server().await;
    let (client, live, first) = asked(&server).await;
    let back = client.clone().with("last-event-id", &live.last_id());
    let task = stored_task(&server).await;
    server.restart().await.unwrap();
    let other = Client::new(&server.url());
    let mut left = Live::new(back.get().await);
    question(&mut left).await;
    drop(left);
    until(&other, &task, "input_required").await;
    let mut live = Live::new(back.get().await);
    let again = question(&mut live).await;
    assert_ne!(again["id"], first["id"]);
    let reply = json!({ "jsonrpc": "2.0", "id": again["id"], "result": agreed()["agree"] });
    assert_eq!(client.post(reply.to_string()).await.status, 202);
    let text = live.rest().await;
    assert!(text.contains("is there.") && text.contains(r#""id":5"#), "{text}");
    assert_eq!(creations(&server), 1);
}

#[tokio::test]
async fn a_call_that_a_client_reads_on_can_still_be_cancelled() {
    let mut server = server().await;
    let (client, live, _) = asked(&server).await;
    let back = client.clone().with("last-event-id", &live.last_id());
    let task = stored_task(&server).await;
    server.restart().await.unwrap();
    let mut live = Live::new(back.get().await);
    question(&mut live).await;
    let cancelled = json!({
        "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 5 },
    });
    assert_eq!(client.post(cancelled.to_string()).await.status, 202);
    live.rest().await;
    until(&Client::new(&server.url()), &task, "cancelled").await;
}
