//! People connect a Storage token of Keboola: the stack, what the token opens, and what the MCP server behind is sent.
//!
//! The stand-in is scripted: two stacks, `us` and `eu`, each with the API that verifies tokens and an MCP server without
//! session ids.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use xtask::server::{Options, Server as Worker};

use crate::{
    oauth_account::{account_with, sign_in},
    support::{
        Answer, Client,
        gateway::Front,
        keyed::{Tab, client_of, link_for},
        oauth::{App, SITEBAY_TOKEN, Tokens, sent_to, with_oauth},
        options, start,
        upstream::{Match, Reply, Request, Upstream, any, http, rpc},
    },
};

const VERIFY: &str = "/v2/storage/tokens/verify";
const US_TOKEN: &str = "58-44-token-of-ada";
const EU_TOKEN: &str = "77-12-token-of-bob";
/// Settings that the real server takes from headers.
const SETTINGS: [&str; 10] = [
    "storagetoken",
    "bearertoken",
    "projectid",
    "oauthclientid",
    "oauthclientsecret",
    "oauthserverurl",
    "oauthscope",
    "mcpserverurl",
    "jwtsecret",
    "authorization",
];

/// All headers that may reach it: those of HTTP, of the protocol, and of the person.
const SENT: [&str; 18] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "host",
    "last-event-id",
    "mcp-method",
    "mcp-name",
    "mcp-protocol-version",
    "mcp-session-id",
    "transfer-encoding",
    "user-agent",
    "x-disallowed-tools",
    "x-mcp-gateways",
    "x-storageapi-token",
    "x-storageapi-url",
    "x-allowed-tools",
];

/// A stack, a token of it, and what `tokens/verify` says of that.
type Token = (&'static str, &'static str, Value);

struct Keboola {
    server: Upstream,
    tokens: Arc<Mutex<Vec<Token>>>,
}

fn on_stack(request: &Request, at: &str) -> Option<&'static str> {
    ["us", "eu"].into_iter().find(|stack| request.path() == format!("/{stack}{at}"))
}

fn verified(id: Value, name: &str) -> Value {
    json!({ "id": "1", "isMasterToken": false, "owner": { "id": id, "name": name }, "expires": null })
}

impl Keboola {
    async fn start() -> Self {
        let server = Upstream::start().await;
        let us = json!({
            "id": "44", "isMasterToken": true, "owner": { "id": "58", "name": "Sales <b>" },
            "admin": { "role": "admin" }, "expires": "2030-01-01T00:00:00+0100",
        });
        let eu = verified(json!(77), "Research");
        let tokens = Arc::new(Mutex::new(vec![("us", US_TOKEN, us), ("eu", EU_TOKEN, eu)]));
        let keboola = Self { server, tokens };
        keboola.verifies();
        keboola.serves_mcp();
        keboola
    }

    fn verifies(&self) {
        let tokens = self.tokens.clone();
        let asks = http("GET").when(|request| request.path().ends_with(VERIFY));
        self.server.on(asks, move |request| {
            let stack = on_stack(request, &format!("/connection{VERIFY}"));
            let token = request.header("x-storageapi-token");
            let tokens = tokens.lock().unwrap();
            let known = tokens.iter().find(|known| Some(known.0) == stack && known.1 == token);
            match known {
                Some((.., said)) => Reply::json(&said.to_string()),
                None => {
                    let body = json!({
                        "status": "error", "error": "Invalid access token", "code": "storage.tokenInvalid",
                    });
                    Reply::json(&body.to_string()).with_status(401)
                }
            }
        });
    }

    fn serves_mcp(&self) {
        let (tokens, origin) = (self.tokens.clone(), self.server.origin().to_owned());
        let is_unknown = any().when(move |request| {
            let stack = on_stack(request, "/mcp");
            let api = stack.map(|stack| format!("{origin}/{stack}/connection"));
            let token = request.header("x-storageapi-token");
            let has_token =
                |known: &(&str, &str, Value)| Some(known.0) == stack && known.1 == token;
            api.is_none_or(|api| request.header("x-storageapi-url") != api)
                || !tokens.lock().unwrap().iter().any(has_token)
        });
        self.server
            .on(is_unknown, |_| Reply::status(401))
            .on(rpc("initialize"), |request| {
                request.result(
                    r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"k","version":"1"}}"#,
                )
            })
            .on(rpc("notifications/initialized"), |_| Reply::status(202))
            .on(http("GET"), |_| Reply::status(405))
            .on(rpc("tools/list"), |request| {
                let look = r#"{"name":"get_project_info","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}}"#;
                let change = r#",{"name":"run_job","inputSchema":{"type":"object"}}"#;
                let change = match request.header("x-read-only-mode") {
                    "true" => "",
                    _ => change,
                };
                request.result(&format!(r#"{{"tools":[{look}{change}]}}"#))
            })
            .on(rpc("tools/call"), |request| {
                let stack = on_stack(request, "/mcp").unwrap_or_default();
                request.result(&format!(r#"{{"content":[{{"type":"text","text":"{stack}"}}]}}"#))
            });
    }

    /// The setting `UPSTREAMS` that has it as `t`.
    fn settings(&self, other: Value) -> String {
        let origin = self.server.origin();
        let stacks = ["us", "eu"].map(|stack| {
            json!({
                "name": stack, "connection": format!("{origin}/{stack}/connection"),
                "mcp": format!("{origin}/{stack}/mcp"),
            })
        });
        let mut all = json!({ "template": "keboola", "scope": "upstream:t", "stacks": stacks });
        all.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
        json!({ "t": all }).to_string()
    }

    async fn before(&self, options: Options) -> Worker {
        start(options.var("UPSTREAMS", &self.settings(json!({})))).await
    }

    /// The requests that reached the MCP server of a stack.
    fn asked(&self, stack: &'static str) -> Vec<Request> {
        self.server.requests(&at_mcp(stack))
    }
}

fn at_mcp(stack: &'static str) -> Match {
    any().when(move |request| on_stack(request, "/mcp") == Some(stack))
}

/// The link to which a call leads, its page, and the tab that opened it.
async fn page_for(client: &Client) -> (String, Answer, Tab) {
    let link = link_for(client, "t_get_project_info").await;
    let mut tab = Tab::default();
    let page = tab.open(&link).await;
    assert_eq!(page.status, 200, "{page:?}");
    (link, page, tab)
}

async fn enter(tab: &mut Tab, link: &str, page: &Answer, (stack, token): (&str, &str)) -> Answer {
    tab.submit(link, page, &[("stack", stack), ("key", token), ("do", "connect")]).await
}

async fn connects(worker: &Worker, person: &str, entered: (&str, &str)) -> Client {
    let client = client_of(worker, "/mcp", person).connect().await;
    let (link, page, mut tab) = page_for(&client).await;
    let connected = enter(&mut tab, &link, &page, entered).await;
    assert_eq!(connected.status, 200, "{connected:?}");
    client
}

async fn stack_of(client: &Client) -> String {
    client.call("t_get_project_info", json!({})).await.tool_text()
}

#[tokio::test]
async fn a_person_chooses_a_stack_and_reads_what_the_token_opens() {
    let keboola = Keboola::start().await;
    let worker = keboola.before(options()).await;
    let client = client_of(&worker, "/mcp", "ada").connect().await;
    let (link, page, mut tab) = page_for(&client).await;
    for part in [
        "<label for=\"stack\">",
        "<label for=\"key\">",
        "<option value=\"us\">",
        "<option value=\"eu\">",
        "type=\"password\" autocomplete=\"off\"",
    ] {
        assert!(page.text.contains(part), "{part}: {page:?}");
    }
    assert!(!page.text.contains("<script"), "{page:?}");
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("form-action 'self'"));
    for stack in ["", "evil.com", "connection.evil.com", "https://us@evil.com", "US"] {
        let refused = enter(&mut tab, &link, &page, (stack, US_TOKEN)).await;
        assert_eq!(refused.status, 422, "{stack}: {refused:?}");
        assert!(refused.text.contains("Choose one of the stacks"), "{refused:?}");
    }
    let broken = enter(&mut tab, &link, &page, ("us", "58-44\r\nX-Evil: 1")).await;
    assert!(broken.status == 422 && broken.text.contains("cannot be a key"), "{broken:?}");
    assert_eq!(keboola.server.recorded().len(), 0, "nothing was sent so far");
    let elsewhere = enter(&mut tab, &link, &page, ("eu", US_TOKEN)).await;
    assert!(elsewhere.text.contains("Invalid access token"), "{elsewhere:?}");
    assert!(elsewhere.text.contains("role=\"alert\"") && !elsewhere.text.contains(US_TOKEN));
    assert!(elsewhere.text.contains("<option value=\"eu\" selected>"), "{elsewhere:?}");
    assert!(keboola.asked("us").is_empty() && keboola.asked("eu").is_empty());
    let connected = enter(&mut tab, &link, &page, ("us", US_TOKEN)).await;
    assert_eq!(connected.status, 200, "{connected:?}");
    for part in ["Sales &lt;b&gt; (58)", "<dd>admin</dd>", "2030-01-01", "a master token"] {
        assert!(connected.text.contains(part), "{part}: {connected:?}");
    }
    assert!(!connected.text.contains(US_TOKEN));
    assert_eq!(stack_of(&client).await, "us");
}

#[tokio::test]
async fn a_token_goes_to_its_own_stack_and_nothing_else_that_the_server_takes_for_a_setting() {
    let keboola = Keboola::start().await;
    let worker = keboola.before(options()).await;
    let hostile = [
        ("x-storageapi-url", "https://connection.evil.example"),
        ("x-storage-api-url", "https://connection.evil.example"),
        ("jwt-secret", "evil.example"),
        ("kbc-oauth-client-secret", "evil.example"),
        ("x-bearer-token", "evil.example"),
        ("x-read-only-mode", "evil.example"),
    ];
    let mut clients = Vec::new();
    for (person, entered) in [("ada", ("us", US_TOKEN)), ("bob", ("eu", EU_TOKEN))] {
        connects(&worker, person, entered).await;
        let client = client_of(&worker, "/mcp", person);
        let client = hostile.iter().fold(client, |client, (name, value)| client.with(name, value));
        clients.push((client, entered));
    }
    for (client, (stack, _)) in &clients {
        let session = Front::Session(client.clone().connect().await);
        for front in [session, Front::Stateless(client.clone())] {
            let called = front.call("t_run_job", json!({})).await;
            assert_eq!(called.tool_text(), *stack);
        }
    }
    keboola.server.never_received("evil.example");
    for (_, (stack, token)) in &clients {
        let asked = keboola.asked(if *stack == "us" { "us" } else { "eu" });
        assert!(!asked.is_empty());
        for request in asked {
            assert_eq!(request.header("x-storageapi-token"), *token, "{request:?}");
            assert!(!request.has("x-read-only-mode"), "{request:?}");
            for (name, _) in &request.headers {
                let lower = name.to_lowercase();
                assert!(SENT.contains(&&*lower), "{name}: {request:?}");
                let compared = name.to_lowercase().replace(['-', '_'], "");
                let bare = compared.trim_start_matches("kbc");
                let bare = bare.strip_prefix('x').unwrap_or(bare);
                assert!(!SETTINGS.contains(&bare), "{name}");
            }
            assert!(!request.target.contains(token), "{request:?}");
        }
    }
}

#[tokio::test]
async fn what_keboola_cannot_say_keeps_nothing() {
    let keboola = Keboola::start().await;
    let client_and_page = async |worker: &Worker| {
        let client = client_of(worker, "/mcp", "ada").connect().await;
        let page = page_for(&client).await;
        (client, page)
    };
    keboola.server.forget_rules();
    let asks = || http("GET").when(|request| request.path().ends_with(VERIFY)).times(1);
    let maintenance = json!({ "status": "maintenance", "reason": "upgrade" }).to_string();
    let disabled = json!({ "owner": { "id": 58, "name": "Sales", "isDisabled": true } });
    keboola
        .server
        .on(asks(), |_| Reply::status(200).header("content-type", "text/html").body("<h1>Hi</h1>"))
        .on(asks(), move |_| Reply::json(&maintenance).with_status(503).header("retry-after", "60"))
        .on(asks(), move |_| Reply::json(&disabled.to_string()))
        .on(asks(), |_| Reply::status(302).header("location", "/elsewhere"));
    keboola.verifies();
    keboola.serves_mcp();
    let worker = keboola.before(options()).await;
    let (client, (link, page, mut tab)) = client_and_page(&worker).await;
    for words in ["cannot be read", "maintained. Try again", "its project is disabled", "302"] {
        let refused = enter(&mut tab, &link, &page, ("us", US_TOKEN)).await;
        assert_eq!(refused.status, 422, "{refused:?}");
        assert!(refused.text.contains(words), "{words}: {refused:?}");
    }
    let told = client.call("t_get_project_info", json!({})).await.tool_text();
    assert!(told.contains("none is connected"), "{told}");
    assert_eq!(keboola.server.count(&any().path("/elsewhere")), 0, "no redirect is followed");
    // A fifth key is the last one that is checked for a link.
    assert_eq!(enter(&mut tab, &link, &page, ("eu", EU_TOKEN)).await.status, 200);
    assert_eq!(stack_of(&client).await, "eu");
}

#[tokio::test]
async fn a_stack_that_moves_does_not_get_the_token() {
    let keboola = Keboola::start().await;
    let other = Upstream::start().await;
    let mut worker = keboola.before(options()).await;
    assert_eq!(stack_of(&connects(&worker, "ada", ("us", US_TOKEN)).await).await, "us");
    let moved = |connection: String, mcp: String| {
        let stack = json!({ "name": "us", "connection": connection, "mcp": mcp });
        options().var("UPSTREAMS", &keboola.settings(json!({ "stacks": [stack] })))
    };
    let (here, there) = (keboola.server.origin().to_owned(), other.origin().to_owned());
    for (connection, mcp) in [
        (format!("{here}/us/connection"), format!("{there}/us/mcp")),
        (format!("{there}/us/connection"), format!("{here}/us/mcp")),
        (format!("{here}/eu/connection"), format!("{here}/us/mcp")),
    ] {
        worker.restart_with(&moved(connection, mcp)).await.unwrap();
        let client = client_of(&worker, "/mcp", "ada").connect().await;
        let told = client.call("t_get_project_info", json!({})).await.tool_text();
        assert!(told.contains("none is connected"), "{told}");
    }
    other.never_received(US_TOKEN);
    // Where it was is where it is good.
    let back = moved(format!("{here}/us/connection"), format!("{here}/us/mcp"));
    worker.restart_with(&back).await.unwrap();
    assert_eq!(stack_of(&client_of(&worker, "/mcp", "ada").connect().await).await, "us");
}

/// What a person ticks and enters.
fn agrees<'a>(scopes: &[&'a str], entered: (&'a str, &'a str)) -> Vec<(&'static str, &'a str)> {
    let (stack, token) = entered;
    let rest =
        [("token", SITEBAY_TOKEN), ("stack-t", stack), ("key-t", token), ("answer", "allow")];
    scopes.iter().map(|scope| ("scope", *scope)).chain(rest).collect()
}

/// The code behind the link of the page after an agreement.
fn code_on(page: &Answer) -> String {
    assert_eq!(page.status, 200, "{page:?}");
    let href = page.text.split("<a href=\"").nth(1).unwrap().split('"').next().unwrap();
    let to = href.replace("&amp;", "&");
    assert!(to.starts_with("https://app.example/callback?"), "{to}");
    mcp_platform::url::query_value(&to, "code").expect("a code")
}

#[tokio::test]
async fn after_a_wrong_token_a_page_keeps_ticks_and_stack_and_no_secret() {
    let keboola = Keboola::start().await;
    let worker = keboola.before(with_oauth()).await;
    let app = App::register(&worker.url()).await;
    let page = app.ask(&[("scope", "read write upstream:t")]).await;
    assert_eq!(page.text.matches(" checked>").count(), 3, "{page:?}");
    for (entered, field) in [(("eu", US_TOKEN), "key-t"), (("nowhere", US_TOKEN), "stack-t")] {
        let again = app.answer(&page, &agrees(&["read", "upstream:t"], entered)).await;
        assert_eq!(again.status, 422, "{again:?}");
        for part in [
            "value=\"read\" checked>",
            "value=\"upstream:t\" checked>",
            "value=\"write\">",
            &format!("role=\"alert\" id=\"{field}-error\""),
        ] {
            assert!(again.text.contains(part), "{part}: {again:?}");
        }
        let is_kept = again.text.contains("<option value=\"eu\" selected>");
        assert_eq!(is_kept, entered.0 == "eu", "{again:?}");
        assert!(!again.text.contains(US_TOKEN) && !again.text.contains(SITEBAY_TOKEN), "{again:?}");
    }
    // The page of a person who is connected says so after a wrong key as well.
    let worker = keboola.before(options()).await;
    let client = connects(&worker, "ada", ("us", US_TOKEN)).await;
    keboola.tokens.lock().unwrap().clear();
    let (link, page, mut tab) = page_for(&client).await;
    assert!(page.text.contains("You are connected"), "{page:?}");
    let again = enter(&mut tab, &link, &page, ("eu", US_TOKEN)).await;
    for part in ["You are connected", "<option value=\"eu\" selected>", "id=\"key-error\""] {
        assert!(again.text.contains(part), "{part}: {again:?}");
    }
}

#[tokio::test]
async fn a_token_is_connected_on_the_way_to_an_app() {
    let keboola = Keboola::start().await;
    let worker = keboola.before(with_oauth()).await;
    let app = App::register(&worker.url()).await;
    let scope = [("scope", "read write upstream:t")];
    let page = app.ask(&scope).await;
    for part in ["<label for=\"stack-t\">", "<label for=\"key-t\">", "optional"] {
        assert!(page.text.contains(part), "{part}: {page:?}");
    }
    let all = ["read", "write", "upstream:t"];
    for (entered, words) in [
        (("us", "a-wrong-token"), "Invalid access token"),
        (("nowhere", US_TOKEN), "Choose one of the stacks"),
    ] {
        let refused = app.answer(&page, &agrees(&all, entered)).await;
        assert_eq!(refused.status, 422, "{refused:?}");
        assert!(refused.text.contains("role=\"alert\"") && refused.text.contains(words));
        assert!(!refused.text.contains(entered.1), "{refused:?}");
    }
    // Whoever refuses, or does not agree to the server, connects nothing.
    let mut denied = agrees(&all, ("us", US_TOKEN));
    denied.retain(|(name, _)| *name != "answer");
    let sent = app.answer(&page, &[denied, vec![("answer", "deny")]].concat()).await;
    assert_eq!(sent_to(&sent, "error").as_deref(), Some("access_denied"));
    let sent = app.answer(&page, &agrees(&["read"], ("us", US_TOKEN))).await;
    assert!(sent_to(&sent, "code").is_some());
    assert_eq!(keboola.asked("us").len(), 0);
    let agreed = app.answer(&page, &agrees(&all, ("us", US_TOKEN))).await;
    for part in ["Sales &lt;b&gt; (58)", "a master token", "Continue to app.example"] {
        assert!(agreed.text.contains(part), "{part}: {agreed:?}");
    }
    assert_eq!(agreed.header("cache-control"), "no-store");
    assert!(!agreed.text.contains(US_TOKEN));
    let tokens = Tokens::of(&app.redeem(&code_on(&agreed)).await);
    let client = app.client(&tokens.access).connect().await;
    assert_eq!(stack_of(&client).await, "us");
    let cookie = sign_in(&worker.url(), SITEBAY_TOKEN).await;
    let shown = "project Sales &lt;b&gt; (58) at us; role admin; master token; expires 2030";
    account_with(&worker.url(), &cookie, shown).await;
}

#[tokio::test]
async fn nobody_must_connect_a_token_on_the_way() {
    let keboola = Keboola::start().await;
    let worker = keboola.before(with_oauth()).await;
    let app = App::register(&worker.url()).await;
    let page = app.ask(&[("scope", "read upstream:t")]).await;
    let sent = app.answer(&page, &agrees(&["read", "upstream:t"], ("us", ""))).await;
    let code = sent_to(&sent, "code").expect("a code");
    let tokens = Tokens::of(&app.redeem(&code).await);
    let client = app.client(&tokens.access).connect().await;
    link_for(&client, "t_get_project_info").await;
    // Where the upstream is not asked for, nor is a token.
    let page = app.ask(&[("scope", "read write")]).await;
    assert!(!page.text.contains("key-t"), "{page:?}");
}

#[tokio::test]
async fn a_caller_without_the_scope_to_write_is_one_who_reads_there_too() {
    let keboola = Keboola::start().await;
    let worker = keboola.before(with_oauth()).await;
    let app = App::register(&worker.url()).await;
    for (scopes, is_reader) in
        [(&["read", "write", "upstream:t"][..], false), (&["read", "upstream:t"], true)]
    {
        let page = app.ask(&[("scope", &scopes.join(" "))]).await;
        let agreed = app.answer(&page, &agrees(scopes, ("us", US_TOKEN))).await;
        let tokens = Tokens::of(&app.redeem(&code_on(&agreed)).await);
        let client = app.client(&tokens.access);
        for front in [Front::Session(client.clone().connect().await), Front::Stateless(client)] {
            let before = keboola.asked("us").len();
            let tools = front.tools().await;
            assert!(tools.contains(&"t_get_project_info".to_owned()), "{tools:?}");
            assert_eq!(tools.contains(&"t_run_job".to_owned()), !is_reader, "{tools:?}");
            front.call("t_get_project_info", json!({})).await.result();
            let asked = keboola.asked("us");
            let calls = asked.iter().skip(before).filter(|request| request.rpc() == "tools/call");
            for call in calls {
                assert_eq!(call.header("x-read-only-mode") == "true", is_reader, "{call:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_caller_who_asks_for_reading_alone_is_one_who_reads_there_too() {
    let keboola = Keboola::start().await;
    let worker = keboola.before(options()).await;
    connects(&worker, "ada", ("us", US_TOKEN)).await;
    let before = keboola.asked("us").len();
    let client = client_of(&worker, "/mcp?readonly=1", "ada").connect().await;
    assert_eq!(stack_of(&client).await, "us");
    let asked = keboola.asked("us");
    assert!(asked.len() > before);
    for request in asked.iter().skip(before) {
        assert_eq!(request.header("x-read-only-mode"), "true", "{request:?}");
    }
}
