//! Codes and refresh tokens are exchanged for tokens, and what is kept of an account.
//!
//! Invariant: a code is exchanged with the verifier of the browser that began, at the server to which it went. An account is
//! kept as one sealed text; its parts are not shown.

use std::fmt;

use mcp_auth::{
    oauth::{Hash, hash},
    secret::Secret,
};
use mcp_platform::{Method, SharedPlatform, record::Record, url::with_parameters};
use mcp_protocol::{base64url, fields::fields, raw};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use super::{ask, client::Client, server::Server};
use crate::{
    address::Surroundings,
    config::{Credential, is_value},
    connect::{Connected, Unconnected},
};

/// Seconds before its end at which a token is renewed.
const EARLY: u64 = 60;
/// The longest that a token is believed to be good, in seconds.
const LONGEST: u64 = 365 * 86_400;
/// Errors that may be repeated (RFC 6749 §5.2, RFC 8707 §2): no other text of the answer is.
const FAULTS: [&str; 5] = [
    "invalid_request",
    "invalid_client",
    "unsupported_grant_type",
    "invalid_scope",
    "invalid_target",
];

/// Errors with which a server sends people back (RFC 6749 §4.1.2.1): no other text of theirs is repeated.
const SENT_BACK: [&str; 7] = [
    "access_denied",
    "invalid_request",
    "unauthorized_client",
    "unsupported_response_type",
    "invalid_scope",
    "server_error",
    "temporarily_unavailable",
];

/// The error with which a person was sent back, where it is one that is known.
pub fn sent_back(error: &str) -> Option<&'static str> {
    SENT_BACK.into_iter().find(|known| *known == error)
}

/// Names one way of a person to a server.
pub fn mark(server: &Server, verifier: &[u8; 32]) -> Hash {
    marked(&server.issuer, &server.token, &base64url::to_text(verifier))
}

fn marked(issuer: &str, token: &str, verifier: &str) -> Hash {
    hash(format!("{issuer}\n{token}\n{verifier}"))
}

/// A person on the way to an authorization server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Errand {
    issuer: String,
    token: String,
    names_itself: bool,
    resource: String,
    client: Client,
    /// The PKCE verifier (RFC 7636).
    verifier: String,
}

impl Record for Errand {}

/// What is kept of an account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    access: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refresh: Option<String>,
    /// When the access token is over, in seconds since 1970. None: the server did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_s: Option<u64>,
    /// The issuer that gave it out.
    #[serde(default)]
    issuer: String,
    token: String,
    resource: String,
    client: Client,
}

impl Record for Account {}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[account]")
    }
}

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenError {
    /// The server does not give one out any more: the person must be asked.
    Refused,
    /// It could not be asked: why.
    Unavailable(String),
}

impl Errand {
    /// Sends a person on their way: what must be known when they come back, and where they go. `verifier`: random.
    pub fn begin(
        server: &Server,
        client: Client,
        verifier: [u8; 32],
        (callback, state, scopes): (&str, &str, &[String]),
    ) -> (Self, String) {
        let verifier = base64url::to_text(&verifier);
        let challenge = base64url::to_text(&hash(&verifier));
        let scopes = if scopes.is_empty() { &server.scopes[..] } else { scopes }.join(" ");
        let wanted = [
            ("response_type", "code"),
            ("client_id", &client.id),
            ("redirect_uri", callback),
            ("state", state),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("resource", &server.resource),
            ("scope", &scopes),
        ];
        let wanted = wanted.into_iter().filter(|(_, value)| !value.is_empty());
        let url = with_parameters(&server.authorization, wanted);
        let errand = Self {
            issuer: server.issuer.clone(),
            token: server.token.clone(),
            names_itself: server.names_itself,
            resource: server.resource.clone(),
            client,
            verifier,
        };
        (errand, url)
    }

    /// Whether an answer comes from the server to which the person went (RFC 9207 §2.4).
    pub fn is_from(&self, issuer: Option<&str>) -> bool {
        match issuer {
            Some(issuer) => issuer == self.issuer,
            None => !self.names_itself,
        }
    }

    /// Whether it is the one of this [`mark`].
    pub fn is_marked(&self, mark: &Hash) -> bool {
        marked(&self.issuer, &self.token, &self.verifier).ct_eq(mark).into()
    }

    /// Exchanges the code with which a person came back.
    ///
    /// # Errors
    /// Where the server gives no token.
    pub async fn end(
        self,
        (code, callback): (&str, &str),
        now_s: u64,
        surroundings: Surroundings<'_>,
        platform: &SharedPlatform,
    ) -> Result<Account, TokenError> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", callback),
            ("code_verifier", &self.verifier),
            ("resource", &self.resource),
        ];
        let answer = exchange(&self.token, &self.client, &form, surroundings, platform).await?;
        let (access, refresh, expires_s) = read(&answer, now_s).ok_or_else(no_token)?;
        let Self { issuer, token, resource, client, .. } = self;
        Ok(Account { access, refresh, expires_s, issuer, token, resource, client })
    }
}

impl Account {
    /// The access token.
    pub fn access(&self) -> Secret {
        Secret::new(self.access.clone())
    }

    /// Whether the access token is over, or about to be, and can be renewed.
    pub fn is_due(&self, now_s: u64) -> bool {
        let is_over = |at: u64| now_s.saturating_add(EARLY) >= at;
        self.refresh.is_some() && self.expires_s.is_some_and(is_over)
    }

    /// Whether the access token is not over yet.
    pub fn is_good(&self, now_s: u64) -> bool {
        self.expires_s.is_none_or(|at| now_s < at)
    }

    /// Whether the access token is used on after a renewal: one that could not be made in time ends no call before the token.
    pub fn stands_in(&self, renewed: &Result<Connected, Unconnected>, now_s: u64) -> bool {
        self.is_good(now_s) && matches!(renewed, Err(Unconnected::Unavailable(_)))
    }

    /// The account with the next access token. `configured`: how the upstream is called by now.
    ///
    /// # Errors
    /// Where the server gives none.
    pub async fn renewed(
        &self,
        configured: &Credential,
        now_s: u64,
        surroundings: Surroundings<'_>,
        platform: &SharedPlatform,
    ) -> Result<Self, TokenError> {
        let refresh = self.refresh.as_deref().ok_or(TokenError::Refused)?;
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh),
            ("resource", &self.resource),
        ];
        let client = self.client.current(&self.issuer, configured);
        let answer = exchange(&self.token, &client, &form, surroundings, platform).await?;
        let (access, next, expires_s) = read(&answer, now_s).ok_or_else(no_token)?;
        // RFC 6749 §6: without a new one the old one stays good.
        let refresh = next.or_else(|| self.refresh.clone());
        Ok(Self { access, refresh, expires_s, client, ..self.clone() })
    }
}

fn no_token() -> TokenError {
    TokenError::Unavailable("its authorization server gave no token".to_owned())
}

async fn exchange(
    url: &str,
    client: &Client,
    form: &[(&str, &str)],
    surroundings: Surroundings<'_>,
    platform: &SharedPlatform,
) -> Result<String, TokenError> {
    // A server without resources is told of none.
    let form = form.iter().copied().filter(|(_, value)| !value.is_empty());
    let all = form.chain(client.fields());
    // The body is what would be the query.
    let body = with_parameters("?", all).trim_start_matches('?').to_owned();
    let kind = ("Content-Type", "application/x-www-form-urlencoded".to_owned());
    let to = (Method::Post, url);
    let asked = ask(to, vec![kind], Some(body), surroundings, platform).await;
    match asked.map_err(TokenError::Unavailable)? {
        (200, text) => Ok(text),
        (status, text) => Err(refusal(status, &text)),
    }
}

/// Why a server gives no token (RFC 6749 §5.2). Only an end of the person's grant is one that the person can mend: a fault
/// of this server, such as a secret that was replaced, must not end the accounts of all.
fn refusal(status: u16, text: &str) -> TokenError {
    let [error] = fields(text, ["error"]).unwrap_or([None]);
    let error = error.filter(|_| (400..=403).contains(&status)).and_then(raw::text);
    let why = match error.as_deref() {
        Some("invalid_grant" | "unauthorized_client") => return TokenError::Refused,
        Some(known) if FAULTS.contains(&known) => known.to_owned(),
        _ => status.to_string(),
    };
    TokenError::Unavailable(format!("its authorization server failed ({why})"))
}

/// The tokens of an answer (RFC 6749 §5.1), and the end of the access token.
fn read(text: &str, now_s: u64) -> Option<(String, Option<String>, Option<u64>)> {
    let names = ["access_token", "token_type", "refresh_token", "expires_in"];
    let [access, kind, refresh, lasts] = fields(text, names).ok()?;
    let is_bearer = raw::text(kind?)?.eq_ignore_ascii_case("bearer");
    let access = raw::string(access?).filter(|access| !access.is_empty() && is_value(access))?;
    let refresh = refresh.and_then(raw::string).filter(|refresh| !refresh.is_empty());
    let lasts = lasts.and_then(raw::whole_number).map(|lasts| lasts.min(LONGEST));
    is_bearer.then(|| (access, refresh, lasts.map(|lasts| now_s.saturating_add(lasts))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> Server {
        Server {
            issuer: "https://as.example".into(),
            authorization: "https://as.example/authorize?tenant=1".into(),
            token: "https://as.example/token".into(),
            registration: None,
            names_itself: true,
            resource: "https://tickets.example/mcp".into(),
            scopes: vec!["a".into(), "b".into()],
        }
    }

    fn begun(scopes: &[String]) -> (Errand, String) {
        let client = Client::configured("me", None);
        Errand::begin(&server(), client, [7; 32], ("https://f.example/cb", "st&te", scopes))
    }

    #[test]
    fn a_person_goes_with_state_challenge_resource_and_scopes() {
        let (errand, url) = begun(&[]);
        assert!(
            url.starts_with("https://as.example/authorize?tenant=1&response_type=code&"),
            "{url}"
        );
        let has = |name: &str| mcp_platform::url::query_value(&url, name);
        assert_eq!(has("state").as_deref(), Some("st&te"));
        assert_eq!(has("resource").as_deref(), Some("https://tickets.example/mcp"));
        assert_eq!(has("scope").as_deref(), Some("a b"));
        let challenge = base64url::to_text(&hash(&errand.verifier));
        assert_eq!(has("code_challenge"), Some(challenge));
        assert!(!url.contains(&errand.verifier));
        let (_, url) = begun(&["own".into()]);
        assert!(url.contains("scope=own"), "{url}");
        assert!(Errand::from_json(&errand.to_json()) == Some(errand));
    }

    #[test]
    fn an_answer_of_another_issuer_is_not_taken() {
        let (errand, _) = begun(&[]);
        assert!(errand.is_from(Some("https://as.example")));
        assert!(!errand.is_from(Some("https://other.example")) && !errand.is_from(None));
        let silent = Server { names_itself: false, ..server() };
        let client = Client::configured("me", None);
        let (errand, _) = Errand::begin(&silent, client, [7; 32], ("cb", "s", &[]));
        assert!(errand.is_from(None) && !errand.is_from(Some("https://other.example")));
    }

    #[test]
    fn tokens_are_read_and_others_are_none() {
        let text =
            r#"{"access_token":"a","token_type":"BEARER","refresh_token":"r","expires_in":3600}"#;
        assert_eq!(read(text, 10), Some(("a".into(), Some("r".into()), Some(3_610))));
        let least = r#"{"access_token":"a","token_type":"bearer"}"#;
        assert_eq!(read(least, 10), Some(("a".into(), None, None)));
        for wrong in [
            "",
            "{}",
            r#"{"access_token":"a"}"#,
            r#"{"access_token":"","token_type":"bearer"}"#,
            r#"{"access_token":"a\r\nX: y","token_type":"bearer"}"#,
            r#"{"access_token":"a","token_type":"mac"}"#,
        ] {
            assert_eq!(read(wrong, 10), None, "{wrong}");
        }
    }

    #[test]
    fn an_error_with_which_a_person_comes_back_is_repeated_where_it_is_known() {
        assert_eq!(sent_back("invalid_scope"), Some("invalid_scope"));
        for other in ["", "a secret", "Access_Denied", "invalid_scope "] {
            assert_eq!(sent_back(other), None, "{other}");
        }
    }

    #[test]
    fn only_the_end_of_the_grant_ends_an_account() {
        for error in ["invalid_grant", "unauthorized_client"] {
            for status in [400, 401, 403] {
                let text = format!(r#"{{"error":"{error}","error_description":"x"}}"#);
                assert_eq!(refusal(status, &text), TokenError::Refused, "{status} {error}");
            }
        }
        for (status, text, why) in [
            (401, r#"{"error":"invalid_client"}"#, "invalid_client"),
            (400, r#"{"error":"invalid_request"}"#, "invalid_request"),
            (400, r#"{"error":"a secret"}"#, "400"),
            (400, r#"{"error":7}"#, "400"),
            (403, "<html>blocked</html>", "403"),
            (400, "", "400"),
            (500, r#"{"error":"invalid_grant"}"#, "500"),
            (302, "", "302"),
        ] {
            let expected = format!("its authorization server failed ({why})");
            assert_eq!(refusal(status, text), TokenError::Unavailable(expected), "{text}");
        }
    }

    #[test]
    fn an_account_of_before_it_named_its_issuer_is_read() {
        let text = r#"{"access":"a","token":"t","resource":"r","client":{"id":"me"}}"#;
        let account = Account::from_json(text).unwrap();
        assert!(
            account.issuer.is_empty() && Account::from_json(&account.to_json()) == Some(account)
        );
    }

    #[test]
    fn a_token_is_renewed_a_minute_before_its_end_where_it_can_be() {
        let client = Client::configured("me", None);
        let account = |refresh: Option<&str>, expires_s| Account {
            access: "a".into(),
            refresh: refresh.map(str::to_owned),
            expires_s,
            issuer: "i".into(),
            token: "t".into(),
            resource: "r".into(),
            client: client.clone(),
        };
        let with = account(Some("r"), Some(1_000));
        assert!(!with.is_due(939) && with.is_due(940) && with.is_due(2_000));
        assert!(!account(None, Some(1_000)).is_due(2_000));
        assert!(!account(Some("r"), None).is_due(2_000));
        assert_eq!(format!("{with:?}"), "[account]");
        // Until then it stands in for one that cannot be had at the moment.
        let failed = |why: Unconnected, now_s| with.stands_in(&Err(why), now_s);
        let late = || Unconnected::Unavailable("no answer in 5 s".into());
        assert!(failed(late(), 940) && failed(late(), 999) && !failed(late(), 1_000));
        assert!(!failed(Unconnected::Refused, 940) && !failed(Unconnected::Missing, 940));
        assert!(account(None, None).is_good(u64::MAX));
    }
}
