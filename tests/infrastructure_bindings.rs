//! The tools for stages by the bindings of this server, without a token: on plain `workerd` with a database and a bucket of the test's own,
//! and under `wrangler dev` with D1, R2, KV, Workflows and Durable Objects of Cloudflare's own tools.

use sandbox::{
    Fault,
    bindings::{Bindings, Kind, Options as Sandbox},
    cloudflare::{self, ACCOUNT, Cloudflare, token},
};
use serde_json::{Value, json};
use xtask::{
    bindings::{Binding, Bound},
    server::{Options, Server},
};

use crate::support::{Answer, Client, gateway::Front, options, start, wait, wrangler::Wrangler};

/// The database and the bucket of the stage.
const DATABASE: &str = "app";
const BUCKET: &str = "uploads";

const TABLES: &str = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, score REAL);
    INSERT INTO users VALUES (1, 'ann', 1.5), (2, 'bob', NULL), (3, 'cy', 3.5);
    CREATE VIEW people AS SELECT id, name FROM users;";

/// A server whose own stage has a database and a bucket, and no token.
fn bound() -> Options {
    let bound = Bound {
        bindings: vec![
            Binding::new("APP_DB", Kind::D1, DATABASE),
            Binding::new("APP_UPLOADS", Kind::R2, BUCKET),
        ],
        sandbox: Sandbox {
            migrations: vec![(DATABASE.to_owned(), TABLES.to_owned())],
            ..Sandbox::default()
        },
    };
    Options { bound: Some(bound), ..options() }
}

fn bindings(server: &Server) -> &Bindings {
    server.bindings().expect("bindings")
}

/// The data of a call that succeeded.
fn data(answer: &Answer) -> Value {
    assert_ne!(answer.result()["isError"], true, "{answer:?}");
    answer.result()["structuredContent"].clone()
}

/// The text of a call that failed.
fn failure(answer: &Answer) -> String {
    assert_eq!(answer.result()["isError"], true, "{answer:?}");
    answer.tool_text()
}

#[tokio::test]
async fn without_a_token_a_database_and_a_bucket_are_reached_by_their_bindings() {
    let server = start(bound()).await;
    for (key, bytes) in [("uploads/a.txt", "a"), ("uploads/b.txt", "bb"), ("uploads/x/c.txt", "c")]
    {
        bindings(&server).put_object(BUCKET, key, bytes);
    }
    for front in Front::both(&server, "/mcp").await {
        let of = json!({ "query": "SELECT id, name FROM users WHERE id > ?", "params": [1], "limit": 1 });
        let rows = data(&front.call("query_database", of).await);
        assert_eq!((&rows["rows"], &rows["truncated"]), (&json!([[2, "bob"]]), &json!(true)));
        let none = json!({ "query": "SELECT 2, 1, name FROM users WHERE id > 9" });
        let rows = data(&front.call("query_database", none).await);
        let names: Vec<&Value> =
            rows["columns"].as_array().unwrap().iter().map(|column| &column["name"]).collect();
        assert_eq!(names, ["2", "1", "name"], "without a row, in their order");
        let schema = data(&front.call("describe_database", json!({})).await);
        assert!(schema.to_string().contains("CREATE TABLE users"), "{schema}");

        let first = json!({ "prefix": "uploads/", "limit": 2, "delimiter": "/" });
        let page = data(&front.call("list_bucket_objects", first.clone()).await);
        let keys: Vec<&Value> =
            page["objects"].as_array().unwrap().iter().map(|object| &object["key"]).collect();
        assert_eq!(keys, ["uploads/a.txt", "uploads/b.txt"]);
        let mut next = first;
        next["cursor"] = page["next_cursor"].clone();
        let page = data(&front.call("list_bucket_objects", next).await);
        assert_eq!(
            (&page["prefixes"], &page["truncated"]),
            (&json!(["uploads/x/"]), &json!(false))
        );

        // What is not bound, and what is of another stage, says what is missing.
        for (tool, of, words) in [
            ("query_database", json!({ "query": "SELECT 1", "stage": "preview-7" }), "is not set"),
            (
                "query_database",
                json!({ "query": "SELECT 1", "stage": "prod" }),
                "CLOUDFLARE_READ_TOKEN",
            ),
            ("get_cache_stats", json!({}), "CLOUDFLARE_ACCOUNT_ID"),
            (
                "trigger_workflow",
                json!({ "workflowName": "OnboardingWorkflow", "confirm": true }),
                "`APP_ONBOARDING`",
            ),
            ("list_bucket_objects", json!({ "cursor": "junk" }), "- cursor: "),
        ] {
            let text = failure(&front.call(tool, of).await);
            assert!(text.contains(words), "{tool}: {text}");
        }
    }
}

/// Texts of every class of bypass.
const BYPASSES: &[&str] = &[
    "SELECT 1; DELETE FROM users",
    "COMMIT; DROP TABLE users",
    "WITH x AS (SELECT 1) DELETE FROM users",
    "DELETE FROM users RETURNING *",
    "/* */ DELETE FROM users",
    "EXPLAIN SELECT 1",
    "PRAGMA optimize",
    "PRAGMA reverse_unordered_selects=ON",
    "SELECT * FROM pragma_optimize",
    "SELECT * FROM main.\"Pragma_Optimize\"",
    "REINDEX",
    "ANALYZE",
    "INSERT INTO people (name) VALUES ('x')",
    "SELECT '\\'; DROP TABLE users --'",
    "SELECT 1\0; DROP TABLE users",
    "SELECT 1 INTO x",
    "SELECT * FROM (DELETE FROM users RETURNING *)",
    "SELECT 1) /*",
    "SELECT id FROM users) LIMIT 900 --",
    "users) ; DROP TABLE users --",
    "",
    "-- c",
];

#[tokio::test]
async fn h2_no_query_by_the_binding_changes_a_database() {
    let server = start(bound()).await;
    let [front, _] = Front::both(&server, "/mcp").await;
    let dump = || bindings(&server).dump(DATABASE).unwrap();
    let before = dump();
    for text in BYPASSES {
        let answer = front.call("query_database", json!({ "query": text })).await;
        failure(&answer);
        assert_eq!(dump(), before, "{text}");
    }
    let endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n";
    let rows = data(&front.call("query_database", json!({ "query": endless, "limit": 5 })).await);
    assert_eq!((&rows["row_count"], &rows["truncated"]), (&json!(5), &json!(true)));
}

/// The settings that lead to a stand-in for Cloudflare.
fn with_account(options: Options, cloudflare: &Cloudflare) -> Options {
    let options = options.var("CLOUDFLARE_ACCOUNT_ID", ACCOUNT);
    let options = options.var("CLOUDFLARE_READ_TOKEN", &token("read"));
    options.var("CLOUDFLARE_API_URL", &cloudflare.api_url())
}

#[tokio::test]
async fn h2_the_same_text_has_the_same_rows_by_the_binding_and_by_the_api() {
    let cloudflare = Cloudflare::start(cloudflare::Options::default()).await.unwrap();
    cloudflare.execute("sitebay-mcp-staging", &format!("DROP TABLE users; {TABLES}")).unwrap();
    let by_binding = start(bound()).await;
    let by_api = start(with_account(options(), &cloudflare)).await;
    let [binding, _] = Front::both(&by_binding, "/mcp").await;
    let [api, _] = Front::both(&by_api, "/mcp").await;
    for text in [
        "SELECT * FROM users",
        "SELECT u.id, p.id, 2, 1 FROM users u JOIN people p ON p.id = u.id ORDER BY u.id DESC",
        "SELECT id FROM users WHERE id > 9",
        "VALUES (1), (2);",
        "SELECT 'it''s' /* open",
        "SELECT x'0102', NULL, 1.5, 'a' AS \"10\"",
        "users",
    ] {
        let of = json!({ "query": text });
        let [one, other] = [
            data(&binding.call("query_database", of.clone()).await),
            data(&api.call("query_database", of).await),
        ];
        for part in ["columns", "rows", "row_count", "truncated"] {
            assert_eq!(one[part], other[part], "{text}: {part}");
        }
    }
}

#[tokio::test]
async fn a_query_goes_by_the_token_that_reads_and_a_list_by_the_bucket_that_is_bound() {
    let cloudflare = Cloudflare::start(cloudflare::Options::default()).await.unwrap();
    let server = start(with_account(bound(), &cloudflare)).await;
    bindings(&server).put_object(BUCKET, "uploads/bound.txt", "b");
    let [front, _] = Front::both(&server, "/mcp").await;
    let rows =
        data(&front.call("query_database", json!({ "query": "SELECT name FROM users" })).await);
    assert!(rows.to_string().contains("Ada Example"), "{rows}");
    let sent = cloudflare.requests().len();
    assert_eq!(sent, 2);
    let page = data(&front.call("list_bucket_objects", json!({ "prefix": "uploads/" })).await);
    assert!(page.to_string().contains("uploads/bound.txt"), "{page}");
    assert_eq!(cloudflare.requests().len(), sent, "nothing was sent");
    let other = json!({ "prefix": "uploads/", "stage": "prod" });
    let page = data(&front.call("list_bucket_objects", other).await);
    assert!(page.to_string().contains("uploads/contract.pdf"), "{page}");
}

#[tokio::test]
async fn what_is_bound_and_fails_is_told_and_the_server_goes_on() {
    let server = start(bound()).await;
    let [front, _] = Front::both(&server, "/mcp").await;
    let failing = |path: &str| Fault {
        path: Some(path.to_owned()),
        status: Some(500),
        times: Some(1),
        ..Fault::default()
    };
    for (path, tool, of, words) in [
        ("/d1/*", "query_database", json!({ "query": "SELECT 1" }), "The database "),
        ("/r2/*", "list_bucket_objects", json!({}), "The bucket gave no list"),
    ] {
        bindings(&server).inject(failing(path));
        let text = failure(&front.call(tool, of.clone()).await);
        assert!(text.contains(words), "{tool}: {text}");
        data(&front.call(tool, of).await);
    }
}

#[tokio::test]
async fn under_wrangler_a_database_a_bucket_a_workflow_and_an_object_are_reached_without_a_token() {
    let server = Wrangler::start_with_stage(&[
        ("ENVIRONMENT", "development"),
        ("SESSION_KEY", "a-session-key-of-this-test-with-enough-characters"),
        ("CREDENTIAL_KEY", "a-credential-key-of-this-test-with-enough-characters"),
    ])
    .await;
    let client = Client::new(server.url()).connect().await;
    let call = async |tool: &str, of: Value| client.call(tool, of).await;

    // The examples of the documentation.
    let of = json!({ "query": "SELECT * FROM users LIMIT 10", "stage": "staging" });
    let rows = data(&call("query_database", of).await);
    assert!(rows.to_string().contains("ada@example.com"), "{rows}");
    for text in BYPASSES {
        failure(&call("query_database", json!({ "query": text })).await);
    }
    let count = json!({ "query": "SELECT count(*) FROM users" });
    assert_eq!(data(&call("query_database", count).await)["rows"], json!([[2]]));
    let schema = data(&call("describe_database", json!({})).await);
    assert!(schema.to_string().contains("CREATE TABLE users"), "{schema}");

    let page =
        data(&call("list_bucket_objects", json!({ "prefix": "uploads/", "limit": 50 })).await);
    let notes =
        page["objects"].as_array().unwrap().iter().find(|one| one["key"] == "uploads/notes.txt");
    assert_eq!(notes.unwrap()["content_type"], "text/plain", "{page}");

    let start = json!({
        "workflowName": "OnboardingWorkflow", "params": { "userId": "user-123" }, "run_id": "once", "confirm": true,
    });
    let started = data(&call("trigger_workflow", start.clone()).await);
    assert_eq!(started["run_id"], "once", "{started}");
    let run = wait::until("the run is over", async || {
        let of = json!({ "workflowName": "OnboardingWorkflow", "run_id": "once" });
        let run = data(&call("get_workflow_run", of).await);
        if run["is_over"] == true { Ok(run) } else { Err(run) }
    })
    .await;
    assert_eq!(
        (&run["status"], &run["output"]),
        (&json!("complete"), &json!({ "welcomed": "user-123" }))
    );
    let again = data(&call("trigger_workflow", start).await);
    assert!(again["note"].as_str().unwrap().contains("nothing was started"), "{again}");
    let never = json!({ "workflowName": "OnboardingWorkflow", "run_id": "never" });
    let text = failure(&call("get_workflow_run", never).await);
    assert!(text.contains("has no run with this id"), "{text}");

    let of = json!({ "objectName": "ChatDO", "message": "Hello from MCP", "confirm": true });
    let answer = data(&call("send_durable_object_message", of).await)["answer"].clone();
    assert_eq!(answer, json!({ "received": "Hello from MCP", "count": 1 }));
    server.end().await;
}
