//! Messages to objects that making the storage does not need.

use reqwest::Method;
use serde_json::json;
use tokio::time::{Duration, sleep};
use xtask::server::{Options, Server};

use super::{ADMIN, BEARER, caller, subject_in_logs};
use crate::{
    oauth_account::{account_with, sign_in},
    support::{
        Client,
        events::Live,
        oauth::{App, SITEBAY_TOKEN, post, ticket},
        start,
        stateless::{ask, prepared},
    },
    tasks::{agreed, can_be_asked, follows, open_site_later, second_round, started, until},
};

/// A SiteBay token that only these messages bring.
const TOKEN: &str = "token-of-messages-3333";

/// Sites whose list is too large for one answer.
const MANY: usize = 400;

/// Has a server of its own send them; returns its log.
pub(super) async fn logged(options: Options) -> String {
    let sandbox = sandbox::Options { sites: MANY, ..sandbox::Options::default() };
    let mut server = start(Options { sandbox: Some(sandbox), ..options }).await;
    sessions(&server).await;
    streams(&server).await;
    grants(&mut server).await;
    tasks(&server).await;
    server.log()
}

fn own(server: &Server) -> Client {
    caller(&server.url()).with("x-sitebay-token", TOKEN)
}

/// News, a call that is read on, what an administrator asks, and the end of all sessions.
async fn sessions(server: &Server) {
    let [one, two] = [own(server).connect().await, own(server).connect().await];
    one.call("sitebay_list_sites", json!({})).await.result();
    let sites = one.request("resources/read", json!({ "uri": "sitebay://sites" })).await.text;
    let page = sites.split("the next is ").nth(1).expect(&sites).split("/2,").next().unwrap();
    let page = format!("{page}/1");
    one.request("resources/read", json!({ "uri": page })).await.result();
    one.request("resources/subscribe", json!({ "uri": "test://a" })).await.result();
    two.call("touch", json!({ "uri": "test://a" })).await.result();
    let answer = two.call_with_progress("slow", json!({ "ms": 300, "steps": 1 })).await;
    let last = answer.events()[0].id.clone().unwrap();
    Live::new(two.with("last-event-id", &last).get().await).rest().await;
    let subject = subject_in_logs(&super::subject(&one).await);
    for what in ["quota", "sessions"] {
        let admin = Client::at(&server.url(), &format!("/admin/subjects/{subject}/{what}"));
        let admin = admin.with("authorization", &format!("Bearer {ADMIN}"));
        assert_eq!(admin.get().await.status(), 200);
    }
    let all = Client::at(&server.url(), "/sessions").with("authorization", BEARER);
    assert_eq!(all.with("x-sitebay-token", TOKEN).delete().await.status, 204);
    let watching = own(server).connect().await;
    watching.request("resources/subscribe", json!({ "uri": "test://a" })).await.result();
    assert_eq!(watching.delete().await.status, 204);
}

/// Streams that the Worker holds.
async fn streams(server: &Server) {
    let client = own(server).connect().await;
    let mut live = Live::new(client.get().await);
    live.until("connected").await;
    drop(live);
    let filter = json!({ "notifications": { "toolsListChanged": true } });
    let (listener, body) = prepared(&own(server), "subscriptions/listen", filter, json!({}));
    let mut live = Live::new(listener.send(Method::POST).body(body).send().await.unwrap());
    live.until("acknowledged").await;
    let old = Client::at(&server.url(), "/sse").with("authorization", BEARER);
    let mut live = Live::new(old.get().await);
    let (_, endpoint) = live.until("\n\n").await.split_once("data: ").expect("the endpoint");
    let path = format!("/{}", endpoint.trim().trim_start_matches('/'));
    let old = Client::at(&server.url(), &path).with("authorization", BEARER);
    assert_eq!(old.initialize("2024-11-05").await.status, 202);
    live.until("serverInfo").await;
}

/// A grant that its app gives back, and one that its person takes back.
async fn grants(server: &mut Server) {
    let app = App::register(&server.url()).await;
    let tokens = app.tokens().await;
    // An isolate that does not know the grant asks it.
    server.restart().await.unwrap();
    app.client(&tokens.access).connect().await;
    let refreshed = app.refresh(&tokens.refresh).await;
    assert!(refreshed.status == 200 && !refreshed.text.contains(SITEBAY_TOKEN));
    let refresh = refreshed.json()["refresh_token"].as_str().unwrap().to_owned();
    let fields = [("token", refresh.as_str()), ("client_id", &app.id)];
    let revoke = format!("{}/revoke", server.url());
    assert_eq!(post(&revoke, &fields, &[]).await.status, 200);
    assert_eq!(app.refresh(&refresh).await.status, 400);
    app.tokens().await;
    // Real time: the grant notifies the hub after its answer.
    sleep(Duration::from_millis(300)).await;
    let cookie = sign_in(&app.url, SITEBAY_TOKEN).await;
    let page = account_with(&app.url, &cookie, "An app").await;
    let grant = page.text.split("name=\"grant\" value=\"").nth(1).unwrap();
    let grant = grant.split('"').next().unwrap();
    let ticket = ticket(&page);
    let fields = [("ticket", ticket.as_str()), ("grant", grant), ("do", "revoke")];
    let taken_back = post(&format!("{}/account", app.url), &fields, &[("cookie", &cookie)]).await;
    assert_eq!(taken_back.status, 303);
}

/// A call that waits without a session, and a task whose question is answered.
async fn tasks(server: &Server) {
    let client = own(server);
    let params = second_round(&client, can_be_asked()).await;
    let answer = ask(&client, "tools/call", params, can_be_asked()).await;
    assert!(answer.tool_text().contains("is there"), "{answer:?}");
    let task = started(&client, open_site_later()).await;
    until(&client, &task, "input_required").await;
    let params = json!({ "taskId": task, "inputResponses": agreed() });
    ask(&client, "tasks/update", params, follows()).await.result();
    until(&client, &task, "completed").await;
}
