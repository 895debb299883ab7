//! A person, an app, and what goes on between them.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mcp_auth::oauth::form::Form;
use reqwest::{Method, redirect::Policy};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use xtask::server::{Options, Server};

use super::{Answer, Client, options, start};

pub const VERIFIER: &str = "a-verifier-that-is-long-enough-for-rfc-7636-ok";
pub const CALLBACK: &str = "https://app.example/callback";
/// The person's input.
pub const SITEBAY_TOKEN: &str = "sitebay-token-of-ada";

pub fn with_oauth() -> Options {
    options().var("MCP_OAUTH", "on")
}

pub async fn server() -> Server {
    start(with_oauth()).await
}

/// Name and value of each field as a form or query.
pub fn encoded(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// A parameter of a redirect's address.
pub fn sent_to(answer: &Answer, name: &str) -> Option<String> {
    assert_eq!(answer.status, 303, "{answer:?}");
    Form::of_query(answer.header("location")).one(name).unwrap().map(str::to_owned)
}

/// A request without following redirects.
pub async fn send(method: Method, url: &str, headers: &[(&str, &str)], body: String) -> Answer {
    let http = reqwest::Client::builder().redirect(Policy::none()).build().unwrap();
    let mut request = http.request(method, url).body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Answer::of(request.send().await.unwrap()).await
}

pub async fn get(url: &str) -> Answer {
    send(Method::GET, url, &[], String::new()).await
}

pub async fn post(url: &str, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
    let kind = ("content-type", "application/x-www-form-urlencoded");
    send(Method::POST, url, &[&[kind], headers].concat(), encoded(fields)).await
}

/// A registered app.
#[derive(Debug, Clone)]
pub struct App {
    pub url: String,
    pub id: String,
    pub redirect: String,
}

/// The tokens of an app after a successful flow.
#[derive(Debug, Clone)]
pub struct Tokens {
    pub access: String,
    pub refresh: String,
    pub scope: String,
}

impl Tokens {
    pub fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{answer:?}");
        let json = answer.json();
        let text = |name: &str| json[name].as_str().unwrap().to_owned();
        assert_eq!(json["token_type"], "Bearer");
        assert_eq!(answer.header("cache-control"), "no-store");
        Self { access: text("access_token"), refresh: text("refresh_token"), scope: text("scope") }
    }
}

impl App {
    pub async fn register(url: &str) -> Self {
        Self::register_for(url, CALLBACK).await
    }

    pub async fn register_for(url: &str, redirect: &str) -> Self {
        let metadata = json!({
            "client_name": "An app", "redirect_uris": [redirect], "token_endpoint_auth_method": "none",
        });
        let answer = register(url, &metadata).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let id = answer.json()["client_id"].as_str().unwrap().to_owned();
        Self { url: url.to_owned(), id, redirect: redirect.to_owned() }
    }

    /// The address that the person opens, with some parameters changed; an empty one is left out.
    pub fn authorize_url(&self, changed: &[(&str, &str)]) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
        let resource = format!("{}/mcp", self.url);
        let mut fields = vec![
            ("response_type", "code"),
            ("client_id", &self.id),
            ("redirect_uri", &self.redirect),
            ("state", "st&te"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("resource", &resource),
            ("scope", "read write"),
        ];
        for change in changed {
            fields.retain(|(name, _)| *name != change.0);
            fields.push(*change);
        }
        fields.retain(|(_, value)| !value.is_empty());
        format!("{}/authorize?{}", self.url, encoded(&fields))
    }

    /// Opens the consent page.
    pub async fn ask(&self, changed: &[(&str, &str)]) -> Answer {
        get(&self.authorize_url(changed)).await
    }

    /// Answers the form of a page, from the browser that it was shown in.
    pub async fn answer(&self, page: &Answer, fields: &[(&str, &str)]) -> Answer {
        let cookie = page.header("set-cookie").split(';').next().unwrap().to_owned();
        let ticket = ticket(page);
        let fields = [&[("ticket", ticket.as_str())], fields].concat();
        post(&format!("{}/authorize", self.url), &fields, &[("cookie", &cookie)]).await
    }

    /// The code that a person gives.
    pub async fn code(&self) -> String {
        let page = self.ask(&[]).await;
        let fields =
            [("scope", "read"), ("scope", "write"), ("token", SITEBAY_TOKEN), ("answer", "allow")];
        sent_to(&self.answer(&page, &fields).await, "code").expect("a code")
    }

    /// Asks for tokens.
    pub async fn token(&self, fields: &[(&str, &str)]) -> Answer {
        let own = [("client_id", self.id.as_str())];
        post(&format!("{}/token", self.url), &[&own, fields].concat(), &[]).await
    }

    pub async fn redeem(&self, code: &str) -> Answer {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.redirect),
            ("code_verifier", VERIFIER),
        ];
        self.token(&fields).await
    }

    pub async fn refresh(&self, token: &str) -> Answer {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// Whether a grant that the person refuses leads back to the app with the reason.
    pub async fn denied(&self) {
        let page = self.ask(&[]).await;
        let sent = self.answer(&page, &[("answer", "deny")]).await;
        assert_eq!(sent_to(&sent, "error").as_deref(), Some("access_denied"));
    }

    /// The whole flow.
    pub async fn tokens(&self) -> Tokens {
        Tokens::of(&self.redeem(&self.code().await).await)
    }

    /// A client that brings an access token.
    pub fn client(&self, access: &str) -> Client {
        Client::new(&self.url).with("authorization", &format!("Bearer {access}"))
    }

    /// Whether an access token lets its bearer in.
    pub async fn is_let_in(&self, access: &str) -> bool {
        match self.client(access).initialize("2025-11-25").await.status.as_u16() {
            200 => true,
            401 => false,
            other => panic!("{other}"),
        }
    }
}

/// The consent page of a server whose SiteBay knows one token.
pub struct ConsentForm {
    pub server: Server,
    cookie: String,
    ticket: String,
}

impl ConsentForm {
    pub async fn open() -> Self {
        let sandbox =
            sandbox::Options { token: Some(SITEBAY_TOKEN.into()), ..sandbox::Options::default() };
        let server = start(Options { sandbox: Some(sandbox), ..with_oauth() }).await;
        let page = App::register(&server.url()).await.ask(&[]).await;
        let cookie = page.header("set-cookie").split(';').next().unwrap().to_owned();
        Self { server, cookie, ticket: ticket(&page) }
    }

    /// Agrees with this token, from an address.
    pub async fn enter(&self, token: &str, address: &str) -> Answer {
        let ticket = self.ticket.as_str();
        let fields = [("ticket", ticket), ("scope", "read"), ("token", token), ("answer", "allow")];
        let headers = [("cookie", self.cookie.as_str()), ("cf-connecting-ip", address)];
        post(&format!("{}/authorize", self.server.url()), &fields, &headers).await
    }
}

pub async fn register(url: &str, metadata: &Value) -> Answer {
    let kind = [("content-type", "application/json")];
    send(Method::POST, &format!("{url}/register"), &kind, metadata.to_string()).await
}

/// The hidden field that binds a form to its browser.
pub fn ticket(page: &Answer) -> String {
    let after = page.text.split("name=\"ticket\" value=\"").nth(1).expect("a form");
    after.split('"').next().unwrap().to_owned()
}
