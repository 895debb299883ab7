//! The storage of a session.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::json;
use xtask::{
    faults::{Fault, Faults, How},
    server::{Options, Server},
};

use crate::support::{Client, options, server, start, wait};

/// Files that the local runtime makes for any object, used or not.
const EMPTY_OBJECT: u64 = 4_096;

/// The files of objects with this ending.
pub fn files(storage: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![storage.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if is_object(&path) && path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found
}

/// Whether a file is an object's, and not the runtime's own list of alarms.
fn is_object(path: &Path) -> bool {
    !path.to_string_lossy().contains("metadata.sqlite")
}

/// How many objects were ever started.
pub fn objects(server: &Server) -> usize {
    files(server.storage(), ".sqlite").len()
}

/// Whether a text is in any file of the objects.
pub fn is_stored(server: &Server, text: &str) -> bool {
    let mut stored = files(server.storage(), ".sqlite");
    stored.extend(files(server.storage(), ".sqlite-wal"));
    stored.iter().any(|file| {
        // One that is gone was that of an object which the runtime put away.
        let bytes = fs::read(file).unwrap_or_default();
        bytes.windows(text.len()).any(|part| part == text.as_bytes())
    })
}

/// Checks that no object wrote a row: each file is the empty one, each log is empty.
pub fn assert_unwritten(server: &Server) {
    assert_unwritten_in(server.storage());
}

/// The same of the objects that hold sessions, where some had a stream, which their hub noted.
pub fn assert_sessions_unwritten(server: &Server) {
    assert_unwritten_in(&server.storage().join("sitebay-mcp-SessionAgent"));
}

fn assert_unwritten_in(storage: &Path) {
    let objects = files(storage, ".sqlite");
    assert!(!objects.is_empty(), "no object is in {}", storage.display());
    for file in objects {
        let size = fs::metadata(&file).unwrap().len();
        assert_eq!(size, EMPTY_OBJECT, "{}", file.display());
    }
    for log in files(storage, ".sqlite-wal") {
        // One that is gone was that of an object which the runtime put away.
        let size = fs::metadata(&log).map_or(0, |log| log.len());
        assert_eq!(size, 0, "{}", log.display());
    }
}

#[tokio::test]
async fn a_thousand_initialize_make_no_object() {
    let server = server().await;
    let client = Client::new(&server.url());
    for _ in 0..1_000 {
        assert_eq!(client.initialize("2025-11-25").await.status, 200);
    }
    assert_eq!(objects(&server), 0);
}

#[tokio::test]
async fn a_thousand_abandoned_sessions_write_no_row() {
    let server = server().await;
    for _ in 0..1_000 {
        let client = Client::new(&server.url()).connect().await;
        assert_eq!(client.request("tools/list", json!({})).await.status, 200);
        assert_eq!(client.call("echo", json!({ "text": "bye" })).await.tool_text(), "bye");
    }
    // And their hub, which was asked whether they were ended.
    assert_eq!(objects(&server), 1_001);
    assert_unwritten(&server);
}

#[tokio::test]
async fn refused_session_ids_make_no_object() {
    let server = server().await;
    let other = Client::new(&server.url()).with("x-sitebay-token", "another");
    let foreign = other.initialize("2025-11-25").await.header("mcp-session-id").to_owned();
    let own = Client::new(&server.url()).initialize("2025-11-25").await;
    let mut forged = own.header("mcp-session-id").to_owned();
    forged.replace_range(20..21, if &forged[20..21] == "A" { "B" } else { "A" });
    for id in [foreign.as_str(), &forged, "x", &"A".repeat(600)] {
        let client = Client::new(&server.url()).with("mcp-session-id", id);
        client.request("ping", json!({})).await.refused(404, -32001);
        assert_eq!(client.get().await.status(), 404);
        assert_eq!(client.delete().await.status, 404);
    }
    assert_eq!(objects(&server), 0);
}

#[tokio::test]
async fn an_ended_session_stays_ended_over_a_restart() {
    let mut server = server().await;
    let client = Client::new(&server.url()).connect().await;
    assert_eq!(client.delete().await.status, 204);
    client.request("ping", json!({})).await.refused(404, -32001);
    server.restart().await.unwrap();
    client.request("ping", json!({})).await.refused(404, -32001);
    assert_eq!(client.delete().await.status, 404);
}

/// An alarm that the object believed to be set would never clear the rows.
#[tokio::test]
async fn an_alarm_that_could_not_be_set_is_set_with_the_next_row() {
    let fault = Fault { class: "SessionAgent", path: "", how: How::Unarmed, times: 1 };
    let faults = Faults { faults: vec![fault], haste: 1 };
    let server = start(Options { faults: Some(faults), ..options() }).await;
    let client = Client::new(&server.url()).connect().await;
    client.request("logging/setLevel", json!({ "level": "info" })).await;
    let failed = || server.log().contains("a fault in place of an alarm");
    wait::holds("the first alarm could not be set", failed).await;
    assert!(!server.log().contains(Faults::ALARM_SET), "{}", server.log());
    client.request("logging/setLevel", json!({ "level": "warning" })).await;
    wait::holds("the second one is set", || server.log().contains(Faults::ALARM_SET)).await;
}

#[tokio::test]
async fn a_session_outlives_a_restart() {
    let mut server = server().await;
    let client = Client::new(&server.url()).connect().await;
    server.restart().await.unwrap();
    assert_eq!(client.call("echo", json!({ "text": "back" })).await.tool_text(), "back");
}
