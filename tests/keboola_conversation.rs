//! A person's whole way with Keboola, with its published MCP server behind this one and with tools of this server in its place: signing in, and the usual
//! conversation, from a look at the project to a job that is followed and a configuration that is changed.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::Method;
use sandbox::keboola::token;
use serde_json::{Value, json};
use xtask::server::Server as Worker;

use crate::{
    oauth_account::sign_in,
    support::{
        Client,
        gateway::{Front, error},
        keboola::{Discovered, Keboola, PROJECT, STACK, service},
        keyed::{Tab, link_in},
        oauth::{SITEBAY_TOKEN, Tokens},
        process::script,
    },
};

const DOOR: &str = "/u/keboola/mcp";
const COMPONENT: &str = "keboola.ex-http";
/// What a person would not like to read anywhere.
const SECRET: &str = "password-of-the-download";
const COOKIE: &str = "a=cookie-of-the-app";
const ALL: [&str; 3] = ["read", "write", "upstream:keboola"];
/// The tools of this server that ask before they do something.
const ASKING: [&str; 2] = ["run_job", "update_config"];
const READING: [&str; 2] = ["read", "upstream:keboola"];

/// A client at a door.
struct Caller {
    front: Front,
    /// What the names of Keboola's tools begin with at this door.
    prefix: &'static str,
    /// Whether the tools ask before they change something; the person of this client agreed.
    agrees: bool,
}

impl Caller {
    /// The clients of an access token at a door: in a session, and without one.
    async fn both(worker: &Worker, path: &str, access: &str) -> [Self; 2] {
        Self::of((worker, false), path, access).await
    }

    async fn of((worker, agrees): (&Worker, bool), path: &str, access: &str) -> [Self; 2] {
        let prefix = if path == DOOR { "" } else { "keboola_" };
        let client = Client::at(&worker.url(), path)
            .with("authorization", &format!("Bearer {access}"))
            .with("cookie", COOKIE);
        let fronts = [Front::Session(client.clone().connect().await), Front::Stateless(client)];
        fronts.map(|front| Self { front, prefix, agrees })
    }

    /// The structured result of a call that succeeds.
    async fn call(&self, tool: &str, mut arguments: Value) -> Value {
        if self.agrees && ASKING.contains(&tool) {
            arguments["confirm"] = json!(true);
        }
        let answer = self.front.call(&format!("{}{tool}", self.prefix), arguments).await;
        let result = answer.result();
        assert_ne!(result["isError"], true, "{tool}: {result}");
        assert!(!result.to_string().contains(SECRET), "{tool}: {result}");
        result["structuredContent"].clone()
    }

    /// The text of a call that fails as a tool does.
    async fn fails(&self, tool: &str, arguments: Value) -> String {
        let answer = self.front.call(&format!("{}{tool}", self.prefix), arguments).await;
        assert_eq!(answer.result()["isError"], true, "{tool}: {answer:?}");
        answer.tool_text()
    }

    /// Keboola's tools, with their own names.
    async fn tools(&self) -> Vec<(String, Value)> {
        let all = self.front.list("tools/list", "tools").await;
        let own = |tool: Value| {
            let name = tool["name"].as_str().unwrap().strip_prefix(self.prefix)?.to_owned();
            Some((name, tool))
        };
        all.into_iter().filter_map(own).collect()
    }

    /// The status of a job.
    async fn job(&self, id: &str) -> Value {
        let arguments = json!({ "job_ids": [id], "include_logs": true });
        self.call("get_jobs", arguments).await["result"]["jobs"][0].clone()
    }
}

fn names(tools: &[(String, Value)]) -> Vec<&str> {
    tools.iter().map(|(name, _)| name.as_str()).collect()
}

/// The arguments of a configuration that is made.
fn new_configuration() -> Value {
    json!({
        "name": "Prices", "description": "Prices of every day", "component_id": COMPONENT,
        "parameters": { "baseUrl": "https://example.org", "path": "b.csv", "#password": SECRET },
    })
}

/// The parameters of that configuration as Keboola stores them.
fn stored_parameters(path: &str) -> Value {
    let cipher = format!("KBC::ProjectSecure::{}", STANDARD.encode(SECRET));
    json!({ "baseUrl": "https://example.org", "path": path, "#password": cipher })
}

/// The usual conversation, with what changes in Keboola by it.
async fn converses(keboola: &Keboola, caller: &Caller) {
    let project = caller.call("get_project_info", json!({})).await;
    for (field, value) in [
        ("project_name", json!("Shop")),
        ("user_role", json!("admin")),
        ("sql_dialect", json!("Snowflake")),
        ("is_development_branch", json!(false)),
    ] {
        assert_eq!(project[field], value, "{project}");
    }
    let received = keboola.received();
    asks(caller).await;
    let made = caller.call("create_config", new_configuration()).await;
    assert_eq!((&made["success"], &made["version"]), (&json!(true), &json!(1)), "{made}");
    let config = made["configuration_id"].as_str().expect("an id");
    runs(keboola, caller, config).await;
    let changed = json!({
        "component_id": COMPONENT, "configuration_id": config, "change_description": "Another file",
        "parameter_updates": [{ "op": "set", "path": "path", "value": "c.csv" }],
    });
    let changed = caller.call("update_config", changed).await;
    assert_eq!((&changed["success"], &changed["version"]), (&json!(true), &json!(2)), "{changed}");
    let one = json!({ "configs": [{ "component_id": COMPONENT, "configuration_id": config }] });
    let seen = caller.call("get_configs", one).await["result"]["configs"][0].clone();
    assert_eq!(seen["configuration_root"]["parameters"], stored_parameters("c.csv"), "{seen}");
    let (written, expected) = (keboola.writes_since(received), writes(config));
    if !keboola.is_native() {
        assert_eq!(written, expected);
        return;
    }
    // The same in the same order, however each is put.
    let mut places = written.iter().map(|(place, _)| place);
    for (place, _) in &expected {
        assert!(places.any(|one| one == place), "{place}: {written:?}");
    }
}

/// Finds a table and asks it.
async fn asks(caller: &Caller) {
    let buckets = caller.call("get_buckets", json!({})).await;
    let buckets = buckets["buckets"].as_array().unwrap();
    assert!(buckets.iter().any(|bucket| bucket["id"] == "in.c-main"), "{buckets:?}");
    let tables = caller.call("get_tables", json!({ "bucket_ids": ["in.c-main"] })).await;
    let tables = tables["tables"].as_array().unwrap();
    assert!(tables.iter().any(|table| table["id"] == "in.c-main.orders"), "{tables:?}");
    let found = caller.call("search", json!({ "patterns": ["orders"] })).await;
    let hits = found["hits"].as_array().unwrap();
    assert!(hits.iter().any(|hit| hit["table_id"] == "in.c-main.orders"), "{found}");
    let orders = caller.call("get_tables", json!({ "table_ids": ["in.c-main.orders"] })).await;
    let name = orders["tables"][0]["fully_qualified_name"].as_str().expect("a name");
    let sql = format!("SELECT * FROM {name} LIMIT 2");
    let rows = caller.call("query_data", json!({ "sql_query": sql, "query_name": "Orders" })).await;
    let csv = "id,name,amount\r\n1,Tea,4.50\r\n2,\"Coffee, \"\"strong\"\"\",5.00\r\n";
    assert_eq!((&rows["query_name"], &rows["csv_data"]), (&json!("Orders"), &json!(csv)), "{rows}");
    let wrong = json!({ "sql_query": "SELECT * FROM nowhere", "query_name": "Nowhere" });
    let told = caller.fails("query_data", wrong).await;
    assert!(told.contains("does not exist or not authorized"), "{told}");
}

/// Runs a configuration and follows the job to its end.
async fn runs(keboola: &Keboola, caller: &Caller, config: &str) {
    let run = json!({ "component_id": COMPONENT, "configuration_id": config });
    let started = caller.call("run_job", run).await;
    assert_eq!((&started["status"], &started["is_finished"]), (&json!("created"), &json!(false)));
    let id = started["id"].as_str().expect("an id");
    for (passed, status, is_finished) in [
        (Duration::ZERO, "created", false),
        (Duration::from_millis(500), "processing", false),
        (Duration::from_secs(2), "success", true),
    ] {
        keboola.apis.advance(passed);
        let job = caller.job(id).await;
        assert_eq!((&job["status"], &job["is_finished"]), (&json!(status), &json!(is_finished)));
        let logs = job["logs"].to_string();
        assert_eq!(logs.contains("Component processing finished."), is_finished, "{job}");
    }
    let arguments = json!({ "component_id": COMPONENT, "config_id": config });
    let jobs = caller.call("get_jobs", arguments).await["result"]["jobs"].clone();
    assert_eq!((jobs.as_array().unwrap().len(), &jobs[0]["id"]), (1, &json!(id)), "{jobs}");
}

/// What Keboola is asked to change in the conversation, in order.
fn writes(config: &str) -> Vec<(String, Value)> {
    let configs = format!("/v2/storage/branch/default/components/{COMPONENT}/configs");
    let mark = |key: &str| json!({ "metadata": [{ "key": key, "value": "true" }] });
    let plain = new_configuration()["parameters"].clone();
    let writes = [
        ("POST encryption /encrypt".to_owned(), json!({ "storage": {}, "parameters": plain })),
        (
            format!("POST connection {configs}"),
            json!({
                "name": "Prices", "description": "Prices of every day",
                "configuration": { "storage": {}, "parameters": stored_parameters("b.csv") },
            }),
        ),
        (format!("POST connection {configs}/{config}/metadata"), mark("KBC.MCP.createdBy")),
        (
            "POST queue /jobs".to_owned(),
            json!({ "component": COMPONENT, "config": config, "mode": "run" }),
        ),
        (
            format!("PUT connection {configs}/{config}"),
            json!({
                "configuration": { "storage": {}, "parameters": stored_parameters("c.csv") },
                "changeDescription": "Another file",
            }),
        ),
        (
            format!("POST connection {configs}/{config}/metadata"),
            mark("KBC.MCP.updatedBy.version.2"),
        ),
    ];
    writes.into()
}

/// Whatever Keboola received came with this token of the person, and with nothing else of the person or
/// the app.
fn was_asked_only_with(keboola: &Keboola, storage_token: &str, tokens: &Tokens) {
    let mut asked = 0;
    for request in keboola.apis.requests() {
        let sent = request.headers.get("x-storageapi-token").map(String::as_str);
        // Encryption knows nobody, and is told nothing but the configuration.
        // Nor does the index of a stand-in.
        let needs_none = service(&request) == "encryption" || request.path.ends_with("/v2/storage");
        let expected = (!needs_none).then_some(storage_token);
        assert_eq!(sent, expected, "{request:?}");
        for header in ["authorization", "cookie", "x-sitebay-token"] {
            assert!(!request.headers.contains_key(header), "{request:?}");
        }
        let whole = serde_json::to_string(&request).unwrap();
        for foreign in [&*tokens.access, &tokens.refresh, SITEBAY_TOKEN, COOKIE] {
            assert!(!whole.contains(foreign), "{request:?}");
        }
        let is_encryption = service(&request) == "encryption";
        assert!(is_encryption || !whole.contains(SECRET), "{request:?}");
        assert!(!request.path.contains(storage_token) && !request.query.contains(storage_token));
        asked += 1;
    }
    assert!(asked > 0);
}

#[tokio::test]
async fn a_person_signs_in_and_has_the_usual_conversation_at_both_doors_and_in_both_ways() {
    let Some(keboola) = Keboola::start("the usual conversation with Keboola").await else { return };
    usual(&keboola).await;
}

#[tokio::test]
async fn the_tools_of_this_server_have_the_usual_conversation_as_well() {
    usual(&Keboola::native().await).await;
}

async fn usual(keboola: &Keboola) {
    let worker = keboola.before(json!({})).await;
    let master = token(PROJECT, "master");
    let discovered = Discovered::at(&worker, "/mcp").await;
    assert_eq!(discovered.scope, ALL.join(" "));
    let (_, tokens) = discovered.sign_in(&ALL, &master).await;
    for path in [DOOR, "/mcp"] {
        for caller in Caller::of((&worker, keboola.is_native()), path, &tokens.access).await {
            converses(keboola, &caller).await;
            let tools = caller.tools().await;
            let names = names(&tools);
            assert!(names.contains(&"update_config") && !names.contains(&"create_project"));
        }
    }
    was_asked_only_with(keboola, &master, &tokens);
    assert!(!worker.log().contains(&master) && !worker.log().contains(SECRET));
}

#[tokio::test]
async fn a_connector_that_knows_nothing_but_the_url_of_the_door_gets_in_and_stays_in() {
    let Some(keboola) = Keboola::with_workspace("a connector at the door of Keboola").await else {
        return;
    };
    gets_in(&keboola).await;
}

#[tokio::test]
async fn a_connector_gets_in_to_the_tools_of_this_server_as_well() {
    gets_in(&Keboola::native().await).await;
}

async fn gets_in(keboola: &Keboola) {
    let worker = keboola.before(json!({})).await;
    let discovered = Discovered::at(&worker, DOOR).await;
    assert_eq!(discovered.resource, format!("{}{DOOR}", worker.url()));
    let (app, tokens) = discovered.sign_in(&ALL, &token(PROJECT, "master")).await;
    assert_eq!(tokens.scope, ALL.join(" "));
    let refreshed = Tokens::of(&app.refresh(&tokens.refresh).await);
    for access in [&tokens.access, &refreshed.access] {
        for caller in Caller::both(&worker, DOOR, access).await {
            let project = caller.call("get_project_info", json!({})).await;
            assert_eq!(project["project_name"], "Shop", "{project}");
        }
        let elsewhere = app.client(access).initialize("2025-11-25").await;
        assert_eq!(elsewhere.status, 401, "a token for the door is for that alone: {elsewhere:?}");
    }
}

#[tokio::test]
async fn the_typescript_client_v2_signs_in_at_the_door_of_keboola_and_queries() {
    let Some(keboola) = Keboola::with_workspace("the TypeScript client before Keboola").await
    else {
        return;
    };
    let worker = keboola.before(json!({})).await;
    let door = format!("{}{DOOR}", worker.url());
    let master = token(PROJECT, "master");
    let said = script("keboola_client_v2.mjs", &[&door, SITEBAY_TOKEN, STACK, &master]).await;
    // Its versions, in sessions and without them.
    assert_eq!(said.lines().collect::<Vec<_>>(), ["2025-11-25", "2026-07-28"]);
}

#[tokio::test]
async fn a_caller_who_only_reads_sees_and_calls_only_what_reads_in_keboola() {
    let Some(keboola) = Keboola::with_workspace("a reader before Keboola").await else { return };
    reads(&keboola).await;
}

#[tokio::test]
async fn a_caller_who_only_reads_sees_and_calls_only_tools_of_this_server_that_read() {
    reads(&Keboola::native().await).await;
}

async fn reads(keboola: &Keboola) {
    let worker = keboola.before(json!({})).await;
    let master = token(PROJECT, "master");
    let (_, tokens) = Discovered::at(&worker, "/mcp").await.sign_in(&READING, &master).await;
    assert_eq!(tokens.scope, READING.join(" "));
    for path in [DOOR, "/mcp"] {
        for caller in Caller::both(&worker, path, &tokens.access).await {
            reads_only(keboola, &caller).await;
            let sql = json!({ "sql_query": "SELECT 1", "query_name": "One" });
            if keboola.is_native() {
                // Its first query of a project makes a workspace, and this caller makes nothing.
                let text = caller.fails("query_data", sql).await;
                assert!(text.contains("nothing is made"), "{text}");
                continue;
            }
            let row = caller.call("query_data", sql).await;
            assert_eq!(row["csv_data"], "1\r\n1\r\n", "{row}");
        }
    }
}

/// A project may let its own people no more than read, whatever they agree to here.
#[tokio::test]
async fn a_token_that_only_reads_opens_only_what_reads_in_keboola() {
    let Some(keboola) = Keboola::with_workspace("a token that reads in Keboola").await else {
        return;
    };
    let worker = keboola.before(json!({})).await;
    let readonly = token(PROJECT, "readonly");
    let (_, tokens) = Discovered::at(&worker, DOOR).await.sign_in(&ALL, &readonly).await;
    for caller in Caller::both(&worker, DOOR, &tokens.access).await {
        reads_only(&keboola, &caller).await;
    }
}

/// A caller who sees and calls what reads, and nothing else.
async fn reads_only(keboola: &Keboola, caller: &Caller) {
    let received = keboola.received();
    let tools = caller.tools().await;
    let is_keboola = |name: &str| tools.iter().any(|(known, _)| known == name);
    assert!(is_keboola("get_buckets") && is_keboola("query_data"), "{:?}", names(&tools));
    for (name, tool) in &tools {
        assert_eq!(tool["annotations"]["readOnlyHint"], true, "{name}");
    }
    for (hidden, arguments) in [
        ("create_config", new_configuration()),
        ("run_job", json!({ "component_id": COMPONENT, "configuration_id": "http-1" })),
    ] {
        assert!(!is_keboola(hidden), "{:?}", names(&tools));
        let name = format!("{}{hidden}", caller.prefix);
        let refused = caller.front.call(&name, arguments).await;
        assert!(error(&refused)["code"].is_i64(), "{refused:?}");
    }
    let buckets = caller.call("get_buckets", json!({})).await;
    assert!(!buckets["buckets"].as_array().unwrap().is_empty(), "{buckets}");
    assert_eq!(keboola.writes_since(received), []);
}

#[tokio::test]
async fn a_storage_token_that_is_revoked_between_two_calls_is_asked_for_anew() {
    let Some(keboola) = Keboola::with_workspace("a revoked token of Keboola").await else { return };
    revoked(&keboola).await;
}

#[tokio::test]
async fn a_storage_token_that_is_revoked_between_two_calls_of_this_servers_tools_is_asked_for_anew()
{
    revoked(&Keboola::native().await).await;
}

async fn revoked(keboola: &Keboola) {
    let worker = keboola.before(json!({})).await;
    let (master, share) = (token(PROJECT, "master"), token(PROJECT, "share"));
    let (_, tokens) = Discovered::at(&worker, DOOR).await.sign_in(&ALL, &share).await;
    let callers = Caller::both(&worker, DOOR, &tokens.access).await;
    for caller in &callers {
        let project = caller.call("get_project_info", json!({})).await;
        assert_eq!(project["user_role"], "share", "{project}");
    }
    let id = share.split('-').nth(1).unwrap();
    let revoked = keboola.storage(Method::DELETE, &format!("tokens/{id}"), json!({})).await;
    assert_eq!(revoked.status, 204, "{revoked:?}");
    let received = keboola.received();
    let mut link = String::new();
    for caller in &callers {
        let told = caller.fails("create_config", new_configuration()).await;
        assert!(told.contains("no longer accepts the key that you connected"), "{told}");
        assert!(!told.contains(&share), "{told}");
        link = link_in(&told);
        let tools = caller.tools().await;
        assert_eq!(names(&tools), ["connect_account"]);
    }
    assert_eq!(keboola.writes_since(received), []);
    let mut tab = Tab::with(&sign_in(&worker.url(), SITEBAY_TOKEN).await);
    let page = tab.open(&link).await;
    let entered = |token| [("stack", STACK), ("key", token), ("do", "connect")];
    let refused = tab.submit(&link, &page, &entered(&share)).await;
    assert!(refused.status == 422 && refused.text.contains("Invalid access token"), "{refused:?}");
    let connected = tab.submit(&link, &page, &entered(&master)).await;
    assert_eq!(connected.status, 200, "{connected:?}");
    for caller in &callers {
        let made = caller.call("create_config", new_configuration()).await;
        assert_eq!(made["success"], true, "{made}");
    }
}

#[tokio::test]
async fn an_upstream_of_a_development_branch_changes_nothing_in_the_main_one() {
    let Some(keboola) = Keboola::with_workspace("a development branch of Keboola").await else {
        return;
    };
    branches(&keboola).await;
}

#[tokio::test]
async fn the_tools_of_this_server_change_nothing_in_the_main_branch_either() {
    branches(&Keboola::native().await).await;
}

async fn branches(keboola: &Keboola) {
    let worker = keboola.before(json!({ "branch": "1012" })).await;
    let master = token(PROJECT, "master");
    let (_, tokens) = Discovered::at(&worker, DOOR).await.sign_in(&ALL, &master).await;
    for caller in Caller::of((&worker, keboola.is_native()), DOOR, &tokens.access).await {
        let project = caller.call("get_project_info", json!({})).await;
        assert_eq!(project["branch_name"], "Development", "{project}");
        assert_eq!(project["is_development_branch"], true, "{project}");
        let tools = caller.tools().await;
        assert!(!names(&tools).contains(&"get_data_apps"), "{:?}", names(&tools));
        let received = keboola.received();
        let made = caller.call("create_config", new_configuration()).await;
        let config = made["configuration_id"].as_str().expect("an id");
        let run = json!({ "component_id": COMPONENT, "configuration_id": config });
        caller.call("run_job", run).await;
        let writes = keboola.writes_since(received);
        let stored = writes.iter().filter(|(place, _)| place.contains(" connection "));
        for (place, _) in stored {
            assert!(place.contains("/v2/storage/branch/1012/"), "{place}");
        }
        let (place, job) = writes.last().expect("a job");
        assert_eq!((place.as_str(), &job["branchId"]), ("POST queue /jobs", &json!("1012")));
        for (branch, status) in [("default", 404), ("1012", 200)] {
            let path = format!("branch/{branch}/components/{COMPONENT}/configs/{config}");
            let found = keboola.storage(Method::GET, &path, json!({})).await;
            assert_eq!(found.status, status, "{branch}: {found:?}");
        }
    }
}
