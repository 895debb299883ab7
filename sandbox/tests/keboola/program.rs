//! The stand-in as a program.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

#[tokio::test]
async fn the_program_plays_keboola_when_asked() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_sandbox"))
        .args(["--port", "0", "--service=keboola", "--clock", "frozen"])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap();
    let url = line.strip_prefix("listening on ").unwrap();
    let answer = reqwest::get(format!("{url}/us/connection/v2/storage")).await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
}

#[tokio::test]
async fn options_of_the_other_service_are_refused() {
    for words in [["--service", "keboola", "--sites", "3"], ["--service", "else", "--port", "0"]] {
        let mut program = Command::new(env!("CARGO_BIN_EXE_sandbox"));
        let program = program.args(words).stderr(Stdio::null());
        assert_eq!(program.status().await.unwrap().code(), Some(2));
    }
}
