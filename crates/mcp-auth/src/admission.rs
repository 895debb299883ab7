//! Admission: from what a request brings to who it comes from, or a refusal.
//!
//! Invariant: closed unless somebody opened it. With nothing configured only the development
//! environment is open, and that only as long as its database has no named key. A credential that is wrong is a refusal, whatever else the request brings.
//! Where several are right, the first of these counts: an access token, a JWT, the shared secret, a key.
//! A way in whose secrets must not be used answers 503 to whatever it would have judged; the other ways
//! go on.

use crate::identity::Identity;
use crate::{
    credentials::{Credentials, Token},
    jwt,
    refusal::Refusal,
    secret::Secrets,
    subject::Way,
};

/// The header in which a caller brings its own SiteBay token.
pub const OWN_TOKEN_HEADER: &str = "x-sitebay-token";

/// Who may come in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Door {
    /// Everybody, as long as no way in is configured: this is development.
    pub development: bool,
    /// `MCP_API_KEY`.
    pub api_keys: Secrets,
    /// `MCP_ADMIN_KEY`.
    pub admin_keys: Secrets,
    /// Whether there is a database with named keys.
    pub named_keys: bool,
    /// `MCP_SHARED_SECRET`.
    pub shared_secrets: Secrets,
    /// Which JWTs are trusted.
    pub jwt: jwt::Rules,
    /// Whether people can sign in here, and give clients access (`MCP_OAUTH`).
    pub oauth: bool,
    /// `ALLOW_KEY_IN_URL`.
    pub keys_in_url: bool,
}

/// What is known of a request by looking at it.
#[derive(Debug, PartialEq)]
pub enum Verdict {
    /// It is let in.
    Admitted(Identity),
    /// It is let in if its issuer signed it.
    IfSigned(Box<jwt::Token>),
    /// It is let in if a person granted it with this access token, and still does.
    IfGranted(String),
    /// It is let in if this is a named key. True: it brings the shared secret too.
    IfNamed(String, bool),
}

impl Door {
    /// Whether everybody is let in.
    pub fn is_open(&self) -> bool {
        self.development && !self.has_ways()
    }

    /// Whether nobody is.
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

    /// Whether somebody can come in by a way that the settings name.
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
    pub fn judge(&self, with: &Credentials, now_s: u64) -> Result<Verdict, Refusal> {
        match self.is_open() {
            true => Ok(Verdict::Admitted(Identity::shared(Way::Open))),
            false => self.judge_credentials(with, now_s),
        }
    }

    /// The same where the server is not open, whatever the environment is: named keys were made, so it
    /// was closed once.
    ///
    /// # Errors
    /// As [`Self::judge`].
    pub fn judge_credentials(&self, with: &Credentials, now_s: u64) -> Result<Verdict, Refusal> {
        if self.is_closed() {
            return Err(Refusal::NotConfigured);
        }
        let secret = with.secret.as_deref().map(str::trim);
        if secret.is_some_and(|secret| !self.shared_secrets.know(secret)) {
            let wrong = Refusal::WrongCredential("the secret in X-MCP-Secret is wrong");
            return Err(usable_or(wrong, &[&self.shared_secrets]));
        }
        let way = match (with.token()?, secret) {
            (Some(Token::Jwt(text)), _) if self.jwt.is_on() => return self.jwt(text, now_s),
            (Some(Token::Access(text)), _) if self.oauth => {
                return Ok(Verdict::IfGranted(text.to_owned()));
            }
            (Some(Token::Named(key)), secret) if self.named_keys => {
                return Ok(Verdict::IfNamed(key.to_owned(), secret.is_some()));
            }
            (Some(Token::Key(key)), secret) if self.admin_keys.know(key) => match secret {
                Some(_) => Way::Secret,
                None => return Ok(Verdict::Admitted(Identity::administrator())),
            },
            (
                Some(Token::Jwt(key) | Token::Access(key) | Token::Named(key) | Token::Key(key)),
                _,
            ) if !self.api_keys.know(key) => {
                let wrong = Refusal::WrongCredential("the key is wrong");
                return Err(usable_or(wrong, &[&self.api_keys, &self.admin_keys]));
            }
            (_, Some(_)) => Way::Secret,
            (Some(_), None) => Way::ApiKey,
            (None, None) if self.is_misconfigured() => return Err(Refusal::Misconfigured(None)),
            (None, None) => return Err(Refusal::Unauthorized("no credential was sent")),
        };
        Ok(Verdict::Admitted(Identity::shared(way)))
    }

    #[inline(never)]
    fn jwt(&self, text: &str, now_s: u64) -> Result<Verdict, Refusal> {
        let wrong = |error: jwt::JwtError| Refusal::WrongCredential(error.text());
        let token = jwt::Token::decode(text).map_err(wrong)?;
        if token.algorithm.is_shared() && self.jwt.has_unusable_secrets {
            return Err(Refusal::Misconfigured(None));
        }
        self.jwt.check(&token, now_s).map_err(wrong)?;
        if !token.algorithm.is_shared() {
            return Ok(Verdict::IfSigned(Box::new(token)));
        }
        match self.jwt.knows_signature(&token) {
            true => Ok(Verdict::Admitted(token.claims.identity())),
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

    fn door() -> Door {
        Door {
            api_keys: Secrets::parse("right, newer"),
            shared_secrets: Secrets::parse("s3cret"),
            ..Door::default()
        }
    }

    fn bearer(key: &str) -> Credentials {
        Credentials { authorization: Some(format!("Bearer {key}")), ..Credentials::default() }
    }

    fn way(door: &Door, with: &Credentials) -> Result<Way, Refusal> {
        match door.judge(with, 0)? {
            Verdict::Admitted(identity) => Ok(identity.way),
            Verdict::IfSigned(_) => Ok(Way::Jwt),
            Verdict::IfGranted(_) => Ok(Way::OAuth),
            Verdict::IfNamed(..) => Ok(Way::NamedKey),
        }
    }

    #[test]
    fn nothing_configured_is_closed_but_in_development() {
        let with = Credentials::default();
        assert_eq!(way(&Door::default(), &with), Err(Refusal::NotConfigured));
        let development = Door { development: true, ..Door::default() };
        assert_eq!(way(&development, &with), Ok(Way::Open));
        assert_eq!(way(&development, &bearer("anything")), Ok(Way::Open));
        let with_key = Door { development: true, ..door() };
        assert!(way(&with_key, &with).is_err());
    }

    #[test]
    fn only_a_whole_key_opens_and_any_of_the_list() {
        for key in ["right", "newer"] {
            assert_eq!(way(&door(), &bearer(key)), Ok(Way::ApiKey), "{key}");
        }
        for key in ["wrong", "righ", "right2", "", "right,newer", "s3cret", "eyJ.a.b"] {
            assert!(way(&door(), &bearer(key)).is_err(), "{key}");
        }
    }

    #[test]
    fn a_wrong_credential_is_never_made_up_for_by_another() {
        let secret = |secret: &str, with: Credentials| Credentials {
            secret: Some(secret.to_owned()),
            ..with
        };
        assert_eq!(way(&door(), &secret("s3cret", Credentials::default())), Ok(Way::Secret));
        assert_eq!(way(&door(), &secret("s3cret", bearer("right"))), Ok(Way::Secret));
        for with in [
            secret("wrong", Credentials::default()),
            secret("wrong", bearer("right")),
            secret("s3cret", bearer("wrong")),
            secret("", bearer("right")),
        ] {
            assert!(way(&door(), &with).is_err(), "{with:?}");
        }
        let without = Door { shared_secrets: Secrets::default(), ..door() };
        assert!(way(&without, &secret("s3cret", bearer("right"))).is_err());
    }

    #[test]
    fn an_access_token_counts_where_people_can_sign_in() {
        let oauth = Door { development: true, oauth: true, ..Door::default() };
        assert!(!oauth.is_open() && !oauth.is_closed());
        assert_eq!(way(&oauth, &bearer("smat_x")), Ok(Way::OAuth));
        assert!(way(&oauth, &Credentials::default()).is_err());
        assert!(way(&door(), &bearer("smat_x")).is_err());
        let with_key = Door { oauth: true, ..door() };
        assert_eq!(way(&with_key, &bearer("right")), Ok(Way::ApiKey));
        let wrong = Credentials { secret: Some("wrong".into()), ..bearer("smat_x") };
        assert!(way(&with_key, &wrong).is_err());
    }

    #[test]
    fn a_named_key_is_looked_for_only_where_there_are_some() {
        let named = Door { named_keys: true, ..door() };
        assert_eq!(way(&named, &bearer("sbk_a_b")), Ok(Way::NamedKey));
        assert!(way(&door(), &bearer("sbk_a_b")).is_err());
        let only = Door { named_keys: true, ..Door::default() };
        assert!(!only.is_closed() && way(&only, &Credentials::default()).is_err());
        let development = Door { development: true, ..only };
        assert!(development.is_open(), "as long as there is no named key");
        let judged = |with: &Credentials| development.judge_credentials(with, 0);
        assert!(matches!(judged(&bearer("sbk_a_b")), Ok(Verdict::IfNamed(..))));
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
        let weak_keys = Door { api_keys: Secrets::unusable(), ..door() };
        assert_eq!(way(&weak_keys, &bearer("right")), misconfigured);
        assert_eq!(way(&weak_keys, &secret("s3cret")), Ok(Way::Secret));
        let weak_admin = Door { admin_keys: Secrets::unusable(), ..door() };
        assert_eq!(way(&weak_admin, &bearer("boss")), Err(Refusal::Unjudged));
        assert_eq!(way(&weak_admin, &bearer("right")), Ok(Way::ApiKey));
        let weak_secret = Door { shared_secrets: Secrets::unusable(), ..door() };
        assert_eq!(way(&weak_secret, &secret("s3cret")), misconfigured);
        assert_eq!(way(&weak_secret, &bearer("right")), Ok(Way::ApiKey));
        for door in [&weak_keys, &weak_admin, &weak_secret] {
            let nothing = way(door, &Credentials::default());
            assert!(matches!(nothing, Err(Refusal::Unauthorized(_))), "{nothing:?}");
            assert!(!door.is_closed() && !door.is_misconfigured());
        }
        let alone = Door { api_keys: Secrets::unusable(), ..Door::default() };
        assert!(alone.is_misconfigured() && !alone.is_closed());
        assert_eq!(way(&alone, &Credentials::default()), misconfigured);
        let with_database = Door { named_keys: true, ..alone };
        assert_eq!(way(&with_database, &bearer("sbk_a_b")), Ok(Way::NamedKey));
        assert!(with_database.is_misconfigured());
    }

    #[test]
    fn an_admin_key_administers() {
        let door = Door { admin_keys: Secrets::parse("boss"), ..door() };
        let Ok(Verdict::Admitted(identity)) = door.judge(&bearer("boss"), 0) else {
            panic!("not admitted");
        };
        assert_eq!((identity.way, identity.scopes), (Way::ApiKey, Scopes::ADMIN));
        let Ok(Verdict::Admitted(other)) = door.judge(&bearer("right"), 0) else {
            panic!("not admitted");
        };
        let subject = |identity: Identity| identity.principal(&keys(), None).subject;
        assert_eq!(other.scopes, Scopes::WRITE);
        assert_ne!(subject(identity), subject(other));
    }

    #[test]
    fn the_shared_secret_counts_before_any_right_key() {
        let door = Door { admin_keys: Secrets::parse("boss"), ..door() };
        let only_admin = Door { api_keys: Secrets::default(), ..door.clone() };
        for door in [door, only_admin] {
            let both = Credentials { secret: Some("s3cret".into()), ..bearer("boss") };
            assert_eq!(way(&door, &both), Ok(Way::Secret));
            let wrong = Credentials { secret: Some("s3cret".into()), ..bearer("bos") };
            assert!(way(&door, &wrong).is_err());
        }
    }

    #[test]
    fn an_own_token_makes_a_subject_of_its_own() {
        let of = |token: Option<&str>| {
            let with =
                Credentials { own_token: token.map(str::to_owned), ..Credentials::default() };
            Identity::shared(Way::Open).principal(&keys(), with.own())
        };
        assert_ne!(of(Some("a")).subject, of(Some("b")).subject);
        assert_ne!(of(Some("a")).subject, of(None).subject);
        assert_eq!(of(Some("a")).subject, of(Some(" a ")).subject);
        assert_eq!(of(Some(" ")), of(None));
    }
}
