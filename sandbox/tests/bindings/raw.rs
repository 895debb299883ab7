//! Requests that `workerd` does not make, and the control routes.

use sandbox::bindings::{Bindings, HEADER, Kind, Options};
use serde_json::{Value, json};

struct Raw {
    bindings: Bindings,
}

impl Raw {
    async fn start() -> Self {
        let bindings = Bindings::start(Options { frozen: true, ..Options::default() }).await;
        Self { bindings: bindings.unwrap() }
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let url = format!("http://{}{path}", self.bindings.address());
        let method = method.parse().unwrap();
        let mut request = reqwest::Client::new().request(method, url).body(body.to_owned());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        let error = answer.headers().get("cf-r2-error");
        let error = error.map(|it| it.to_str().unwrap().to_owned()).unwrap_or_default();
        let bookmark = answer.headers().get("x-cf-d1-session-commit-token");
        let bookmark = bookmark.map(|it| it.to_str().unwrap().to_owned());
        Answer {
            status: answer.status().as_u16(),
            error,
            bookmark,
            text: answer.text().await.unwrap(),
        }
    }

    async fn control(&self, method: &str, name: &str, body: Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.send(method, &format!("/__control/{name}"), &[], &body).await;
        serde_json::from_str(&answer.text).unwrap()
    }
}

struct Answer {
    status: u16,
    error: String,
    bookmark: Option<String>,
    text: String,
}

#[tokio::test]
async fn a_request_that_is_none_is_refused_and_breaks_nothing() {
    let raw = Raw::start().await;
    let of = |kind: Kind| kind.designation("x");
    for (kind, method, path, header, body, status) in [
        (of(Kind::Kv), "GET", "/%ff", "", "", 400),
        (of(Kind::Kv), "PATCH", "/a", "", "", 405),
        (of(Kind::Kv), "POST", "/bulk/get", "", "{", 400),
        (of(Kind::Kv), "GET", "/?key_count_limit=x", "", "", 400),
        (of(Kind::D1), "POST", "/query", "", "{", 400),
        (of(Kind::D1), "POST", "/query", "", "[1]", 400),
        (of(Kind::D1), "POST", "/query", "", r#"{"sql":"SELECT ?","params":[{}]}"#, 400),
        (of(Kind::D1), "POST", "/query", "", r#"{"sql":"SELECT 1","params":1}"#, 400),
        (of(Kind::D1), "GET", "/query", "", "", 404),
        (of(Kind::R2), "GET", "/", "", "", 400),
        (of(Kind::R2), "GET", "/", "{", "", 400),
        (of(Kind::R2), "GET", "/", r#"{"method":"fly"}"#, "", 400),
        (of(Kind::R2), "GET", "/", r#"{"method":"get"}"#, "", 400),
        (of(Kind::R2), "PUT", "/", "", "{}", 400),
        (of(Kind::Analytics), "POST", "/", "", "[]", 400),
        (of(Kind::Analytics), "GET", "/", "", "", 405),
        (of(Kind::Assets), "GET", "/", "", "", 404),
        ("none/x".to_owned(), "GET", "/", "", "", 404),
        ("kv".to_owned(), "GET", "/", "", "", 404),
    ] {
        let headers = [(HEADER, kind.as_str()), ("cf-r2-request", header)];
        let headers = if header.is_empty() { &headers[..1] } else { &headers[..] };
        let answer = raw.send(method, path, headers, body).await;
        assert_eq!(answer.status, status, "{kind} {method} {path} {header} {body}");
        let is_invalid = answer.error.contains("Metadata missing or invalid");
        assert_eq!(is_invalid, kind == "r2/x", "{}", answer.error);
    }
    let size = [(HEADER, "r2/x"), ("cf-r2-metadata-size", "99")];
    assert_eq!(raw.send("PUT", "/", &size, "{}").await.status, 400);
    assert_eq!(raw.send("GET", "/", &[], "").await.status, 404);
}

#[tokio::test]
async fn a_bookmark_of_a_session_grows_with_each_change() {
    let raw = Raw::start().await;
    let ask = async |sql: &str, constraint: Option<&str>| {
        let mut headers = vec![(HEADER, "d1/x")];
        headers.extend(constraint.map(|it| ("x-cf-d1-session-commit-token", it)));
        let body = json!({ "sql": sql }).to_string();
        raw.send("POST", "/query?resultsFormat=NONE", &headers, &body).await.bookmark
    };
    let before = ask("SELECT 1", Some("first-primary")).await.unwrap();
    assert_eq!(ask("SELECT 1", Some(&before)).await.unwrap(), before);
    assert!(ask("CREATE TABLE t (x)", Some(&before)).await.unwrap() > before);
    assert_eq!(ask("SELECT 1", None).await, None);
}

#[tokio::test]
async fn another_process_steers_it_by_its_control_routes() {
    let raw = Raw::start().await;
    let sql = "CREATE TABLE t (x); INSERT INTO t VALUES (1); SELECT * FROM t";
    let done = raw.control("POST", "sql", json!({ "database": "d", "sql": sql })).await;
    assert_eq!(done, json!({ "rows": [{ "x": 1 }] }));
    let wrong = raw.control("POST", "sql", json!({ "database": "d", "sql": "SELEC" })).await;
    assert!(wrong["detail"].as_str().unwrap().contains("syntax error"), "{wrong}");
    let dump = raw.control("GET", "dump?database=d", Value::Null).await;
    assert!(dump["dump"].as_str().unwrap().contains("INSERT INTO \"t\" VALUES(1);"), "{dump}");
    let value = json!({ "namespace": "n", "key": "k", "value": "v" });
    raw.control("POST", "value", value).await;
    assert_eq!(raw.bindings.value("n", "k").as_deref(), Some("v"));
    raw.control("POST", "clock", json!({ "advance_ms": 1000 })).await;
    let state = raw.control("GET", "state", Value::Null).await;
    assert_eq!(state["now"], "2026-11-20T12:00:01.000000Z");
    assert_eq!((&state["databases"], &state["namespaces"]), (&json!(["d"]), &json!(["n"])));
    assert_eq!(raw.control("GET", "points?dataset=p", Value::Null).await, json!([]));
    raw.control("POST", "reset", Value::Null).await;
    let state = raw.control("GET", "state", Value::Null).await;
    assert_eq!(state["databases"], json!([]));
}

#[tokio::test]
async fn what_it_cannot_begin_with_is_an_error() {
    let migrations = vec![("d".to_owned(), "CREATE TABEL t".to_owned())];
    let refused = Bindings::start(Options { migrations, ..Options::default() }).await.unwrap_err();
    assert!(refused.to_string().starts_with("database d: near \"TABEL\""), "{refused}");
    let assets = vec![("a".to_owned(), "/no/such/folder".into())];
    let refused = Bindings::start(Options { assets, ..Options::default() }).await.unwrap_err();
    assert!(refused.to_string().starts_with("/no/such/folder: "), "{refused}");
}
