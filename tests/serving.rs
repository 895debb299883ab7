//! `cargo xtask serve` as a program.

use std::{
    ops::{Deref, DerefMut},
    process::{Command as Blocking, Stdio},
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};
use xtask::paths;

use crate::support::{Client, fixtures, production, wait};

/// The program. It is ended as people end it, so that it ends its own children, also where a test fails.
struct Serve(Child);

impl Deref for Serve {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl DerefMut for Serve {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let Some(id) = self.0.id() else { return };
        let ended = Blocking::new("kill").arg(id.to_string()).status();
        let deadline = Instant::now() + wait::PATIENCE;
        while ended.is_ok() && Instant::now() < deadline && matches!(self.0.try_wait(), Ok(None)) {
            // Real time: a program is ended.
            std::thread::sleep(Duration::from_millis(25));
        }
    }
}

fn serve(arguments: &[&str]) -> Serve {
    production();
    let child = Command::new(paths::root().join("target/debug/xtask"))
        .args(["serve", "--port", "0"])
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    Serve(child)
}

#[tokio::test]
async fn serve_binds_what_it_is_asked_to_and_says_where_that_is_steered() {
    let mut child = serve(&["--bindings"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = async |start: &str| {
        let line = wait::done(start, lines.next_line()).await.unwrap().expect("a line");
        line.strip_prefix(start).unwrap_or_else(|| panic!("{start}: {line}")).to_owned()
    };
    let url = next("listening on ").await;
    next("sandbox on ").await;
    let bindings = next("bindings on ").await;
    let client = Client::new(url.trim_end_matches("/mcp"));
    assert_eq!(client.initialize("2025-11-25").await.status, 200);
    let points = format!("{bindings}/__control/points?dataset=sitebay_mcp");
    wait::until("a data point of the request", async || {
        let points = reqwest::get(&points).await.unwrap().text().await.unwrap();
        if points.contains("initialize") { Ok(()) } else { Err(points) }
    })
    .await;
}

#[tokio::test]
async fn serve_operates_the_stages_of_the_sample_before_a_stand_in() {
    fixtures();
    let mut child = serve(&["--fixtures", "--infrastructure"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = async |start: &str| {
        let line = wait::done(start, lines.next_line()).await.unwrap().expect("a line");
        line.strip_prefix(start).unwrap_or_else(|| panic!("{start}: {line}")).to_owned()
    };
    let url = next("listening on ").await;
    next("sandbox on ").await;
    next("cloudflare on ").await;
    next("unlock key ").await;
    let client = Client::new(url.trim_end_matches("/mcp")).connect().await;
    let query = json!({ "query": "SELECT * FROM users LIMIT 10", "stage": "staging" });
    let seen = client.call("query_database", query).await.result();
    assert!(seen["structuredContent"]["row_count"].as_u64().unwrap() > 0, "{seen}");
    let message = json!({ "objectName": "ChatDO", "message": "Hello from MCP", "confirm": true });
    let said = client.call("send_durable_object_message", message).await.result();
    assert_eq!(said["structuredContent"]["answer"]["received"], "Hello from MCP", "{said}");
}

#[tokio::test]
async fn serve_says_when_it_is_ready_and_ends_with_its_children() {
    let mut child = serve(&[]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = wait::done("it says so", lines.next_line()).await.unwrap().expect("a line");
    let url = line.strip_prefix("listening on ").expect("the URL").to_owned();
    let client = Client::new(url.trim_end_matches("/mcp"));
    assert_eq!(client.initialize("2025-11-25").await.status, 200);
    let id = child.id().unwrap().to_string();
    let _held = client.clone().connect().await.get().await;
    assert!(Command::new("kill").arg(id).status().await.unwrap().success());
    let ended = wait::done("it ends", child.wait()).await.unwrap();
    assert!(ended.success(), "{ended}");
    let refused = reqwest::get(url).await;
    assert!(refused.is_err(), "workerd still listens");
}
