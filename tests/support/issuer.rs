//! Tokens: signed with a shared secret, or by an issuer with keys of its own.

use std::{
    process::Stdio,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Child,
};

use super::process::node;

pub fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Claims that are fine, with others over them; `null` removes one.
pub fn claims(over: Value) -> Value {
    let mut claims = json!({
        "iss": "https://issuer.example", "sub": "ada", "aud": "mcp", "exp": now_s() + 300,
    });
    for (name, value) in over.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

/// A token signed with HS256 and the secret, under any header.
pub fn token(secret: &str, header: Value, claims: Value) -> String {
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let signed = format!("{}.{}", part(&header), part(&claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// The same under the usual header.
pub fn hs256(secret: &str, claims: Value) -> String {
    token(secret, json!({ "alg": "HS256", "typ": "JWT" }), claims)
}

/// A program that publishes keys and signs with them.
pub struct Issuer {
    url: String,
    _program: Child,
}

impl Issuer {
    pub async fn start() -> Self {
        let mut command = node();
        let mut program =
            command.arg("tests/clients/issuer.mjs").stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
        let url = lines.next_line().await.unwrap().expect("the issuer's address");
        Self { url, _program: program }
    }

    pub fn keys_url(&self) -> String {
        format!("{}/keys", self.url)
    }

    /// A token signed with the key of this id.
    pub async fn sign(&self, key: &str, header: Value, claims: Value) -> String {
        self.ask("sign", json!({ "kid": key, "header": header, "claims": claims })).await
    }

    /// Adds the key `rotated`.
    pub async fn rotate(&self) {
        self.ask("rotate", json!({})).await;
    }

    /// How often its keys were read.
    pub async fn fetches(&self) -> u32 {
        self.ask("fetches", json!({})).await.parse().unwrap()
    }

    async fn ask(&self, path: &str, body: Value) -> String {
        let url = format!("{}/{path}", self.url);
        let sent = reqwest::Client::new().post(url).body(body.to_string()).send().await;
        sent.unwrap().text().await.unwrap()
    }
}
