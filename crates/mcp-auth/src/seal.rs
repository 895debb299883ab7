//! The signed header in which the Worker passes the caller and the session to an object.
//!
//! Invariant: an object believes nothing but a seal. Nothing of a client's request comes to it under
//! this name, and a seal carries a tag that only this server can make.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

use crate::{
    keys::{KeyId, Keyring, Purpose, TAG_LEN},
    oauth::grant_ref::GrantRef,
    principal::Principal,
    quota::Rate,
    scope::Scopes,
    session_id::Claims,
    subject::{AuthMethod, Subject},
    upstream_scopes::UpstreamScopes,
};
use mcp_protocol::bytes::{Reader, put_block, put_text};

/// The name of the header.
pub const SEAL_HEADER: &str = "x-internal-seal";

/// Stands where no account is, before what follows it.
const NO_ACCOUNT: Subject = Subject([0; 16]);

/// The contents of the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The session, as its id claims.
    pub claims: Claims,
    /// The caller.
    pub principal: Principal,
    /// Names the request in logs.
    pub request: Uuid,
    /// The caller's rate limit, which the object reports in its response.
    pub rate: Option<Rate>,
}

impl Sealed {
    /// The header's value.
    pub fn seal(&self, keys: &Keyring) -> String {
        let key = keys.signing_id();
        let mut out = Vec::with_capacity(256);
        out.extend_from_slice(&key);
        // Claims are at most 384 bytes: a session id holds them.
        let _ = put_block(&mut out, &self.claims.to_bytes(key));
        out.push(self.principal.auth_method.code());
        out.push(self.principal.scopes.bits());
        put_text(&mut out, &self.principal.client);
        out.push(u8::from(self.principal.own_credential));
        // No credential runs out in 1970.
        out.extend_from_slice(&self.principal.expires.unwrap_or_default().to_be_bytes());
        put_text(&mut out, self.principal.grant.as_ref().map_or("", GrantRef::as_str));
        out.extend_from_slice(self.request.as_bytes());
        let unverified = self.principal.unverified;
        let upstreams = &self.principal.upstreams;
        let has_more = unverified.is_some() || !upstreams.is_empty();
        // No limit is 0: that stands for none before what follows it.
        let none = has_more.then_some(Rate { limit: 0, remaining: 0, reset: 0 });
        if let Some(rate) = self.rate.or(none) {
            out.extend_from_slice(&rate.limit.to_be_bytes());
            out.extend_from_slice(&rate.remaining.to_be_bytes());
            out.extend_from_slice(&rate.reset.to_be_bytes());
        }
        // No account is 0 either.
        if let Some(account) = unverified.or_else(|| has_more.then_some(NO_ACCOUNT)) {
            out.extend_from_slice(&account.0);
        }
        if !upstreams.is_empty() {
            // They are as long as a header of a caller at most.
            let _ = put_block(&mut out, upstreams.as_str().as_bytes());
        }
        let tag = keys.sign(Purpose::Seal, &out);
        out.extend_from_slice(&tag);
        URL_SAFE_NO_PAD.encode(out)
    }

    /// Reads a seal; None where it was not made by this server.
    pub fn open(text: &str, keys: &Keyring) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (payload, tag) = bytes.split_at_checked(bytes.len().checked_sub(TAG_LEN)?)?;
        let mut reader = Reader::new(payload);
        let key: KeyId = reader.array()?;
        if !keys.verify(key, Purpose::Seal, payload, tag) {
            return None;
        }
        let claims = Claims::from_bytes(reader.block()?)?;
        let auth_method = AuthMethod::from_code(reader.u8()?)?;
        let scopes = Scopes::from_bits(reader.u8()?);
        let client = reader.text()?;
        let own_credential = reader.u8()? == 1;
        let expires = Some(u32::from_be_bytes(reader.array()?)).filter(|expires| *expires > 0);
        let grant = Some(reader.text()?).filter(|grant| !grant.is_empty()).map(GrantRef::from_text);
        let request = Uuid::from_bytes(reader.array()?);
        let rate = match reader.is_empty() {
            true => None,
            false => Some(Rate {
                limit: u32::from_be_bytes(reader.array()?),
                remaining: u32::from_be_bytes(reader.array()?),
                reset: u64::from_be_bytes(reader.array()?),
            }),
        };
        let rate = rate.filter(|rate| rate.limit > 0);
        let unverified = match reader.is_empty() {
            true => None,
            false => Some(Subject(reader.array()?)).filter(|account| *account != NO_ACCOUNT),
        };
        let upstreams = match reader.is_empty() {
            true => UpstreamScopes::default(),
            false => UpstreamScopes::parse(std::str::from_utf8(reader.block()?).ok()?),
        };
        let subject = claims.subject;
        let principal = Principal {
            auth_method,
            subject,
            client,
            scopes,
            upstreams,
            own_credential,
            expires,
            grant,
            unverified,
        };
        reader.is_empty().then_some(Self { claims, principal, request, rate })
    }
}

/// The seal of what a hub wants of a session's object, under the same header: `path` says what. A
/// client's request never brings one there.
pub fn hub_seal(path: &str, object: &str, keys: &Keyring) -> String {
    let mut out = keys.signing_id().to_vec();
    out.extend_from_slice(&keys.sign(Purpose::Seal, &hub_message(path, object)));
    URL_SAFE_NO_PAD.encode(out)
}

/// Whether a hub of this server made the seal, for this path and this object.
pub fn is_hub_seal(text: &str, path: &str, object: &str, keys: &Keyring) -> bool {
    let opened = || {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let mut reader = Reader::new(&bytes);
        let (key, tag): (KeyId, [u8; TAG_LEN]) = (reader.array()?, reader.array()?);
        let message = hub_message(path, object);
        Some(reader.is_empty() && keys.verify(key, Purpose::Seal, &message, &tag))
    };
    opened().unwrap_or_default()
}

fn hub_message(path: &str, object: &str) -> Vec<u8> {
    format!("hub\0{path}\0{object}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session_id::Placement;
    use mcp_protocol::{capabilities::ClientCapabilities, version::Version};
    use test_support::stored::of_0_1_0;

    fn sealed() -> Sealed {
        let subject = Subject([3; 16]);
        Sealed {
            claims: Claims {
                session: Uuid::from_u128(1),
                version: Version::LATEST,
                capabilities: ClientCapabilities::default(),
                placement: Placement::Subject,
                subject,
                issued: 1,
                expires: 2,
                toolset: String::new(),
                client_name: String::new(),
                client_version: String::new(),
            },
            principal: Principal {
                auth_method: AuthMethod::ApiKey,
                subject,
                client: "laptop".into(),
                scopes: Scopes::WRITE,
                upstreams: UpstreamScopes::default(),
                own_credential: true,
                expires: Some(7),
                grant: Some(GrantRef::from_text("grant".into())),
                unverified: Some(Subject([4; 16])),
            },
            request: Uuid::from_u128(9),
            rate: Some(Rate { limit: 60, remaining: 5, reset: 1_800_000_000 }),
        }
    }

    #[test]
    fn a_seal_opens_with_its_key_only() {
        let keys = Keyring::parse(&"k".repeat(40)).unwrap();
        let other = Keyring::parse(&"o".repeat(40)).unwrap();
        let text = sealed().seal(&keys);
        assert_eq!(Sealed::open(&text, &keys), Some(sealed()));
        assert_eq!(Sealed::open(&of_0_1_0("seal", &text), &keys), Some(sealed()));
        assert_eq!(Sealed::open(&text, &other), None);
    }

    #[test]
    fn a_seal_without_a_limit_or_of_a_verified_token_opens_as_it_was_made() {
        let keys = Keyring::parse(&"k".repeat(40)).unwrap();
        let verified = || Principal { unverified: None, ..sealed().principal };
        let without_rights = Principal::without_rights(Subject([3; 16]));
        for (name, sealed) in [
            ("seal-verified", Sealed { principal: verified(), ..sealed() }),
            ("seal-unlimited", Sealed { rate: None, ..sealed() }),
            ("seal-unlimited-verified", Sealed { rate: None, principal: verified(), ..sealed() }),
            ("seal-open", Sealed { rate: None, principal: without_rights, ..sealed() }),
        ] {
            let text = of_0_1_0(name, &sealed.seal(&keys));
            assert_eq!(Sealed::open(&text, &keys), Some(sealed));
        }
    }

    #[test]
    fn a_seal_carries_the_scopes_of_upstreams() {
        let keys = Keyring::parse(&"k".repeat(40)).unwrap();
        let upstreams = UpstreamScopes::parse("upstream:tickets upstream:wiki");
        for rate in [sealed().rate, None] {
            for unverified in [sealed().principal.unverified, None] {
                let upstreams = upstreams.clone();
                let principal = Principal { upstreams, unverified, ..sealed().principal };
                let sealed = Sealed { principal, rate, ..sealed() };
                assert_eq!(Sealed::open(&sealed.seal(&keys), &keys), Some(sealed));
            }
        }
    }

    #[test]
    fn a_hub_s_seal_is_good_for_one_object_and_one_purpose() {
        let keys = Keyring::parse(&"k".repeat(40)).unwrap();
        let other = Keyring::parse(&"o".repeat(40)).unwrap();
        let seal = hub_seal("/news", "object", &keys);
        let stored = [of_0_1_0("seal-of-a-hub-s-news", &seal), seal.clone()];
        assert!(stored.iter().all(|seal| is_hub_seal(seal, "/news", "object", &keys)));
        let end = of_0_1_0("seal-of-a-hub-s-end", &hub_seal("/end", "object", &keys));
        assert!(is_hub_seal(&end, "/end", "object", &keys));
        assert!(!is_hub_seal(&seal, "/end", "object", &keys));
        assert!(!is_hub_seal(&seal, "/news", "other", &keys));
        assert!(!is_hub_seal(&seal, "/news", "object", &other));
        for forged in ["", "forged", &seal[1..], &sealed().seal(&keys)] {
            assert!(!is_hub_seal(forged, "/news", "object", &keys), "{forged}");
        }
        assert_eq!(Sealed::open(&seal, &keys), None);
    }

    #[test]
    fn a_session_id_is_no_seal() {
        let keys = Keyring::parse(&"k".repeat(40)).unwrap();
        assert_eq!(Sealed::open(&sealed().claims.sign(&keys), &keys), None);
        assert_eq!(Sealed::open("", &keys), None);
    }
}
