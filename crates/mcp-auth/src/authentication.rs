//! Admission: from what a request brings to who it comes from, or a refusal.
//!
//! Invariant: closed by default. With nothing configured only the development
//! environment is open, and that only as long as its database has no named key. A credential that is wrong is a refusal, whatever else the request brings.
//! Where several are right, the first of these counts: an access token, a JWT, the shared secret, a key.
//! A method whose secrets must not be used answers 503 to the credentials it would have checked; the other methods
//! go on.

use crate::identity::Identity;
use crate::{
    credentials::{Credentials, Token},
    jwt,
    refusal::Refusal,
    secret::Secrets,
    subject::AuthMethod,
};

/// The header in which a caller brings its own SiteBay token.
pub const OWN_TOKEN_HEADER: &str = "x-sitebay-token";

/// The authentication settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuthConfig {
    /// All callers, as long as no method is configured: this is development.
    pub development: bool,
    /// `MCP_API_KEY`.
    pub api_keys: Secrets,
    /// `MCP_ADMIN_KEY`.
    pub admin_keys: Secrets,
    /// `STAGE_UNLOCK_KEY`: it unlocks stages at the admin API, and lets in nowhere.
    pub unlock_keys: Secrets,
    /// Whether there is a database with named keys.
    pub named_keys: bool,
    /// `MCP_SHARED_SECRET`.
    pub shared_secrets: Secrets,
    /// Which JWTs are trusted.
    pub jwt: jwt::JwtPolicy,
    /// Whether people can sign in here, and give clients access (`MCP_OAUTH`).
    pub oauth: bool,
    /// `ALLOW_KEY_IN_URL`.
    pub keys_in_url: bool,
}

/// The outcome of the checks that need no I/O.
#[derive(Debug, PartialEq)]
pub enum AuthDecision {
    /// It is let in.
    Admitted(Identity),
    /// It is let in if its issuer signed it.
    NeedsSignature(Box<jwt::Token>),
    /// It is let in if a person granted it with this access token, and still does.
    NeedsGrant(String),
    /// It is let in if this is a named key. True: it brings the shared secret too.
    NeedsNamedKey(String, bool),
}

impl AuthConfig {
    /// Whether all callers are admitted.
    pub fn is_open(&self) -> bool {
        self.development && !self.has_ways()
    }

    /// Whether no caller is admitted.
    pub fn is_closed(&self) -> bool {
        !self.development && !self.has_ways() && !self.named_keys
    }

    /// Whether the operator set ways in, and none of them can be used. Named keys do not count: the
    /// database is bound in every deployment, whether or not it has any.
    pub fn is_misconfigured(&self) -> bool {
        self.has_ways() && !self.has_usable_ways()
    }

    fn has_ways(&self) -> bool {
        self.has_usable_ways() || self.has_unusable_ways()
    }

    /// Whether at least one configured method is usable.
    pub fn has_usable_ways(&self) -> bool {
        let usable = self.secrets().iter().any(|secrets| !secrets.is_empty());
        usable || self.jwt.is_usable() || self.oauth
    }

    /// Whether a way in that the operator set has secrets that must not be used.
    pub fn has_unusable_ways(&self) -> bool {
        self.jwt.has_unusable_secrets || self.secrets().iter().any(|secrets| secrets.is_unusable())
    }

    /// Whether `X-MCP-Secret` is the only way in that the settings name.
    pub fn takes_secrets_only(&self) -> bool {
        let others = [&self.api_keys, &self.admin_keys];
        let has_no_other = others.iter().all(|keys| keys.is_empty());
        has_no_other && !self.shared_secrets.is_empty() && !self.jwt.is_usable() && !self.oauth
    }

    fn secrets(&self) -> [&Secrets; 3] {
        [&self.api_keys, &self.admin_keys, &self.shared_secrets]
    }

    /// Looks at what a request brings.
    ///
    /// # Errors
    /// 401 without the right credential, 503 where nothing is configured or the way in that the
    /// credential belongs to cannot be used.
    pub fn authenticate(&self, with: &Credentials, now_s: u64) -> Result<AuthDecision, Refusal> {
        self.refuse_unlock_keys(with)?;
        match self.is_open() {
            true => Ok(AuthDecision::Admitted(Identity::shared(AuthMethod::Open))),
            false => self.authenticate_credentials(with, now_s),
        }
    }

    /// The same if the server is not open in any environment: named keys were made, so it
    /// was closed once.
    ///
    /// # Errors
    /// As [`Self::authenticate`].
    pub fn authenticate_credentials(
        &self,
        with: &Credentials,
        now_s: u64,
    ) -> Result<AuthDecision, Refusal> {
        self.refuse_unlock_keys(with)?;
        if self.is_closed() {
            return Err(Refusal::NotConfigured);
        }
        let secret = with.secret.as_deref().map(str::trim);
        if secret.is_some_and(|secret| !self.shared_secrets.contains(secret)) {
            let wrong = Refusal::WrongCredential("the secret in X-MCP-Secret is wrong");
            return Err(usable_or(wrong, &[&self.shared_secrets]));
        }
        let auth_method = match (with.token()?, secret) {
            (Some(Token::Jwt(text)), _) if self.jwt.is_on() => return self.jwt(text, now_s),
            (Some(Token::Access(text)), _) if self.oauth => {
                return Ok(AuthDecision::NeedsGrant(text.to_owned()));
            }
            (Some(Token::Named(key)), secret) if self.named_keys => {
                return Ok(AuthDecision::NeedsNamedKey(key.to_owned(), secret.is_some()));
            }
            (Some(Token::Key(key)), secret) if self.admin_keys.contains(key) => match secret {
                Some(_) => AuthMethod::Secret,
                None => return Ok(AuthDecision::Admitted(Identity::administrator())),
            },
            (
                Some(Token::Jwt(key) | Token::Access(key) | Token::Named(key) | Token::Key(key)),
                _,
            ) if !self.api_keys.contains(key) => {
                let wrong = Refusal::WrongCredential("the key is wrong");
                return Err(usable_or(wrong, &[&self.api_keys, &self.admin_keys]));
            }
            (_, Some(_)) => AuthMethod::Secret,
            (Some(_), None) => AuthMethod::ApiKey,
            (None, None) if self.is_misconfigured() => return Err(Refusal::Misconfigured(None)),
            (None, None) => return Err(Refusal::Unauthorized("no credential was sent")),
        };
        Ok(AuthDecision::Admitted(Identity::shared(auth_method)))
    }

    /// The key that unlocks stages is for those who do not call tools: a request that brings it is refused, wherever it has
    /// it, also where the server is open, and it leaves for no other server.
    fn refuse_unlock_keys(&self, with: &Credentials) -> Result<(), Refusal> {
        if self.unlock_keys.is_empty() {
            return Ok(());
        }
        let Credentials { authorization, api_key, in_url, secret, own_token } = with;
        let places = [authorization, api_key, in_url, secret, own_token];
        let is_unlock_key = |text: &String| {
            let text = text.trim();
            let behind_scheme = text.split_once(' ').map_or(text, |(_, token)| token.trim());
            // Both are compared, so that the time taken says nothing.
            self.unlock_keys.contains(text) | self.unlock_keys.contains(behind_scheme)
        };
        match places.into_iter().flatten().any(is_unlock_key) {
            true => Err(Refusal::WrongCredential("the key unlocks stages, and lets in nowhere")),
            false => Ok(()),
        }
    }

    /// Whether a request may unlock a stage.
    ///
    /// # Errors
    /// 401 without the right key, 404 where none is set, 503 where it must not be used.
    pub fn authenticate_unlock(&self, with: &Credentials) -> Result<(), Refusal> {
        if self.unlock_keys.is_unusable() {
            return Err(Refusal::Misconfigured(None));
        }
        if self.unlock_keys.is_empty() {
            return Err(Refusal::NotFound);
        }
        let token = with.token()?.ok_or(Refusal::Unauthorized("no credential was sent"))?;
        let (Token::Jwt(key) | Token::Access(key) | Token::Named(key) | Token::Key(key)) = token;
        match self.unlock_keys.contains(key) {
            true => Ok(()),
            false => Err(Refusal::WrongCredential("the key does not unlock stages")),
        }
    }

    #[inline(never)]
    fn jwt(&self, text: &str, now_s: u64) -> Result<AuthDecision, Refusal> {
        let wrong = |error: jwt::JwtError| Refusal::WrongCredential(error.text());
        let token = jwt::Token::decode(text).map_err(wrong)?;
        if token.algorithm.is_shared() && self.jwt.has_unusable_secrets {
            return Err(Refusal::Misconfigured(None));
        }
        self.jwt.check(&token, now_s).map_err(wrong)?;
        let token = self.jwt.counting(token);
        if !token.algorithm.is_shared() {
            return Ok(AuthDecision::NeedsSignature(Box::new(token)));
        }
        match self.jwt.verifies_signature(&token) {
            true => Ok(AuthDecision::Admitted(token.claims.identity())),
            false => Err(wrong(jwt::JwtError::Signature)),
        }
    }
}

/// `wrong`, unless one of the lists that were searched cannot be used: then the answer says that the server
/// is misconfigured, and where another list could have opened, the guess counts all the same.
fn usable_or(wrong: Refusal, searched: &[&Secrets]) -> Refusal {
    match searched.iter().any(|secrets| secrets.is_unusable()) {
        false => wrong,
        true if searched.iter().all(|secrets| secrets.is_empty()) => Refusal::Misconfigured(None),
        true => Refusal::Unjudged,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{keys::Keyring, scope::Scopes};

    fn keys() -> Keyring {
        Keyring::parse(&"k".repeat(40)).unwrap()
    }

    fn auth() -> AuthConfig {
        AuthConfig {
            api_keys: Secrets::parse("right, newer"),
            shared_secrets: Secrets::parse("s3cret"),
            ..AuthConfig::default()
        }
    }

    fn bearer(key: &str) -> Credentials {
        Credentials { authorization: Some(format!("Bearer {key}")), ..Credentials::default() }
    }

    fn auth_method(auth: &AuthConfig, with: &Credentials) -> Result<AuthMethod, Refusal> {
        match auth.authenticate(with, 0)? {
            AuthDecision::Admitted(identity) => Ok(identity.auth_method),
            AuthDecision::NeedsSignature(_) => Ok(AuthMethod::Jwt),
            AuthDecision::NeedsGrant(_) => Ok(AuthMethod::OAuth),
            AuthDecision::NeedsNamedKey(..) => Ok(AuthMethod::NamedKey),
        }
    }

    #[test]
    fn nothing_configured_is_closed_but_in_development() {
        let with = Credentials::default();
        assert_eq!(auth_method(&AuthConfig::default(), &with), Err(Refusal::NotConfigured));
        let development = AuthConfig { development: true, ..AuthConfig::default() };
        assert_eq!(auth_method(&development, &with), Ok(AuthMethod::Open));
        assert_eq!(auth_method(&development, &bearer("anything")), Ok(AuthMethod::Open));
        let with_key = AuthConfig { development: true, ..auth() };
        assert!(auth_method(&with_key, &with).is_err());
    }

    #[test]
    fn only_a_whole_key_opens_and_any_of_the_list() {
        for key in ["right", "newer"] {
            assert_eq!(auth_method(&auth(), &bearer(key)), Ok(AuthMethod::ApiKey), "{key}");
        }
        for key in ["wrong", "righ", "right2", "", "right,newer", "s3cret", "eyJ.a.b"] {
            assert!(auth_method(&auth(), &bearer(key)).is_err(), "{key}");
        }
    }

    #[test]
    fn a_wrong_credential_is_never_made_up_for_by_another() {
        let secret = |secret: &str, with: Credentials| Credentials {
            secret: Some(secret.to_owned()),
            ..with
        };
        assert_eq!(
            auth_method(&auth(), &secret("s3cret", Credentials::default())),
            Ok(AuthMethod::Secret)
        );
        assert_eq!(
            auth_method(&auth(), &secret("s3cret", bearer("right"))),
            Ok(AuthMethod::Secret)
        );
        for with in [
            secret("wrong", Credentials::default()),
            secret("wrong", bearer("right")),
            secret("s3cret", bearer("wrong")),
            secret("", bearer("right")),
        ] {
            assert!(auth_method(&auth(), &with).is_err(), "{with:?}");
        }
        let without = AuthConfig { shared_secrets: Secrets::default(), ..auth() };
        assert!(auth_method(&without, &secret("s3cret", bearer("right"))).is_err());
    }

    #[test]
    fn an_access_token_counts_where_people_can_sign_in() {
        let oauth = AuthConfig { development: true, oauth: true, ..AuthConfig::default() };
        assert!(!oauth.is_open() && !oauth.is_closed());
        assert_eq!(auth_method(&oauth, &bearer("smat_x")), Ok(AuthMethod::OAuth));
        assert!(auth_method(&oauth, &Credentials::default()).is_err());
        assert!(auth_method(&auth(), &bearer("smat_x")).is_err());
        let with_key = AuthConfig { oauth: true, ..auth() };
        assert_eq!(auth_method(&with_key, &bearer("right")), Ok(AuthMethod::ApiKey));
        let wrong = Credentials { secret: Some("wrong".into()), ..bearer("smat_x") };
        assert!(auth_method(&with_key, &wrong).is_err());
    }

    #[test]
    fn a_named_key_is_looked_for_only_where_there_are_some() {
        let named = AuthConfig { named_keys: true, ..auth() };
        assert_eq!(auth_method(&named, &bearer("sbk_a_b")), Ok(AuthMethod::NamedKey));
        assert!(auth_method(&auth(), &bearer("sbk_a_b")).is_err());
        let only = AuthConfig { named_keys: true, ..AuthConfig::default() };
        assert!(!only.is_closed() && auth_method(&only, &Credentials::default()).is_err());
        let development = AuthConfig { development: true, ..only };
        assert!(development.is_open(), "as long as there is no named key");
        let judged = |with: &Credentials| development.authenticate_credentials(with, 0);
        assert!(matches!(judged(&bearer("sbk_a_b")), Ok(AuthDecision::NeedsNamedKey(..))));
        for with in [Credentials::default(), bearer("anything")] {
            assert!(judged(&with).is_err(), "{with:?}");
        }
    }

    #[test]
    fn a_way_with_unusable_secrets_is_misconfigured_and_the_others_go_on() {
        let misconfigured = Err(Refusal::Misconfigured(None));
        let secret = |secret: &str| Credentials {
            secret: Some(secret.to_owned()),
            ..Credentials::default()
        };
        let weak_keys = AuthConfig { api_keys: Secrets::unusable(), ..auth() };
        assert_eq!(auth_method(&weak_keys, &bearer("right")), misconfigured);
        assert_eq!(auth_method(&weak_keys, &secret("s3cret")), Ok(AuthMethod::Secret));
        let weak_admin = AuthConfig { admin_keys: Secrets::unusable(), ..auth() };
        assert_eq!(auth_method(&weak_admin, &bearer("boss")), Err(Refusal::Unjudged));
        assert_eq!(auth_method(&weak_admin, &bearer("right")), Ok(AuthMethod::ApiKey));
        let weak_secret = AuthConfig { shared_secrets: Secrets::unusable(), ..auth() };
        assert_eq!(auth_method(&weak_secret, &secret("s3cret")), misconfigured);
        assert_eq!(auth_method(&weak_secret, &bearer("right")), Ok(AuthMethod::ApiKey));
        for auth in [&weak_keys, &weak_admin, &weak_secret] {
            let nothing = auth_method(auth, &Credentials::default());
            assert!(matches!(nothing, Err(Refusal::Unauthorized(_))), "{nothing:?}");
            assert!(!auth.is_closed() && !auth.is_misconfigured());
        }
        let alone = AuthConfig { api_keys: Secrets::unusable(), ..AuthConfig::default() };
        assert!(alone.is_misconfigured() && !alone.is_closed());
        assert_eq!(auth_method(&alone, &Credentials::default()), misconfigured);
        let with_database = AuthConfig { named_keys: true, ..alone };
        assert_eq!(auth_method(&with_database, &bearer("sbk_a_b")), Ok(AuthMethod::NamedKey));
        assert!(with_database.is_misconfigured());
    }

    #[test]
    fn the_key_that_unlocks_stages_lets_in_nowhere_and_no_other_key_unlocks() {
        let unlocks = |auth: AuthConfig| AuthConfig {
            unlock_keys: Secrets::parse("opener, next"),
            admin_keys: Secrets::parse("boss"),
            named_keys: true,
            ..auth
        };
        let open = AuthConfig {
            development: true,
            unlock_keys: Secrets::parse("opener, next"),
            ..AuthConfig::default()
        };
        let places: [fn(&str) -> Credentials; 7] = [
            bearer,
            |key| Credentials { authorization: Some(key.to_owned()), ..Credentials::default() },
            |key| Credentials { authorization: Some(format!("Basic {key}")), ..bearer("right") },
            |key| Credentials { api_key: Some(key.to_owned()), ..Credentials::default() },
            |key| Credentials { in_url: Some(key.to_owned()), ..bearer("right") },
            |key| Credentials { secret: Some(format!(" {key} ")), ..bearer("right") },
            |key| Credentials { own_token: Some(key.to_owned()), ..bearer("right") },
        ];
        for auth in [unlocks(auth()), open] {
            assert!(auth.is_open() || auth_method(&auth, &bearer("right")).is_ok());
            for place in places {
                for key in ["opener", "next"] {
                    let refused = auth.authenticate(&place(key), 0);
                    assert!(matches!(refused, Err(Refusal::WrongCredential(_))), "{refused:?}");
                    let refused = auth.authenticate_credentials(&place(key), 0);
                    assert!(matches!(refused, Err(Refusal::WrongCredential(_))), "{refused:?}");
                }
            }
        }
        let auth = unlocks(auth());
        assert_eq!(auth.authenticate_unlock(&bearer("opener")), Ok(()));
        for key in ["boss", "right", "s3cret", "smk_abc", "opener, next2", "", "openers"] {
            assert!(auth.authenticate_unlock(&bearer(key)).is_err(), "{key}");
        }
        let none = AuthConfig { unlock_keys: Secrets::default(), ..auth.clone() };
        assert_eq!(none.authenticate_unlock(&bearer("")), Err(Refusal::NotFound));
        let weak = AuthConfig { unlock_keys: Secrets::unusable(), ..auth };
        assert_eq!(weak.authenticate_unlock(&bearer("opener")), Err(Refusal::Misconfigured(None)));
    }

    #[test]
    fn an_admin_key_administers() {
        let auth = AuthConfig { admin_keys: Secrets::parse("boss"), ..auth() };
        let Ok(AuthDecision::Admitted(identity)) = auth.authenticate(&bearer("boss"), 0) else {
            panic!("not admitted");
        };
        assert_eq!((identity.auth_method, identity.scopes), (AuthMethod::ApiKey, Scopes::ADMIN));
        let Ok(AuthDecision::Admitted(other)) = auth.authenticate(&bearer("right"), 0) else {
            panic!("not admitted");
        };
        let subject = |identity: Identity| identity.principal(&keys(), None).subject;
        assert_eq!(other.scopes, Scopes::WRITE);
        assert_ne!(subject(identity), subject(other));
    }

    #[test]
    fn the_shared_secret_counts_before_any_right_key() {
        let auth = AuthConfig { admin_keys: Secrets::parse("boss"), ..auth() };
        let only_admin = AuthConfig { api_keys: Secrets::default(), ..auth.clone() };
        for auth in [auth, only_admin] {
            let both = Credentials { secret: Some("s3cret".into()), ..bearer("boss") };
            assert_eq!(auth_method(&auth, &both), Ok(AuthMethod::Secret));
            let wrong = Credentials { secret: Some("s3cret".into()), ..bearer("bos") };
            assert!(auth_method(&auth, &wrong).is_err());
        }
    }

    #[test]
    fn an_own_token_makes_a_subject_of_its_own() {
        let of = |token: Option<&str>| {
            let with =
                Credentials { own_token: token.map(str::to_owned), ..Credentials::default() };
            Identity::shared(AuthMethod::Open).principal(&keys(), with.own())
        };
        assert_ne!(of(Some("a")).subject, of(Some("b")).subject);
        assert_ne!(of(Some("a")).subject, of(None).subject);
        assert_eq!(of(Some("a")).subject, of(Some(" a ")).subject);
        assert_eq!(of(Some(" ")), of(None));
    }
}
