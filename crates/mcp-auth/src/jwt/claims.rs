//! The claims of a token (RFC 7519 §4.1; scopes: RFC 8693 §4.2, and the names that issuers use besides).

use serde_json::value::RawValue;

use super::JwtError;
use crate::{
    identity::Identity, scope::Scopes, subject::AuthMethod, upstream_scopes::UpstreamScopes,
};
use mcp_protocol::{fields::fields, raw};

/// How far clocks may be apart, in seconds.
pub const LEEWAY: u64 = 60;

/// The claims that this server reads.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Claims {
    /// `iss`
    pub issuer: Option<String>,
    /// `sub`
    pub subject: String,
    /// `aud`
    pub audience: Vec<String>,
    /// `exp`, in seconds since 1970
    pub expires: Option<u64>,
    /// `nbf`
    pub not_before: Option<u64>,
    /// `scope`, else `scp`, else `scopes`. None: it has none of them.
    pub scopes: Option<Scopes>,
    /// The names in the same claim that are none of this server's own scopes.
    pub other_scopes: UpstreamScopes,
    /// `client_id`, else `azp`
    pub client: String,
}

impl Claims {
    /// Reads them.
    ///
    /// # Errors
    /// Where one has the wrong form, or is there twice.
    pub fn read(json: &str) -> Result<Self, JwtError> {
        let names =
            ["iss", "sub", "aud", "exp", "nbf", "scope", "scp", "scopes", "client_id", "azp"];
        let [iss, sub, aud, exp, nbf, scope, scp, scopes, client, azp] =
            fields(json, names).map_err(|_| JwtError::Malformed)?;
        let scopes = scope.or(scp).or(scopes).map(texts).transpose()?;
        let scopes = scopes.map(|names| names.join(" "));
        Ok(Self {
            issuer: iss.map(text).transpose()?,
            subject: sub.map(text).transpose()?.unwrap_or_default(),
            audience: aud.map(texts).transpose()?.unwrap_or_default(),
            expires: exp.map(time).transpose()?,
            not_before: nbf.map(time).transpose()?,
            scopes: scopes.as_deref().map(Scopes::parse),
            other_scopes: scopes.as_deref().map(UpstreamScopes::parse).unwrap_or_default(),
            client: client.or(azp).map(text).transpose()?.unwrap_or_default(),
        })
    }

    /// The identity, once the token is verified.
    pub fn identity(self) -> Identity {
        let until = self.expires.map(|at| u32::try_from(at.saturating_add(LEEWAY)));
        Identity {
            auth_method: AuthMethod::Jwt,
            issuer: self.issuer.unwrap_or_default(),
            id: self.subject,
            client: self.client,
            scopes: self.scopes.unwrap_or(Scopes::WRITE),
            upstreams: self.other_scopes,
            audiences: self.audience,
            expires: until.map(|until| until.unwrap_or(u32::MAX)),
        }
    }
}

fn text(raw: &RawValue) -> Result<String, JwtError> {
    raw::string(raw).ok_or(JwtError::Malformed)
}

/// One text, or several.
fn texts(raw: &RawValue) -> Result<Vec<String>, JwtError> {
    if let Some(one) = raw::string(raw) {
        return Ok(vec![one]);
    }
    let all = raw::elements(raw.get()).map_err(|_| JwtError::Malformed)?;
    all.into_iter().map(text).collect()
}

/// A `NumericDate`: it may have a fraction.
fn time(raw: &RawValue) -> Result<u64, JwtError> {
    let seconds = raw::float(raw).ok_or(JwtError::Malformed)?;
    // Times before 1970 become 1970; times beyond the largest number become that number.
    Ok(seconds as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_read_in_the_forms_that_issuers_use() {
        let claims = Claims::read(
            r#"{"iss":"i","sub":"s","aud":["a","b"],"exp":1.5e3,"nbf":7,"scp":["read","x"],"azp":"c"}"#,
        )
        .unwrap();
        assert_eq!(claims.audience, ["a", "b"]);
        assert_eq!((claims.expires, claims.not_before), (Some(1_500), Some(7)));
        assert_eq!((claims.scopes, claims.client.as_str()), (Some(Scopes::READ), "c"));
        let one = Claims::read(r#"{"aud":"a","scope":"write openid","scp":"read"}"#).unwrap();
        assert_eq!((&*one.audience, one.scopes), (&["a".to_owned()][..], Some(Scopes::WRITE)));
        let identity = one.identity();
        assert_eq!((identity.upstreams.as_str(), &*identity.audiences[0]), ("openid", "a"));
        let several = Claims::read(r#"{"scp":["read","upstream:a upstream:b"]}"#).unwrap();
        assert_eq!(several.other_scopes.as_str(), "upstream:a upstream:b");
    }

    #[test]
    fn no_scope_claim_reads_and_writes_and_an_unknown_scope_does_nothing() {
        let scopes = |json: &str| Claims::read(json).unwrap().identity().scopes;
        assert_eq!(scopes("{}"), Scopes::WRITE);
        assert_eq!(scopes(r#"{"scopes":["admin"]}"#), Scopes::ADMIN);
        for none in [r#"{"scope":""}"#, r#"{"scope":"openid"}"#, r#"{"scopes":[]}"#] {
            assert_eq!(scopes(none), Scopes::NONE, "{none}");
        }
    }

    #[test]
    fn a_claim_of_the_wrong_form_or_twice_breaks_the_token() {
        for json in [
            r#"{"sub":1}"#,
            r#"{"sub":"a","sub":"b"}"#,
            r#"{"exp":"soon"}"#,
            r#"{"aud":[1]}"#,
            r#"{"aud":{}}"#,
            r#"{"scope":{}}"#,
            "[]",
            "",
        ] {
            assert_eq!(Claims::read(json), Err(JwtError::Malformed), "{json}");
        }
    }
}
