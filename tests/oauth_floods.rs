//! Strangers that have this server ask others: what one address can cause is limited.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::Method;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::support::{
    Answer, Client,
    issuer::{claims, now_s, token},
    oauth::{
        App, CALLBACK, ConsentForm, SITEBAY_TOKEN, encoded, send, sent_to, server, with_oauth,
    },
    options,
    provider::{ID, SECRET},
    start,
};

/// A server that answers every request alike, after a pause, and counts them.
struct Host {
    url: String,
    asked: Arc<AtomicUsize>,
}

impl Host {
    async fn start(status: &'static str, body: &'static str, pause: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let (counted, own) = (asked.clone(), url.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (counted, body) = (counted.clone(), body.replace("URL", &own));
                tokio::spawn(async move {
                    let mut request = vec![0; 8_192];
                    let read = stream.read(&mut request).await.unwrap_or_default();
                    if read == 0 {
                        return;
                    }
                    counted.fetch_add(1, Ordering::Relaxed);
                    let path = String::from_utf8_lossy(&request[..read]).into_owned();
                    let path = path.split(' ').nth(1).unwrap_or_default().to_owned();
                    let body = body.replace("PATH", &path);
                    // Real time: how late the host is.
                    tokio::time::sleep(pause).await;
                    let head = format!(
                        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\n\
                         content-length: {}\r\nconnection: close\r\n\r\n",
                        body.len()
                    );
                    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
                });
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

/// Asks for the consent page of a client that is known by its document, from an address.
async fn ask(server: &str, id: &str, address: &str) -> Answer {
    let app = App { url: server.to_owned(), id: id.to_owned(), redirect: CALLBACK.into() };
    let headers = [("cf-connecting-ip", address)];
    send(Method::GET, &app.authorize_url(&[]), &headers, String::new()).await
}

const DOCUMENT: &str = r#"{"client_id":"URLPATH","client_name":"Doc","redirect_uris":["https://app.example/callback"]}"#;

#[tokio::test]
async fn one_address_has_so_many_metadata_documents_fetched_and_no_more() {
    let server = server().await;
    let host = Host::start("200 OK", DOCUMENT, Duration::ZERO).await;
    let url = server.url();
    let ids: Vec<String> = (0..60).map(|number| format!("{}/{number}.json", host.url)).collect();
    let asks = ids.iter().map(|id| ask(&url, id, "203.0.113.7"));
    let answers = futures_util::future::join_all(asks).await;
    let served = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!((served, host.asked()), (20, 20));
    let limited = answers.iter().find(|answer| answer.status != 200).unwrap();
    assert_eq!(limited.status, 429, "{limited:?}");
    assert!(limited.text.contains("Try again in a minute"), "{limited:?}");
    // Cached documents are served to all clients, and other requests do not wait.
    let known = ids.iter().zip(&answers).find(|(_, answer)| answer.status == 200).unwrap().0;
    assert_eq!(ask(&url, known, "203.0.113.7").await.status, 200);
    assert_eq!(ask(&url, &format!("{}/new.json", host.url), "203.0.113.8").await.status, 200);
    assert_eq!(host.asked(), 21);
}

#[tokio::test]
async fn a_metadata_document_that_cannot_be_had_is_not_fetched_for_everybody_who_asks() {
    let server = server().await;
    for (status, body) in [("404 Not Found", "{}"), ("200 OK", "{}"), ("200 OK", "<html>")] {
        let host = Host::start(status, body, Duration::ZERO).await;
        let id = format!("{}/client.json", host.url);
        for number in 0..5 {
            let answer = ask(&server.url(), &id, &format!("203.0.113.{number}")).await;
            assert_eq!(answer.status, 400, "{answer:?}");
        }
        assert_eq!(host.asked(), 1, "{status} {body}");
    }
}

#[tokio::test]
async fn many_guesses_at_the_same_time_reach_sitebay_no_more_often_than_one_after_another() {
    let form = ConsentForm::open().await;
    let tokens: Vec<String> = (0..150).map(|number| format!("guess-{number}")).collect();
    let answers = tokens.iter().map(|token| form.enter(token, "203.0.113.7"));
    for answer in futures_util::future::join_all(answers).await {
        assert_eq!(answer.status, 422, "{answer:?}");
    }
    let asked = form.server.sandbox().unwrap().requests().len();
    assert!(asked <= 60, "{asked} guesses reached SiteBay");
    // Tokens that are right do not count, however many there are.
    for _ in 0..70 {
        assert!(sent_to(&form.enter(SITEBAY_TOKEN, "203.0.113.8").await, "code").is_some());
    }
}

#[tokio::test]
async fn a_provider_that_fails_is_not_asked_for_every_stranger() {
    let host = Host::start("503 Service Unavailable", "{}", Duration::ZERO).await;
    let options = with_oauth()
        .var("MCP_OIDC_ISSUER", &host.url)
        .var("MCP_OIDC_CLIENT_ID", ID)
        .var("MCP_OIDC_CLIENT_SECRET", SECRET);
    let server = start(options).await;
    let url = format!("{}/account", server.url());
    for _ in 0..10 {
        assert_eq!(send(Method::GET, &url, &[], String::new()).await.status, 503);
    }
    assert_eq!(host.asked(), 1);
}

#[tokio::test]
async fn a_provider_that_hangs_is_asked_so_many_times_at_once_and_no_more() {
    let host = Host::start("200 OK", "{}", Duration::from_secs(3)).await;
    let options = with_oauth()
        .var("MCP_OIDC_ISSUER", &host.url)
        .var("MCP_OIDC_CLIENT_ID", ID)
        .var("MCP_OIDC_CLIENT_SECRET", SECRET);
    let server = start(options).await;
    let url = format!("{}/account", server.url());
    let asks = (0..100).map(|_| send(Method::GET, &url, &[], String::new()));
    for answer in futures_util::future::join_all(asks).await {
        assert_eq!(answer.status, 503);
    }
    assert!(host.asked() <= 32, "{}", host.asked());
}

/// A provider whose token endpoint knows no code.
const PROVIDER: &str =
    r#"{"issuer":"URL","authorization_endpoint":"URL/auth","token_endpoint":"URL/token"}"#;

#[tokio::test]
async fn all_who_sign_in_at_a_cold_isolate_wait_for_a_provider_that_is_slow() {
    let host = Host::start("200 OK", PROVIDER, Duration::from_secs(2)).await;
    let options = with_oauth()
        .var("MCP_OIDC_ISSUER", &host.url)
        .var("MCP_OIDC_CLIENT_ID", ID)
        .var("MCP_OIDC_CLIENT_SECRET", SECRET);
    let server = start(options).await;
    let url = format!("{}/account", server.url());
    let asks = (0..40).map(|_| send(Method::GET, &url, &[], String::new()));
    for answer in futures_util::future::join_all(asks).await {
        assert_eq!(answer.status, 303, "{answer:?}");
    }
    // As many as may begin in 5 s, and again where those seconds end meanwhile.
    assert!((1..=32).contains(&host.asked()), "{}", host.asked());
}

#[tokio::test]
async fn one_address_has_so_many_codes_redeemed_at_the_provider_and_no_more() {
    let host = Host::start("200 OK", PROVIDER, Duration::ZERO).await;
    let options = with_oauth()
        .var("MCP_OIDC_ISSUER", &host.url)
        .var("MCP_OIDC_CLIENT_ID", ID)
        .var("MCP_OIDC_CLIENT_SECRET", SECRET);
    let server = start(options).await;
    let app = App::register(&server.url()).await;
    let sent = app.ask(&[]).await;
    let cookie = sent.header("set-cookie").split(';').next().unwrap().to_owned();
    let state = sent_to(&sent, "state").unwrap();
    let asked_before = host.asked();
    let back = async |number: usize, address: &str| {
        let query = encoded(&[("code", &format!("made-up-{number}")), ("state", &state)]);
        let url = format!("{}/authorize/callback?{query}", server.url());
        let headers = [("cookie", cookie.as_str()), ("cf-connecting-ip", address)];
        send(Method::GET, &url, &headers, String::new()).await
    };
    let mut limited = 0;
    for number in 0..40 {
        limited += usize::from(back(number, "203.0.113.7").await.status == 429);
    }
    assert_eq!((limited, host.asked() - asked_before), (20, 20));
    let other = back(40, "203.0.113.8").await;
    assert_eq!(sent_to(&other, "error").as_deref(), Some("access_denied"));
}

#[tokio::test]
async fn wrong_tokens_at_the_same_time_are_judged_no_more_often_than_one_after_another() {
    let host = Host::start("200 OK", r#"{"keys":[]}"#, Duration::from_secs(1)).await;
    let options = options()
        .var("MCP_JWKS_URL", &format!("{}/keys", host.url))
        .var("MCP_JWT_ISSUER", "https://issuer.example")
        .var("MCP_JWT_AUDIENCE", "mcp");
    let server = start(options).await;
    let ask = async |number: usize, address: &'static str| {
        let header = json!({ "alg": "RS256", "kid": format!("k{number}") });
        let token = token("unknown", header, claims(json!({})));
        let client = Client::new(&server.url()).with("cf-connecting-ip", address);
        client.with("authorization", &format!("Bearer {token}")).post("{}").await.status.as_u16()
    };
    let asks = (0..100).map(|number| ask(number, "203.0.113.7"));
    let statuses = futures_util::future::join_all(asks).await;
    let count = |status| statuses.iter().filter(|one| **one == status).count();
    assert_eq!((count(401), count(429)), (60, 40), "{statuses:?}");
    assert_eq!(ask(100, "203.0.113.8").await, 401);
}

#[tokio::test]
async fn an_issuer_that_hangs_is_asked_for_its_keys_so_many_times_at_once_and_no_more() {
    let host = Host::start("200 OK", "{}", Duration::from_secs(3)).await;
    let options = options()
        .var("MCP_JWKS_URL", &format!("{}/keys", host.url))
        .var("MCP_JWT_ISSUER", "https://issuer.example")
        .var("MCP_JWT_AUDIENCE", "mcp");
    let server = start(options).await;
    let url = format!("{}/mcp", server.url());
    let forged: Vec<String> = (0..100)
        .map(|number| {
            let header = json!({ "alg": "RS256", "kid": format!("k{number}") });
            let exp = now_s() + 300;
            format!("Bearer {}", token("unknown", header, claims(json!({ "exp": exp }))))
        })
        .collect();
    let ask = async |bearer: &str| {
        let headers = [
            ("authorization", bearer),
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
        ];
        send(Method::POST, &url, &headers, "{}".to_owned()).await
    };
    let asks = forged.iter().map(|bearer| ask(bearer));
    for answer in futures_util::future::join_all(asks).await {
        assert!(matches!(answer.status.as_u16(), 401 | 503), "{answer:?}");
    }
    assert!((1..=32).contains(&host.asked()), "{}", host.asked());
}
