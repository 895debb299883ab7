//! An OpenID provider that signs in every browser as a given person.

use std::sync::{Arc, Mutex};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

pub const ID: &str = "this server";
pub const SECRET: &str = "what the provider gave it: %&";

/// A running provider.
pub struct Provider {
    pub url: String,
    /// The next person: `sub`, and the nonce of its ID token.
    next: Arc<Mutex<(String, String)>>,
}

impl Provider {
    pub async fn start() -> Self {
        Self::with_token_endpoint(None).await
    }

    /// One whose document names this token endpoint, in the place of its own.
    pub async fn with_token_endpoint(token_endpoint: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let next = Arc::new(Mutex::default());
        let provider = Self { url: url.clone(), next: Arc::clone(&next) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (url, next) = (url.clone(), Arc::clone(&next));
                tokio::spawn(async move { serve(stream, &url, &next, token_endpoint).await });
            }
        });
        provider
    }

    /// Signs in a person with this nonce.
    pub fn knows(&self, id: &str, nonce: &str) {
        *self.next.lock().unwrap() = (id.to_owned(), nonce.to_owned());
    }
}

async fn serve(
    mut stream: TcpStream,
    url: &str,
    next: &Mutex<(String, String)>,
    token_endpoint: Option<&str>,
) -> Option<()> {
    let mut request = vec![0; 8_192];
    let mut read = 0;
    // The form comes after the empty line, and is short.
    while !String::from_utf8_lossy(&request[..read]).contains("\r\n\r\n") {
        read += stream.read(&mut request[read..]).await.ok().filter(|more| *more > 0)?;
    }
    let request = String::from_utf8_lossy(&request[..read]).into_owned();
    let body = if request.starts_with("POST /token") {
        let (id, nonce) = next.lock().unwrap().clone();
        let claims = json!({
            "iss": url, "aud": ID, "exp": 4_000_000_000_u64, "nonce": nonce, "sub": id,
            "email": format!("{id}@example.org"),
        });
        let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
        // RFC 6749 §2.3.1: "this+server:what+the+provider+gave+it%3A+%25%26".
        let known =
            request.contains("dGhpcytzZXJ2ZXI6d2hhdCt0aGUrcHJvdmlkZXIrZ2F2ZStpdCUzQSslMjUlMjY=");
        if known { json!({ "id_token": format!("e30.{claims}.x") }) } else { json!({}) }
    } else {
        json!({
            "issuer": url, "authorization_endpoint": format!("{url}/auth"),
            "token_endpoint": token_endpoint.map_or(format!("{url}/token"), str::to_owned),
        })
    };
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await.ok()
}
