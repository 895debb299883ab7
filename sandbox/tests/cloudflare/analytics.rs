//! Queries of Analytics Engine.

use sandbox::cloudflare::DataPoint;
use serde_json::{Value, json};

use crate::client::{Lab, answer};

async fn query(lab: &Lab, sql: &str) -> (u16, Value) {
    answer(lab.request("POST", "analytics_engine/sql").body(sql.to_owned())).await
}

/// A request with a status and an outcome, so many seconds ago, which stands for `weight` others.
fn point(status: f64, outcome: &str, seconds_ago: u32, weight: u32) -> DataPoint {
    let blobs = ["info", "request", "/mcp", "tools/call", "list_sites", outcome];
    DataPoint {
        index: "subject".into(),
        blobs: blobs.map(str::to_owned).to_vec(),
        doubles: vec![80.0, 12.0, status],
        sample_interval: weight,
        seconds_ago,
        ..DataPoint::default()
    }
}

#[tokio::test]
async fn the_queries_of_the_runbooks_are_answered() {
    let lab = Lab::start().await;
    let points = [
        point(200.0, "ok", 60, 90),
        point(500.0, "object-failed", 60, 10),
        point(500.0, "object-failed", 3600, 1000),
    ];
    lab.cloudflare.write_points("fresh", &points).unwrap();
    let failed = "SELECT sumIf(_sample_interval, double3 >= 500) / sum(_sample_interval) AS failed \
                  FROM fresh WHERE blob2 = 'request' AND timestamp > NOW() - INTERVAL '15' MINUTE";
    let (status, body) = query(&lab, failed).await;
    assert_eq!((status, &body["data"]), (200, &json!([{ "failed": 0.1 }])), "{body}");
    assert_eq!(body["meta"], json!([{ "name": "failed", "type": "Float64" }]));
    let outcomes = "SELECT blob6 AS outcome, double3 AS status, sum(_sample_interval) AS n FROM fresh \
                    GROUP BY outcome, status ORDER BY n DESC LIMIT 1 FORMAT JSON";
    let (_, body) = query(&lab, outcomes).await;
    let wanted = json!([{ "outcome": "object-failed", "status": 500, "n": "1010" }]);
    assert_eq!((&body["data"], &body["rows"]), (&wanted, &json!(1)));
    let hours = "SELECT toStartOfInterval(timestamp, INTERVAL '1' HOUR) AS hour, count() AS n \
                 FROM fresh GROUP BY hour ORDER BY hour";
    let (_, body) = query(&lab, hours).await;
    assert_eq!(body["data"][0], json!({ "hour": "2026-11-20 11:00:00", "n": "3" }));
    assert_eq!(body["meta"][0]["type"], "DateTime");
    let p95 = "SELECT quantileExactWeighted(0.95)(double3, _sample_interval) AS p FROM fresh \
               WHERE timestamp > now() - INTERVAL '5' MINUTE";
    assert_eq!(query(&lab, p95).await.1["data"], json!([{ "p": 500 }]));
}

#[tokio::test]
async fn sums_over_nothing_are_zero_and_what_is_not_understood_is_plain_text() {
    let mut lab = Lab::start().await;
    let none = "SELECT sum(_sample_interval) AS n, sumIf(_sample_interval, double3 = 1) AS m \
                FROM sitebay_mcp_staging WHERE blob1 = 'none'";
    assert_eq!(query(&lab, none).await.1["data"], json!([{ "n": "0", "m": "0" }]));
    for sql in ["SELECT 1 FROM none", "DROP TABLE sitebay_mcp", "SELECT 1; SELECT 2", "SELEC"] {
        let sent = lab.request("POST", "analytics_engine/sql").body(sql).send().await.unwrap();
        assert_eq!(sent.status().as_u16(), 422, "{sql}");
        assert_eq!(sent.headers()["content-type"], "text/plain");
    }
    let tables = query(&lab, "SHOW TABLES").await.1;
    assert_eq!(tables["data"][1]["dataset"], "sitebay_mcp_staging");
    let lines = "SELECT blob6 AS o FROM sitebay_mcp_staging LIMIT 2 FORMAT JSONEachRow";
    let sent = lab.request("POST", "analytics_engine/sql").body(lines).send().await.unwrap();
    assert_eq!(sent.text().await.unwrap(), "{\"o\":\"ok\"}\n{\"o\":\"ok\"}\n");
    lab.use_token("query");
    assert_eq!(query(&lab, "SELECT 1").await.0, 403);
}

#[tokio::test]
async fn the_window_of_a_query_moves_with_the_clock() {
    let lab = Lab::start().await;
    let count = "SELECT count() AS n FROM sitebay_mcp_staging \
                 WHERE timestamp > NOW() - INTERVAL '10' MINUTE";
    assert_eq!(query(&lab, count).await.1["data"], json!([{ "n": "41" }]));
    lab.advance(600);
    assert_eq!(query(&lab, count).await.1["data"], json!([{ "n": "0" }]));
    let many = DataPoint { count: 1000, ..point(429.0, "rate-limit", 0, 1) };
    lab.cloudflare.write_points("sitebay_mcp_staging", &[many]).unwrap();
    assert_eq!(query(&lab, count).await.1["data"], json!([{ "n": "1000" }]));
}
