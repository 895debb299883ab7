//! A stand-in for Cloudflare, a Worker's address, a stand-in for `wrangler`, and a way to run verbs.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    process::{Output, Stdio},
};

use sandbox::cloudflare::{ACCOUNT, Cloudflare, DataPoint, Options, token};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{process::Command, task};
use xtask::operations::{api, worker::Share};

use crate::page::Page;

pub(crate) const PRODUCTION: &str = "sitebay-mcp";
pub(crate) const STAGING: &str = "sitebay-mcp-staging";
/// A key that is long enough.
pub(crate) const KEY: &str = "a-secret-of-this-test-with-enough-characters-0123456789";

/// All of it.
pub(crate) struct Lab {
    pub(crate) cloudflare: Cloudflare,
    pub(crate) page: Page,
    folder: TempDir,
}

/// How a verb ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) succeeded: bool,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    pub(crate) fn good(self) -> Self {
        assert!(self.succeeded, "{self:#?}");
        self
    }

    /// Fails unless it failed with this text.
    pub(crate) fn refused(self, text: &str) -> Self {
        assert!(!self.succeeded && self.err.contains(text), "{text}: {self:#?}");
        self
    }

    /// A line `name=value`.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let mut lines = self.out.lines().filter_map(|line| line.split_once('='));
        lines.find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}

impl Lab {
    pub(crate) async fn start() -> Self {
        let cloudflare = Cloudflare::start(Options::default()).await.unwrap();
        let page = Page::start().await;
        let lab = Self { cloudflare, page, folder: tempfile::tempdir().unwrap() };
        lab.stand_in(None);
        lab
    }

    /// Runs a verb with the token `all` and the stand-ins.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, &[]).await
    }

    /// The same with these variables; an empty one is not set.
    pub(crate) async fn run_with(&self, arguments: &[&str], more: &[(&str, &str)]) -> Ended {
        let output = self.command(arguments, more).output().await.unwrap();
        ended(&output)
    }

    pub(crate) fn command(&self, arguments: &[&str], more: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.args(arguments).env_clear().env("PATH", path).env("HOME", self.folder.path());
        command.env("CLOUDFLARE_API_URL", self.cloudflare.api_url());
        command.env("CLOUDFLARE_API_TOKEN", token("all"));
        command.env("CLOUDFLARE_ACCOUNT_ID", ACCOUNT);
        command.env("XTASK_WRANGLER", self.folder.path().join("wrangler"));
        for (name, value) in more {
            match value.is_empty() {
                true => command.env_remove(name),
                false => command.env(name, value),
            };
        }
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Has `wrangler` say that it uploaded this record, and keep its arguments and the secrets.
    fn stand_in(&self, record: Option<&Value>) {
        let folder = self.folder.path().display();
        let line = record.map(Value::to_string).unwrap_or_default();
        let script = format!(
            "#!/bin/sh\nenv > {folder}/environment\necho \"$@\" >> {folder}/arguments\nfor word in \"$@\"; do\n\
             case \"$word\" in *.json) cat \"$word\" >> {folder}/secrets;; esac\ndone\n\
             if [ -n \"$WRANGLER_OUTPUT_FILE_PATH\" ]; then echo '{line}' > \"$WRANGLER_OUTPUT_FILE_PATH\"; fi\n"
        );
        let file = self.folder.path().join("wrangler");
        fs::write(&file, script).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Has the next upload be of this version.
    pub(crate) fn uploads(&self, kind: &str, worker: &str, version: &str) {
        let record = json!({
            "type": kind, "version": 1, "worker_name": worker, "version_id": version,
            "targets": [format!("https://{worker}.sandbox.workers.dev")],
        });
        self.stand_in(Some(&record));
    }

    /// What `wrangler` was called with, a line for each call.
    pub(crate) fn wrangler_calls(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.path().join("arguments")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// The file of secrets that `wrangler` read.
    pub(crate) fn secrets(&self) -> Value {
        let text = fs::read_to_string(self.folder.path().join("secrets")).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    pub(crate) fn file(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// A request to the API, with the token `all`.
    pub(crate) async fn api(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let body = body.map(|body| ("application/json", body.to_string()));
        self.send(method, path, body).await
    }

    async fn send(&self, method: &str, path: &str, body: Option<(&str, String)>) -> Value {
        let url = format!("{}/accounts/{ACCOUNT}/{path}", self.cloudflare.api_url());
        let mut headers = vec![("authorization", format!("Bearer {}", token("all")))];
        let (kind, body) =
            body.map_or((String::new(), None), |(kind, body)| (kind.to_owned(), Some(body)));
        headers.extend((!kind.is_empty()).then_some(("content-type", kind)));
        let method = method.to_owned();
        let sent = task::spawn_blocking(move || {
            let agent = api::agent(std::time::Duration::from_secs(30));
            api::exchange(&agent, &method, &url, &headers, body).unwrap()
        });
        let (status, text) = sent.await.unwrap();
        assert!((200..300).contains(&status), "{path}: {status} {text}");
        let answer: Value = serde_json::from_str(&text).unwrap();
        answer["result"].clone()
    }

    /// Uploads code, as a version or deployed at once, with these parts of its metadata.
    pub(crate) async fn upload(&self, worker: &str, is_version: bool, more: Value) -> Value {
        let mut metadata = json!({
            "main_module": "index.js", "compatibility_date": "2026-11-17", "exports": ["ChatDO"],
            "bindings": [],
        });
        for (name, value) in more.as_object().unwrap() {
            metadata[name] = value.clone();
        }
        let form = format!(
            "--mark\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n{metadata}\r\n\
             --mark\r\nContent-Disposition: form-data; name=\"index.js\"; filename=\"index.js\"\r\n\
             Content-Type: application/javascript+module\r\n\r\nexport default {{}}\r\n--mark--\r\n"
        );
        let kind = "multipart/form-data; boundary=mark";
        let (method, end) = if is_version { ("POST", "/versions") } else { ("PUT", "") };
        self.send(method, &format!("workers/scripts/{worker}{end}"), Some((kind, form))).await
    }

    /// A new version, which answers nothing yet.
    pub(crate) async fn version(&self, worker: &str) -> String {
        self.upload(worker, true, json!({})).await["id"].as_str().unwrap().to_owned()
    }

    /// The versions that answer, as the API says.
    pub(crate) async fn shares(&self, worker: &str) -> Vec<Share> {
        let answer = self.api("GET", &format!("workers/scripts/{worker}/deployments"), None).await;
        let versions = answer["deployments"][0]["versions"].as_array().unwrap().clone();
        let share = |one: &Value| {
            Share::of(one["version_id"].as_str().unwrap(), one["percentage"].as_f64().unwrap())
        };
        versions.iter().map(share).collect()
    }

    /// Writes requests of a version: so many, and how many of them failed.
    pub(crate) fn write_requests(&self, dataset: &str, version: &str, requests: u32, failed: u32) {
        // Those that failed come first: a share of a part of them is not smaller.
        for (status, count) in [(500.0, failed), (200.0, requests - failed)] {
            let mut blobs = vec![String::new(); 15];
            (blobs[1], blobs[14]) = ("request".to_owned(), version.to_owned());
            let point =
                DataPoint { blobs, doubles: vec![1.0, 1.0, status], count, ..DataPoint::default() };
            if count > 0 {
                self.cloudflare.write_points(dataset, &[point]).unwrap();
            }
        }
    }

    /// Whether a request that changes something was sent.
    pub(crate) fn has_changed(&self) -> bool {
        let reads = ["analytics_engine/sql", "/query", "/graphql"];
        self.cloudflare.requests().iter().any(|request| {
            request.method != "GET" && !reads.iter().any(|end| request.path.ends_with(end))
        })
    }
}

pub(crate) fn ended(output: &Output) -> Ended {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let ended = Ended {
        succeeded: output.status.success(),
        out: text(&output.stdout),
        err: text(&output.stderr),
    };
    for secret in [token("all"), ACCOUNT.to_owned(), KEY.to_owned()] {
        let shown = format!("{}{}", ended.out, ended.err);
        assert!(!shown.contains(&secret), "a secret or an id is shown: {shown}");
    }
    ended
}
