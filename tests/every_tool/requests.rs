//! The requests of every tool to SiteBay: method, path, query, body, and nothing else.

use sandbox::{Generation, Recorded};
use serde_json::Value;

use super::{
    row::{Row, Sent},
    rows::rows,
    setup::Setup,
};

#[tokio::test]
async fn every_tool_that_is_listed_has_a_row_and_every_row_a_tool() {
    let setup = Setup::new(Generation::March).await;
    let listed = setup.tools().await;
    let listed: Vec<&str> = listed.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    let rows = rows();
    for tool in &listed {
        assert_eq!(rows.iter().filter(|row| row.tool == *tool).count(), 1, "rows of {tool}");
    }
    for row in &rows {
        assert!(listed.contains(&row.tool), "{} is not listed", row.tool);
    }
}

#[tokio::test]
async fn sitebay_of_march_receives_what_each_tool_is_for() {
    let setup = Setup::new(Generation::March).await;
    for row in rows() {
        let row = setup.ready(&row).await;
        let result = succeeded(&setup, &row, &row.march).await;
        assert_ne!(result["isError"], true, "{}: {result}", row.tool);
        assert!(result["structuredContent"].is_object(), "{}: {result}", row.tool);
    }
}

#[tokio::test]
async fn sitebay_of_october_receives_what_each_tool_is_for() {
    let setup = Setup::new(Generation::October).await;
    for row in rows() {
        if row.retired {
            continue;
        }
        let row = setup.ready(&row).await;
        let result = succeeded(&setup, &row, &row.october).await;
        assert_ne!(result["isError"], true, "{}: {result}", row.tool);
    }
}

#[tokio::test]
async fn what_october_retired_is_asked_for_once_and_told_with_what_to_use_instead() {
    let setup = Setup::new(Generation::October).await;
    for row in rows().into_iter().filter(|row| row.retired) {
        let row = setup.ready(&row).await;
        let result = succeeded(&setup, &row, &row.october[..1]).await;
        let text = result["content"][0]["text"].as_str().unwrap();
        assert_eq!(result["isError"], true, "{}: {text}", row.tool);
        assert!(text.starts_with("SiteBay retired this route."), "{}: {text}", row.tool);
        assert!(text.contains("sitebay_"), "{}: {text}", row.tool);
    }
}

/// Calls a tool and checks what was received; its result.
async fn succeeded(setup: &Setup, row: &Row, expected: &[Sent]) -> Value {
    let (answer, received) = setup.call(row.tool, row.arguments.clone()).await;
    let sent: Vec<Sent> = received.iter().map(Sent::from).collect();
    let same = sent.len() == expected.len()
        && expected.iter().zip(&sent).all(|(expected, sent)| expected.is(sent));
    assert!(same, "{}: expected {expected:#?}, received {sent:#?}: {answer:?}", row.tool);
    received.iter().for_each(|received| headed(row.tool, received));
    answer.result()
}

/// Every request carries the token and asks for JSON; only creating a site has a key.
fn headed(tool: &str, received: &Recorded) {
    let header = |name: &str| received.headers.get(name).map(String::as_str);
    assert_eq!(header("authorization"), Some("Bearer …rver"), "{tool}");
    assert_eq!(header("accept"), Some("application/json"), "{tool}");
    let has_body = received.body.is_some();
    assert_eq!(header("content-type"), has_body.then_some("application/json"), "{tool}");
    let keyed = received.method == "POST" && received.path.ends_with("/site/");
    assert_eq!(header("idempotency-key").is_some(), keyed, "{tool}");
}
