//! The sandbox as a program.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

#[tokio::test]
async fn the_program_says_where_it_listens_and_ends_on_request() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_sandbox"))
        .args(["--port", "0", "--sites=1"])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap();
    let url = line.strip_prefix("listening on ").unwrap();
    let answer = reqwest::get(format!("{url}/f/api/v1/team")).await.unwrap();
    assert_eq!(answer.status().as_u16(), 401);

    let id = program.id().unwrap().to_string();
    let kill = Command::new("kill").args(["-TERM", &id]).status().await;
    assert!(kill.unwrap().success());
    assert!(program.wait().await.unwrap().success());
}

#[tokio::test]
async fn the_program_refuses_options_it_does_not_know() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_sandbox"));
    let program = program.args(["--colour", "red"]).stderr(Stdio::null());
    assert_eq!(program.status().await.unwrap().code(), Some(2));
}
