//! Misbehaviour on demand.

use sandbox::Fault;
use sandbox::cloudflare::ACCOUNT;
use serde_json::json;

use crate::client::{Lab, assert_refused, each};

fn fault(path: &str, status: u16) -> Fault {
    Fault { path: Some(path.into()), status: Some(status), times: Some(1), ..Fault::default() }
}

#[tokio::test]
async fn a_fault_names_its_path_with_account_and_base_or_without() {
    let lab = Lab::start().await;
    let paths = [
        "/queues".to_owned(),
        format!("/accounts/{ACCOUNT}/queues"),
        format!("/client/v4/accounts/{ACCOUNT}/queues"),
    ];
    for path in paths {
        lab.cloudflare.inject(fault(&path, 500));
        assert_refused(&lab.get("queues").await, 500, 10001);
        assert_eq!(lab.get("queues").await.0, 200);
    }
}

#[tokio::test]
async fn too_many_requests_says_when_to_come_again() {
    let lab = Lab::start().await;
    let retry_after = Some("300".into());
    lab.cloudflare.inject(Fault { retry_after, ..fault("/d1/database", 429) });
    let refused = lab.request("GET", "d1/database").send().await.unwrap();
    assert_eq!(
        (refused.status().as_u16(), &refused.headers()["retry-after"]),
        (429, &"300".parse().unwrap())
    );
    let body = refused.json::<serde_json::Value>().await.unwrap();
    assert_refused(&(429, body), 429, 10013);
}

#[tokio::test]
async fn an_answer_is_lost_before_or_after_the_change() {
    let lab = Lab::start().await;
    let create = |name: &str| lab.request("POST", "queues").json(&json!({ "queue_name": name }));
    let cut = Fault { cut: true, status: None, ..fault("/queues", 0) };
    lab.cloudflare.inject(cut.clone());
    assert!(create("before").send().await.is_err());
    lab.cloudflare.inject(Fault { after: true, ..cut });
    assert!(create("after").send().await.is_err());
    let (_, list) = lab.get("queues").await;
    let names = each(&list["result"], "queue_name");
    assert!(names.contains(&"after") && !names.contains(&"before"), "{names:?}");
}

#[tokio::test]
async fn an_answer_is_html_or_a_lie() {
    let lab = Lab::start().await;
    lab.cloudflare.inject(Fault {
        body: Some("<h1>Bad Gateway</h1>".into()),
        content_type: Some("text/html".into()),
        ..fault("/queues", 502)
    });
    let sent = lab.request("GET", "queues").send().await.unwrap();
    assert_eq!(
        (sent.status().as_u16(), sent.text().await.unwrap().as_str()),
        (502, "<h1>Bad Gateway</h1>")
    );
    let lie = json!({ "success": true, "errors": [], "messages": [], "result": null });
    lab.cloudflare.inject(Fault { body: Some(lie.to_string()), ..fault("/queues", 200) });
    assert_eq!(lab.get("queues").await.1, lie);
}
