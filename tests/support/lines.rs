//! The lines that the server logs of requests.

use std::time::Duration;

use serde_json::Value;
use xtask::server::Server;

use super::wait;

/// The lines of requests so far, oldest first. Other output is left out.
pub fn lines(server: &Server) -> Vec<Value> {
    all(server).into_iter().filter(|line| line["event"] != "fault").collect()
}

/// The lines of faults and warnings so far, oldest first.
pub fn faults(server: &Server) -> Vec<Value> {
    all(server).into_iter().filter(|line| line["event"] == "fault").collect()
}

fn all(server: &Server) -> Vec<Value> {
    let log = server.log();
    let found = log.lines().filter_map(|line| line.get(line.find("{\"level\":")?..));
    let read = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
    found.map(read).collect()
}

/// The one line of which this holds, once it is there; and there is no other a moment later.
pub async fn line(server: &Server, of: impl Fn(&Value) -> bool) -> Value {
    let is_there = || if lines(server).iter().any(&of) { Ok(()) } else { Err(lines(server)) };
    wait::until("there is a line", async || is_there()).await;
    // Real time: no line shows that no other will come.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let all = lines(server);
    let found: Vec<_> = all.iter().filter(|line| of(line)).collect();
    assert_eq!(found.len(), 1, "{all:#?}");
    found[0].clone()
}

/// The one line of this method.
pub async fn of_method(server: &Server, method: &str) -> Value {
    line(server, |line| line["method"] == method).await
}

/// The one line of this tool.
pub async fn of_tool(server: &Server, tool: &str) -> Value {
    line(server, |line| line["tool"] == tool).await
}
