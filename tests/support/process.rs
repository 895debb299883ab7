//! Clients in other languages, as processes.

use std::{
    path::PathBuf,
    process::Stdio,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
    time::timeout,
};
use xtask::{paths, setup, skips::skip};

use super::wait;

/// How long a program of another language may be silent. It starts in a few seconds on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Node 24, which the newer packages need.
pub fn node() -> Command {
    let mut command = Command::new(paths::npm_bin("node"));
    command.current_dir(paths::root()).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Runs a script of `tests/clients` to its end; it fails the test by its exit code.
pub async fn script(name: &str, arguments: &[&str]) -> String {
    let path = PathBuf::from("tests/clients").join(name);
    let mut command = node();
    command.arg(path).args(arguments);
    succeeded(name, command).await
}

/// A Python with the packages of `tests/clients/requirements.txt`. None: this machine has none, and the
/// test was skipped.
pub fn python(test: &str) -> Option<&'static PathBuf> {
    static PYTHON: OnceLock<Option<PathBuf>> = OnceLock::new();
    let python = PYTHON.get_or_init(|| setup::python().expect("the Python packages install"));
    if python.is_none() {
        skip(test, "there is no Python 3.11 or later with venv and pip");
    }
    python.as_ref()
}

/// Runs a script of `tests/clients` in Python. None: this machine has none, and the test was skipped.
pub async fn python_script(test: &str, name: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(python(test)?);
    command.current_dir(paths::root()).stdin(Stdio::null()).kill_on_drop(true);
    command.arg(PathBuf::from("tests/clients").join(name)).args(arguments);
    Some(succeeded(name, command).await)
}

/// Runs a command to its good end; returns what it printed, without the last line's end.
pub async fn succeeded(name: &str, command: Command) -> String {
    succeeded_within(PATIENCE, name, command).await
}

/// The same for one that may take longer.
pub async fn succeeded_within(patience: Duration, name: &str, mut command: Command) -> String {
    let Ok(output) = timeout(patience, command.output()).await else {
        panic!("{name} hangs: it did not end within {patience:?}");
    };
    let output = output.expect("the program starts");
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{name} failed:\n{shown}\n{errors}");
    shown.trim_end().to_owned()
}

/// A stdio MCP server, as a client program starts it.
pub struct StdioServer {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    log: Arc<Mutex<String>>,
    next: u64,
    /// Its notifications.
    pub heard: Vec<Value>,
    /// The fields that it asked for.
    pub asked: Vec<String>,
}

impl StdioServer {
    pub fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        let log = kept(child.stderr.take().unwrap());
        Self { child, input, output, log, next: 1, heard: Vec::new(), asked: Vec::new() }
    }

    /// Its log, once this is in it.
    pub async fn logged(&self, what: &str) -> String {
        wait::until(&format!("{what:?} is in its log"), async || {
            let log = self.log.lock().unwrap().clone();
            if log.contains(what) { Ok(log) } else { Err(log) }
        })
        .await
    }

    /// Its output from now on, up to the line with this in it.
    pub async fn said(&mut self, what: &str) -> String {
        let mut said = String::new();
        while !said.contains(what) {
            let line = timeout(PATIENCE, self.output.next_line()).await;
            let Ok(Ok(Some(line))) = line else {
                panic!(
                    "no {what} within {PATIENCE:?}, but {line:?}:\n{said}\n{}",
                    self.log.lock().unwrap()
                );
            };
            said.extend([line.as_str(), "\n"]);
        }
        said
    }

    pub async fn notify(&mut self, method: &str) {
        self.write(&json!({ "jsonrpc": "2.0", "method": method })).await;
    }

    /// Sends a request and reads on to its response.
    pub async fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.next;
        self.next += 1;
        self.write(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))
            .await;
        loop {
            let message = self.read().await;
            if message["id"] == id && message["method"].is_null() {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].clone();
            }
            self.take(message).await;
        }
    }

    /// Reads on until this notification.
    pub async fn until(&mut self, method: &str) {
        while !self.heard.iter().any(|message| message["method"] == method) {
            let message = self.read().await;
            self.take(message).await;
        }
    }

    /// Ends it as a client program does: by the end of its input.
    pub async fn end(mut self) {
        drop(self.input);
        let ended = timeout(PATIENCE, self.child.wait()).await;
        ended.expect("the program ends with its input").expect("its status");
    }

    /// Notes a notification; answers a question with a name and consent, whichever is asked for.
    async fn take(&mut self, message: Value) {
        if message["method"] != "elicitation/create" {
            return self.heard.push(message);
        }
        let fields = message["params"]["requestedSchema"]["properties"].as_object();
        let fields: Vec<_> = fields.into_iter().flatten().map(|(name, _)| name.clone()).collect();
        let content = match fields.iter().any(|name| name == "confirm") {
            true => json!({ "confirm": true }),
            false => json!({ "name": "Ada" }),
        };
        self.asked.extend(fields);
        let result = json!({ "action": "accept", "content": content });
        self.write(&json!({ "jsonrpc": "2.0", "id": message["id"], "result": result })).await;
    }

    async fn read(&mut self) -> Value {
        let line = timeout(PATIENCE, self.output.next_line()).await;
        let Ok(Ok(Some(line))) = line else {
            panic!(
                "no message within {PATIENCE:?}, but {line:?}; its log:\n{}",
                self.log.lock().unwrap()
            );
        };
        serde_json::from_str(&line).expect("JSON")
    }

    async fn write(&mut self, message: &Value) {
        self.input.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }
}

/// A program's standard error, for when it fails.
fn kept(output: ChildStderr) -> Arc<Mutex<String>> {
    let log = Arc::new(Mutex::new(String::new()));
    let copy = Arc::clone(&log);
    tokio::spawn(async move {
        let mut lines = BufReader::new(output).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            copy.lock().unwrap().extend([line.as_str(), "\n"]);
        }
    });
    log
}
