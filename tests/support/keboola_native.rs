//! A Worker that answers for Keboola itself, people who connected a token, and what they say in each era.

use reqwest::Method;
use sandbox::keboola::{self, Keboola, token};
use serde_json::{Map, Value, json};
use xtask::server::{Options, Server as Worker};

use super::{
    Client,
    events::Live,
    keboola::apis,
    keyed::{Tab, client_of, link_for},
    start,
    stateless::ask,
    upstream::Upstream,
    wait,
};

/// A stand-in for Keboola's APIs and a Worker that has tools for them.
pub struct Native {
    pub keboola: Keboola,
    /// What stands at the address of Keboola's MCP server.
    pub server: Upstream,
    pub worker: Worker,
}

/// The settings of the upstream `keboola`, with the stacks of the stand-in.
pub fn settings(keboola: &Keboola, server: &Upstream, other: Value) -> String {
    let stacks = ["us", "eu"].map(|stack| {
        json!({
            "name": stack, "connection": keboola.service_url(stack, "connection"),
            "mcp": format!("{}/{stack}/mcp", server.origin()),
        })
    });
    let mut all = json!({ "template": "keboola", "stacks": stacks });
    all.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
    json!({ "keboola": all }).to_string()
}

impl Native {
    pub async fn start(options: Options) -> Self {
        Self::with(options, json!({})).await
    }

    /// The same with these settings of the upstream.
    pub async fn with(options: Options, other: Value) -> Self {
        Self::before(Keboola::start(keboola::Options::default()).await.unwrap(), options, other)
            .await
    }

    /// The same with a stand-in whose clock stands still until a test moves it: nothing but jobs takes time.
    pub async fn still(options: Options) -> Self {
        Self::before(apis().await, options, json!({})).await
    }

    async fn before(keboola: Keboola, options: Options, other: Value) -> Self {
        let server = Upstream::start().await;
        let worker = start(set(options, "native", &settings(&keboola, &server, other))).await;
        Self { keboola, server, worker }
    }

    /// Starts the Worker again, with another word for who answers.
    pub async fn switch(&mut self, options: Options, keboola: &str) {
        let settings = settings(&self.keboola, &self.server, json!({}));
        self.worker.restart_with(&set(options, keboola, &settings)).await.unwrap();
    }

    /// A person who connected the master token of a project on the stack `us`.
    pub async fn person(&self, name: &str, project: u64) -> Client {
        self.connected(name, ("us", &token(project, "master"))).await
    }

    /// A person who entered this on the page to which a call leads.
    pub async fn connected(&self, name: &str, (stack, token): (&str, &str)) -> Client {
        let client = client_of(&self.worker, "/mcp", name).connect().await;
        let link = link_for(&client, "keboola_get_project_info").await;
        let mut tab = Tab::default();
        let page = tab.open(&link).await;
        let entered = [("stack", stack), ("key", token), ("do", "connect")];
        let connected = tab.submit(&link, &page, &entered).await;
        assert_eq!(connected.status, 200, "{connected:?}");
        assert!(!connected.text.contains(token));
        client
    }

    /// A client of a person at a door, which has no session yet.
    pub fn client(&self, path: &str, name: &str) -> Client {
        client_of(&self.worker, path, name)
    }

    /// Requests that reached Keboola, by method and the end of their path.
    pub fn count(&self, method: &str, end: &str) -> usize {
        let requests = self.keboola.requests();
        let fits = |r: &&sandbox::Recorded| r.method == method && r.path.ends_with(end);
        requests.iter().filter(fits).count()
    }
}

fn set(options: Options, keboola: &str, upstreams: &str) -> Options {
    options.var("KEBOOLA", keboola).var("UPSTREAMS", upstreams)
}

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
    client: Client,
    era: Era,
    says: Value,
    /// What the person was asked.
    pub asked: Vec<String>,
}

impl Talk {
    /// One whose person agrees.
    pub async fn new(client: Client, era: Era) -> Self {
        let client = match era {
            Era::Session => client.connect_with(json!({ "elicitation": {} })).await,
            Era::Rounds | Era::Tasks => client,
        };
        let says = json!({ "action": "accept", "content": { "confirm": true } });
        Self { client, era, says, asked: Vec::new() }
    }

    /// The same whose person says no.
    pub fn declining(self) -> Self {
        Self { says: json!({ "action": "decline" }), ..self }
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
        params["_meta"] = json!({ "progressToken": 3 });
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
                Some("completed") => Ok(seen["result"].take()),
                Some("working") => Err(seen),
                _ => panic!("{seen}"),
            }
        })
        .await
    }
}
