//! The stand-in as a program.

use std::process::Stdio;

use sandbox::cloudflare::token;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

#[tokio::test]
async fn the_program_plays_cloudflare_when_asked() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_sandbox"))
        .args(["--port", "0", "--service", "cloudflare", "--clock=frozen", "--request-limit", "1"])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap();
    let url = line.strip_prefix("listening on ").unwrap();
    for status in [200, 429] {
        let request = reqwest::Client::new().get(format!("{url}/client/v4/user/tokens/verify"));
        let answer = request.bearer_auth(token("read")).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
    }
}

#[tokio::test]
async fn options_that_it_does_not_have_are_refused() {
    for words in [["--job-ms", "3"], ["--clock", "fast"], ["--samples", "some"]] {
        let mut program = Command::new(env!("CARGO_BIN_EXE_sandbox"));
        let program = program.args(["--service", "cloudflare"]).args(words).stderr(Stdio::null());
        assert_eq!(program.status().await.unwrap().code(), Some(2), "{words:?}");
    }
}
