//! Which tokens are trusted, as the operator says.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::{Algorithm, JwtError, LEEWAY, Token};
use crate::secret::{Secret, keys, names};

/// The requirements for a trusted token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JwtPolicy {
    /// `MCP_JWT_SECRET`: any of them signs with HS256.
    pub secrets: Vec<Secret>,
    /// Whether the operator set secrets that must not be used, because one can be guessed.
    pub has_unusable_secrets: bool,
    /// `MCP_JWKS_URL`: where the issuer's public keys are.
    pub keys_url: Option<String>,
    /// `MCP_JWT_ISSUER`
    pub issuer: Option<String>,
    /// `MCP_JWT_AUDIENCE`: any of them.
    pub audiences: Vec<String>,
}

impl JwtPolicy {
    /// Reads the settings: secrets, URL, issuer, audiences.
    pub fn parse(settings: [Option<String>; 4]) -> Self {
        let [secrets, keys_url, issuer, audiences] = settings;
        Self {
            secrets: keys(&secrets.unwrap_or_default()).map(Secret::new).collect(),
            has_unusable_secrets: false,
            keys_url,
            issuer,
            audiences: names(&audiences.unwrap_or_default()).map(str::to_owned).collect(),
        }
    }

    /// The same without its secrets, because one can be guessed.
    #[must_use]
    pub fn with_unusable_secrets(self) -> Self {
        Self { secrets: Vec::new(), has_unusable_secrets: true, ..self }
    }

    /// Whether the operator set a way to trust tokens, usable or not.
    pub fn is_on(&self) -> bool {
        self.is_usable() || self.has_unusable_secrets
    }

    /// Whether any token can be trusted.
    pub fn is_usable(&self) -> bool {
        !self.secrets.is_empty() || self.keys_url.is_some()
    }

    /// Everything but the signature: what it claims, and that there is a key for its algorithm.
    ///
    /// # Errors
    /// The problem, in words.
    pub fn check(&self, token: &Token, now_s: u64) -> Result<(), JwtError> {
        let has_key = match token.algorithm {
            Algorithm::Hs256 => !self.secrets.is_empty(),
            _ => self.keys_url.is_some(),
        };
        let claims = &token.claims;
        let expires = claims.expires.ok_or(JwtError::NoExpiry)?;
        if !has_key {
            return Err(JwtError::Algorithm);
        }
        if claims.subject.is_empty() {
            return Err(JwtError::NoSubject);
        }
        if now_s >= expires.saturating_add(LEEWAY) {
            return Err(JwtError::Expired);
        }
        if claims.not_before.is_some_and(|from| now_s.saturating_add(LEEWAY) < from) {
            return Err(JwtError::NotYet);
        }
        if self.issuer.is_some() && self.issuer != claims.issuer {
            return Err(JwtError::Issuer);
        }
        let meant = |audience: &String| self.audiences.contains(audience);
        if !self.audiences.is_empty() && !claims.audience.iter().any(meant) {
            return Err(JwtError::Audience);
        }
        Ok(())
    }

    /// The token without the audiences that do not count: where the operator names any, those that it does not name.
    #[must_use]
    pub fn counting(&self, mut token: Token) -> Token {
        if !self.audiences.is_empty() {
            token.claims.audience.retain(|audience| self.audiences.contains(audience));
        }
        token
    }

    /// Whether one of the secrets signed it. Constant time in the signature.
    pub fn verifies_signature(&self, token: &Token) -> bool {
        let signed_by = |secret: &Secret| {
            let mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes());
            mac.is_ok_and(|mut mac| {
                mac.update(token.signed.as_bytes());
                mac.verify_slice(&token.signature).is_ok()
            })
        };
        token.algorithm.is_shared() && self.secrets.iter().any(signed_by)
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

    use super::*;
    use crate::{
        authentication::{AuthConfig, AuthDecision},
        credentials::Credentials,
    };

    const NOW: u64 = 1_800_000_000;

    fn rules() -> JwtPolicy {
        JwtPolicy::parse([
            Some("older-secret, newer-secret, in words".into()),
            None,
            Some("https://issuer.example".into()),
            Some("mcp".into()),
        ])
    }

    fn signed(secret: &str, header: &str, claims: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", part(header), part(claims));
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }

    fn claims(over: &str) -> String {
        let exp = NOW + 60;
        format!(r#"{{"iss":"https://issuer.example","sub":"s","aud":"mcp","exp":{exp}{over}}}"#)
    }

    fn judged(rules: JwtPolicy, text: &str) -> Result<AuthDecision, String> {
        let auth = AuthConfig { jwt: rules, ..AuthConfig::default() };
        let authorization = Some(format!("Bearer {text}"));
        let with = Credentials { authorization, ..Credentials::default() };
        auth.authenticate(&with, NOW).map_err(|refusal| refusal.to_string())
    }

    const HS256: &str = r#"{"alg":"HS256"}"#;

    #[test]
    fn any_of_the_secrets_signs() {
        for secret in ["older-secret", "newer-secret", "in words"] {
            let verdict = judged(rules(), &signed(secret, HS256, &claims("")));
            assert!(matches!(verdict, Ok(AuthDecision::Admitted(_))), "{verdict:?}");
        }
        for secret in ["other", "in", "older-secret, newer-secret"] {
            let verdict = judged(rules(), &signed(secret, HS256, &claims("")));
            assert!(verdict.unwrap_err().contains("signature"));
        }
    }

    #[test]
    fn a_changed_token_is_refused() {
        let text = signed("newer-secret", HS256, &claims(""));
        let more = signed("other", HS256, &claims(r#","scope":"admin""#));
        let (_, signature) = text.rsplit_once('.').unwrap();
        let (head, _) = more.rsplit_once('.').unwrap();
        assert!(judged(rules(), &format!("{head}.{signature}")).is_err());
        assert!(judged(rules(), &format!("{head}.")).is_err());
    }

    #[test]
    fn each_claim_is_checked() {
        let exp = |at: u64| {
            format!(r#"{{"iss":"https://issuer.example","sub":"s","aud":"mcp","exp":{at}}}"#)
        };
        for (claims, why) in [
            (exp(NOW - 60), "expired"),
            (claims(&format!(r#","nbf":{}"#, NOW + 61)), "not valid yet"),
            (claims("").replace("issuer.example", "other.example"), "issuer"),
            (claims("").replace("\"iss\"", "\"is\""), "issuer"),
            (claims("").replace("\"mcp\"", "[\"x\"]"), "audience"),
            (claims("").replace("\"aud\"", "\"au\""), "audience"),
            (claims("").replace("\"sub\"", "\"su\""), "no sub"),
            (claims("").replace("\"exp\"", "\"ex\""), "no exp"),
        ] {
            let refused = judged(rules(), &signed("newer-secret", HS256, &claims)).unwrap_err();
            assert!(refused.contains(why), "{claims}: {refused}");
        }
        for claims in [exp(NOW - 59), claims(&format!(r#","nbf":{}"#, NOW + 60))] {
            assert!(judged(rules(), &signed("newer-secret", HS256, &claims)).is_ok(), "{claims}");
        }
    }

    #[test]
    fn a_public_key_is_no_shared_secret() {
        // Signed with what an attacker knows, in the algorithm that would take it.
        let with_url =
            JwtPolicy { keys_url: Some("https://i/keys".into()), ..JwtPolicy::default() };
        let text = signed("-----BEGIN PUBLIC KEY-----", HS256, &claims(""));
        assert!(judged(with_url.clone(), &text).unwrap_err().contains("algorithm"));
        let public = signed("older-secret", r#"{"alg":"RS256"}"#, &claims(""));
        assert!(judged(rules(), &public).unwrap_err().contains("algorithm"));
        assert!(matches!(judged(with_url, &public), Ok(AuthDecision::NeedsSignature(_))));
        let none = signed("older-secret", r#"{"alg":"none"}"#, &claims(""));
        assert!(judged(rules(), &none).unwrap_err().contains("algorithm"));
    }
}
