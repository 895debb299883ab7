//! Upstreams that answer what no server should: callers get an honest answer, and the next call works.
//!
//! §8 of the statements of the gateway: "Upstream HTTP", "Upstream bodies", "Protocol lies".

use serde_json::{Value, json};
use xtask::server::Server as Worker;

use crate::support::{
    gateway::{Front, before, opens_sessions},
    upstream::{Match, NeverAccepts, Reply, Request, Upstream, any, closed_port, rpc, tool},
};

const DONE: &str = r#"{"content":[{"type":"text","text":"done"}]}"#;

/// How a call that got such an answer ends in front.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Ends {
    /// It has the tool's result.
    Done,
    /// It may have been carried out.
    Unknown,
    /// Nothing was carried out, and the text says why.
    Refused,
    /// With the upstream's JSON-RPC error.
    Passed(i64),
}

type Answers = Box<dyn Fn(&Request) -> Reply + Send + Sync>;

/// An answer to a call, by what it is, and how the call ends.
type Case = (&'static str, Ends, Answers);

fn case(
    what: &'static str,
    ends: Ends,
    answer: impl Fn(&Request) -> Reply + Send + Sync + 'static,
) -> Case {
    (what, ends, Box::new(answer))
}

/// A status without a body.
fn status(what: &'static str, ends: Ends, status: u16) -> Case {
    case(what, ends, move |_| Reply::status(status))
}

/// A body of JSON, in which `ID` is that of the request.
fn body(what: &'static str, ends: Ends, text: &'static str) -> Case {
    case(what, ends, move |request| Reply::json(&text.replace("ID", &request.id())))
}

/// A stream of these bytes, in which `ANSWER` is the answer to the request.
fn stream(what: &'static str, ends: Ends, text: &'static str) -> Case {
    case(what, ends, move |request| {
        Reply::events().chunk(text.replace("ANSWER", &request.response(DONE)))
    })
}

/// A scripted upstream that has sessions, and a Worker before it that waits for it no longer than it must.
async fn scripted() -> (Upstream, Worker) {
    let upstream = Upstream::start().await;
    let timeouts = json!({ "headers": 2, "idle": 1, "whole": 3 });
    let worker = before(&[("t", &upstream.url(), json!({ "timeouts": timeouts }))]).await;
    (upstream, worker)
}

/// Calls `change` before each answer in turn, from clients of both eras.
async fn end(cases: Vec<Case>) {
    let (upstream, worker) = scripted().await;
    let fronts = Front::both(&worker, "/mcp").await;
    let mut wrong = Vec::new();
    for (what, ends, answer) in cases {
        let answer = std::sync::Arc::new(answer);
        for (place, front) in fronts.iter().enumerate() {
            upstream.forget_rules();
            let answer = answer.clone();
            upstream.on(tool("change").times(1), move |request| answer(request));
            upstream.on(tool("change"), |request| request.result(DONE));
            opens_sessions(&upstream);
            let before = upstream.count(&tool("change"));
            let called = front.call("t_change", json!({})).await;
            let sent = upstream.count(&tool("change")) - before;
            let response = called.response();
            let text = response["result"]["content"][0]["text"].as_str().unwrap_or_default();
            let is_error = response["result"]["isError"] == true;
            let fits = match ends {
                Ends::Done => text == "done" && !is_error,
                Ends::Unknown => is_error && text.contains("outcome is unknown") && sent == 1,
                Ends::Refused => is_error && !text.contains("outcome is unknown") && sent == 1,
                Ends::Passed(code) => response["error"]["code"] == code && sent == 1,
            };
            if !fits || called.status != 200 {
                wrong.push(format!("{what} ({place}), sent {sent}: {ends:?}: {response}"));
            }
            // The breaker counts failures in a row.
            let next = front.call("t_change", json!({})).await;
            if next.response()["result"]["content"][0]["text"] != "done" {
                wrong.push(format!("{what} ({place}), the next call: {}", next.text));
            }
        }
    }
    assert!(wrong.is_empty(), "{:#?}", wrong);
}

#[tokio::test]
async fn statuses_of_upstreams_become_answers_of_tools() {
    end(vec![
        status("204", Ends::Unknown, 204),
        status("202", Ends::Unknown, 202),
        case("200 without a body", Ends::Unknown, |_| Reply::json("")),
        status("400", Ends::Refused, 400),
        case("401", Ends::Refused, |_| {
            let challenge = "Bearer resource_metadata=\"https://evil.example/.well-known/x\"";
            Reply::status(401).header("www-authenticate", challenge)
        }),
        status("401 without a challenge", Ends::Refused, 401),
        status("403", Ends::Refused, 403),
        status("405", Ends::Refused, 405),
        status("409", Ends::Refused, 409),
        status("412", Ends::Refused, 412),
        status("413", Ends::Refused, 413),
        status("415", Ends::Refused, 415),
        status("421", Ends::Refused, 421),
        status("425", Ends::Refused, 425),
        case("429 for so many seconds", Ends::Refused, |_| {
            Reply::status(429).header("retry-after", "2")
        }),
        case("429 until a date", Ends::Refused, |_| {
            Reply::status(429).header("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")
        }),
        case("429 with nonsense", Ends::Refused, |_| {
            Reply::status(429).header("retry-after", "soon")
        }),
        status("301", Ends::Refused, 301),
        case("302", Ends::Refused, |_| Reply::status(302).header("location", "/other")),
        case("303", Ends::Refused, |_| Reply::status(303).header("location", "/other")),
        case("307 to itself", Ends::Refused, |_| Reply::status(307).header("location", "/mcp")),
        case("500 with an error in JSON-RPC", Ends::Passed(-32603), |request| {
            request.error(-32603, "it broke").with_status(500)
        }),
        case("502 in HTML", Ends::Unknown, |_| {
            let html = Reply::status(502).header("content-type", "text/html");
            html.body("<html><script>alert(1)</script>")
        }),
        case("503", Ends::Unknown, |_| Reply::status(503).header("retry-after", "1")),
        case("an interim answer", Ends::Done, |request| {
            request.result(DONE).preceded_by("HTTP/1.1 103 Early Hints\r\n\r\n")
        }),
        case("a 307 on its origin", Ends::Done, |_| {
            Reply::status(307).header("location", "/mcp?moved=1")
        }),
    ])
    .await;
}

#[tokio::test]
async fn connections_that_break_leave_the_outcome_unknown() {
    end(vec![
        case("no answer, and the end", Ends::Unknown, |_| Reply::cut_off()),
        case("half a head", Ends::Unknown, |_| Reply::raw("HTTP/1.1 200 OK\r\ncontent-ty")),
        case("no HTTP", Ends::Unknown, |_| Reply::raw("SSH-2.0-OpenSSH_9.9\r\n")),
        case("half of JSON", Ends::Unknown, |request| {
            Reply::json(&request.response(DONE)[..30]).cut()
        }),
        case("half of a frame", Ends::Unknown, |_| Reply::events().chunk("data: {\"jso").cut()),
        case("half of a character", Ends::Unknown, |_| {
            Reply::events().chunk(b"data: \xe2\x82").cut()
        }),
        case("a stream that ends without an answer", Ends::Unknown, |_| {
            Reply::events().chunk(": nothing\n\n")
        }),
        case("an answer that comes before the break", Ends::Done, |request| {
            Reply::events().event(&request.response(DONE)).cut()
        }),
    ])
    .await;
}

/// Real time: each of them is waited for as long as the configuration lets it take.
#[tokio::test]
async fn upstreams_that_are_silent_are_not_waited_for_without_end() {
    end(vec![
        case("silence", Ends::Unknown, |_| Reply::silence()),
        case("a head, then silence", Ends::Unknown, |_| {
            Reply::events().chunk(": begins\n\n").hang()
        }),
        case("half of JSON, then silence", Ends::Unknown, |_| Reply::json("{\"jsonrpc\"").hang()),
    ])
    .await;
    let never = NeverAccepts::start().await;
    let timeouts = json!({ "timeouts": { "headers": 1, "lists": 1 } });
    let gone = closed_port();
    let worker = before(&[("never", &never.url(), timeouts), ("gone", &gone, json!({}))]).await;
    for front in Front::both(&worker, "/mcp").await {
        assert!(front.tools().await.contains(&"sitebay_list_sites".to_owned()));
        for name in ["never_echo", "gone_echo"] {
            let refused = front.call(name, json!({})).await;
            assert_eq!(refused.result()["isError"], true);
            assert!(refused.tool_text().starts_with("Nothing was sent"), "{refused:?}");
        }
    }
}

#[tokio::test]
async fn bodies_that_are_no_answer_are_called_so() {
    end(vec![
        body("an array", Ends::Unknown, r#"[{"jsonrpc":"2.0","id":ID,"result":{}}]"#),
        body("another id", Ends::Unknown, r#"{"jsonrpc":"2.0","id":4242,"result":{}}"#),
        body("no id", Ends::Unknown, r#"{"jsonrpc":"2.0","result":{}}"#),
        body("its id as text", Ends::Unknown, r#"{"jsonrpc":"2.0","id":"ID","result":{}}"#),
        body(
            "a result that is no object",
            Ends::Unknown,
            r#"{"jsonrpc":"2.0","id":ID,"result":7}"#,
        ),
        body("neither result nor error", Ends::Unknown, r#"{"jsonrpc":"2.0","id":ID}"#),
        body(
            "a number that is none",
            Ends::Unknown,
            r#"{"jsonrpc":"2.0","id":ID,"result":{"a":NaN}}"#,
        ),
        body("no JSON", Ends::Unknown, "<html>"),
        body(
            "an error",
            Ends::Passed(-32050),
            r#"{"jsonrpc":"2.0","id":ID,"error":{"code":-32050,"message":"no","data":{"big":1}}}"#,
        ),
        case("a BOM", Ends::Done, |request| {
            Reply::json(&format!("\u{feff}{}", request.response(DONE)))
        }),
        case("another media type", Ends::Unknown, |request| {
            Reply::status(200).header("content-type", "text/plain").body(request.response(DONE))
        }),
        case("a stream as JSON", Ends::Unknown, |request| {
            Reply::json(&format!("data: {}\n\n", request.response(DONE)))
        }),
        case("many levels", Ends::Unknown, |request| {
            let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
            Reply::json(&request.response(&format!(r#"{{"content":{deep}}}"#)))
        }),
        case("compressed", Ends::Done, |request| {
            Reply::status(200)
                .header("content-type", "application/json")
                .gzip(request.response(DONE))
        }),
        case("a small body for a very large one", Ends::Unknown, |_| {
            let json = Reply::status(200).header("content-type", "application/json");
            json.gzip(vec![b' '; 40_000_000])
        }),
        case("a line without end", Ends::Unknown, |_| {
            Reply::events().chunk("data: ").chunk(vec![b'x'; 20_000_000])
        }),
    ])
    .await;
}

#[tokio::test]
async fn streams_of_any_form_are_read() {
    end(vec![
        stream("comments", Ends::Done, ": hello\n\n:\n\ndata: ANSWER\n\n"),
        stream("retry and no data", Ends::Done, "retry: 10\n\ndata:\n\nid: 1\ndata: ANSWER\n\n"),
        stream("other events", Ends::Done, "event: ping\ndata: {}\n\nevent: message\ndata: ANSWER\n\n"),
        stream("carriage returns", Ends::Done, "event: message\rdata: ANSWER\r\r"),
        stream("both", Ends::Done, "data: ANSWER\r\n\r\n"),
        stream("no space", Ends::Done, "data:ANSWER\n\n"),
        stream("a BOM", Ends::Done, "\u{feff}data: ANSWER\n\n"),
        stream("an answer twice", Ends::Done, "data: ANSWER\n\ndata: ANSWER\n\n"),
        stream(
            "the answer to another request",
            Ends::Unknown,
            "data: {\"jsonrpc\":\"2.0\",\"id\":99999,\"result\":{}}\n\ndata: ANSWER\n\n",
        ),
        stream(
            "notifications of any kind",
            Ends::Done,
            "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/none\",\"params\":{}}\n\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progress\":1}}\n\ndata: ANSWER\n\n",
        ),
        case("a storm of notifications", Ends::Done, |request| {
            let one = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}"#;
            let storm = format!("data: {one}\n\n").repeat(20_000);
            Reply::events().chunk(storm).event(&request.response(DONE))
        }),
        stream(
            "requests that nobody declared",
            Ends::Done,
            "data: {\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"roots/list\"}\n\ndata: {\"jsonrpc\":\"2.0\",\"id\":\"r\",\"method\":\"unknown/method\"}\n\ndata: ANSWER\n\n",
        ),
    ])
    .await;
}

/// A scripted upstream of 2026-07-28 whose tools are those of [`opens_sessions`].
fn stateless(upstream: &Upstream) {
    upstream.on(rpc("server/discover"), |request| {
        let found = json!({
            "resultType": "complete", "supportedVersions": ["2026-07-28"], "ttlMs": 0, "cacheScope": "private",
            "capabilities": { "tools": {} },
            "_meta": { "io.modelcontextprotocol/serverInfo": { "name": "s", "version": "1" } },
        });
        request.result(&found.to_string())
    });
    opens_sessions(upstream);
}

/// Statement 2, with an upstream that lies: none of it is carried on.
#[tokio::test]
async fn results_that_a_stateless_upstream_may_not_give_end_the_call() {
    let upstream = Upstream::start().await;
    let worker = before(&[("t", &upstream.url(), json!({}))]).await;
    let form = json!({ "method": "elicitation/create", "params": { "message": "x" } });
    let results: Vec<(&str, Value)> = vec![
        ("a task", json!({ "resultType": "task", "taskId": "a", "status": "working" })),
        (
            "a question that nobody can be asked",
            json!({ "resultType": "input_required", "inputRequests": { "a": form } }),
        ),
        (
            "an unknown question",
            json!({ "resultType": "input_required", "inputRequests": { "a": { "method": "x/y" } } }),
        ),
        ("neither question nor state", json!({ "resultType": "input_required" })),
        ("questions that are none", json!({ "resultType": "input_required", "inputRequests": 7 })),
        ("an unknown type", json!({ "resultType": "later", "content": [] })),
    ];
    for front in Front::both(&worker, "/mcp").await {
        for (what, result) in &results {
            upstream.forget_rules();
            let text = result.to_string();
            upstream.on(tool("change").times(1), move |request| request.result(&text));
            upstream.on(tool("change"), |request| {
                request.result(
                    r#"{"resultType":"complete","content":[{"type":"text","text":"done"}]}"#,
                )
            });
            stateless(&upstream);
            let before = upstream.count(&tool("change"));
            let response = front.call("t_change", json!({})).await.response();
            let failed = response["error"].is_object() || response["result"]["isError"] == true;
            assert!(failed, "{what}: {response}");
            assert_eq!(upstream.count(&tool("change")), before + 1, "{what}");
            let next = front.call("t_change", json!({})).await;
            assert_eq!(next.tool_text(), "done", "{what}");
        }
    }
}

/// Pages that never end, or lead back, end with what is there.
#[tokio::test]
async fn cursors_that_lead_nowhere_end_a_list() {
    let one = r#"{"name":"one","inputSchema":{"type":"object"}}"#;
    let lists: [(&str, Match, String); 4] = [
        ("the same cursor", any(), format!(r#"{{"tools":[{one}],"nextCursor":"again"}}"#)),
        ("an empty cursor", any(), format!(r#"{{"tools":[{one}],"nextCursor":""}}"#)),
        ("a cursor that is none", any(), format!(r#"{{"tools":[{one}],"nextCursor":7}}"#)),
        (
            "a large cursor",
            any(),
            format!(r#"{{"tools":[{one}],"nextCursor":"{}"}}"#, "c".repeat(100_000)),
        ),
    ];
    for (what, _, list) in lists {
        let upstream = Upstream::start().await;
        upstream.on(rpc("tools/list"), move |request| request.result(&list));
        opens_sessions(&upstream);
        let worker = before(&[("t", &upstream.url(), json!({}))]).await;
        for front in Front::both(&worker, "/mcp").await {
            let names = front.tools().await;
            let theirs = names.iter().filter(|name| name.starts_with("t_")).count();
            assert_eq!(theirs, 1, "{what}: {names:?}");
        }
        assert!(upstream.count(&rpc("tools/list")) <= 10, "{what}");
    }
}
