//! What goes wrong while a tool of this server works with Keboola: tokens, rights, branches, maintenance, jobs, and data of
//! any form. Wrong arguments are in `keboola_tools`.

use std::time::Duration;

use reqwest::Method;
use sandbox::{
    Fault,
    keboola::{JobEnd, JobPlan, token},
};
use serde_json::{Value, json};

use crate::support::{
    Answer, Client,
    gateway::Front,
    keboola::STACK,
    keboola_native::Native,
    keyed::{Tab, link_for, link_in},
    oauth::send,
    options,
    stateless::ask,
    talk::{Era, Talk},
    wait,
};

const HTTP: &str = "keboola.ex-http";
const CONFIGS: &str = "/connection/v2/storage/branch/default/components/keboola.ex-http/configs";

async fn stand() -> (Native, Client) {
    let native = Native::still(options()).await;
    let client = native.person("ada", 101).await;
    (native, client)
}

/// A request to Storage with the master token of project 101.
async fn storage(native: &Native, method: Method, path: &str, body: Value) -> Answer {
    let url = format!("{}/v2/storage/{path}", native.keboola.service_url(STACK, "connection"));
    let master = token(101, "master");
    let headers = [("x-storageapi-token", &*master), ("content-type", "application/json")];
    send(method, &url, &headers, body.to_string()).await
}

/// A token of project 101 that is good for a minute.
async fn short_token(native: &Native) -> String {
    let body = json!({ "description": "short", "canManageBuckets": true, "expiresIn": 60 });
    let minted = storage(native, Method::POST, "tokens", body).await;
    minted.json()["token"].as_str().expect("a token").to_owned()
}

fn fault(method: &str, path: &str, status: u16, times: u32) -> Fault {
    Fault {
        method: Some(method.into()),
        path: Some(path.into()),
        status: Some(status),
        times: Some(times),
        ..Fault::default()
    }
}

fn new_config() -> Value {
    json!({ "name": "n", "description": "d", "component_id": HTTP, "parameters": {} })
}

fn change(path: &str) -> Value {
    json!({
        "component_id": HTTP, "configuration_id": "http-1", "change_description": "Another file",
        "parameter_updates": [{ "op": "set", "path": "path", "value": path }],
    })
}

fn run(config: &str) -> Value {
    json!({ "component_id": HTTP, "configuration_id": config, "wait": true })
}

fn agreed(mut arguments: Value) -> Value {
    arguments["confirm"] = json!(true);
    arguments
}

/// The text of a call that fails.
async fn fails(client: &Client, tool: &str, arguments: Value) -> String {
    let answer = client.call(tool, arguments).await;
    assert_eq!(answer.result()["isError"], true, "{tool}: {answer:?}");
    answer.tool_text()
}

/// The data of a call that succeeds.
async fn data(client: &Client, tool: &str, arguments: Value) -> Value {
    let result = client.call(tool, arguments).await.result();
    assert_ne!(result["isError"], true, "{tool}: {result}");
    result["structuredContent"].clone()
}

/// What Keboola was asked to change.
fn changes(native: &Native) -> usize {
    native.keboola.requests().iter().filter(|one| one.method != "GET").count()
}

/// A call is led to the page on which a token is connected.
fn is_led_to_the_page(told: &str) {
    assert!(told.contains("no longer accepts the key"), "{told}");
    link_in(told);
}

#[tokio::test]
async fn a_branch_that_is_deleted_meanwhile_is_not_changed_and_main_is_not_either() {
    let (native, client) = stand().await;
    let mut arguments = change("b.csv");
    arguments["branch_id"] = json!("1012");
    let stateless = native.client("/mcp", "ada");
    let mut params = json!({ "name": "keboola_update_config", "arguments": arguments });
    let can = json!({ "elicitation": {} });
    let asked = ask(&stateless, "tools/call", params.clone(), can.clone()).await.result();
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    let question = asked["inputRequests"]["consent"]["params"]["message"].to_string();
    assert!(question.contains("development branch 1012"), "{question}");
    let deleted = storage(&native, Method::DELETE, "dev-branches/1012", json!({})).await;
    assert_eq!(deleted.status, 202, "{deleted:?}");
    let before = changes(&native);
    params["requestState"] = asked["requestState"].clone();
    params["inputResponses"] =
        json!({ "consent": { "action": "accept", "content": { "confirm": true } } });
    let ended = ask(&stateless, "tools/call", params, can).await;
    let told = ended.tool_text();
    assert!(ended.result()["isError"] == true && told.contains("404"), "{ended:?}");
    // A call that knew the branch a moment ago.
    let mut made = new_config();
    made["branch_id"] = json!("1012");
    let told = fails(&client, "keboola_create_config", made).await;
    assert!(told.contains("Nothing was changed") || told.contains("has no branch"), "{told}");
    let of_main = storage(
        &native,
        Method::GET,
        "branch/default/components/keboola.ex-http/configs/http-1",
        json!({}),
    );
    assert_eq!(of_main.await.json()["version"], 1);
    let sent = native.keboola.requests().into_iter().filter(|one| one.method != "GET");
    for request in sent.skip(before) {
        assert_eq!(request.status, 404, "{request:?}");
    }
}

#[tokio::test]
async fn a_token_of_another_stack_and_one_that_is_over_connect_nothing() {
    let native = Native::still(options()).await;
    let client = native.client("/mcp", "ada").connect().await;
    let link = link_for(&client, "keboola_get_project_info").await;
    let mut tab = Tab::default();
    let page = tab.open(&link).await;
    for (stack, entered, words) in [
        ("eu", token(101, "master"), "Invalid access token"),
        ("us", token(201, "master"), "Invalid access token"),
        ("us", token(101, "expired"), "expired"),
        ("us", token(101, "disabled"), "disabled"),
    ] {
        let fields = [("stack", stack), ("key", &*entered), ("do", "connect")];
        let refused = tab.submit(&link, &page, &fields).await;
        assert_eq!(refused.status, 422, "{refused:?}");
        assert!(refused.text.contains(words) && !refused.text.contains(&entered), "{refused:?}");
    }
    let told = fails(&client, "keboola_get_buckets", json!({})).await;
    assert!(told.contains("none is connected"), "{told}");
    let verified = native.keboola.requests();
    assert!(verified.iter().all(|one| one.path.ends_with("/tokens/verify")), "{verified:?}");
}

#[tokio::test]
async fn a_token_that_expires_within_a_call_leads_to_the_page_and_repeats_no_change() {
    let (native, client) = stand().await;
    data(&client, "keboola_get_project_info", json!({})).await;
    let list = "/connection/v2/storage/branch/default/buckets";
    native.keboola.inject(fault("GET", list, 401, 1));
    is_led_to_the_page(&fails(&client, "keboola_get_buckets", json!({})).await);
    native.person("ada", 101).await;
    // Between the change and what comes after it.
    let after = format!("{CONFIGS}/*");
    native.keboola.inject(fault("POST", &after, 401, 1));
    let made = data(&client, "keboola_create_config", new_config()).await;
    assert_eq!(made["success"], true, "{made}");
    let summary = made["change_summary"].as_str().expect("a summary");
    assert!(summary.contains("could not be set") && summary.contains("401"), "{summary}");
    assert_eq!(native.count("POST", "/configs"), 1);
    is_led_to_the_page(&fails(&client, "keboola_create_config", new_config()).await);
    assert_eq!(native.count("POST", "/configs"), 1, "with a refused token nothing is sent");
    native.person("ada", 101).await;
    // The change itself.
    native.keboola.inject(fault("POST", CONFIGS, 401, 1));
    let told = fails(&client, "keboola_create_config", new_config()).await;
    assert!(told.contains("Nothing was changed") && told.contains("401"), "{told}");
    assert_eq!(native.count("POST", "/configs"), 2);
}

#[tokio::test]
async fn a_token_that_expires_while_its_job_is_followed_leaves_the_job_and_names_it() {
    for era in [Era::Session, Era::Tasks] {
        let native = Native::still(options()).await;
        native.connected("ada", (STACK, &short_token(&native).await)).await;
        let mut talk = Talk::new(native.client("/mcp", "ada"), era).await;
        let started = || native.count("POST", "/queue/jobs") == 1;
        let expires = async {
            wait::holds("the job was started", started).await;
            native.keboola.advance(Duration::from_secs(61));
        };
        native.keboola.plan_job(JobPlan { end: JobEnd::Never, ..JobPlan::default() });
        let (ended, ()) = tokio::join!(talk.call("keboola_run_job", run("http-1")), expires);
        let told = ended["content"][0]["text"].as_str().expect("a text");
        assert!(ended["isError"] == true && told.contains("was started"), "{era:?}: {ended}");
        assert!(told.contains("do not start it again") && told.contains("expired"), "{told}");
        assert!(started(), "{era:?}: it was started again");
        let client = native.client("/mcp", "ada").connect().await;
        is_led_to_the_page(&fails(&client, "keboola_get_buckets", json!({})).await);
    }
}

#[tokio::test]
async fn maintenance_is_told_at_once_and_a_change_that_met_it_may_have_happened() {
    let (native, client) = stand().await;
    let session = Front::Session(client.clone());
    for front in [session, Front::Stateless(native.client("/mcp", "ada"))] {
        let list = "/connection/v2/storage/branch/default/buckets";
        native.keboola.inject(fault("GET", list, 503, 1));
        let answer = front.call("keboola_get_buckets", json!({})).await;
        let told = answer.tool_text();
        assert_eq!(answer.result()["isError"], true, "{answer:?}");
        for part in
            ["Planned maintenance", "it asks to wait 60 s", "in maintenance. Call again later"]
        {
            assert!(told.contains(part), "{part}: {told}");
        }
        for (tool, arguments, method, path, check) in [
            (
                "keboola_create_config",
                new_config(),
                "POST",
                CONFIGS.to_owned(),
                "List the component's",
            ),
            (
                "keboola_update_config",
                agreed(change("m.csv")),
                "PUT",
                format!("{CONFIGS}/http-1"),
                "compare its version",
            ),
        ] {
            let before = native.count(method, &path);
            native.keboola.inject(fault(method, &path, 503, 1));
            let answer = front.call(tool, arguments).await;
            let told = answer.tool_text();
            assert_eq!(answer.result()["isError"], true, "{answer:?}");
            for part in ["in maintenance", "MAY have happened", check] {
                assert!(told.contains(part), "{tool}: {part}: {told}");
            }
            assert_eq!(native.count(method, &path), before + 1, "{tool} is not sent again");
        }
    }
}

#[tokio::test]
async fn maintenance_does_not_end_a_task_and_starts_no_second_job() {
    for era in [Era::Session, Era::Tasks] {
        let (native, _) = stand().await;
        let mut talk = Talk::new(native.client("/mcp", "ada"), era).await;
        native.keboola.inject(fault("GET", "/queue/jobs/*", 503, 1));
        let ends = async {
            let looked =
                |one: &sandbox::Recorded| one.path.contains("/queue/jobs/") && one.status == 503;
            let met = || native.keboola.requests().iter().any(looked);
            wait::holds("a look met the maintenance", met).await;
            native.keboola.finish();
        };
        let (ended, ()) = tokio::join!(talk.call("keboola_run_job", run("http-1")), ends);
        assert_eq!(ended["structuredContent"]["status"], "success", "{era:?}: {ended}");
        assert_eq!(native.count("POST", "/queue/jobs"), 1);
    }
}

#[tokio::test]
async fn what_a_token_has_no_right_to_is_refused_in_keboolas_words() {
    let native = Native::still(options()).await;
    let client = native.connected("ada", (STACK, &token(101, "limited"))).await;
    for (tool, arguments, words) in [
        ("get_buckets", json!({ "bucket_ids": ["in.c-names"] }), "access to bucket \"in.c-names\""),
        (
            "get_tables",
            json!({ "table_ids": ["in.c-names.people"] }),
            "access to bucket \"in.c-names\"",
        ),
        (
            "preview_table",
            json!({ "table_id": "in.c-names.people" }),
            "access to bucket \"in.c-names\"",
        ),
        (
            "get_configs",
            json!({ "configs": [{ "component_id": "keboola.ex-db-mysql", "configuration_id": "236606822" }] }),
            "access to the component",
        ),
    ] {
        let told = fails(&client, &format!("keboola_{tool}"), arguments).await;
        assert!(told.contains("403") && told.contains(words), "{tool}: {told}");
        assert!(told.contains("no right to this"), "{tool}: {told}");
    }
    let described = json!({ "updates": [{ "item_id": "in.c-main", "description": "x" }] });
    let told = data(&client, "keboola_update_descriptions", agreed(described)).await;
    assert_eq!((&told["successful"], &told["failed"]), (&json!(0), &json!(1)), "{told}");
    assert!(told["results"][0]["error"].as_str().unwrap().contains("403"), "{told}");
    let seen =
        data(&client, "keboola_preview_table", json!({ "table_id": "in.c-main.orders" })).await;
    assert_eq!(seen["rows"], 3, "what it may read is read: {seen}");
}

#[tokio::test]
async fn a_readonly_person_and_a_disabled_project_change_nothing() {
    let (native, client) = stand().await;
    let reader = native.connected("bob", (STACK, &token(101, "readonly"))).await;
    let before = changes(&native);
    for (tool, arguments) in [
        ("keboola_create_config", new_config()),
        ("keboola_update_config", agreed(change("r.csv"))),
        ("keboola_run_job", agreed(run("http-1"))),
        ("keboola_stop_job", agreed(json!({ "job_id": "101001" }))),
    ] {
        let told = fails(&reader, tool, arguments).await;
        assert!(told.contains("role in this project is readonly"), "{tool}: {told}");
    }
    data(&reader, "keboola_get_buckets", json!({})).await;
    native.keboola.disable_project(101, true);
    for (tool, arguments) in
        [("keboola_create_config", new_config()), ("keboola_run_job", agreed(run("http-1")))]
    {
        let told = fails(&client, tool, arguments).await;
        assert!(told.contains("disabled"), "{tool}: {told}");
    }
    assert_eq!(changes(&native), before);
    native.keboola.disable_project(101, false);
    data(&client, "keboola_create_config", new_config()).await;
}

#[tokio::test]
async fn a_change_that_another_one_came_before_is_told_what_to_do() {
    let (native, client) = stand().await;
    let conflict = json!({
        "status": "error", "error": "Version conflict",
        "code": "storage.components.configurations.versionConflict",
    });
    let put = fault("PUT", &format!("{CONFIGS}/http-1"), 400, 1);
    native.keboola.inject(Fault { body: Some(conflict.to_string()), ..put });
    let told = fails(&client, "keboola_update_config", agreed(change("b.csv"))).await;
    assert!(told.starts_with("Nothing was changed."), "{told}");
    assert!(told.contains("Version conflict") && told.contains("Read it again"), "{told}");
    let changed = data(&client, "keboola_update_config", agreed(change("b.csv"))).await;
    assert_eq!(changed["version"], 2, "{changed}");
}

/// A form is put again where the configuration was changed elsewhere before its person agreed.
#[tokio::test]
async fn a_person_agrees_to_what_is_there_when_it_is_changed() {
    let (native, _) = stand().await;
    let stateless = native.client("/mcp", "ada");
    let can = json!({ "elicitation": {} });
    let mut params = json!({ "name": "keboola_update_config", "arguments": change("b.csv") });
    let agrees = json!({ "consent": { "action": "accept", "content": { "confirm": true } } });
    let mut asked = ask(&stateless, "tools/call", params.clone(), can.clone()).await.result();
    let other =
        json!({ "configuration": { "parameters": { "path": "z.csv" } }, "changeDescription": "x" });
    let path = "branch/default/components/keboola.ex-http/configs/http-1";
    assert_eq!(storage(&native, Method::PUT, path, other).await.status, 200);
    for is_last in [false, true] {
        params["requestState"] = asked["requestState"].clone();
        params["inputResponses"] = agrees.clone();
        asked = ask(&stateless, "tools/call", params.clone(), can.clone()).await.result();
        let kind = if is_last { "complete" } else { "input_required" };
        assert_eq!(asked["resultType"], kind, "{asked}");
        let question = asked["inputRequests"]["consent"]["params"]["message"].to_string();
        assert!(is_last || question.contains("z.csv"), "{question}");
    }
    assert_eq!(asked["structuredContent"]["version"], 3, "{asked}");
}

#[tokio::test]
async fn a_job_that_vanishes_and_one_that_ends_with_a_list_are_told() {
    let (native, _) = stand().await;
    for era in [Era::Session, Era::Tasks] {
        let before = native.count("POST", "/queue/jobs");
        let mut talk = Talk::new(native.client("/mcp", "ada"), era).await;
        native.keboola.inject(fault("GET", "/queue/jobs/*", 404, 1));
        let ended = talk.call("keboola_run_job", run("http-1")).await;
        let told = ended["content"][0]["text"].as_str().expect("a text");
        assert!(ended["isError"] == true && told.contains("cannot be read any more"), "{ended}");
        assert!(told.contains("do not start it again"), "{told}");
        native.keboola.plan_job(JobPlan {
            config: Some("http-1".into()),
            empty_result: true,
            times: Some(1),
            ..JobPlan::default()
        });
        let ends = async {
            let started = || native.count("POST", "/queue/jobs") == before + 2;
            wait::holds("the job was started", started).await;
            native.keboola.finish();
        };
        let (ended, ()) = tokio::join!(talk.call("keboola_run_job", run("http-1")), ends);
        let job = &ended["structuredContent"];
        assert_eq!((&job["status"], &job["result"]), (&json!("success"), &json!({})), "{ended}");
    }
}

#[tokio::test]
async fn data_of_any_form_arrive_as_csv() {
    let (_native, client) = stand().await;
    let preview = async |table: &str| {
        data(&client, "keboola_preview_table", json!({ "table_id": table })).await
    };
    let people = preview("in.c-names.people").await;
    assert_eq!(people["csv_data"], "id,\"jméno \"\"plné\"\"\",雪\r\n1,Žofie,❄\r\n", "{people}");
    let customers = preview("in.c-main.customers").await;
    let csv =
        "id,full name\r\n1,Jana Nováková\r\n2,\r\n3,\"O'Brien; \"\"Bob\"\"\nsecond line\"\r\n";
    assert_eq!(customers["csv_data"], csv, "{customers}");
    let wide = preview("in.c-main.wide").await;
    let csv = format!("id,text\r\n1,{}\r\n", "x".repeat(16 * 1024));
    assert_eq!((&wide["csv_data"], &wide["truncated"]), (&json!(csv), &json!(true)));
    let twins = json!({ "sql_query": "SELECT a, a FROM twins", "query_name": "Twins" });
    assert_eq!(data(&client, "keboola_query_data", twins).await["csv_data"], "A,A\r\nx,\r\n");
    let many = json!({ "sql_query": "SELECT n FROM many", "query_name": "Many" });
    let many = data(&client, "keboola_query_data", many).await;
    assert_eq!(many["csv_data"].as_str().unwrap().lines().count(), 10_001, "rows and a header");
    assert!(many["message"].as_str().unwrap().contains("of 12345"), "{}", many["message"]);
}

#[tokio::test]
async fn a_configuration_that_is_too_large_is_not_sent() {
    let (native, client) = stand().await;
    let before = changes(&native);
    let mut large = new_config();
    large["parameters"] = json!({ "a": "x".repeat(4 * 1024 * 1024 + 1) });
    client.call("keboola_create_config", large).await.refused(413, -32000);
    assert_eq!(changes(&native), before);
}
