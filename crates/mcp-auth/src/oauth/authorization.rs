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
    offer::{self, Offer},
    redirect, resource,
};
use crate::{scope::Scopes, upstream_scopes::UpstreamScopes};
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
    /// The requested scopes of upstreams.
    pub upstreams: UpstreamScopes,
    /// The door that the tokens are to be for; empty: the server as a whole.
    pub door: String,
    /// The PKCE challenge.
    pub challenge: String,
}

/// Begins a form that has scopes of upstreams or a door. No text is such a block, so that a version of the server that
/// does not know them refuses the form, and grants nothing else in their place.
const WITH_UPSTREAMS: [u8; 1] = [0xff];

/// An authorization error, by who is informed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthorizationError {
    /// To the person: it is not known whom else to tell.
    ShowToUser(OAuthError),
    /// To the client: the address to send the person to, without `iss`.
    RedirectToClient(String, Option<String>, OAuthError),
}

impl Authorization {
    /// Reads a request of this client. `origin` is this server's, and `offer` its upstreams.
    ///
    /// # Errors
    /// Where it cannot be answered.
    pub fn read(
        form: &Form,
        client_id: &str,
        client: &Client,
        (origin, offer): (&str, &Offer),
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
        let (challenge, door) = asked_for(form, origin, offer).map_err(at_client)?;
        let list = form.one("scope").map_err(at_client)?;
        let had = offer.upstreams(&door);
        let (scopes, mut upstreams) = offer::chosen(list, OFFERED, &had);
        if !door.is_empty() {
            // Without the scope of its upstream a token for a door opens nothing.
            upstreams = had;
        }
        Ok(Self {
            client_id: client_id.to_owned(),
            client_name: client.name.clone(),
            redirect_uri,
            state,
            scopes,
            upstreams,
            door,
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
        if !self.door.is_empty() || !self.upstreams.is_empty() {
            for block in [
                WITH_UPSTREAMS.as_slice(),
                self.door.as_bytes(),
                self.upstreams.as_str().as_bytes(),
            ] {
                put_block(&mut out, block)?;
            }
        }
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
        let mut first = reader.block()?;
        let (mut door, mut upstreams) = (String::new(), UpstreamScopes::default());
        if first == WITH_UPSTREAMS {
            door = text(reader.block()?)?;
            upstreams = UpstreamScopes::parse(&text(reader.block()?)?);
            first = reader.block()?;
        }
        let client_id = text(first)?;
        let mut text = || text(reader.block()?);
        Some(Self {
            client_id,
            client_name: text()?,
            redirect_uri: text()?,
            state: text().filter(|_| has_state),
            challenge: text()?,
            scopes,
            upstreams,
            door,
        })
    }
}

fn text(block: &[u8]) -> Option<String> {
    String::from_utf8(block.to_vec()).ok()
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

/// Challenge and door.
fn asked_for(form: &Form, origin: &str, offer: &Offer) -> Result<(String, String), OAuthError> {
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
    let door = resource::door_named(form, origin, offer)?;
    Ok((challenge.to_owned(), door.unwrap_or_default()))
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
        let offer = Offer::new([("tickets", "upstream:tickets"), ("wiki", "read")]);
        Authorization::read(&Form::parse(query), "id", &client, (ORIGIN, &offer))
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
            let upstreams = read(&GOOD.replace("scope=read", list)).unwrap().upstreams;
            assert_eq!(upstreams.as_str(), "upstream:tickets", "{list}");
        }
        // Administering brings the others along, and they are all that can be had.
        assert_eq!(scopes("scope=admin%20openid"), Scopes::WRITE);
        assert_eq!(
            read(&GOOD.replace("=read", "=openid+offline_access+read")).unwrap().scopes,
            Scopes::READ
        );
    }

    #[test]
    fn a_request_for_a_door_is_for_its_scope_and_carried_in_a_form() {
        for (list, granted) in [
            ("scope=read", "read upstream:tickets"),
            ("", "read write upstream:tickets"),
            ("scope=upstream:tickets", "read write upstream:tickets"),
        ] {
            let query =
                GOOD.replace("scope=read", list).replace("example/mcp", "example/u/tickets/mcp");
            let request = read(&query).unwrap();
            assert_eq!(request.door, "tickets");
            assert_eq!(request.upstreams.with_own(request.scopes), granted, "{list}");
            let carried = request.to_bytes().unwrap();
            assert_eq!(Authorization::from_bytes(&carried), Some(request.clone()));
            // 0.1.0 read texts alone.
            assert!(
                String::from_utf8(Reader::new(&carried[2..]).block().unwrap().to_vec()).is_err()
            );
        }
        let other = read(&GOOD.replace("example/mcp", "example/u/wiki/mcp")).unwrap();
        assert_eq!((&*other.door, other.upstreams.is_empty()), ("wiki", true));
        let unknown = read(&GOOD.replace("example/mcp", "example/u/none/mcp"));
        assert!(matches!(unknown, Err(AuthorizationError::RedirectToClient(_, _, fault))
            if fault.code == ErrorCode::InvalidTarget));
        let common = read(&GOOD.replace("=read", "=read+upstream:tickets+upstream:none")).unwrap();
        assert_eq!((&*common.door, common.upstreams.as_str()), ("", "upstream:tickets"));
        let carried = common.to_bytes().unwrap();
        assert_eq!(Authorization::from_bytes(&carried), Some(common));
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
