//! The checklist of a stage whose configuration has more than this repository's: a custom domain, alarms, a limit.

use sandbox::cloudflare::{ACCOUNT, token};
use serde_json::{Value, json};
use xtask::{
    operations::{
        api::Api,
        checklist::{self, Asked},
        stage::Stage,
        worker::Deployed,
    },
    paths,
};

use crate::{
    checking::{Ready, variable},
    lab::{KEY, Lab, PRODUCTION, STAGING},
};

/// Production with more in its configuration.
fn production(more: &str) -> Stage {
    let text = std::fs::read_to_string(paths::root().join("wrangler.toml")).unwrap();
    Stage::of(&format!("{text}\n{more}"), "production").unwrap()
}

/// What a function says that waits for the API.
async fn with<T: Send + 'static>(
    lab: &Lab,
    stage: &Stage,
    function: impl FnOnce(&Api, &Stage) -> T + Send + 'static,
) -> T {
    let (url, stage) = (lab.cloudflare.api_url(), stage.clone());
    let asked = move || function(&Api::at(&url, ACCOUNT, &token("all")), &stage);
    tokio::task::spawn_blocking(asked).await.unwrap()
}

/// Why a point fails. None: it passes.
async fn fault(lab: &Lab, stage: &Stage, point: &'static str) -> Option<String> {
    let asked = Asked { addresses: vec![lab.page.url().to_owned()], ..Asked::default() };
    let run = move |api: &Api, stage: &Stage| checklist::run(api, stage, &asked).json(stage);
    let report = with(lab, stage, run).await;
    let mut points = report["points"].as_array().unwrap().iter();
    let found = points.find(|one| one["name"] == point).unwrap();
    (found["passed"] != true).then(|| found["detail"].as_str().unwrap().to_owned())
}

/// §h 30. A release tries a version at addresses that lead to the Worker: a new domain is made at its end.
#[tokio::test]
async fn a_custom_domain_leads_to_the_stages_worker() {
    let ready = Ready::start().await;
    let domain = "[[env.production.routes]]\npattern = \"mcp.example.com\"\ncustom_domain = true";
    let stage = production(domain);
    let addresses = |api: &Api, stage: &Stage| {
        let deployed = Deployed::look(api, stage).unwrap();
        (deployed.addresses().unwrap(), deployed.reachable().unwrap())
    };
    let own = "https://mcp.example.com";
    let (all, reachable) = with(&ready.lab, &stage, addresses).await;
    assert!(all[0] == own && all.len() == 2 && reachable == all[1..], "{all:?} {reachable:?}");
    assert!(fault(&ready.lab, &stage, "domains").await.unwrap().contains("mcp.example.com"));
    let attach = |service: &str| Some(json!({ "hostname": "mcp.example.com", "service": service }));
    let other = ready.lab.api("PUT", "workers/domains", attach(STAGING)).await;
    assert!(fault(&ready.lab, &stage, "domains").await.is_some(), "it is another Worker's");
    let path = format!("workers/domains/{}", other["id"].as_str().unwrap());
    ready.lab.api("DELETE", &path, None).await;
    ready.lab.api("PUT", "workers/domains", attach(PRODUCTION)).await;
    assert_eq!(fault(&ready.lab, &stage, "domains").await, None);
    let (all, reachable) = with(&ready.lab, &stage, addresses).await;
    assert_eq!(all, reachable);
}

/// §h 30. The server switches its alarms off where the account is missing, and looks at production's data where
/// no dataset is named.
#[tokio::test]
async fn alarms_have_an_account_and_look_at_the_data_of_their_stage() {
    let ready = Ready::start().await;
    let stage = production("[env.production.triggers]\ncrons = [\"*/5 * * * *\"]");
    let secrets = ["ALARM_WEBHOOK_URL", "ALARM_WEBHOOK_SECRET", "ALARM_API_TOKEN"];
    let secrets = secrets.map(|name| json!({ "type": "secret_text", "name": name, "text": KEY }));
    let deploy = async |more: &[Value]| {
        let bindings = ready.bindings.iter().chain(&secrets).chain(more).cloned();
        ready.deploy(&bindings.collect::<Vec<_>>()).await;
        fault(&ready.lab, &stage, "alarms").await
    };
    assert_eq!(deploy(&[]).await.as_deref(), Some("not set: CLOUDFLARE_ACCOUNT_ID"));
    let account = variable("CLOUDFLARE_ACCOUNT_ID", ACCOUNT);
    assert_eq!(deploy(std::slice::from_ref(&account)).await, None);
    let dataset = variable("ALARM_DATASET", "sitebay_mcp_staging");
    let fault = deploy(&[account, dataset]).await.unwrap();
    assert!(fault.contains("sitebay_mcp_staging, and not at sitebay_mcp"), "{fault}");
}

/// §h 30.
#[tokio::test]
async fn the_limit_of_a_caller_is_tried_with_a_key_and_never_in_production() {
    let lab = Lab::start().await;
    let bindings = json!({ "bindings": [variable("RATE_LIMIT", "20")] });
    lab.upload(STAGING, false, bindings).await;
    let point = async |more: &[(&str, &str)]| {
        let url = lab.page.url();
        let arguments = ["checklist", "--env", "staging", "--limit", "--json", "--url", url];
        let ended = lab.run_with(&arguments, more).await;
        let report: Value = serde_json::from_str(&ended.out).unwrap();
        let point = report["points"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(point["name"], "limit");
        (point["passed"] == true, point["detail"].as_str().unwrap().to_owned())
    };
    let (passed, detail) = point(&[]).await;
    assert!(!passed && detail.contains("neither MCP_API_KEY nor"), "{detail}");
    let key = [("MCP_API_KEY", KEY)];
    let (passed, detail) = point(&key).await;
    assert!(!passed && detail.contains("is refused"), "{detail}");
    lab.page.set(|answers| answers.key = Some((KEY.to_owned(), 20)));
    let (passed, detail) = point(&key).await;
    assert!(passed && detail.starts_with("429"), "{detail}");
    lab.page.set(|answers| answers.key = Some((KEY.to_owned(), 10_000)));
    let (passed, detail) = point(&key).await;
    assert!(!passed && detail.contains("40 requests were not answered with 429"), "{detail}");
    let production = ["checklist", "--env", "production", "--limit"];
    lab.run_with(&production, &key).await.refused("callers of production");
}
