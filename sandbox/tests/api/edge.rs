//! Further names, paths to elsewhere, and who may visit.

use serde_json::json;

use crate::client::{Api, BARE_SITE, SITE, answer, detail, october};

#[tokio::test]
async fn a_further_name_is_checked_and_then_active() {
    let api = Api::start().await;
    let path = format!("{SITE}/custom_hostname");
    let name = json!({ "hostname": "Shop.Client.example" });
    let (code, added) = api.post(&path, name.clone()).await;
    assert_eq!((code, &added["hostname"]), (200, &json!("shop.client.example")));
    assert_eq!(
        (&added["status"], &added["ssl_status"]),
        (&json!("pending"), &json!("pending_validation"))
    );
    assert_eq!(added["ownership_verification"]["value"], "site-1.example.com");
    api.sandbox.finish();
    let (_, list) = api.get(&path).await;
    assert_eq!((&list[0]["status"], &list[0]["ssl_status"]), (&json!("active"), &json!("active")));

    let taken = (400, detail("This hostname is already attached to a site"));
    assert_eq!(api.post(&format!("{BARE_SITE}/custom_hostname"), name).await, taken);
    assert_eq!(api.post(&path, json!({ "hostname": "nodot" })).await.0, 400);
    let one = format!("{path}/{}", added["id"].as_str().unwrap());
    assert_eq!(api.delete(&one).await.0, 200);
    assert_eq!(api.delete(&one).await, (404, detail("Custom hostname not found")));
    assert_eq!(api.delete(&format!("{path}/not-an-id")).await.0, 404);
}

#[tokio::test]
async fn a_path_leads_to_one_server() {
    let api = Api::with(october()).await;
    let path = format!("{SITE}/external_path");
    let body = json!({ "external_name": "docs.example.net", "path": "/support" });
    let (code, made) = api.post(&path, body.clone()).await;
    assert_eq!(code, 200);
    let taken = (400, detail("An external path with this path already exists"));
    assert_eq!(api.post(&path, body).await, taken);
    for (name, path_) in
        [("nodot", "/a"), ("a.b/c", "/a"), ("a.example.net", "a"), ("a.example.net", "/")]
    {
        let body = json!({ "external_name": name, "path": path_ });
        assert_eq!(api.post(&path, body).await.0, 400, "{name} {path_}");
    }
    let one = format!("{path}/{}", made["id"].as_str().unwrap());
    let (_, changed) = api.patch(&one, json!({ "path": "/help" })).await;
    assert_eq!((&changed["path"], &changed["id"]), (&json!("/help"), &made["id"]));
    assert_eq!(api.patch(&one, json!({ "path": "help" })).await.0, 400);
    assert_eq!(api.get(&one).await, (200, changed));
    assert_eq!(api.delete(&one).await.0, 200);
    assert_eq!(api.get(&one).await.0, 404);
    assert_eq!(api.get(&path).await.1["count"], 0);
}

#[tokio::test]
async fn visitors_are_sent_on_and_kept_out() {
    let api = Api::with(october()).await;
    let redirects = format!("{SITE}/redirects");
    let body = json!({ "source": "/old", "target": "/new" });
    assert_eq!(api.post(&redirects, body.clone()).await, (200, body.clone()));
    assert_eq!(api.get(&redirects).await, (200, json!([body])));
    assert_eq!(api.delete(&format!("{redirects}?source=/old")).await.0, 200);
    assert_eq!(api.delete(&format!("{redirects}?source=/old")).await.0, 404);

    let addresses = format!("{SITE}/ip_access");
    api.post(&addresses, json!({ "ip": "192.0.2.9" })).await;
    let expected = json!([{ "ip": "192.0.2.9", "mode": "block" }]);
    assert_eq!(api.get(&addresses).await, (200, expected));
    let remove = api.request("DELETE", &addresses).json(&json!({ "ip": "192.0.2.9" }));
    assert_eq!(answer(remove).await.0, 200);

    let security = format!("{SITE}/security");
    let (_, view) = api.patch(&security, json!({ "xmlrpc": false })).await;
    assert_eq!(api.get(&security).await, (200, view.clone()));
    assert_eq!((&view["xmlrpc"], &view["http_auth_enabled"]), (&json!(false), &json!(false)));
}
