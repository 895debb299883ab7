//! Passwords, cookies and tokens: they are shown only on demand, and never printed. All
//! that the sandbox makes up, and all that these tests give, begins with `secret-`. Secrets in odd answers are in `answers`.

use sandbox::Generation;
use serde_json::json;

use super::{rows::rows, setup::Setup};
use crate::support::Answer;

#[track_caller]
fn tells_none(what: &str, answer: &Answer) {
    assert!(!answer.text.contains("secret-"), "{what}: {answer:?}");
}

/// A server that has something to say in its log.
async fn talkative(generation: Generation) -> Setup {
    Setup::with(generation, |options| options.var("SESSION_KEY", "")).await
}

/// No output contains a secret; and there is output.
#[track_caller]
fn printed_none(setup: &Setup) {
    let log = setup.server.log();
    assert!(log.contains("SESSION_KEY"), "what the server prints is not here: {log}");
    assert!(!log.contains("secret-"), "{log}");
}

#[tokio::test]
async fn no_tool_tells_a_secret_unasked_and_nothing_is_printed() {
    for generation in [Generation::March, Generation::October] {
        let setup = talkative(generation).await;
        for row in rows() {
            let row = setup.ready(&row.whole()).await;
            tells_none(row.tool, &setup.call(row.tool, row.arguments).await.0);
        }
        printed_none(&setup);
    }
}

#[tokio::test]
async fn a_tool_that_knows_a_secret_tells_it_on_demand_and_no_other() {
    let setup = talkative(Generation::March).await;
    let tools = setup.tools().await;
    let mut tried = 0;
    for row in rows() {
        let tool = tools.iter().find(|tool| tool["name"] == row.tool).unwrap();
        if tool["inputSchema"]["properties"]["reveal"].is_null() {
            continue;
        }
        for reveal in [false, true] {
            let mut row = setup.ready(&row).await;
            row.arguments["reveal"] = json!(reveal);
            let (answer, _) = setup.call(row.tool, row.arguments).await;
            let told =
                answer.text.contains("secret-http-") || answer.text.contains("secret-cookie-");
            assert_eq!(told, reveal, "{}: {answer:?}", row.tool);
            assert!(!answer.text.contains("secret-given"), "{}: {answer:?}", row.tool);
            assert!(!answer.text.contains("secret-token"), "{}: {answer:?}", row.tool);
        }
        tried += 1;
    }
    assert_eq!(tried, 5);
    printed_none(&setup);
}

#[tokio::test]
async fn resources_tell_no_secret() {
    let setup = talkative(Generation::March).await;
    let site = "sitebay://site/site-1.example.com";
    let below = ["", "/config", "/logs/wordpress", "/backups", "/dns"];
    let of_site = below.map(|end| format!("{site}{end}"));
    let listed = ["sites", "teams", "account/summary"].map(|path| format!("sitebay://{path}"));
    for uri in of_site.into_iter().chain(listed) {
        let answer = setup.client.request("resources/read", json!({ "uri": uri })).await;
        assert!(answer.result()["contents"][0]["text"].is_string(), "{answer:?}");
        tells_none(&uri, &answer);
    }
    printed_none(&setup);
}

#[tokio::test]
async fn a_callers_own_token_is_never_repeated() {
    let setup = talkative(Generation::March).await;
    let own =
        Setup::caller(&setup.server).with("x-sitebay-token", "secret-own-token").connect().await;
    for row in rows() {
        let row = setup.ready(&row).await;
        let answer = own.call(row.tool, row.arguments).await;
        assert!(answer.tool_text().contains("401 Unauthorized"), "{}: {answer:?}", row.tool);
        tells_none(row.tool, &answer);
    }
    printed_none(&setup);
}
