//! An upstream that is called as the person who calls, persons, and their browsers.

use std::sync::{Arc, Mutex};

use reqwest::Method;
use serde_json::{Value, json};
use xtask::server::{Options, Server as Worker};

use super::{
    Answer, Client,
    gateway::settings,
    oauth::{post, send, ticket},
    options, start,
    upstream::{
        Reply, any,
        mcp::{Era, Server},
    },
};

/// A stand-in that knows some keys and refuses all others with 401.
pub struct Keyed {
    pub upstream: Server,
    known: Arc<Mutex<Vec<String>>>,
}

impl Keyed {
    pub async fn start(era: Era, keys: &[&str]) -> Self {
        let upstream = Server::start(era).await;
        let known: Arc<Mutex<Vec<String>>> = Arc::default();
        let accepted = Arc::clone(&known);
        let is_unknown = any().when(move |request| {
            let sent = request.header("authorization");
            !accepted.lock().unwrap().iter().any(|key| sent == format!("Bearer {key}"))
        });
        upstream.on(is_unknown, |_| Reply::status(401));
        let keyed = Self { upstream, known };
        keyed.knows(keys);
        keyed
    }

    /// Knows these keys and no others from now on.
    pub fn knows(&self, keys: &[&str]) {
        *self.known.lock().unwrap() = keys.iter().map(|key| (*key).to_owned()).collect();
    }

    /// The setting `UPSTREAMS` that has it as `t`.
    pub fn settings(&self, era: Era) -> String {
        let mut other = json!({ "auth": { "kind": "subject" }, "scope": "read" });
        if era == Era::Sse {
            other["era"] = json!("sse");
        }
        settings(&[("t", &self.upstream.url(), other)])
    }

    /// The texts of the calls of `echo` that it answered, with the keys that they came with.
    pub fn echoes(&self) -> Vec<(String, String)> {
        let calls = self.upstream.requests(&super::upstream::tool("echo"));
        let seen = calls.iter().map(|call| {
            let text = call.json()["params"]["arguments"]["text"].as_str().unwrap().to_owned();
            (text, call.header("authorization").replace("Bearer ", ""))
        });
        seen.collect()
    }
}

/// A stand-in of this era that knows the keys of Ada and Bob, and a Worker that has it as `t`.
pub async fn stand(era: Era) -> (Keyed, Worker) {
    let keyed = Keyed::start(era, &["key-of-ada", "key-of-bob"]).await;
    let worker = before(&keyed, era, options()).await;
    (keyed, worker)
}

/// A Worker that has a stand-in as `t`.
pub async fn before(keyed: &Keyed, era: Era, options: Options) -> Worker {
    start(options.var("UPSTREAMS", &keyed.settings(era))).await
}

/// A client of a person, whose SiteBay token tells them from others.
pub fn client_of(worker: &Worker, path: &str, person: &str) -> Client {
    Client::at(&worker.url(), path).with("x-sitebay-token", person)
}

/// The link in a text.
pub fn link_in(text: &str) -> String {
    let (_, rest) = text.split_once("http").unwrap_or_else(|| panic!("no link: {text}"));
    let end = rest.find([' ', '"']).unwrap_or(rest.len());
    let link = format!("http{}", &rest[..end]);
    assert!(link.contains("/connect/") && link.contains("?link="), "{link}");
    link
}

/// The link to which a call leads a client that opens no pages.
pub async fn link_for(client: &Client, tool: &str) -> String {
    let told = client.call(tool, json!({ "text": "x" })).await;
    assert_eq!(told.result()["isError"], true, "{told:?}");
    link_in(&told.tool_text())
}

/// A browser.
#[derive(Default, Clone)]
pub struct Tab {
    cookies: Vec<String>,
}

impl Tab {
    /// One that sends this cookie.
    pub fn with(cookie: &str) -> Self {
        Self { cookies: vec![cookie.to_owned()] }
    }

    /// What it sends as `Cookie`.
    pub fn cookie(&self) -> String {
        self.cookies.join("; ")
    }

    fn remembers(&mut self, answer: &Answer) {
        for set in answer.headers.get_all("set-cookie") {
            let cookie = set.to_str().unwrap().split(';').next().unwrap();
            let name = cookie.split('=').next().unwrap();
            self.cookies.retain(|known| known.split('=').next() != Some(name));
            self.cookies.push(cookie.to_owned());
        }
    }

    /// Opens an address.
    pub async fn open(&mut self, url: &str) -> Answer {
        let answer = send(Method::GET, url, &[("cookie", &self.cookie())], String::new()).await;
        self.remembers(&answer);
        answer
    }

    /// Sends a form of a page of `url`.
    pub async fn submit(&mut self, url: &str, page: &Answer, fields: &[(&str, &str)]) -> Answer {
        let ticket = ticket(page);
        let fields = [&[("ticket", ticket.as_str())], fields].concat();
        let action = url.split('?').next().unwrap();
        let answer = post(action, &fields, &[("cookie", &self.cookie())]).await;
        self.remembers(&answer);
        answer
    }

    /// Enters a key on a page.
    pub async fn enter(&mut self, url: &str, page: &Answer, key: &str) -> Answer {
        self.submit(url, page, &[("key", key), ("do", "connect")]).await
    }
}

/// What `gateway://upstreams` says of the stand-in.
pub async fn status(client: &Client) -> Value {
    let read = client.request("resources/read", json!({ "uri": "gateway://upstreams" })).await;
    let result = read.result();
    let text = result["contents"][0]["text"].as_str().expect("a text");
    serde_json::from_str::<Value>(text).unwrap()["upstreams"][0].clone()
}

/// Connects a key at a link, in a browser of its own.
pub async fn connect(link: &str, key: &str) {
    let mut tab = Tab::default();
    let page = tab.open(link).await;
    assert_eq!(page.status, 200, "{page:?}");
    let connected = tab.enter(link, &page, key).await;
    assert_eq!(connected.status, 200, "{connected:?}");
}

/// Has a person connect a key, by way of a call at the common door.
pub async fn connects(worker: &Worker, person: &str, key: &str) -> Client {
    let client = client_of(worker, "/mcp", person).connect().await;
    connect(&link_for(&client, "t_echo").await, key).await;
    client
}

/// What a client declares that opens pages.
pub fn pages() -> Value {
    json!({ "elicitation": { "url": {} } })
}
