//! Clients in other languages, as processes.

use std::{path::PathBuf, process::Stdio, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};
use xtask::paths;

const PATIENCE: Duration = Duration::from_secs(60);

/// Node 24, which the newer packages need.
pub fn node() -> Command {
    let mut command = Command::new(paths::npm_bin("node"));
    command.current_dir(paths::root()).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Runs a script of `tests/clients` to its end; it fails the test by its exit code.
pub async fn script(name: &str, arguments: &[&str]) -> String {
    let path = PathBuf::from("tests/clients").join(name);
    let output = node().arg(path).args(arguments).output();
    let output = timeout(PATIENCE, output).await.expect("the client ends in time").unwrap();
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{name} failed:\n{shown}\n{errors}");
    shown
}

/// A stdio MCP server, as a client program starts it.
pub struct StdioServer {
    _child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    next: u64,
}

impl StdioServer {
    pub fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().expect("the program starts");
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { _child: child, input, output, next: 1 }
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
            let line = timeout(PATIENCE, self.output.next_line()).await.expect("an answer in time");
            let line = line.unwrap().expect("the program goes on");
            let message: Value = serde_json::from_str(&line).expect("JSON");
            if message["id"] == id {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].clone();
            }
        }
    }

    async fn write(&mut self, message: &Value) {
        self.input.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }
}
