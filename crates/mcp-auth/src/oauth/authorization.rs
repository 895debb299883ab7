//! The authorization request at `/authorize` (OAuth 2.1 §4.1.1).
//!
//! Invariant: no redirect happens before the redirect URI is known to belong to the client;
//! until then an error is shown to the person.

use super::{
    OFFERED,
    client::Client,
    error::{ErrorCode, OAuthError},
    form::Form,
    grant::is_challenge,
    redirect, resource,
};
use crate::scope::Scopes;
use mcp_protocol::bytes::{Reader, put_block};

/// Characters that a `state` may have.
const MAX_STATE: usize = 4_096;

/// A request that a person can answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    /// The client's id.
    pub client_id: String,
    /// Its name, as it gives it.
    pub client_name: String,
    /// Where to send the person back to.
    pub redirect_uri: String,
    /// The client's `state`.
    pub state: Option<String>,
    /// The requested scopes.
    pub scopes: Scopes,
    /// The PKCE challenge.
    pub challenge: String,
}

/// An authorization error, by who is informed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthorizationError {
    /// To the person: it is not known whom else to tell.
    ShowToUser(OAuthError),
    /// To the client: the address to send the person to, without `iss`.
    RedirectToClient(String, Option<String>, OAuthError),
}

impl Authorization {
    /// Reads a request of this client. `origin` is this server's.
    ///
    /// # Errors
    /// Where it cannot be answered.
    pub fn read(
        form: &Form,
        client_id: &str,
        client: &Client,
        origin: &str,
    ) -> Result<Self, AuthorizationError> {
        let asked = form.one("redirect_uri").map_err(AuthorizationError::ShowToUser)?;
        let redirect_uri =
            client.redirect(asked).ok_or(AuthorizationError::ShowToUser(OAuthError::new(
                ErrorCode::InvalidRedirectUri,
                "`redirect_uri` is not registered for this client",
            )))?;
        let state = form.one("state").map_err(AuthorizationError::ShowToUser)?.map(str::to_owned);
        let at_client = |fault| {
            AuthorizationError::RedirectToClient(redirect_uri.clone(), state.clone(), fault)
        };
        let (scopes, challenge) = asked_for(form, origin).map_err(at_client)?;
        Ok(Self {
            client_id: client_id.to_owned(),
            client_name: client.name.clone(),
            redirect_uri,
            state,
            scopes,
            challenge,
        })
    }

    /// Where the person goes with an answer (RFC 6749 §4.1.2, RFC 9207).
    pub fn answer(&self, answer: Result<&str, OAuthError>, issuer: &str) -> String {
        match answer {
            Ok(code) => {
                let state = self.state.as_deref();
                let parameters = [("code", Some(code)), ("state", state), ("iss", Some(issuer))];
                redirect::with_parameters(&self.redirect_uri, &parameters)
            }
            Err(fault) => refusal(&self.redirect_uri, self.state.as_deref(), fault, issuer),
        }
    }

    /// The request as a form carries it. None: it is too long.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        let mut out = vec![self.scopes.bits(), self.state.is_some().into()];
        let state = self.state.as_deref().unwrap_or_default();
        let (id, name) = (&self.client_id, &self.client_name);
        for text in [id, name, self.redirect_uri.as_str(), state, &self.challenge] {
            put_block(&mut out, text.as_bytes())?;
        }
        Some(out)
    }

    /// Reads it back.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let (scopes, has_state) = (Scopes::from_bits(reader.u8()?), reader.u8()? == 1);
        let mut text = || String::from_utf8(reader.block()?.to_vec()).ok();
        Some(Self {
            client_id: text()?,
            client_name: text()?,
            redirect_uri: text()?,
            state: text().filter(|_| has_state),
            challenge: text()?,
            scopes,
        })
    }
}

/// Where the person goes with a refusal.
pub fn refusal(redirect_uri: &str, state: Option<&str>, fault: OAuthError, issuer: &str) -> String {
    let parameters = [
        ("error", Some(fault.code.as_str())),
        ("error_description", Some(fault.why)),
        ("state", state),
        ("iss", Some(issuer)),
    ];
    redirect::with_parameters(redirect_uri, &parameters)
}

/// Scopes and challenge.
fn asked_for(form: &Form, origin: &str) -> Result<(Scopes, String), OAuthError> {
    match form.one("response_type")? {
        Some("code") => {}
        Some(_) => {
            return Err(OAuthError::new(
                ErrorCode::UnsupportedResponseType,
                "`response_type` must be code",
            ));
        }
        None => return Err(OAuthError::request("`response_type` is missing")),
    }
    if form.one("response_mode")?.is_some_and(|mode| mode != "query") {
        return Err(OAuthError::request("`response_mode` must be query"));
    }
    if form.one("state")?.is_some_and(|state| state.len() > MAX_STATE) {
        return Err(OAuthError::request("`state` is too long"));
    }
    let challenge =
        form.needed("code_challenge", "`code_challenge` is missing: PKCE is required")?;
    if form.one("code_challenge_method")? != Some("S256") || !is_challenge(challenge) {
        return Err(OAuthError::request(
            "`code_challenge_method` must be S256, and `code_challenge` a \
                                   SHA-256 hash in base64url",
        ));
    }
    resource::check(form, origin)?;
    Ok((scopes(form.one("scope")?, OFFERED), challenge.to_owned()))
}

/// The scopes in a list that can be had; all of them where it names none. Clients ask for scopes that
/// they know from elsewhere, such as `offline_access`; the answer to `/token` says which they got
/// (RFC 6749 §3.3).
pub fn scopes(list: Option<&str>, had: Scopes) -> Scopes {
    let wanted = Scopes::parse(list.unwrap_or_default()).limited_to(had);
    if wanted == Scopes::NONE { had } else { wanted }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

    use super::*;
    use test_support::stored::of_0_1_0;

    const ORIGIN: &str = "https://mcp.example";
    const GOOD: &str = "response_type=code&redirect_uri=https://a.example/cb&state=s%26t&scope=read\
        &code_challenge_method=S256&code_challenge=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
        &resource=https://mcp.example/mcp";

    fn read(query: &str) -> Result<Authorization, AuthorizationError> {
        let redirects = vec!["https://a.example/cb".to_owned(), "cursor://x".to_owned()];
        let client = Client { name: "App".into(), redirects, has_secret: false };
        Authorization::read(&Form::parse(query), "id", &client, ORIGIN)
    }

    #[test]
    fn a_request_is_read_and_carried_in_a_form() {
        let request = read(GOOD).unwrap();
        assert_eq!((request.state.as_deref(), request.scopes), (Some("s&t"), Scopes::READ));
        assert_eq!(Authorization::from_bytes(&request.to_bytes().unwrap()), Some(request.clone()));
        let without = Authorization { state: None, ..request };
        assert_eq!(Authorization::from_bytes(&without.to_bytes().unwrap()), Some(without));
    }

    #[test]
    fn a_request_of_0_1_0_is_read() {
        let request = read(GOOD).unwrap();
        let carried = URL_SAFE_NO_PAD.encode(request.to_bytes().unwrap());
        let stored = URL_SAFE_NO_PAD.decode(of_0_1_0("oauth-authorization", &carried)).unwrap();
        assert_eq!(Authorization::from_bytes(&stored), Some(request));
    }

    #[test]
    fn nobody_is_sent_to_an_address_that_is_not_the_client_s() {
        for redirect in
            ["https://evil.example/", "https://a.example/cb/..", "cursor://y", "", "javascript:x"]
        {
            let query = GOOD.replace("https://a.example/cb", redirect);
            assert!(matches!(read(&query), Err(AuthorizationError::ShowToUser(_))), "{redirect}");
        }
        let twice = format!("{GOOD}&redirect_uri=https://a.example/cb");
        assert!(matches!(read(&twice), Err(AuthorizationError::ShowToUser(_))));
    }

    #[test]
    fn the_client_is_told_its_mistakes_with_state() {
        for (right, wrong, code) in [
            ("response_type=code", "response_type=token", ErrorCode::UnsupportedResponseType),
            ("response_type=code", "", ErrorCode::InvalidRequest),
            ("S256", "plain", ErrorCode::InvalidRequest),
            ("code_challenge_method=S256", "", ErrorCode::InvalidRequest),
            ("&code_challenge=AAAA", "&code_challenge=", ErrorCode::InvalidRequest),
            ("&code_challenge=AAAA", "&x=", ErrorCode::InvalidRequest),
            ("mcp.example/mcp", "other.example/mcp", ErrorCode::InvalidTarget),
            ("scope=read", "scope=read&scope=write", ErrorCode::InvalidRequest),
            ("scope=read", "scope=read&response_mode=fragment", ErrorCode::InvalidRequest),
        ] {
            let Err(AuthorizationError::RedirectToClient(uri, state, fault)) =
                read(&GOOD.replace(right, wrong))
            else {
                panic!("{wrong}");
            };
            assert_eq!((uri.as_str(), state.as_deref()), ("https://a.example/cb", Some("s&t")));
            assert_eq!(fault.code, code, "{wrong}");
        }
    }

    #[test]
    fn what_is_not_asked_for_is_offered() {
        let scopes = |list: &str| read(&GOOD.replace("scope=read", list)).unwrap().scopes;
        for list in
            ["", "scope=", "scope=%20offline_access", "scope=openid+email+profile", "scope=%20"]
        {
            assert_eq!(scopes(list), Scopes::WRITE, "{list}");
        }
        // Administering brings the others along, and they are all that can be had.
        assert_eq!(scopes("scope=admin%20openid"), Scopes::WRITE);
        assert_eq!(
            read(&GOOD.replace("=read", "=openid+offline_access+read")).unwrap().scopes,
            Scopes::READ
        );
    }

    #[test]
    fn an_answer_has_state_and_issuer() {
        let request = read(GOOD).unwrap();
        let to = request.answer(Ok("c"), ORIGIN);
        assert_eq!(to, "https://a.example/cb?code=c&state=s%26t&iss=https%3A%2F%2Fmcp.example");
        let denied = request.answer(Err(OAuthError::new(ErrorCode::AccessDenied, "no")), ORIGIN);
        assert!(
            denied.contains("?error=access_denied&error_description=no&state=s%26t&iss="),
            "{denied}"
        );
    }
}
