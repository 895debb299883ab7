//! The stand-in for Cloudflare's API beside Miniflare's local explorer, which answers a part of the same API: every field that the
//! explorer has is in the stand-in's answers, of the same type.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use sandbox::cloudflare::{self, ACCOUNT, Cloudflare, token};
use serde_json::{Value, json};

use crate::support::{Client, wait, wrangler::Wrangler};

const WORKFLOW: &str = "workflows/sitebay-mcp-staging-onboarding";

/// What the explorer has and the stand-in has not, or otherwise: a part of the path, the field, and why.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    ("/raw", ".result[].meta.total_attempts", "the API does not say how often a query was tried"),
    ("r2/buckets", ".result_info.total_count", "the API gives no total of buckets, but a cursor"),
    ("r2/buckets", ".result_info.count", "nor how many are on a page of them"),
    ("/objects?limit", ".result[].name", "local: the name of an object, beside its id"),
    ("/instances?", ".result_info.status_counts", "local: how many runs have which status"),
    ("/instances?", ".result_info.total_pages", "Workflows do not always say it"),
    ("/instances/", ".result.output", "what a run returns is its own"),
    ("/instances/", ".result.steps[].output", "what a step returns is its own"),
    ("/instances/", ".result.steps[].attempts[].error", "the stand-in's steps do not fail"),
    ("/instances/", ".result.step_count", "the stand-in lists the steps, without their number"),
];

/// An API at an address, with a token where it asks for one.
struct Api {
    base: String,
    token: Option<String>,
    http: reqwest::Client,
}

impl Api {
    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let mut request = self.http.request(method, format!("{}/{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let text = request.send().await.unwrap().text().await.unwrap();
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{path}: {text}"))
    }

    async fn get(&self, path: &str) -> Value {
        self.send(Method::GET, path, None).await
    }

    /// A field of the item of a list in which another field is one of these texts.
    async fn find(&self, path: &str, field: &str, texts: &[&str], wanted: &str) -> String {
        let list = self.get(path).await;
        let is_it = |item: &&Value| item[field].as_str().is_some_and(|text| texts.contains(&text));
        let found = list["result"].as_array().unwrap().iter().find(is_it);
        found.unwrap_or_else(|| panic!("{path}: {list}"))[wanted].as_str().unwrap().to_owned()
    }
}

/// The types of all fields by their paths: `.result[].id` is a string.
fn shape(value: &Value, path: &str, into: &mut BTreeMap<String, BTreeSet<&'static str>>) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    into.entry(path.to_owned()).or_default().insert(kind);
    match value {
        Value::Array(items) => {
            items.iter().for_each(|item| shape(item, &format!("{path}[]"), into))
        }
        Value::Object(fields) => {
            fields.iter().for_each(|(name, item)| shape(item, &format!("{path}.{name}"), into));
        }
        _ => {}
    }
}

/// What the explorer's answer has and the stand-in's has not, or of another type.
fn lacking(path: &str, explorer: &Value, stand_in: &Value) -> Vec<String> {
    let (mut theirs, mut ours) = (BTreeMap::new(), BTreeMap::new());
    shape(explorer, "", &mut theirs);
    shape(stand_in, "", &mut ours);
    let is_known = |field: &str| {
        DIFFERENCES.iter().any(|(part, begin, _)| {
            let rest = field.strip_prefix(begin).filter(|_| path.contains(part));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    };
    let differs = |(field, kinds): (&String, &BTreeSet<&str>)| match ours.get(field) {
        _ if is_known(field) => None,
        None => Some(format!("{field}: only the explorer has it")),
        Some(found) if found.is_disjoint(kinds) => Some(format!("{field}: {kinds:?}, {found:?}")),
        Some(_) => None,
    };
    theirs.iter().filter_map(differs).collect()
}

#[tokio::test]
async fn answers_of_the_stand_in_have_the_shape_of_miniflares_explorer() {
    let cloudflare = Cloudflare::start(cloudflare::Options::default()).await.unwrap();
    let server = Wrangler::start_with_stage(&[("ENVIRONMENT", "development")]).await;
    let http = reqwest::Client::new();
    let explorer = Api {
        base: format!("{}/cdn-cgi/local/explorer/api", server.url()),
        token: None,
        http: http.clone(),
    };
    let base = format!("{}/accounts/{ACCOUNT}", cloudflare.api_url());
    let stand_in = Api { base, token: Some(token("change")), http };

    // Something in each of them: the stand-in has it already, but for a run of the same id.
    let client = Client::new(server.url()).connect().await;
    let of = json!({ "objectName": "ChatDO", "message": "Hello", "confirm": true });
    client.call("send_durable_object_message", of).await.result();
    let keys = explorer.find("storage/kv/namespaces", "title", &["APP_CACHE"], "id").await;
    let put = format!("{}/storage/kv/namespaces/{keys}/values/a", explorer.base);
    assert!(explorer.http.put(put).body("1").send().await.unwrap().status().is_success());
    let params = json!({ "userId": "user-123" });
    let started = json!({ "id": "shape", "params": params });
    let run = explorer.send(Method::POST, &format!("{WORKFLOW}/instances"), Some(&started)).await;
    let started = json!({ "instance_id": "shape", "params": params });
    let ours = stand_in.send(Method::POST, &format!("{WORKFLOW}/instances"), Some(&started)).await;
    assert_eq!(lacking("start", &run, &ours), Vec::<String>::new(), "a start: {run} {ours}");
    for api in [&explorer, &stand_in] {
        wait::until("the run is over", async || {
            let run = api.get(&format!("{WORKFLOW}/instances/shape")).await;
            if run["result"]["status"] == "complete" { Ok(()) } else { Err(run) }
        })
        .await;
    }

    let mut paths: [Vec<String>; 2] = [Vec::new(), Vec::new()];
    for (api, paths) in [&explorer, &stand_in].into_iter().zip(&mut paths) {
        let titles = ["APP_CACHE", "sitebay-mcp-staging-cache"];
        let namespace = api.find("storage/kv/namespaces", "title", &titles, "id").await;
        let names = "workers/durable_objects/namespaces";
        let objects = api.find(names, "class", &["ChatDO"], "id").await;
        paths.extend([
            "storage/kv/namespaces".to_owned(),
            format!("storage/kv/namespaces/{namespace}/keys?limit=10"),
            "d1/database".to_owned(),
            "r2/buckets".to_owned(),
            "r2/buckets/sitebay-mcp-staging-uploads/objects?per_page=1&prefix=uploads%2F"
                .to_owned(),
            "r2/buckets/sitebay-mcp-staging-uploads/objects?delimiter=%2F".to_owned(),
            names.to_owned(),
            format!("{names}/{objects}/objects?limit=10"),
            "workflows".to_owned(),
            WORKFLOW.to_owned(),
            format!("{WORKFLOW}/instances?per_page=1&page=1"),
            format!("{WORKFLOW}/instances/shape"),
        ]);
    }
    let [theirs, ours] = paths;
    for (their, our) in theirs.iter().zip(&ours) {
        let (explored, played) = (explorer.get(their).await, stand_in.get(our).await);
        assert_eq!(explored["success"], true, "{their}: {explored}");
        assert_eq!(played["success"], true, "{our}: {played}");
        let found = lacking(their, &explored, &played);
        assert_eq!(found, Vec::<String>::new(), "{their}\n{explored}\n{played}");
    }
    queries(&explorer, &stand_in).await;
    // The explorer answers this machine alone.
    let request = explorer.http.get(format!("{}/r2/buckets", explorer.base));
    let other = request.header("host", "example.com").send().await.unwrap();
    assert_eq!(other.status(), 403);
    server.end().await;
}

/// A query that has rows, and one that fails.
async fn queries(explorer: &Api, stand_in: &Api) {
    for (sql, works) in [("SELECT id, name FROM users", true), ("SELECT nope", false)] {
        let mut answers = Vec::new();
        for api in [explorer, stand_in] {
            let names = ["APP_DB", "sitebay-mcp-staging"];
            let database = api.find("d1/database", "name", &names, "uuid").await;
            let body = json!({ "sql": sql, "params": [] });
            let path = format!("d1/database/{database}/raw");
            answers.push(api.send(Method::POST, &path, Some(&body)).await);
        }
        for answer in &answers {
            assert_eq!(answer["success"], works, "{sql}: {answer}");
        }
        assert_eq!(lacking("/raw", &answers[0], &answers[1]), Vec::<String>::new(), "{sql}");
    }
}
