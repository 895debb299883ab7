//! An upstream with an authorization server of its own, at the same origin.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mcp_auth::oauth::form::Form;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use xtask::server::{Options, Server as Worker};

use super::{
    Answer,
    gateway::settings,
    keyed::Tab,
    start,
    upstream::{
        Reply, Request, any,
        mcp::{Era, Server},
    },
};

/// What the authorization server knows.
#[derive(Default)]
pub struct Books {
    access: BTreeSet<String>,
    refresh: BTreeSet<String>,
    /// The challenges of codes that were given out.
    codes: BTreeMap<String, String>,
    issued: usize,
    pub refreshes: usize,
    /// Seconds that an access token is said to be good.
    pub lasts: u64,
    /// Whether a refresh token is good once, and replaced.
    pub rotates: bool,
    /// The secret of the client, where it has one.
    pub secret: Option<&'static str>,
    /// Whether the upstream takes no token at all.
    pub takes_none: bool,
}

impl Books {
    fn tokens(&mut self, gives_refresh: bool) -> Value {
        self.issued += 1;
        let (access, refresh) =
            (format!("access-{}", self.issued), format!("refresh-{}", self.issued));
        self.access.insert(access.clone());
        let mut tokens =
            json!({ "access_token": access, "token_type": "Bearer", "expires_in": self.lasts });
        if gives_refresh {
            self.refresh.insert(refresh.clone());
            tokens["refresh_token"] = json!(refresh);
        }
        tokens
    }

    fn exchange(&mut self, form: &Form) -> Option<Value> {
        let one = |name: &str| form.one(name).ok().flatten().map(str::to_owned);
        if one("client_id")? != "client-1" || one("resource")?.is_empty() {
            return None;
        }
        if one("grant_type")? == "refresh_token" {
            let token = one("refresh_token")?;
            self.refreshes += 1;
            let is_known = self.refresh.contains(&token);
            if self.rotates {
                self.refresh.remove(&token);
            }
            let rotates = self.rotates;
            return is_known.then(|| self.tokens(rotates));
        }
        let challenge = self.codes.remove(&one("code")?)?;
        let hashed = URL_SAFE_NO_PAD.encode(Sha256::digest(one("code_verifier")?));
        (challenge == hashed).then(|| self.tokens(true))
    }
}

/// The upstream.
pub struct Issuing {
    pub upstream: Server,
    books: Arc<Mutex<Books>>,
}

impl Issuing {
    pub async fn start(era: Era) -> Self {
        let upstream = Server::start(era).await;
        let books = Arc::new(Mutex::new(Books { lasts: 3_600, rotates: true, ..Books::default() }));
        let issuing = Self { upstream, books };
        issuing.script();
        issuing
    }

    fn script(&self) {
        let (origin, url) = (self.upstream.origin().to_owned(), self.upstream.url());
        let resource = json!({ "resource": url, "authorization_servers": [origin], "scopes_supported": ["tickets"] });
        let metadata = json!({
            "issuer": origin, "authorization_endpoint": format!("{origin}/authorize?tenant=1"),
            "token_endpoint": format!("{origin}/token"), "registration_endpoint": format!("{origin}/register"),
            "code_challenge_methods_supported": ["S256"], "authorization_response_iss_parameter_supported": true,
        });
        let says = |value: &Value| {
            let text = value.to_string();
            move |_: &Request| Reply::json(&text)
        };
        let books = Arc::clone(&self.books);
        let token = move |request: &Request| {
            let (form, mut books) = (Form::parse(&request.text()), books.lock().unwrap());
            if books.secret.is_some_and(|secret| form.one("client_secret") != Ok(Some(secret))) {
                return Reply::json(r#"{"error":"invalid_client"}"#).with_status(401);
            }
            match books.exchange(&form) {
                Some(tokens) => Reply::json(&tokens.to_string()),
                None => Reply::json(r#"{"error":"invalid_grant"}"#).with_status(400),
            }
        };
        let books = Arc::clone(&self.books);
        let is_unknown = any().path("/mcp").when(move |request| {
            let sent = request.header("authorization").replace("Bearer ", "");
            let books = books.lock().unwrap();
            books.takes_none || !books.access.contains(&sent)
        });
        let challenge = format!(
            r#"Bearer resource_metadata="{origin}/.well-known/oauth-protected-resource/mcp""#
        );
        self.upstream
            .on(any().path("/.well-known/oauth-protected-resource/mcp"), says(&resource))
            .on(any().path("/.well-known/oauth-authorization-server"), says(&metadata))
            .on(any().path("/register"), says(&json!({ "client_id": "client-1" })))
            .on(any().path("/token"), token)
            .on(is_unknown, move |_| Reply::status(401).header("www-authenticate", &challenge));
    }

    /// Reads or changes what the authorization server knows.
    pub fn books<T>(&self, change: impl FnOnce(&mut Books) -> T) -> T {
        change(&mut self.books.lock().unwrap())
    }

    /// All access tokens are over.
    pub fn ends_access(&self) {
        self.books(|books| books.access.clear());
    }

    /// All refresh tokens are over.
    pub fn ends_refresh(&self) {
        self.books(|books| books.refresh.clear());
    }

    /// A Worker that has it as `t`.
    pub async fn before(&self, options: Options) -> Worker {
        self.before_as(json!({ "kind": "oauth" }), options).await
    }

    /// The same with this `auth`.
    pub async fn before_as(&self, auth: Value, options: Options) -> Worker {
        let other = json!({ "auth": auth, "scope": "read" });
        let upstreams = settings(&[("t", &self.upstream.url(), other)]);
        start(options.var("UPSTREAMS", &upstreams)).await
    }

    /// The person agrees at the address to which they were sent: where they are sent back to.
    pub fn agrees(&self, sent: &Answer, code: &str) -> String {
        assert_eq!(sent.status, 200, "{sent:?}");
        let (_, rest) = sent.text.split_once("href=\"").expect("a link");
        let url = rest.split('"').next().unwrap().replace("&amp;", "&");
        assert!(
            url.starts_with(&format!("{}/authorize?tenant=1&", self.upstream.origin())),
            "{url}"
        );
        let form = Form::of_query(&url);
        let one = |name: &str| form.one(name).unwrap().unwrap_or_default().to_owned();
        assert_eq!(one("response_type"), "code");
        assert_eq!(one("code_challenge_method"), "S256");
        assert_eq!((one("client_id"), one("scope")), ("client-1".into(), "tickets".into()));
        assert_eq!(one("resource"), self.upstream.url());
        self.books(|books| books.codes.insert(code.to_owned(), one("code_challenge")));
        let back = [("code", code), ("state", &one("state")), ("iss", self.upstream.origin())];
        format!("{}?{}", one("redirect_uri"), super::oauth::encoded(&back))
    }

    /// A person connects their account at a link.
    pub async fn connects(&self, link: &str, code: &str) {
        let mut tab = Tab::default();
        let page = tab.open(link).await;
        let sent = tab.submit(link, &page, &[("do", "leave")]).await;
        let connected = tab.open(&self.agrees(&sent, code)).await;
        assert_eq!(connected.status, 200, "{connected:?}");
    }
}
