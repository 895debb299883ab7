//! The tools that this server has for Keboola itself, in the place of Keboola's MCP server (`KEBOOLA=native`): behind the
//! same doors, under the same names, with the same token of a person.

use std::time::Duration;

use sandbox::{
    Fault,
    keboola::{JobEnd, JobPlan, token},
};
use serde_json::{Value, json};

use crate::support::{
    Answer, Client,
    gateway::Front,
    keboola_native::Native,
    keyed::link_in,
    oauth::{App, SITEBAY_TOKEN, Tokens, with_oauth},
    options,
    stateless::ask,
    talk::{Era, Talk},
    upstream::{Reply, http, rpc},
};

const VERIFY: &str = "/us/connection/v2/storage/tokens/verify";
const STAND_IN: &str = "keboola_connect_account";

/// The data of a result that must be a success.
fn data(answer: &Answer) -> Value {
    let result = answer.result();
    assert_ne!(result["isError"], true, "{result}");
    result["structuredContent"].clone()
}

fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().expect("a text")
}

/// New descriptions of a bucket, and what the bucket then says.
fn describes(description: &str) -> Value {
    json!({ "updates": [{ "item_id": "in.c-main", "description": description }] })
}

async fn description(client: &Client) -> Value {
    let found = client.call("keboola_get_buckets", json!({ "bucket_ids": ["in.c-main"] })).await;
    data(&found)["buckets"][0]["description"].clone()
}

fn http_job(wait: bool) -> Value {
    json!({ "component_id": "keboola.ex-http", "configuration_id": "http-1", "wait": wait })
}

fn job_that_runs(seconds: u64) -> JobPlan {
    JobPlan {
        component: Some("keboola.ex-http".into()),
        config: None,
        end: JobEnd::Success,
        message: Some("Downloaded.".into()),
        runs_ms: Some(seconds * 1_000),
        empty_result: false,
        times: None,
    }
}

#[tokio::test]
async fn a_person_connects_a_token_and_has_the_tools_at_both_doors() {
    let native = Native::start(options()).await;
    let before = native.client("/mcp", "ada").connect().await;
    let tools = Front::Session(before).tools().await;
    let keboolas = |tools: &[String]| {
        let mut found: Vec<String> =
            tools.iter().filter(|name| name.starts_with("keboola_")).cloned().collect();
        found.sort();
        found
    };
    assert_eq!(keboolas(&tools), [STAND_IN]);
    native.person("ada", 101).await;
    let mut lists = Vec::new();
    for (path, begins) in [("/mcp", "keboola_"), ("/u/keboola/mcp", "")] {
        let client = native.client(path, "ada");
        for front in [Front::Session(client.clone().connect().await), Front::Stateless(client)] {
            let tools = front.list("tools/list", "tools").await;
            let of_keboola = |tool: &&Value| {
                let name = tool["name"].as_str().unwrap();
                !begins.is_empty() && name.starts_with(begins) || path == "/u/keboola/mcp"
            };
            let mut names: Vec<String> = tools
                .iter()
                .filter(of_keboola)
                .map(|tool| tool["name"].as_str().unwrap().replacen(begins, "", 1))
                .collect();
            names.sort();
            assert!(names.contains(&"get_buckets".to_owned()), "{names:?}");
            assert!(!names.contains(&"connect_account".to_owned()), "{names:?}");
            lists.push(names);
            let called = front.call(&format!("{begins}get_buckets"), json!({})).await;
            let buckets = data(&called)["buckets"].as_array().unwrap().len();
            assert!(buckets > 0, "{called:?}");
            let about = tools.iter().find(|tool| tool["name"] == format!("{begins}get_buckets"));
            let other = format!("{begins}search");
            assert!(about.unwrap()["description"].as_str().unwrap().contains(&other));
            let wrong = front.call(&format!("{begins}get_buckets"), json!({ "x": 1 })).await;
            let told = wrong.tool_text();
            assert!(told.contains(&format!("arguments of {begins}get_buckets are not")), "{told}");
        }
    }
    assert!(lists.iter().all(|list| *list == lists[0]), "{lists:?}");
    assert!(native.server.recorded().is_empty(), "Keboola's MCP server is asked nothing");
}

#[tokio::test]
async fn two_people_work_in_their_own_projects() {
    let native = Native::start(options()).await;
    let ada = native.person("ada", 101).await;
    let bob = native.connected("bob", ("eu", &token(201, "master"))).await;
    for (client, project) in [(&ada, "101"), (&bob, "201"), (&ada, "101")] {
        let info = data(&client.call("keboola_get_project_info", json!({})).await);
        // The first has a text for an id.
        let id = info["project_id"].to_string();
        assert_eq!(id.trim_matches('"'), project, "{info}");
    }
}

#[tokio::test]
async fn a_change_asks_its_person_in_each_era() {
    let native = Native::start(options()).await;
    let reader = native.person("ada", 101).await;
    for (era, said) in [(Era::Session, "in a session"), (Era::Rounds, "in rounds")] {
        for (path, tool) in
            [("/mcp", "keboola_update_descriptions"), ("/u/keboola/mcp", "update_descriptions")]
        {
            let said = format!("{said} at {path}");
            let talk = Talk::new(native.client(path, "ada"), era).await.with_progress();
            let mut declines = talk.declining();
            let before = description(&reader).await;
            let refused = declines.call(tool, describes(&said)).await;
            assert_eq!(refused["isError"], true, "{refused}");
            assert_eq!(description(&reader).await, before);
            let mut talk = Talk::new(native.client(path, "ada"), era).await.with_progress();
            let changed = talk.call(tool, describes(&said)).await;
            assert_ne!(changed["isError"], true, "{changed}");
            let [asked] = &talk.asked[..] else { panic!("{:?}", talk.asked) };
            assert!(asked.contains("in.c-main") && asked.contains("(101)"), "{asked}");
            assert_eq!(description(&reader).await, said);
        }
    }
}

#[tokio::test]
async fn a_client_that_cannot_ask_says_that_its_person_agreed() {
    let native = Native::start(options()).await;
    let client = native.person("ada", 101).await;
    let stateless = Front::Stateless(native.client("/mcp", "ada"));
    for front in [Front::Session(client.clone()), stateless] {
        let before = description(&client).await;
        let mut arguments = describes("by the model");
        let told = front.call("keboola_update_descriptions", arguments.clone()).await;
        assert_eq!(told.result()["isError"], true, "{told:?}");
        assert!(told.tool_text().contains("confirm: true"), "{told:?}");
        assert_eq!(description(&client).await, before);
        arguments["confirm"] = json!(true);
        data(&front.call("keboola_update_descriptions", arguments).await);
        assert_eq!(description(&client).await, "by the model");
        data(&front.call("keboola_update_descriptions", confirmed(describes("before"))).await);
    }
}

fn confirmed(mut arguments: Value) -> Value {
    arguments["confirm"] = json!(true);
    arguments
}

#[tokio::test]
async fn a_job_is_followed_to_its_end_in_each_era() {
    let native = Native::start(options()).await;
    native.person("ada", 101).await;
    native.keboola.plan_job(job_that_runs(1));
    for era in [Era::Session, Era::Rounds, Era::Tasks] {
        let before = native.count("POST", "/queue/jobs");
        let mut talk = Talk::new(native.client("/mcp", "ada"), era).await.with_progress();
        let ended = talk.call("keboola_run_job", http_job(true)).await;
        assert_ne!(ended["isError"], true, "{era:?}: {ended}");
        assert_eq!(ended["structuredContent"]["status"], "success", "{era:?}: {ended}");
        assert_eq!(talk.asked.len(), 1, "{:?}", talk.asked);
        assert_eq!(native.count("POST", "/queue/jobs"), before + 1);
    }
}

#[tokio::test]
async fn a_job_that_is_followed_survives_a_restart_and_is_started_once() {
    for (path, tool) in [("/mcp", "keboola_run_job"), ("/u/keboola/mcp", "run_job")] {
        let mut native = Native::start(options()).await;
        native.person("ada", 101).await;
        native.keboola.plan_job(JobPlan { end: JobEnd::Never, ..job_that_runs(1) });
        let mut talk = Talk::new(native.client(path, "ada"), Era::Tasks).await.with_progress();
        let task = talk.begins(tool, http_job(true)).await;
        crate::support::wait::holds("the job was started", || {
            native.count("POST", "/queue/jobs") == 1
        })
        .await;
        native.worker.restart().await.unwrap();
        // Real time: a task that started its job again would do so in this time.
        tokio::time::sleep(Duration::from_secs(1)).await;
        native.keboola.finish();
        let ended = talk.followed(&task).await;
        assert_ne!(ended["isError"], true, "{ended}");
        assert_eq!(native.count("POST", "/queue/jobs"), 1, "{ended}");
        assert!(native.server.recorded().is_empty());
    }
}

#[tokio::test]
async fn a_task_ends_in_words_where_this_server_has_no_keboola_any_more() {
    let mut native = Native::start(options()).await;
    native.person("ada", 101).await;
    native.keboola.plan_job(JobPlan { end: JobEnd::Never, ..job_that_runs(1) });
    let mut talk = Talk::new(native.client("/mcp", "ada"), Era::Tasks).await.with_progress();
    let task = talk.begins("keboola_run_job", http_job(true)).await;
    crate::support::wait::holds("the job was started", || native.count("POST", "/queue/jobs") == 1)
        .await;
    native.switch(options(), "off").await;
    let ended = talk.followed(&task).await;
    assert_eq!(ended["isError"], true, "{ended}");
    assert!(text(&ended).contains("any more"), "{ended}");
    assert_eq!(native.count("POST", "/queue/jobs"), 1);
}

#[tokio::test]
async fn a_caller_who_may_only_read_neither_sees_nor_makes_changes() {
    let native = Native::start(options()).await;
    native.person("ada", 101).await;
    for (path, tool) in [
        ("/mcp?readonly=1", "keboola_update_descriptions"),
        ("/u/keboola/mcp?readonly=1", "update_descriptions"),
    ] {
        let client = native.client(path, "ada");
        for front in [Front::Session(client.clone().connect().await), Front::Stateless(client)] {
            let tools = front.tools().await;
            assert!(!tools.contains(&tool.to_owned()), "{tools:?}");
            let refused = front.call(tool, confirmed(describes("x"))).await;
            assert!(refused.response()["error"].is_object(), "{refused:?}");
        }
    }
    assert_eq!(native.count("POST", "/metadata"), 0);
}

#[tokio::test]
async fn the_scope_of_the_upstream_and_the_consent_page_are_those_of_the_upstream() {
    let native = Native::start(with_oauth()).await;
    let app = App::register(&native.worker.url()).await;
    let entered = token(101, "master");
    for (scopes, is_reader) in
        [(&["read", "write", "upstream:keboola"][..], false), (&["read", "upstream:keboola"], true)]
    {
        let page = app.ask(&[("scope", &scopes.join(" "))]).await;
        for part in ["<label for=\"stack-keboola\">", "<label for=\"key-keboola\">"] {
            assert!(page.text.contains(part), "{part}: {page:?}");
        }
        let fields: Vec<(&str, &str)> = scopes
            .iter()
            .map(|scope| ("scope", *scope))
            .chain([
                ("token", SITEBAY_TOKEN),
                ("stack-keboola", "us"),
                ("key-keboola", &entered),
                ("answer", "allow"),
            ])
            .collect();
        let agreed = app.answer(&page, &fields).await;
        assert_eq!(agreed.status, 200, "{agreed:?}");
        assert!(!agreed.text.contains(&entered));
        let href = agreed.text.split("<a href=\"").nth(1).unwrap().split('"').next().unwrap();
        let code = mcp_platform::url::query_value(&href.replace("&amp;", "&"), "code").unwrap();
        let tokens = Tokens::of(&app.redeem(&code).await);
        let client = app.client(&tokens.access);
        for front in [Front::Session(client.clone().connect().await), Front::Stateless(client)] {
            let tools = front.tools().await;
            assert!(tools.contains(&"keboola_get_buckets".to_owned()), "{tools:?}");
            assert_eq!(tools.contains(&"keboola_run_job".to_owned()), !is_reader, "{tools:?}");
            data(&front.call("keboola_get_buckets", json!({})).await);
        }
    }
    let page = app.ask(&[("scope", "read write")]).await;
    assert!(!page.text.contains("key-keboola"), "{page:?}");
    assert!(native.server.recorded().is_empty(), "the token is checked at the API alone");
}

#[tokio::test]
async fn toolsets_filters_and_renames_are_those_of_the_upstream() {
    let other = json!({ "deny": ["run_job"], "rename": { "get_buckets": "buckets" } });
    let native = Native::with(options(), other).await;
    native.person("ada", 101).await;
    let client = native.client("/mcp?toolsets=keboola", "ada").connect().await;
    let front = Front::Session(client);
    let tools = front.tools().await;
    assert!(tools.iter().all(|name| name.starts_with("keboola_")), "{tools:?}");
    assert!(tools.contains(&"keboola_buckets".to_owned()), "{tools:?}");
    for gone in ["keboola_run_job", "keboola_get_buckets"] {
        assert!(!tools.contains(&gone.to_owned()), "{tools:?}");
        let refused = front.call(gone, confirmed(http_job(false))).await;
        assert!(refused.response()["error"].is_object(), "{refused:?}");
    }
    data(&front.call("keboola_buckets", json!({})).await);
    let without = native.client("/mcp?toolsets=default", "ada").connect().await;
    let tools = Front::Session(without).tools().await;
    assert!(tools.iter().all(|name| !name.starts_with("keboola_")), "{tools:?}");
}

#[tokio::test]
async fn a_token_that_keboola_refuses_leads_to_the_page_again() {
    let native = Native::start(options()).await;
    let client = native.person("ada", 101).await;
    let refuses = Fault {
        path: Some("/connection/v2/storage/tokens/verify".into()),
        status: Some(401),
        times: Some(1),
        ..Fault::default()
    };
    native.keboola.inject(refuses);
    let told = client.call("keboola_get_buckets", json!({})).await;
    assert_eq!(told.result()["isError"], true, "{told:?}");
    assert!(told.tool_text().contains("no longer accepts the key"), "{told:?}");
    link_in(&told.tool_text());
    let verified = native.count("GET", VERIFY);
    let again = client.call("keboola_get_buckets", json!({})).await;
    assert!(again.tool_text().contains("no longer accepts the key"), "{again:?}");
    assert_eq!(native.count("GET", VERIFY), verified, "it is not sent again");
    let opens_pages = json!({ "elicitation": { "url": {} } });
    let params = json!({ "name": "keboola_get_buckets", "arguments": {} });
    let stateless = native.client("/mcp", "ada");
    let asked = ask(&stateless, "tools/call", params, opens_pages).await.result();
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    native.person("ada", 101).await;
    data(&client.call("keboola_get_buckets", json!({})).await);
}

#[tokio::test]
async fn no_token_is_in_a_log_or_an_answer() {
    let native = Native::start(options().var("LOG_LEVEL", "debug")).await;
    let client = native.person("ada", 101).await;
    let token = token(101, "master");
    let mut seen = String::new();
    for (tool, arguments) in [
        ("keboola_get_project_info", json!({})),
        ("keboola_get_buckets", json!({ "bucket_ids": ["in.c-main", "in.c-nothing"] })),
        ("keboola_get_configs", json!({})),
        ("keboola_run_job", confirmed(http_job(false))),
        ("keboola_get_buckets", json!({ "branch_id": token })),
    ] {
        let asks_for_it = arguments.to_string().contains(&token);
        let answer = client.call(tool, arguments).await;
        assert!(asks_for_it || !answer.text.contains(&token), "{tool}: {answer:?}");
        seen.push_str(&answer.text);
    }
    assert!(!seen.is_empty());
    let status = client.request("resources/read", json!({ "uri": "gateway://upstreams" })).await;
    assert!(status.text.contains("answeredHere") && !status.text.contains(&token), "{status:?}");
    let secret = token.rsplit('-').next().unwrap();
    assert!(!native.worker.log().contains(secret));
    for request in native.keboola.requests() {
        assert!(!request.path.contains(secret) && !request.query.contains(secret), "{request:?}");
    }
}

#[tokio::test]
async fn who_answers_is_a_switch_and_the_token_stays_connected() {
    let mut native = Native::start(options()).await;
    native.person("ada", 101).await;
    native
        .server
        .on(rpc("initialize"), |request| {
            request.result(
                r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"k","version":"1"}}"#,
            )
        })
        .on(rpc("notifications/initialized"), |_| Reply::status(202))
        .on(http("GET"), |_| Reply::status(405))
        .on(rpc("tools/list"), |request| {
            request.result(r#"{"tools":[{"name":"get_buckets","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}}]}"#)
        })
        .on(rpc("tools/call"), |request| {
            request.result(r#"{"content":[{"type":"text","text":"from there"}]}"#)
        });
    let called = async |native: &Native| {
        let client = native.client("/mcp", "ada").connect().await;
        client.call("keboola_get_buckets", json!({})).await
    };
    data(&called(&native).await);
    assert!(native.server.recorded().is_empty());
    native.switch(options(), "upstream").await;
    assert_eq!(called(&native).await.tool_text(), "from there");
    let asked = native.server.requests(&rpc("tools/call"));
    assert_eq!(asked[0].header("x-storageapi-token"), token(101, "master"));
    let before = native.server.recorded().len();
    native.switch(options(), "native").await;
    data(&called(&native).await);
    assert_eq!(native.server.recorded().len(), before);
    native.switch(options(), "off").await;
    let gone = called(&native).await;
    assert!(gone.response()["error"].is_object(), "{gone:?}");
    let door = native.client("/u/keboola/mcp", "ada");
    assert_eq!(door.initialize("2025-11-25").await.status, 404);
    assert!(native.worker.log().contains("KEBOOLA is `off`"), "{}", native.worker.log());
    native.switch(options(), "both").await;
    assert_eq!(called(&native).await.tool_text(), "from there");
    let expected = "KEBOOLA is `both`: expected `native`, `upstream` or `off`";
    assert!(native.worker.log().contains(expected), "{}", native.worker.log());
}
