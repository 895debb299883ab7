//! The stand-in as a program.

use std::process::Stdio;

use sandbox::bindings::HEADER;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

#[tokio::test]
async fn the_program_plays_bindings_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("page.html"), "a page").unwrap();
    let assets = format!("site={}", folder.path().display());
    let mut program = Command::new(env!("CARGO_BIN_EXE_sandbox"))
        .args(["--port", "0", "--service", "bindings", "--assets", &assets])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap();
    let url = line.strip_prefix("listening on ").unwrap();
    let request = reqwest::Client::new().get(format!("{url}/page")).header(HEADER, "assets/site");
    assert_eq!(request.send().await.unwrap().text().await.unwrap(), "a page");
}

#[tokio::test]
async fn options_that_it_does_not_have_are_refused() {
    for words in [["--job-ms", "3"], ["--clock", "fast"], ["--assets", "folder"]] {
        let mut program = Command::new(env!("CARGO_BIN_EXE_sandbox"));
        let program = program.args(["--service", "bindings"]).args(words).stderr(Stdio::null());
        assert_eq!(program.status().await.unwrap().code(), Some(2), "{words:?}");
    }
}
