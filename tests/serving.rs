//! `cargo xtask serve` as a program.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
    time::timeout,
};
use xtask::paths;

use crate::support::{Client, production};

#[tokio::test]
async fn serve_is_ready_within_a_second_and_ends_with_its_children() {
    production();
    let began = Instant::now();
    let mut child = Command::new(paths::root().join("target/debug/xtask"))
        .args(["serve", "--port", "0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().expect("a line");
    let ready = began.elapsed();
    let url = line.strip_prefix("listening on ").expect("the URL").to_owned();
    let client = Client::new(url.trim_end_matches("/mcp"));
    assert_eq!(client.initialize("2025-11-25").await.status, 200);
    // Other tests use the same two cores.
    assert!(ready < Duration::from_secs(3), "{ready:?}");
    let id = child.id().unwrap().to_string();
    let _held = client.clone().connect().await.get().await;
    assert!(Command::new("kill").arg(id).status().await.unwrap().success());
    let ended = timeout(Duration::from_secs(5), child.wait()).await.expect("it ends").unwrap();
    assert!(ended.success(), "{ended}");
    let refused = reqwest::get(url).await;
    assert!(refused.is_err(), "workerd still listens");
}
