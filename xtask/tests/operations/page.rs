//! A Worker's address: `/health`, and `/mcp` that refuses all callers.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What the Worker answers.
#[derive(Debug, Clone)]
pub(crate) struct Answers {
    /// The document of `/health`; `versionId` is the one of the override, where the request has one and
    /// `heeds_overrides`.
    pub(crate) health: Value,
    pub(crate) health_status: u16,
    pub(crate) heeds_overrides: bool,
    /// The status without a credential that is good.
    pub(crate) refusal: u16,
    pub(crate) preflight: u16,
    /// The key that is let in, and how many requests it has left.
    pub(crate) key: Option<(String, u32)>,
}

/// The address.
pub(crate) struct Page {
    url: String,
    answers: Arc<Mutex<Answers>>,
    serving: JoinHandle<()>,
}

impl Page {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let health = json!({
            "status": "ok", "service": "sitebay-mcp", "environment": "production", "versionId": null,
            "rollout": { "percentage": 100, "on": true },
        });
        let answers = Answers {
            health,
            health_status: 200,
            heeds_overrides: true,
            refusal: 401,
            preflight: 204,
            key: None,
        };
        let answers = Arc::new(Mutex::new(answers));
        let known = answers.clone();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, known.clone()));
            }
        });
        Self { url, answers, serving }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Changes what it answers.
    pub(crate) fn set(&self, change: impl FnOnce(&mut Answers)) {
        change(&mut self.answers.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(mut stream: TcpStream, known: Arc<Mutex<Answers>>) {
    let mut text = String::new();
    let mut bytes = [0; 4096];
    while !text.contains("\r\n\r\n") {
        match stream.read(&mut bytes).await {
            Ok(0) | Err(_) => return,
            Ok(read) => text.push_str(&String::from_utf8_lossy(&bytes[..read])),
        }
    }
    let admitted = admitted(&text, &mut known.lock().unwrap_or_else(PoisonError::into_inner));
    let answers = known.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let (status, body) = match text.split(' ').take(2).collect::<Vec<_>>().as_slice() {
        ["GET", "/health"] => (answers.health_status, health(&text, answers).to_string()),
        ["OPTIONS", "/mcp"] => (answers.preflight, String::new()),
        [_, "/mcp"] => (admitted.unwrap_or(answers.refusal), String::new()),
        _ => (404, String::new()),
    };
    let head = format!(
        "HTTP/1.1 {status} -\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// The status of a request with the key that is let in.
fn admitted(request: &str, answers: &mut Answers) -> Option<u16> {
    let (key, left) = answers.key.as_mut()?;
    if !request.contains(&format!("Bearer {key}\r\n")) {
        return None;
    }
    let is_over = *left == 0;
    *left = left.saturating_sub(1);
    Some(if is_over { 429 } else { 200 })
}

fn health(request: &str, answers: Answers) -> Value {
    let mut health = answers.health;
    let lines = request.lines().filter_map(|line| line.split_once(':'));
    let mut named = lines.filter(|(name, _)| {
        name.eq_ignore_ascii_case("cloudflare-workers-version-overrides") && answers.heeds_overrides
    });
    if let Some((_, wanted)) = named.next() {
        health["versionId"] = json!(wanted.split('"').nth(1));
    }
    health
}
