//! A Worker that operates the stages of a stand-in for Cloudflare, and what others do with that account.

use reqwest::Method;
use sandbox::cloudflare::{self, ACCOUNT, Cloudflare, token};
use serde_json::{Value, json};
use xtask::{
    account::LOCAL_UNLOCK_KEY,
    server::{Options, Server},
};

use super::{
    Answer, Client, start,
    talk::{Era, Talk},
};

/// POSTs that only read.
const READS: [&str; 4] = ["/raw", "/query", "/sql", "/graphql"];

/// A Worker before a stand-in. Its token `all` is that of other people: the Worker does not have it.
pub struct Operated {
    pub worker: Server,
}

impl Operated {
    pub async fn start(options: Options) -> Self {
        let cloudflare = Some(cloudflare::Options::default());
        Self { worker: start(Options { cloudflare, ..options }).await }
    }

    pub fn cloud(&self) -> &Cloudflare {
        self.worker.cloudflare().unwrap()
    }

    /// A client whose person types this name of a stage.
    pub async fn typing(&self, stage: &str, era: Era) -> Talk {
        let typed = json!({ "action": "accept", "content": { "stage": stage } });
        Talk::new(Client::new(&self.worker.url()), era).await.saying(typed)
    }

    /// What the Worker sent that changes the account, as `DELETE queues/1f…`, below the account.
    pub fn changes(&self) -> Vec<String> {
        let others = format!("Bearer {}", token("all"));
        let below = format!("/client/v4/accounts/{ACCOUNT}/");
        let requests = self.cloud().requests();
        let changed = requests.iter().filter(|it| {
            let reads = it.method == "GET" || READS.iter().any(|end| it.path.ends_with(end));
            let by = it.headers.get("authorization");
            !reads && by.is_none_or(|by| *by != others)
        });
        let line = |path: &str, query: &str| {
            let path = path.trim_start_matches(&below).to_owned();
            if query.is_empty() { path } else { format!("{path}?{query}") }
        };
        changed.map(|it| format!("{} {}", it.method, line(&it.path, &it.query))).collect()
    }

    /// A request of other people to the account; its result.
    pub async fn by_hand(&self, method: Method, path: &str) -> Value {
        let url = format!("{}/accounts/{ACCOUNT}/", self.cloud().api_url());
        let client =
            Client::at(&url, path).with("authorization", &format!("Bearer {}", token("all")));
        let answer = Answer::of(client.send(method).send().await.unwrap()).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()["result"].take()
    }

    /// The databases, namespaces, queues and buckets whose names have this part, as Cloudflare shows them.
    pub async fn resources(&self, part: &str) -> Vec<Value> {
        let mut all = Vec::new();
        for (path, name) in [
            ("d1/database?per_page=100", "name"),
            ("storage/kv/namespaces?per_page=100", "title"),
            ("queues", "queue_name"),
            ("r2/buckets?per_page=100", "name"),
        ] {
            let mut found = self.by_hand(Method::GET, path).await;
            let list = if found["buckets"].is_array() { found["buckets"].take() } else { found };
            let listed = list.as_array().unwrap_or_else(|| panic!("{path}: {list}")).clone();
            all.extend(listed.into_iter().filter(|it| it[name].as_str().unwrap().contains(part)));
        }
        all
    }

    /// Unlocks a stage for a plan, with this key.
    pub async fn unlock(&self, key: &str, stage: &str, plan_id: &Value) -> Answer {
        let path = format!("/admin/stages/{stage}/unlock");
        let client =
            Client::at(&self.worker.url(), &path).with("authorization", &format!("Bearer {key}"));
        let body = json!({ "plan_id": plan_id, "by": "Ann", "minutes": 5 }).to_string();
        Answer::of(client.send(Method::POST).body(body).send().await.unwrap()).await
    }

    /// The same with the key that does it.
    pub async fn unlocked(&self, stage: &str, plan_id: &Value) -> Answer {
        self.unlock(LOCAL_UNLOCK_KEY, stage, plan_id).await
    }
}

/// The ids of these resources.
pub fn ids(resources: &[Value]) -> Vec<String> {
    let id = |it: &Value| {
        let id = ["uuid", "id", "queue_id"].into_iter().find_map(|field| it[field].as_str());
        id.map(str::to_owned)
    };
    resources.iter().filter_map(id).collect()
}
