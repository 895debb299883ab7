//! OAuth under `wrangler dev`, as `cargo xtask dev` starts it: what becomes of grants is in the audit,
//! and `mcp-remote` signs its person in.

use sandbox::Sandbox;
use serde_json::{Value, json};
use xtask::skips::skip;

use crate::{
    oauth_account::{account_with, sign_in},
    oauth_clients::signs_in_by_chromium,
    support::{
        browser::Browser,
        oauth::{App, SITEBAY_TOKEN, Tokens, get, post, ticket},
        passing::Passing,
        wait,
        wrangler::Wrangler,
    },
};

pub const ADMIN: &str = "the-admin-key-of-this-test";

#[tokio::test]
async fn what_becomes_of_grants_is_in_the_audit_and_mcp_remote_signs_in_with_oauth() {
    let options = sandbox::Options { token: Some(SITEBAY_TOKEN.into()), ..Default::default() };
    let sandbox = Sandbox::start(options).await.unwrap();
    let sitebay = sandbox.url();
    let server = Wrangler::start(&[
        ("ENVIRONMENT", "development"),
        ("SESSION_KEY", "a-session-key-of-this-test-with-enough-characters"),
        ("CREDENTIAL_KEY", "a-credential-key-of-this-test-with-enough-characters"),
        ("MCP_ADMIN_KEY", ADMIN),
        ("MCP_OAUTH", "on"),
        ("MCP_OAUTH_ACCESS_MAX_AGE", "3"),
        ("SITEBAY_API_URL", &sitebay),
    ])
    .await;
    let secrets = grants_are_audited(server.url()).await;
    match Browser::find() {
        Some(chromium) => signs_in_by_chromium(server.url(), &chromium, &Passing::real()).await,
        None => skip("oauth under wrangler, Chromium", "there is no Chromium (CHROMIUM)"),
    }
    let all = audit(server.url(), "limit=500", 1).await;
    for secret in secrets.iter().map(String::as_str).chain([SITEBAY_TOKEN]) {
        assert!(!server.log().contains(secret), "{secret} is in the log");
        assert!(!format!("{all:?}").contains(secret), "{secret} is in the audit");
    }
    server.end().await;
}

/// Entries of the audit, once there are so many of them.
pub async fn audit(url: &str, query: &str, count: usize) -> Vec<Value> {
    wait::until(query, async || {
        let request = reqwest::Client::new().get(format!("{url}/admin/audit?{query}"));
        let answer = request.header("authorization", format!("Bearer {ADMIN}")).send().await;
        let page: Value = serde_json::from_str(&answer.unwrap().text().await.unwrap()).unwrap();
        let entries = page["entries"].as_array().unwrap_or_else(|| panic!("{page}")).clone();
        if entries.len() >= count { Ok(entries) } else { Err(entries) }
    })
    .await
}

/// Returns what must be nowhere.
async fn grants_are_audited(url: &str) -> Vec<String> {
    let app = App::register(url).await;
    let stolen = app.tokens().await;
    let given = audit(url, "action=oauth.grant", 1).await;
    let told = |entry: &Value| {
        ["authMethod", "key", "effect", "outcome"]
            .map(|name| entry[name].as_str().unwrap().to_owned())
    };
    assert_eq!(told(&given[0]), ["oauth", "An app", "write", "done"]);
    let subject = given[0]["subject"].as_str().unwrap();
    assert_eq!(subject.len(), 22);

    // An old refresh token ends its family, a code that comes again its grant.
    let next = Tokens::of(&app.refresh(&stolen.refresh).await);
    let newest = Tokens::of(&app.refresh(&next.refresh).await);
    assert_eq!(app.refresh(&stolen.refresh).await.status, 400);
    let code = app.code().await;
    assert_eq!(app.redeem(&code).await.status, 200);
    assert_eq!(app.redeem(&code).await.status, 400);
    let reused = audit(url, "action=oauth.reuse", 2).await;
    assert_eq!(told(&reused[1]), ["oauth", "An app", "write", "ended"]);
    assert!(reused.iter().all(|entry| entry["subject"] == subject), "{reused:?}");

    let revoked = app.tokens().await;
    let token = [("token", revoked.refresh.as_str()), ("client_id", &app.id)];
    assert_eq!(post(&format!("{url}/revoke"), &token, &[]).await.status, 200);
    assert_eq!(told(&audit(url, "action=oauth.revoke", 1).await[0])[3], "done");

    app.denied().await;
    let denied = audit(url, "outcome=denied", 1).await;
    assert_eq!(told(&denied[0]), ["oauth", "An app", "refusal", "denied"]);
    assert_eq!(denied[0]["subject"], "");

    let taken = app.tokens().await;
    takes_back(url).await;
    let back = audit(url, "action=oauth.take-back", 1).await;
    assert_eq!((back.len(), &back[0]["subject"]), (1, &json!(subject)));
    [stolen, newest, revoked, taken].into_iter().flat_map(|one| [one.access, one.refresh]).collect()
}

/// The person takes back the only grant that is left.
async fn takes_back(url: &str) {
    // A wrong token is a refusal.
    let page = get(&format!("{url}/account")).await;
    let cookie = page.header("set-cookie").split(';').next().unwrap().to_owned();
    let form = ticket(&page);
    let fields = [("ticket", form.as_str()), ("token", "invalid-token"), ("do", "sign-in")];
    post(&format!("{url}/account"), &fields, &[("cookie", &cookie)]).await;
    assert_eq!(audit(url, "action=oauth.sign-in", 1).await[0]["outcome"], "wrong-credential");

    let cookie = sign_in(url, SITEBAY_TOKEN).await;
    let page = account_with(url, &cookie, "An app").await;
    let grant = page.text.split("name=\"grant\" value=\"").nth(1).unwrap();
    let grant = grant.split('"').next().unwrap();
    let form = ticket(&page);
    let fields = [("ticket", form.as_str()), ("grant", grant), ("do", "revoke")];
    post(&format!("{url}/account"), &fields, &[("cookie", &cookie)]).await;
}
