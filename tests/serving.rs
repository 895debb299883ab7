//! `cargo xtask serve` as a program.

use std::process::Stdio;

use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
};
use xtask::paths;

use crate::support::{Client, production, wait};

#[tokio::test]
async fn serve_says_when_it_is_ready_and_ends_with_its_children() {
    production();
    let mut child = Command::new(paths::root().join("target/debug/xtask"))
        .args(["serve", "--port", "0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
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
