//! The caller of an admitted request.
//!
//! Invariant: sessions and everything stored are bound to the [`Subject`], never to a token, so
//! that a refreshed token keeps the session.

use serde::{Deserialize, Serialize};

use crate::{
    oauth::grant_ref::GrantRef,
    scope::Scopes,
    subject::{AuthMethod, Subject},
    upstream_scopes::UpstreamScopes,
};
use mcp_platform::record::Record;

/// An admitted caller. Only verified principals are stored as such.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// How the caller authenticated.
    #[serde(rename = "way")]
    pub auth_method: AuthMethod,
    /// The subject that all state of this caller is bound to.
    pub subject: Subject,
    /// The short name of the key or the client, cut to `MAX_CLIENT` bytes; empty where it has none.
    #[serde(default)]
    pub client: String,
    /// The caller's scopes.
    pub scopes: Scopes,
    /// The scopes of upstreams that it has besides.
    #[serde(default, skip_serializing_if = "UpstreamScopes::is_empty")]
    pub upstreams: UpstreamScopes,
    /// Whether the caller brings its own SiteBay credential.
    #[serde(rename = "own")]
    pub own_credential: bool,
    /// When what it came in with runs out, in seconds since 1970. None: it does not.
    pub expires: Option<u32>,
    /// The OAuth grant that it came in with, to ask again whether that goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<GrantRef>,
    /// Set while SiteBay has not accepted the credential that the caller brings: the account, which
    /// is one for all such credentials of an identity. No object is made for `subject` until then.
    #[serde(skip)]
    pub unverified: Option<Subject>,
}

impl Principal {
    /// A principal of this subject without any scope, for requests that only name the subject.
    pub fn without_rights(subject: Subject) -> Self {
        Self {
            auth_method: AuthMethod::Open,
            subject,
            client: String::new(),
            scopes: Scopes::NONE,
            upstreams: UpstreamScopes::default(),
            own_credential: false,
            expires: None,
            grant: None,
            unverified: None,
        }
    }

    /// Under whose limit of requests the caller is, and under which name its requests are logged.
    pub fn limited_as(&self) -> Subject {
        self.unverified.unwrap_or(self.subject)
    }
}

impl Record for Principal {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Keyring;
    use test_support::stored::lines_of_0_1_0;

    fn keys() -> Keyring {
        Keyring::parse(&"k".repeat(40)).unwrap()
    }

    #[test]
    fn way_issuer_id_and_credential_each_make_another_subject() {
        let of = |auth_method, issuer: &str, id: &str, credential| {
            Subject::of(&keys(), auth_method, issuer, id, credential)
        };
        let all = [
            of(AuthMethod::Jwt, "a", "b", None),
            of(AuthMethod::OAuth, "a", "b", None),
            of(AuthMethod::Jwt, "ab", "", None),
            of(AuthMethod::Jwt, "", "ab", None),
            of(AuthMethod::Jwt, "a\0b", "", None),
            of(AuthMethod::Jwt, "a", "b", Some("t")),
            of(AuthMethod::Jwt, "a", "b", Some("")),
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(!all[..index].contains(one), "{index}");
        }
        assert_eq!(of(AuthMethod::Jwt, "a", "b", None), all[0]);
    }

    #[test]
    fn callers_have_the_names_that_they_had() {
        let long = "i".repeat(300);
        let mut names: Vec<String> = AuthMethod::ALL
            .map(|auth_method| {
                Subject::of(&keys(), auth_method, "issuer", "id", Some("token")).to_text()
            })
            .into();
        for (issuer, id, credential) in
            [("", "", None), ("issuer", "ü", None), (&long, &long, None), ("", "", Some("token"))]
        {
            names.push(Subject::of(&keys(), AuthMethod::Jwt, issuer, id, credential).to_text());
        }
        names.push(Subject::account(&keys(), AuthMethod::ApiKey, "", "").to_text());
        let stored = lines_of_0_1_0("subjects", &names);
        assert!(stored.iter().all(|name| Subject::read(name).is_some()));
    }

    #[test]
    fn a_way_is_read_by_its_name_and_its_code() {
        for auth_method in AuthMethod::ALL {
            assert_eq!(AuthMethod::parse(auth_method.name()), Some(auth_method));
            assert_eq!(AuthMethod::from_code(auth_method.code()), Some(auth_method));
            assert_eq!(serde_json::to_value(auth_method).unwrap(), auth_method.name());
        }
        assert_eq!((AuthMethod::parse("moon"), AuthMethod::from_code(99)), (None, None));
    }

    #[test]
    fn a_principal_is_stored_without_the_account_of_an_unverified_token() {
        let principal = Principal {
            auth_method: AuthMethod::OAuth,
            subject: Subject([1; 16]),
            client: "n".into(),
            scopes: Scopes::WRITE,
            upstreams: UpstreamScopes::default(),
            own_credential: true,
            expires: Some(7),
            grant: Some(GrantRef::from_text("a.b".into())),
            unverified: None,
        };
        insta::assert_snapshot!(
            principal.to_json(),
            @r#"{"way":"oauth","subject":"AQEBAQEBAQEBAQEBAQEBAQ","client":"n","scopes":3,"own":true,"expires":7,"grant":"a.b"}"#
        );
        assert_eq!(Principal::from_json(&principal.to_json()), Some(principal.clone()));
        let unverified = Principal { unverified: Some(Subject([2; 16])), ..principal.clone() };
        assert_eq!(unverified.to_json(), principal.to_json());
        let upstreams = UpstreamScopes::parse("upstream:tickets");
        let with_upstreams = Principal { upstreams, ..principal };
        assert_eq!(Principal::from_json(&with_upstreams.to_json()), Some(with_upstreams));
        let old = r#"{"way":"open","subject":"AQEBAQEBAQEBAQEBAQEBAQ","client":"","scopes":249,"own":false,"expires":null,"later":1}"#;
        let old = Principal::from_json(old).unwrap();
        assert_eq!((old.scopes, old.expires, old.grant), (Scopes::READ, None, None));
        assert_eq!(Principal::from_json(r#"{"way":"open"}"#), None, "a caller has a subject");
    }
}
