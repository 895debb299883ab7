//! Requests to Cloudflare's REST API.
//!
//! Invariant: a read is sent again after a passing failure, a change is sent once; no redirect is followed; neither
//! the token nor the account's id comes out in a text.

use std::{env, fmt, thread, time::Duration};

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::{Value, json};
use ureq::{Agent, http::Request};

/// Where the API is.
const URL: &str = "https://api.cloudflare.com/client/v4";
/// Cloudflare ends its calls after 30 s.
const TIMEOUT: Duration = Duration::from_secs(35);
/// Bytes that an answer may have.
const MAX_ANSWER: u64 = 8 * 1024 * 1024;
/// How often a read is sent at most.
const TRIES: u32 = 3;
/// Characters of a reason that are shown.
const LONGEST: usize = 600;

/// The API, as one account's token sees it.
pub struct Api {
    agent: Agent,
    /// Its address, without a slash at the end.
    pub url: String,
    account: String,
    token: String,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("url", &self.url).finish_non_exhaustive()
    }
}

/// An answer that is a refusal.
#[derive(Debug)]
pub struct Refused {
    /// The HTTP status.
    pub status: u16,
    /// The codes of the envelope.
    pub codes: Vec<i64>,
    text: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cloudflare answered {}{}", self.status, self.text)
    }
}

impl std::error::Error for Refused {}

/// A setting of the environment of this process.
///
/// # Errors
/// Where it is missing, by its name.
pub fn setting(name: &str, why: &str) -> Result<String> {
    let value = env::var(name).unwrap_or_default().trim().to_owned();
    if value.is_empty() { Err(anyhow!("{name} is not set: {why}")) } else { Ok(value) }
}

impl Api {
    /// The account and the token of `CLOUDFLARE_ACCOUNT_ID` and `CLOUDFLARE_API_TOKEN`, at `CLOUDFLARE_API_URL`.
    ///
    /// # Errors
    /// Where one is missing.
    pub fn from_environment() -> Result<Self> {
        let token = setting("CLOUDFLARE_API_TOKEN", "a token of Cloudflare (docs/OPERATIONS.md)")?;
        let account = setting("CLOUDFLARE_ACCOUNT_ID", "the id of the account at Cloudflare")?;
        let is_id = account.len() == 32 && account.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_id {
            bail!("CLOUDFLARE_ACCOUNT_ID: expected 32 hexadecimal digits");
        }
        let url = setting("CLOUDFLARE_API_URL", "").unwrap_or_else(|_| URL.to_owned());
        let url = url.trim_end_matches('/').to_owned();
        let is_own = url.starts_with("http://127.0.0.1:") || url.starts_with("http://localhost:");
        if !url.starts_with("https://") && !is_own {
            bail!("CLOUDFLARE_API_URL: expected an https URL, or http on this machine");
        }
        Ok(Self::at(&url, &account, &token))
    }

    /// The API at this address, with this account and this token.
    pub fn at(url: &str, account: &str, token: &str) -> Self {
        let (url, account, token) = (url.to_owned(), account.to_owned(), token.to_owned());
        Self { agent: agent(TIMEOUT), url, account, token }
    }

    /// Reads a path below the account.
    ///
    /// # Errors
    /// A [`Refused`], or no usable answer.
    pub fn get(&self, path: &str) -> Result<Value> {
        self.read("GET", path, None)
    }

    /// Reads, where there may be none: `None` for 404.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn find(&self, path: &str) -> Result<Option<Value>> {
        match self.get(path) {
            Err(error) if is_refused(&error, |it| it.status == 404) => Ok(None),
            outcome => outcome.map(Some),
        }
    }

    /// Sends a POST that reads.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn ask(&self, path: &str, body: &Value) -> Result<Value> {
        self.read("POST", path, Some(body.to_string()))
    }

    /// Changes something, once.
    ///
    /// # Errors
    /// As [`Self::get`]; without an answer the change may have happened.
    pub fn change(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let sent = self.send(method, path, Some(body.to_string()));
        let (status, text) = sent.with_context(|| format!("{method} {path} may have happened"))?;
        self.result(status, &text)
    }

    /// The rows of a query of Analytics Engine.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn rows(&self, sql: &str) -> Result<Vec<Value>> {
        let path = "analytics_engine/sql";
        let (status, text) = self.patiently("POST", path, Some(format!("{sql} FORMAT JSON")))?;
        if status != 200 {
            return Err(self.refused(status, Vec::new(), &format!(": {text}")).into());
        }
        let answer: Value =
            serde_json::from_str(&text).context("the answer of Analytics Engine")?;
        let rows = answer.get("data").and_then(Value::as_array).cloned();
        rows.context("the answer of Analytics Engine has no rows")
    }

    /// The data of the account from the GraphQL API. The query has the variable `$account`.
    ///
    /// # Errors
    /// As [`Self::get`]; its refusals come with the status 200.
    pub fn graph(&self, query: &str, mut variables: Value) -> Result<Value> {
        variables["account"] = self.account.as_str().into();
        let body = json!({ "query": query, "variables": variables }).to_string();
        let url = format!("{}/graphql", self.url);
        let (status, text) = self.patiently_at("POST", &url, Some(body))?;
        let answer: Value = serde_json::from_str(&text).unwrap_or_default();
        let account = answer.pointer("/data/viewer/accounts/0").filter(|it| it.is_object());
        match (status, account) {
            (200, Some(account)) => Ok(account.clone()),
            _ => {
                let reason = answer.pointer("/errors/0/message").and_then(Value::as_str);
                let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
                Err(self.refused(status, Vec::new(), &reason).into())
            }
        }
    }

    /// The result of a path that is not below the account.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn get_whole(&self, path: &str) -> Result<Value> {
        let (status, text) = self.patiently_at("GET", &format!("{}/{path}", self.url), None)?;
        self.result(status, &text)
    }

    fn read(&self, method: &str, path: &str, body: Option<String>) -> Result<Value> {
        let (status, text) = self.patiently(method, path, body)?;
        self.result(status, &text)
    }

    fn patiently(&self, method: &str, path: &str, body: Option<String>) -> Result<(u16, String)> {
        self.patiently_at(method, &self.address(path), body)
    }

    fn patiently_at(&self, method: &str, url: &str, body: Option<String>) -> Result<(u16, String)> {
        for tried in 1.. {
            let outcome = self.send_at(method, url, body.clone());
            let passes = match &outcome {
                Ok((status, _)) => matches!(status, 429 | 502 | 503 | 504),
                Err(_) => true,
            };
            if !passes || tried >= TRIES {
                return outcome;
            }
            thread::sleep(Duration::from_millis(250).saturating_mul(2_u32.saturating_pow(tried)));
        }
        bail!("no answer")
    }

    fn address(&self, path: &str) -> String {
        format!("{}/accounts/{}/{path}", self.url, self.account)
    }

    fn send(&self, method: &str, path: &str, body: Option<String>) -> Result<(u16, String)> {
        self.send_at(method, &self.address(path), body)
    }

    fn send_at(&self, method: &str, url: &str, body: Option<String>) -> Result<(u16, String)> {
        let headers = [
            ("authorization", format!("Bearer {}", self.token)),
            ("accept", "application/json".to_owned()),
            ("content-type", "application/json".to_owned()),
        ];
        let (status, text) =
            exchange(&self.agent, method, url, &headers, body).map_err(|error| {
                anyhow!("Cloudflare gave no answer: {}", self.hide(&format!("{error:#}")))
            })?;
        Ok((status, text))
    }

    /// What an envelope has.
    fn result(&self, status: u16, text: &str) -> Result<Value> {
        let answer: Value = serde_json::from_str(text).unwrap_or_default();
        let is_success = answer.get("success").and_then(Value::as_bool);
        if (200..300).contains(&status) && is_success == Some(true) {
            return Ok(answer.get("result").cloned().unwrap_or_default());
        }
        let errors = answer.get("errors").and_then(Value::as_array).cloned().unwrap_or_default();
        let codes = errors.iter().filter_map(|error| match error.get("code") {
            Some(Value::String(code)) => code.parse().ok(),
            code => code.and_then(Value::as_i64),
        });
        let messages =
            errors.iter().filter_map(|error| error.get("message").and_then(Value::as_str));
        let reasons = messages.map(|message| format!(": {message}")).collect::<String>();
        Err(self.refused(status, codes.collect(), &reasons).into())
    }

    fn refused(&self, status: u16, codes: Vec<i64>, text: &str) -> Refused {
        let shown = codes.iter().map(|code| format!(" (code {code})")).collect::<String>();
        Refused { status, codes, text: format!("{}{shown}", self.hide(text)) }
    }

    fn hide(&self, text: &str) -> String {
        let text = text.replace(&self.token, "[token]").replace(&self.account, "[account]");
        text.chars().take(LONGEST).collect()
    }
}

/// An agent that neither follows redirects nor takes a status for an error.
pub fn agent(timeout: Duration) -> Agent {
    let config = Agent::config_builder().timeout_global(Some(timeout)).http_status_as_error(false);
    let config = config.max_redirects(0).max_redirects_will_error(false);
    config.user_agent(concat!("sitebay-mcp-xtask/", env!("CARGO_PKG_VERSION"))).build().into()
}

/// Sends a request, and reads its status and its body.
///
/// # Errors
/// Where no whole answer comes.
pub fn exchange(
    agent: &Agent,
    method: &str,
    url: &str,
    headers: &[(&str, String)],
    body: Option<String>,
) -> Result<(u16, String)> {
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let mut response = match body {
        Some(body) => agent.run(request.body(body)?)?,
        None => agent.run(request.body(())?)?,
    };
    let text = response.body_mut().with_config().limit(MAX_ANSWER).read_to_vec()?;
    Ok((response.status().as_u16(), String::from_utf8_lossy(&text).into_owned()))
}

/// Whether an error is a refusal of this kind.
pub fn is_refused(error: &anyhow::Error, kind: impl Fn(&Refused) -> bool) -> bool {
    error.downcast_ref::<Refused>().is_some_and(kind)
}
