//! A client whose person gives the same answer to every question, in each era.

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::{Client, events::Live, stateless::ask, wait};

/// How a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    /// In a session, where the person is asked while the call waits.
    Session,
    /// Without one: an answer that asks makes the client send the request again.
    Rounds,
    /// The same with tasks that the client follows.
    Tasks,
}

/// A client whose person gives the same answer to everything.
pub struct Talk {
    pub client: Client,
    pub era: Era,
    says: Value,
    wants_progress: bool,
    /// What the person was asked.
    pub asked: Vec<String>,
}

impl Talk {
    /// One whose person agrees. A client with a session opens it here.
    pub async fn new(client: Client, era: Era) -> Self {
        let client = match era {
            Era::Session => client.connect_with(json!({ "elicitation": {} })).await,
            Era::Rounds | Era::Tasks => client,
        };
        let says = json!({ "action": "accept", "content": { "confirm": true } });
        Self { client, era, says, wants_progress: false, asked: Vec::new() }
    }

    /// The same whose person says no.
    pub fn declining(self) -> Self {
        self.saying(json!({ "action": "decline" }))
    }

    /// The same whose person gives this answer.
    pub fn saying(self, says: Value) -> Self {
        Self { says, ..self }
    }

    /// The same whose calls in a session ask for progress.
    pub fn with_progress(self) -> Self {
        Self { wants_progress: true, ..self }
    }

    /// Calls a tool and answers what it asks; its result.
    pub async fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let params = json!({ "name": tool, "arguments": arguments });
        match self.era {
            Era::Session => self.in_session(params).await,
            Era::Rounds | Era::Tasks => match self.in_rounds(params).await {
                (result, None) => result,
                (_, Some(task)) => self.followed(&task).await,
            },
        }
    }

    /// Calls a tool that becomes a task; its id.
    pub async fn begins(&mut self, tool: &str, arguments: Value) -> String {
        let params = json!({ "name": tool, "arguments": arguments });
        let (result, task) = self.in_rounds(params).await;
        task.unwrap_or_else(|| panic!("no task: {result}"))
    }

    fn answers(&mut self, question: &Value) -> Value {
        self.asked.push(question["message"].as_str().unwrap().to_owned());
        self.says.clone()
    }

    async fn in_session(&mut self, mut params: Value) -> Value {
        if self.wants_progress {
            params["_meta"] = json!({ "progressToken": 3 });
        }
        let body = json!({ "jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": params });
        let sent = self.client.send(Method::POST).body(body.to_string()).send().await.unwrap();
        if sent.headers()["content-type"] == "application/json" {
            let text = sent.text().await.unwrap();
            return serde_json::from_str::<Value>(&text).unwrap()["result"].take();
        }
        let mut live = Live::new(sent);
        let mut answered = Vec::new();
        loop {
            let new = |message: &Value| {
                let id = message["id"].to_string();
                message["result"].is_object()
                    || (message["method"] == "elicitation/create" && !answered.contains(&id))
            };
            let mut message = live.message(new).await;
            if message["result"].is_object() {
                return message["result"].take();
            }
            answered.push(message["id"].to_string());
            let result = self.answers(&message["params"]);
            let reply = json!({ "jsonrpc": "2.0", "id": message["id"], "result": result });
            assert_eq!(self.client.post(reply.to_string()).await.status, 202);
        }
    }

    fn can(&self) -> Value {
        match self.era {
            Era::Tasks => {
                json!({ "elicitation": {}, "extensions": { "io.modelcontextprotocol/tasks": {} } })
            }
            _ => json!({ "elicitation": {} }),
        }
    }

    fn all_answers(&mut self, asked: &Value) -> Value {
        let asked = asked["inputRequests"].as_object().unwrap().clone();
        let answers = asked.iter().map(|(key, one)| (key.clone(), self.answers(&one["params"])));
        answers.collect::<Map<_, _>>().into()
    }

    /// The result, or the id of the task that it became.
    async fn in_rounds(&mut self, mut params: Value) -> (Value, Option<String>) {
        for _ in 0..5 {
            let answer = ask(&self.client, "tools/call", params.clone(), self.can()).await;
            let result = answer.result();
            match result["resultType"].as_str() {
                Some("input_required") => {
                    params["inputResponses"] = self.all_answers(&result);
                    params["requestState"] = result["requestState"].clone();
                }
                Some("task") => {
                    let task = result["taskId"].as_str().unwrap().to_owned();
                    return (result, Some(task));
                }
                _ => return (result, None),
            }
        }
        panic!("asked for ever: {:?}", self.asked)
    }

    /// Follows a task to its end; the result of its tool.
    pub async fn followed(&mut self, task: &str) -> Value {
        wait::until("the task is completed", async || {
            let params = json!({ "taskId": task });
            let mut seen = ask(&self.client, "tasks/get", params, self.can()).await.result();
            match seen["status"].as_str() {
                Some("completed") => return Ok(seen["result"].take()),
                Some("input_required") => {
                    let responses = self.all_answers(&seen);
                    let params = json!({ "taskId": task, "inputResponses": responses });
                    ask(&self.client, "tasks/update", params, self.can()).await.result();
                }
                Some("working") => {}
                _ => panic!("{seen}"),
            }
            Err(seen)
        })
        .await
    }
}
