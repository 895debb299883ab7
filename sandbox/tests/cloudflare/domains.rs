//! Custom domains and routes.

use sandbox::cloudflare::ZONE;
use serde_json::{Value, json};

use crate::client::{Lab, WORKER, assert_refused, each};

fn domain(hostname: &str, service: &str) -> Value {
    json!({ "hostname": hostname, "service": service, "zone_name": "example.com" })
}

#[tokio::test]
async fn a_domain_is_attached_once_and_detached() {
    let lab = Lab::start().await;
    let body = domain("mcp.example.com", WORKER);
    let made = Lab::result(lab.put("workers/domains", body.clone()).await);
    assert_eq!((&made["zone_id"], &made["service"]), (&json!(ZONE), &json!(WORKER)));
    assert_eq!(Lab::result(lab.put("workers/domains", body).await), made);
    let taken = lab.put("workers/domains", domain("mcp.example.com", "shop")).await;
    assert_refused(&taken, 409, 100_116);
    let list = Lab::result(lab.get("workers/domains?service=shop").await);
    assert_eq!(list, json!([]));
    let path = format!("workers/domains/{}", made["id"].as_str().unwrap());
    assert_eq!(Lab::result(lab.get(&path).await), made);
    Lab::result(lab.delete(&path).await);
    assert_refused(&lab.delete(&path).await, 404, 100_114);
}

#[tokio::test]
async fn a_domain_that_cannot_be_is_refused() {
    let lab = Lab::start().await;
    for (hostname, status, code) in [
        ("www.example.com", 409, 100_117),
        ("*.example.com", 400, 100_113),
        ("mcp.example.org", 400, 100_112),
        ("notexample.com", 400, 100_112),
    ] {
        let refused = lab.put("workers/domains", domain(hostname, WORKER)).await;
        assert_refused(&refused, status, code);
    }
    let refused = lab.put("workers/domains", domain("mcp.example.com", "none")).await;
    assert_refused(&refused, 404, 10007);
}

#[tokio::test]
async fn a_zone_has_routes_with_patterns_of_its_own() {
    let mut lab = Lab::start().await;
    let zones = Lab::result(lab.top("GET", "zones?name=example.com", Value::Null).await);
    assert_eq!((&zones[0]["id"], &zones[0]["status"]), (&json!(ZONE), &json!("active")));
    let path = format!("zones/{ZONE}/workers/routes");
    let body = json!({ "pattern": "api.example.com/*", "script": WORKER });
    let made = Lab::result(lab.top("POST", &path, body.clone()).await);
    assert_refused(&lab.top("POST", &path, body).await, 409, 10020);
    let outside = json!({ "pattern": "example.org/*", "script": WORKER });
    assert_refused(&lab.top("POST", &path, outside).await, 400, 1001);
    let one = format!("{path}/{}", made["id"].as_str().unwrap());
    let changed = json!({ "pattern": "*.example.com/x/*" });
    Lab::result(lab.top("PUT", &one, changed).await);
    let list = Lab::result(lab.top("GET", &path, Value::Null).await);
    assert_eq!(each(&list, "pattern"), ["*.example.com/x/*"]);
    lab.use_token("query");
    assert_refused(&lab.top("GET", &path, Value::Null).await, 403, 10000);
    lab.use_token("change");
    Lab::result(lab.top("DELETE", &one, Value::Null).await);
    assert_refused(&lab.top("DELETE", &one, Value::Null).await, 404, 10007);
}
