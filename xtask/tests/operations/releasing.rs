//! `cargo xtask release` and `cargo xtask rollback`.

use std::time::Duration;

use sandbox::Fault;
use serde_json::json;
use xtask::operations::worker::Share;

use crate::lab::{Ended, Lab, PRODUCTION, ended};

const DATASET: &str = "sitebay_mcp";

/// A release of production that has begun: the new version and the old one.
async fn begun() -> (Lab, String, String) {
    let lab = Lab::start().await;
    let old = lab.shares(PRODUCTION).await[0].version.clone();
    let new = lab.version(PRODUCTION).await;
    (lab, new, old)
}

/// Runs one step, and writes requests once the share is what it should be.
async fn step(lab: &Lab, percent: &str, [new, old]: [(&str, u32); 2], more: &[&str]) -> Ended {
    let arguments =
        ["release", "--percent", percent, "--env", "production", "--url", lab.page.url()];
    let arguments = [&arguments[..], &["--pause", "0.05"], more].concat();
    let child = lab.command(&arguments, &[]);
    let running = tokio::spawn({
        let mut child = child;
        async move { child.output().await.unwrap() }
    });
    let wanted: f64 = percent.parse().unwrap();
    while wanted > 0.0 && !running.is_finished() {
        let shares = lab.shares(PRODUCTION).await;
        if shares.iter().any(|share| share.version == new.0 && share.percentage >= wanted) {
            lab.write_requests(DATASET, old.0, 100, old.1);
            lab.write_requests(DATASET, new.0, 100, new.1);
            break;
        }
        // Real time: between two looks.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    ended(&running.await.unwrap())
}

#[tokio::test]
async fn a_good_version_gets_all_requests_step_by_step() {
    let (lab, new, old) = begun().await;
    for percent in [0.0, 10.0, 50.0] {
        step(&lab, &percent.to_string(), [(&new, 0), (&old, 0)], &[]).await.good();
        let shares = [Share::of(&new, percent), Share::of(&old, 100.0 - percent)];
        assert_eq!(lab.shares(PRODUCTION).await, shares);
    }
    let lower = step(&lab, "10", [(&new, 0), (&old, 0)], &[]).await;
    lower.refused("a share only grows");
    let ended = step(&lab, "100", [(&new, 0), (&old, 0)], &[]).await.good();
    assert_eq!(ended.value("released"), Some(&*new));
    assert_eq!(lab.shares(PRODUCTION).await, [Share::of(&new, 100.0)]);
    let triggers = "triggers deploy --config wrangler.toml --env production";
    assert_eq!(lab.wrangler_calls(), [triggers]);
    // Run again, such as after the triggers failed.
    step(&lab, "100", [(&new, 0), (&old, 0)], &[]).await.good();
    assert_eq!(lab.wrangler_calls(), [triggers; 2]);
}

/// §h 27.
#[tokio::test]
async fn a_version_with_five_percent_errors_is_taken_back_within_one_window() {
    let (lab, new, old) = begun().await;
    step(&lab, "0", [(&new, 0), (&old, 0)], &[]).await.good();
    let ended = step(&lab, "10", [(&new, 5), (&old, 0)], &[]).await;
    let ended = ended.refused("fails more than");
    assert!(ended.err.contains("taken back") && ended.err.contains("(5.00%)"), "{ended:?}");
    assert_eq!(lab.shares(PRODUCTION).await, [Share::of(&old, 100.0)]);
}

/// A request that the runtime ends writes no data point: those of the others look good.
#[tokio::test]
async fn a_version_whose_requests_the_runtime_ends_is_taken_back() {
    let (lab, new, old) = begun().await;
    let invocations = |version: &str, errors: u32| {
        let row = json!({
            "dataset": "workersInvocationsAdaptive",
            "dimensions": { "scriptName": PRODUCTION, "scriptVersion": version, "status": "scriptThrewException" },
            "sum": { "requests": 100, "errors": errors },
        });
        lab.cloudflare.add_numbers(vec![serde_json::from_value(row).unwrap()]);
    };
    invocations(&old, 0);
    invocations(&new, 1);
    step(&lab, "10", [(&new, 0), (&old, 0)], &[]).await.good();
    invocations(&new, 10);
    let ended = step(&lab, "50", [(&new, 0), (&old, 0)], &[]).await;
    ended.refused("the runtime ends more requests");
    assert_eq!(lab.shares(PRODUCTION).await, [Share::of(&old, 100.0)]);
}

/// The data points decide alone.
#[tokio::test]
async fn a_release_goes_on_where_the_invocations_cannot_be_read_and_says_so() {
    let (lab, new, old) = begun().await;
    lab.cloudflare.inject(Fault {
        path: Some("/graphql".to_owned()),
        status: Some(403),
        ..Fault::default()
    });
    let ended = step(&lab, "10", [(&new, 0), (&old, 0)], &[]).await.good();
    assert!(ended.err.contains("what the runtime ends is not judged"), "{ended:?}");
}

#[tokio::test]
async fn at_all_requests_the_version_before_is_judged_by_its_last_hour() {
    let (lab, new, old) = begun().await;
    lab.write_requests(DATASET, &old, 100, 5);
    step(&lab, "100", [(&new, 5), (&new, 5)], &[]).await.good();
    let (lab, new, old) = begun().await;
    lab.write_requests(DATASET, &old, 100, 0);
    let ended = step(&lab, "100", [(&new, 5), (&new, 5)], &[]).await;
    ended.refused("fails more than");
    assert_eq!(lab.shares(PRODUCTION).await, [Share::of(&old, 100.0)]);
}

#[tokio::test]
async fn too_few_requests_decide_nothing() {
    let (lab, new, old) = begun().await;
    let more = ["--within", "0", "--least-requests", "1000"];
    let ended = step(&lab, "10", [(&new, 0), (&old, 0)], &more).await;
    ended.refused("too few requests to judge");
    assert_eq!(lab.shares(PRODUCTION).await, [Share::of(&new, 10.0), Share::of(&old, 90.0)]);
}

/// §h 28.
#[tokio::test]
async fn a_smoke_test_fails_where_another_version_answers() {
    let (lab, new, old) = begun().await;
    lab.page.set(|answers| {
        answers.heeds_overrides = false;
        answers.health["versionId"] = old.clone().into();
    });
    let ended = step(&lab, "0", [(&new, 0), (&old, 0)], &[]).await;
    ended.refused("the override was not applied");
    assert_eq!(lab.shares(PRODUCTION).await, [Share::of(&old, 100.0)]);
    lab.page.set(|answers| answers.health["versionId"] = serde_json::Value::Null);
    let again = ["--again"];
    step(&lab, "0", [(&new, 0), (&old, 0)], &[]).await.refused("was taken back");
    step(&lab, "0", [(&new, 0), (&old, 0)], &again).await.refused("/health has no versionId");
    lab.page.set(|answers| {
        answers.heeds_overrides = true;
        answers.health["environment"] = "development".into();
    });
    step(&lab, "0", [(&new, 0), (&old, 0)], &again).await.refused("of the environment");
}

#[tokio::test]
async fn a_rollback_leads_to_the_version_before_and_only_from_the_version_that_is_named() {
    let (lab, new, old) = begun().await;
    let back = ["rollback", "--env", "production"];
    step(&lab, "10", [(&new, 0), (&old, 0)], &[]).await.good();
    let other = [&back[..], &["--from", "another"]].concat();
    lab.run(&other).await.good();
    assert_eq!(lab.shares(PRODUCTION).await.len(), 2);
    let own = [&back[..], &["--from", &new]].concat();
    lab.run(&own).await.good();
    assert_eq!(lab.shares(PRODUCTION).await, [Share::of(&old, 100.0)]);
    // The pipeline may call it twice.
    lab.run(&own).await.good();
    assert_eq!(lab.shares(PRODUCTION).await, [Share::of(&old, 100.0)]);
    step(&lab, "100", [(&new, 0), (&old, 0)], &["--again"]).await.good();
    lab.run(&back).await.good();
    assert_eq!(lab.shares(PRODUCTION).await, [Share::of(&old, 100.0)]);
}

/// A second rollback leads further back, or nowhere, and never to the version that was taken back.
#[tokio::test]
async fn a_version_that_was_taken_back_comes_again_only_where_it_is_asked_for() {
    let (lab, new, old) = begun().await;
    step(&lab, "100", [(&new, 0), (&old, 0)], &[]).await.good();
    let back = ["rollback", "--env", "production"];
    lab.run(&back).await.good();
    let again = lab.run(&back).await;
    assert!(again.value("version").is_none_or(|version| version != new), "{again:?}");
    let shares = lab.shares(PRODUCTION).await;
    assert!(shares.iter().all(|share| share.version != new), "{shares:?}");
    // Such as the next step of a pipeline, after a person went back by hand.
    step(&lab, "50", [(&new, 0), (&old, 0)], &[]).await.refused("was taken back");
    let named = ["--version", &new];
    step(&lab, "50", [(&new, 0), (&old, 0)], &named).await.refused("was taken back");
    assert_eq!(lab.shares(PRODUCTION).await, shares);
    let junk = [&back[..], &["--to", "latest"]].concat();
    lab.run(&junk).await.refused("expected the id of a version");
}

#[tokio::test]
async fn a_margin_that_lets_every_version_pass_is_refused() {
    let (lab, new, old) = begun().await;
    for margin in ["NaN", "inf", "-1", "101", "x"] {
        let more = [&*format!("--margin={margin}")];
        let ended = step(&lab, "0", [(&new, 0), (&old, 0)], &more).await;
        ended.refused("expected a number from 0 to 100");
    }
    assert!(!lab.has_changed() || lab.shares(PRODUCTION).await == [Share::of(&old, 100.0)]);
}

/// An older version is no release: the next step would take it for the one before.
#[tokio::test]
async fn an_older_version_is_not_released() {
    let (lab, new, old) = begun().await;
    step(&lab, "100", [(&new, 0), (&old, 0)], &[]).await.good();
    let more = ["--version", &old, "--again"];
    step(&lab, "10", [(&new, 0), (&old, 0)], &more).await.refused("is older than");
    assert_eq!(lab.shares(PRODUCTION).await, [Share::of(&new, 100.0)]);
}

/// §h 29.
#[tokio::test]
async fn a_rollback_past_a_change_of_secrets_is_refused_and_never_forced() {
    let (lab, new, _) = begun().await;
    step(&lab, "100", [(&new, 0), (&new, 0)], &[]).await.good();
    let secret =
        serde_json::json!({ "name": "MCP_API_KEY", "text": "another", "type": "secret_text" });
    let path = format!("workers/scripts/{PRODUCTION}/secrets");
    lab.api("PUT", &path, Some(secret)).await;
    let before = lab.shares(PRODUCTION).await;
    let ended = lab.run(&["rollback", "--env", "production"]).await;
    ended.refused("MCP_API_KEY");
    assert_eq!(lab.shares(PRODUCTION).await, before);
    assert!(lab.cloudflare.requests().iter().all(|request| !request.query.contains("force")));
}
