//! `cargo xtask deploy`.

use serde_json::json;
use xtask::operations::worker::Share;

use crate::lab::{KEY, Lab, PRODUCTION, STAGING};

#[tokio::test]
async fn a_missing_setting_is_named_and_nothing_is_sent() {
    let lab = Lab::start().await;
    for verb in [
        &["deploy", "--env", "staging"][..],
        &["release", "--percent", "10", "--env", "staging"],
        &["rollback", "--env", "staging"],
        &["checklist", "--env", "staging"],
        &["alerts", "apply", "--env", "staging"],
    ] {
        for name in ["CLOUDFLARE_API_TOKEN", "CLOUDFLARE_ACCOUNT_ID"] {
            let ended = lab.run_with(verb, &[(name, "")]).await;
            ended.refused(&format!("{name} is not set"));
        }
        let without = &verb[..verb.len() - 2];
        lab.run(without).await.refused("--env");
        for stage in ["", "prod", "Staging", "../staging", "preview-1"] {
            let wrong = [without, &["--env", stage]].concat();
            lab.run(&wrong).await.refused("there are: production, staging");
        }
        for (name, value) in
            [("CLOUDFLARE_ENV", "production"), ("WRANGLER_CI_OVERRIDE_NAME", "other")]
        {
            let ended = lab.run_with(verb, &[(name, value)]).await;
            ended.refused("wrangler would deploy another Worker");
        }
    }
    lab.run(&["alerts", "apply", "--env", "staging"]).await.refused("ALERT_WEBHOOK_URL is not set");
    assert!(lab.cloudflare.requests().is_empty() && lab.wrangler_calls().is_empty());
}

#[tokio::test]
async fn a_stage_is_deployed_with_its_secrets_and_its_address_is_printed() {
    let lab = Lab::start().await;
    let version = lab.version(STAGING).await;
    lab.uploads("deploy", STAGING, &version);
    let keys = [("MCP_SHARED_SECRET", KEY), ("MCP_JWT_SECRET", KEY)];
    let outputs = lab.file("outputs");
    let more = [keys[0], keys[1], ("GITHUB_OUTPUT", outputs.to_str().unwrap())];
    let ended = lab.run_with(&["deploy", "--env", "staging"], &more).await.good();
    assert_eq!(ended.value("version"), Some(&*version));
    let url = ended.value("url").unwrap();
    assert!(url.starts_with("https://sitebay-mcp-staging."), "{url}");
    let calls = lab.wrangler_calls();
    assert!(
        calls[0].starts_with("deploy --config wrangler.toml --env staging --strict"),
        "{calls:?}"
    );
    assert_eq!(calls.len(), 1, "secrets are no deployments: {calls:?}");
    assert_eq!(lab.secrets(), json!({ "MCP_SHARED_SECRET": KEY, "MCP_JWT_SECRET": KEY }));
    let written = std::fs::read_to_string(outputs).unwrap();
    assert!(written.contains(&format!("version={version}\n")), "{written}");
}

#[tokio::test]
async fn a_short_secret_stops_the_upload() {
    let lab = Lab::start().await;
    let ended = lab.run_with(&["deploy", "--env", "staging"], &[("MCP_JWT_SECRET", "short")]).await;
    ended.refused("MCP_JWT_SECRET: expected at least 32 characters");
    assert!(lab.wrangler_calls().is_empty());
}

#[tokio::test]
async fn a_gradual_deployment_gives_the_new_version_no_requests() {
    let lab = Lab::start().await;
    let old = lab.shares(PRODUCTION).await[0].version.clone();
    let new = lab.version(PRODUCTION).await;
    lab.uploads("version-upload", PRODUCTION, &new);
    let ended = lab.run(&["deploy", "--env", "production", "--gradual"]).await.good();
    assert_eq!((ended.value("gradual"), ended.value("version")), (Some("true"), Some(&*new)));
    assert_eq!(lab.shares(PRODUCTION).await, [Share::of(&new, 0.0), Share::of(&old, 100.0)]);
    assert!(
        lab.wrangler_calls()[0]
            .starts_with("versions upload --config wrangler.toml --env production --strict")
    );
}

/// §h 27.
#[tokio::test]
async fn a_split_deployment_stops_a_deploy_and_a_change_of_classes_takes_the_other_path() {
    let lab = Lab::start().await;
    let old = lab.shares(PRODUCTION).await[0].version.clone();
    let new = lab.version(PRODUCTION).await;
    let body = json!({ "strategy": "percentage", "versions": [
        { "version_id": new, "percentage": 10 }, { "version_id": old, "percentage": 90 },
    ] });
    let path = format!("workers/scripts/{PRODUCTION}/deployments");
    lab.api("POST", &path, Some(body)).await;
    let ended = lab.run(&["deploy", "--env", "production"]).await;
    ended.refused("a release of sitebay-mcp is under way");
    assert!(lab.wrangler_calls().is_empty());
    let changed = json!({ "migrations": { "new_tag": "v3" } });
    lab.upload(STAGING, false, changed).await;
    let version = lab.shares(STAGING).await[0].version.clone();
    lab.uploads("deploy", STAGING, &version);
    let ended = lab.run(&["deploy", "--env", "staging", "--gradual"]).await.good();
    assert_eq!(ended.value("gradual"), Some("false"));
    assert!(lab.wrangler_calls()[0].starts_with("deploy --config wrangler.toml --env staging"));
    let again = lab.run(&["release", "--percent", "10", "--env", "staging"]).await.good();
    assert!(again.err.contains("has all requests already"), "{again:?}");
}

/// `wrangler` would take a text of its own for an option, such as the name of another Worker.
#[tokio::test]
async fn the_text_of_a_commit_is_no_option_of_wrangler_and_secrets_are_not_in_its_environment() {
    let lab = Lab::start().await;
    lab.uploads("deploy", STAGING, &lab.version(STAGING).await);
    let arguments = ["deploy", "--env", "staging", "--message=--name=sitebay-mcp"];
    let more = [("MCP_SHARED_SECRET", KEY), ("CLOUDFLARE_API_KEY", KEY)];
    lab.run_with(&arguments, &more).await.good();
    let calls = lab.wrangler_calls();
    assert!(calls[0].contains(" --message=--name=sitebay-mcp"), "{calls:?}");
    let environment = std::fs::read_to_string(lab.file("environment")).unwrap();
    assert!(environment.contains(&format!("WRANGLER_CI_OVERRIDE_NAME={STAGING}\n")));
    assert!(environment.contains("CLOUDFLARE_API_TOKEN="));
    assert!(!environment.contains(KEY), "{environment}");
    assert_eq!(lab.secrets(), json!({ "MCP_SHARED_SECRET": KEY }));
}

/// The step of a pipeline that goes back reads the version.
#[tokio::test]
async fn the_version_is_said_also_where_the_deployment_fails_after_the_upload() {
    let lab = Lab::start().await;
    let unknown = "00000000-0000-4000-8000-000000000000";
    lab.uploads("version-upload", PRODUCTION, unknown);
    let ended = lab.run(&["deploy", "--env", "production", "--gradual"]).await;
    let ended = ended.refused("Cloudflare answered 404");
    assert_eq!(ended.value("version"), Some(unknown));
    lab.uploads("version-upload", PRODUCTION, "$(id)");
    let ended = lab.run(&["deploy", "--env", "production", "--gradual"]).await;
    ended.refused("wrangler recorded no version");
}

#[tokio::test]
async fn code_that_is_older_than_the_classes_that_are_deployed_is_refused() {
    let lab = Lab::start().await;
    lab.upload(PRODUCTION, false, json!({ "migrations": { "new_tag": "v9" } })).await;
    let ended = lab.run(&["deploy", "--env", "production", "--gradual"]).await;
    ended.refused("has the migration v9, which wrangler.toml has not");
    assert!(lab.wrangler_calls().is_empty());
}

#[tokio::test]
async fn an_upload_to_another_worker_is_an_error() {
    let lab = Lab::start().await;
    lab.uploads("deploy", PRODUCTION, &lab.version(PRODUCTION).await);
    let ended = lab.run(&["deploy", "--env", "staging"]).await;
    ended.refused("wrangler uploaded the Worker \"sitebay-mcp\", and not sitebay-mcp-staging");
}
