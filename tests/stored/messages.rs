//! The messages between Workers and objects of version 0.1.0, as they were seen.
//!
//! `tests/fixtures-0.1.0/messages.jsonl` has a line for each, in the order in which they were sent.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::{Duration, sleep};
use xtask::{
    clock::Clock,
    server::{Options, Server},
    skips::skip,
};

use super::{
    fixtures,
    form::{form, words},
    given, offset, options,
};
use crate::support::start;

/// A message to an object, and its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Message {
    pub(super) class: String,
    pub(super) name: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
    pub(super) status: u16,
    pub(super) answer: String,
}

impl Message {
    /// The common part of messages of its kind.
    pub(super) fn form(&self) -> String {
        let Self { class, method, path, headers, body, status, .. } = self;
        let headers: Vec<&str> = headers.keys().map(String::as_str).collect();
        let headers = headers.join(" ");
        // An object without a listener is gone, which depends on when a client is missed; an
        // answer that takes long is a stream.
        let status = if [299, 410].contains(status) { 200 } else { *status };
        format!(
            "{class} {method} {} [{headers}] {} -> {status} {}",
            words(path),
            form(body),
            self.said()
        )
    }

    /// The form of its answer. That of a task depends on how far the task is, and of a page there is only
    /// the beginning.
    fn said(&self) -> String {
        match &self.answer {
            task if task.contains("\"taskId\"") => "a task".to_owned(),
            page if self.path.starts_with("/page/") => words(page.lines().next().unwrap()),
            other => form(other),
        }
    }

    /// Sends it to the present object; the same with what that answers.
    async fn sent(&self, server: &Server) -> Self {
        let body = serde_json::to_string(self).unwrap();
        let sent = reqwest::Client::new().post(server.url()).body(body).send().await.unwrap();
        let answered: Value = serde_json::from_str(&sent.text().await.unwrap()).unwrap();
        let status = u16::try_from(answered["status"].as_u64().unwrap()).unwrap();
        let answer = answered["answer"].as_str().unwrap().to_owned();
        Self { status, answer, ..self.clone() }
    }
}

/// The messages of several servers, with an empty line in between.
fn read() -> Vec<Vec<Message>> {
    let text = fs::read_to_string(fixtures().join("messages.jsonl")).unwrap();
    let read = |lines: &str| lines.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    text.split("\n\n").map(read).collect()
}

pub(super) fn write(path: &Path, messages: &[Vec<Message>]) {
    let line = |message: &Message| serde_json::to_string(message).unwrap() + "\n";
    let of_server = |all: &Vec<Message>| all.iter().map(line).collect::<String>();
    fs::write(path, messages.iter().map(of_server).collect::<Vec<_>>().join("\n")).unwrap();
}

/// Sends its objects what it is given.
const REPLAY: &str = include_str!("replay.js");

/// Sends them to the objects of a server of its own, which must answer as before.
async fn send_all(messages: &[Message], clock: &Clock) {
    let folder = tempfile::tempdir().unwrap();
    let front = Some(REPLAY.to_owned());
    let server = start(Options { front, ..clock.of(options(folder.path())) }).await;
    for message in messages {
        let mut now = message.sent(&server).await;
        // A task may be further or less far.
        for _ in 0..50 {
            if message.class != "TaskAgent" || now.form() == message.form() {
                break;
            }
            // Real time: a task goes on between two looks.
            sleep(Duration::from_millis(100)).await;
            now = message.sent(&server).await;
        }
        assert_eq!(now.form(), message.form(), "{now:#?} {}", server.log());
    }
}

#[tokio::test]
async fn objects_answer_the_messages_that_workers_of_0_1_0_send() {
    let Some(clock) = Clock::new().expect("the compiler works") else {
        return skip("messages of 0.1.0", "no C compiler");
    };
    clock.set(offset(given().await["at"].as_u64().unwrap())).unwrap();
    let all = read();
    join_all(all.iter().map(|messages| send_all(messages, &clock))).await;
    let classes: BTreeSet<&str> = all.iter().flatten().map(|it| it.class.as_str()).collect();
    assert_eq!(classes.len(), 6, "{classes:?}");
}
