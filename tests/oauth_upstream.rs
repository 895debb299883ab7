//! Signing in at another OpenID provider.

use reqwest::Method;
use serde_json::json;
use xtask::server::{Options, Server};

use crate::support::{
    Answer,
    oauth::{App, SITEBAY_TOKEN, Tokens, get, post, send, sent_to, ticket, with_oauth},
    provider::{ID, Provider, SECRET},
    start,
};

/// The options of a server at which people sign in there.
pub fn at(provider: &Provider) -> Options {
    with_oauth()
        .var("MCP_OIDC_ISSUER", &provider.url)
        .var("MCP_OIDC_CLIENT_ID", ID)
        .var("MCP_OIDC_CLIENT_SECRET", SECRET)
}

async fn server_at(provider: &Provider) -> Server {
    start(at(provider)).await
}

/// Comes back from the provider, in the browser that was sent there.
async fn comes_back(server: &Server, sent: &Answer, cookie: &str, state: &str) -> Answer {
    assert_eq!(sent.status, 303, "{sent:?}");
    let query = crate::support::oauth::encoded(&[("code", "c"), ("state", state)]);
    let url = format!("{}/authorize/callback?{query}", server.url());
    send(Method::GET, &url, &[("cookie", cookie)], String::new()).await
}

/// Signs in as a person: the page or the redirect that follows, and the browser's cookie.
pub async fn signs_in(
    server: &Server,
    provider: &Provider,
    url: &str,
    id: &str,
) -> (Answer, String) {
    let sent = get(url).await;
    assert!(sent.header("location").starts_with(&format!("{}/auth?", provider.url)), "{sent:?}");
    provider.knows(id, &sent_to(&sent, "nonce").unwrap());
    let cookie = sent.header("set-cookie").split(';').next().unwrap().to_owned();
    let state = sent_to(&sent, "state").unwrap();
    (comes_back(server, &sent, &cookie, &state).await, cookie)
}

/// The tokens that a person gives to an app, with or without a SiteBay token.
pub async fn tokens(
    server: &Server,
    provider: &Provider,
    app: &App,
    id: &str,
    token: &str,
) -> Tokens {
    let (page, cookie) = signs_in(server, provider, &app.authorize_url(&[]), id).await;
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.text.contains(&format!("signed in as <b>{id}@example.org</b>")), "{page:?}");
    let ticket = ticket(&page);
    let fields =
        [("ticket", ticket.as_str()), ("scope", "write"), ("token", token), ("answer", "allow")];
    let sent = post(&format!("{}/authorize", app.url), &fields, &[("cookie", &cookie)]).await;
    Tokens::of(&app.redeem(&sent_to(&sent, "code").unwrap()).await)
}

#[tokio::test]
async fn a_person_of_another_provider_is_the_same_with_any_sitebay_token_in_oauth() {
    let provider = Provider::start().await;
    let server = server_at(&provider).await;
    let app = App::register(&server.url()).await;
    let without = tokens(&server, &provider, &app, "ada", "").await;
    let client = app.client(&without.access).connect().await;
    let refused = client.call("sitebay_list_teams", json!({})).await;
    assert_eq!(
        refused.result()["isError"],
        true,
        "the server's own account is not for her: {refused:?}"
    );
    // One session: with what the request brings, and with what another grant of hers keeps.
    let brings = client.clone().with("x-sitebay-token", SITEBAY_TOKEN);
    assert!(brings.call("sitebay_list_teams", json!({})).await.result()["isError"].is_null());
    let with = tokens(&server, &provider, &app, "ada", SITEBAY_TOKEN).await;
    let keeps = client.clone().with("authorization", &format!("Bearer {}", with.access));
    assert!(keeps.call("sitebay_list_teams", json!({})).await.result()["isError"].is_null());
    let other = tokens(&server, &provider, &app, "bob", SITEBAY_TOKEN).await;
    let other = client.with("authorization", &format!("Bearer {}", other.access));
    other.request("ping", json!({})).await.refused(404, -32001);
}

#[tokio::test]
async fn nobody_comes_back_to_oauth_who_was_not_sent() {
    let provider = Provider::start().await;
    let server = server_at(&provider).await;
    let app = App::register(&server.url()).await;
    let sent = app.ask(&[]).await;
    let cookie = sent.header("set-cookie").split(';').next().unwrap().to_owned();
    let state = sent_to(&sent, "state").unwrap();
    provider.knows("ada", &sent_to(&sent, "nonce").unwrap());
    for (cookie, state) in
        [("", state.as_str()), ("mcp-form=another", &state), (&cookie, "forged"), (&cookie, "")]
    {
        let refused = comes_back(&server, &sent, cookie, state).await;
        assert_eq!((refused.status.as_u16(), refused.header("location")), (400, ""), "{refused:?}");
    }
    provider.knows("ada", "another nonce");
    let denied = comes_back(&server, &sent, &cookie, &state).await;
    assert_eq!(sent_to(&denied, "error").as_deref(), Some("access_denied"));
    assert_eq!(sent_to(&denied, "state").as_deref(), Some("st&te"));
    // The page that asks for a SiteBay token alone is not there.
    let account = get(&format!("{}/account", server.url())).await;
    assert!(account.header("location").starts_with(&provider.url), "{account:?}");
    let fields = [("ticket", "x"), ("token", SITEBAY_TOKEN), ("do", "sign-in")];
    let tried = post(&format!("{}/account", server.url()), &fields, &[("cookie", &cookie)]).await;
    assert!(!tried.header("set-cookie").contains("account"), "{tried:?}");
}

#[tokio::test]
async fn the_account_page_knows_a_person_of_another_provider_in_oauth() {
    let provider = Provider::start().await;
    let server = server_at(&provider).await;
    let app = App::register(&server.url()).await;
    let tokens = tokens(&server, &provider, &app, "ada", "").await;
    assert!(app.is_let_in(&tokens.access).await);
    let url = format!("{}/account", server.url());
    let (signed, _) = signs_in(&server, &provider, &url, "ada").await;
    assert_eq!(signed.header("location"), "/account", "{signed:?}");
    let cookie = signed.header("set-cookie").split(';').next().unwrap();
    let page = send(Method::GET, &url, &[("cookie", cookie)], String::new()).await;
    assert!(page.text.contains("An app"), "{page:?}");
}

#[tokio::test]
async fn a_provider_that_is_half_configured_closes_oauth() {
    for options in [
        with_oauth().var("MCP_OIDC_ISSUER", "https://id.example"),
        with_oauth()
            .var("MCP_OIDC_ISSUER", "http://id.example")
            .var("MCP_OIDC_CLIENT_ID", ID)
            .var("MCP_OIDC_CLIENT_SECRET", SECRET),
    ] {
        let server = start(options.var("MCP_API_KEY", "a key of this test")).await;
        assert_eq!(get(&format!("{}/authorize", server.url())).await.status, 404);
        assert!(server.log().contains("OAuth is off"), "{}", server.log());
    }
}

#[tokio::test]
async fn a_provider_whose_token_endpoint_is_not_https_is_not_asked_in_oauth() {
    let provider = Provider::with_token_endpoint(Some("http://id.example/token")).await;
    let server = server_at(&provider).await;
    let app = App::register(&server.url()).await;
    let refused = app.ask(&[]).await;
    assert_eq!((refused.status.as_u16(), refused.header("location")), (503, ""), "{refused:?}");
    assert!(server.log().contains("names an endpoint that is not https"), "{}", server.log());
}
