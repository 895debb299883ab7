//! Codes and tokens: claims that this server signed, and the secret of the grant that they stand for.
//!
//! Invariant: what is read from one was written by this server. All of a grant's carry its secret,
//! which is stored nowhere else: what the grant's object keeps cannot be opened without one of them.
//!
//! ```text
//! prefix base64url( kind 1 | key id 4 | grant 16 | secret 32 | what its kind has | tag 16 )
//! code:    door: text; until when it is good the grant's object knows
//! refresh: generation 4 | door: text
//! access:  subject 16 | scopes 1 | expires 4 | audience 32 | client 32 | client name: length 1, text
//!          | where it has any, scopes of upstreams: length 2, text
//! ```

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{Hash, hash, resource::audience};
use crate::{
    keys::{KeyId, Keyring, Purpose, TAG_LEN},
    scope::Scopes,
    subject::{Subject, client_name},
    upstream_scopes::UpstreamScopes,
};
use mcp_protocol::bytes::{Reader, put_block, put_text};

/// How an access token begins.
pub const ACCESS: &str = "smat_";
const REFRESH: &str = "smrt_";
const CODE: &str = "smac_";
/// Characters that one may have: most are the scopes of upstreams ([`MAX_SCOPES`](super::offer::MAX_SCOPES)).
const MAX_CHARS: usize = 4_096;

/// A grant and its secret. Both together authorise use of the grant.
#[derive(Clone, PartialEq, Eq)]
pub struct GrantHandle {
    /// Names the grant.
    pub grant: [u8; 16],
    /// Opens what it keeps.
    pub secret: [u8; 32],
}

impl GrantHandle {
    /// A handle on a grant.
    pub fn of(grant: [u8; 16], secret: [u8; 32]) -> Self {
        Self { grant, secret }
    }

    /// The name of the grant's object.
    pub fn object(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.grant)
    }

    /// The hash by which the grant's object recognises the secret.
    pub fn secret_hash(&self) -> Hash {
        hash(self.secret)
    }
}

impl fmt::Debug for GrantHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.object())
    }
}

/// An authorization code, good for one use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationCode {
    /// The grant.
    pub handle: GrantHandle,
    /// The door that the grant is for; empty: the server as a whole.
    pub door: String,
}

/// A refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// The grant.
    pub handle: GrantHandle,
    /// How many times the grant was refreshed before this one was given out.
    pub generation: u32,
    /// The door that the grant is for; empty: the server as a whole.
    pub door: String,
}

/// An access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// The grant.
    pub handle: GrantHandle,
    /// The subject that granted it.
    pub subject: Subject,
    /// The bearer's scopes.
    pub scopes: Scopes,
    /// Its scopes of upstreams.
    pub upstreams: UpstreamScopes,
    /// Its end, in seconds since 1970.
    pub expires: u32,
    /// What it is for, hashed: the [`audience`].
    pub audience: Hash,
    /// The client's id, hashed.
    pub client: Hash,
    /// The client's name, cut to fit.
    pub client_name: String,
}

impl AuthorizationCode {
    /// The code.
    pub fn sign(&self, keys: &Keyring) -> String {
        sign(CODE, &self.handle, self.door.as_bytes(), keys)
    }

    /// Reads a code. None: this server did not make it.
    pub fn verify(text: &str, keys: &Keyring) -> Option<Self> {
        let (handle, rest) = verify(CODE, text, keys)?;
        Some(Self { handle, door: String::from_utf8(rest).ok()? })
    }
}

impl RefreshToken {
    /// The token.
    pub fn sign(&self, keys: &Keyring) -> String {
        let rest = [&self.generation.to_be_bytes(), self.door.as_bytes()].concat();
        sign(REFRESH, &self.handle, &rest, keys)
    }

    /// Reads a token. None: this server did not make it.
    pub fn verify(text: &str, keys: &Keyring) -> Option<Self> {
        let (handle, rest) = verify(REFRESH, text, keys)?;
        let (generation, door) = rest.split_first_chunk()?;
        let door = String::from_utf8(door.to_vec()).ok()?;
        Some(Self { handle, generation: u32::from_be_bytes(*generation), door })
    }
}

impl AccessToken {
    /// The token.
    pub fn sign(&self, keys: &Keyring) -> String {
        let mut rest = self.subject.0.to_vec();
        rest.push(self.scopes.bits());
        rest.extend_from_slice(&self.expires.to_be_bytes());
        rest.extend_from_slice(&self.audience);
        rest.extend_from_slice(&self.client);
        put_text(&mut rest, &client_name(&self.client_name));
        if !self.upstreams.is_empty() {
            // What is offered is shorter than a block may be.
            let _ = put_block(&mut rest, self.upstreams.as_str().as_bytes());
        }
        sign(ACCESS, &self.handle, &rest, keys)
    }

    /// Reads a token, also one that has run out. None: this server did not make it.
    pub fn read(text: &str, keys: &Keyring) -> Option<Self> {
        let (handle, rest) = verify(ACCESS, text, keys)?;
        let mut reader = Reader::new(&rest);
        let token = Self {
            handle,
            subject: Subject(reader.array()?),
            scopes: Scopes::from_bits(reader.u8()?),
            expires: u32::from_be_bytes(reader.array()?),
            audience: reader.array()?,
            client: reader.array()?,
            client_name: reader.text()?,
            upstreams: match reader.is_empty() {
                true => UpstreamScopes::default(),
                false => UpstreamScopes::parse(std::str::from_utf8(reader.block()?).ok()?),
            },
        };
        reader.is_empty().then_some(token)
    }

    /// Whether it is good at a door of this server, and did not run out: it is for the server as a whole, or for this door.
    pub fn is_good(&self, origin: &str, door: &str, now_s: u64) -> bool {
        let is_here = self.audience == hash(audience(origin, ""))
            || (!door.is_empty() && self.audience == hash(audience(origin, door)));
        is_here && now_s < u64::from(self.expires)
    }
}

fn sign(prefix: &str, handle: &GrantHandle, rest: &[u8], keys: &Keyring) -> String {
    let mut bytes = kind(prefix).to_vec();
    bytes.extend_from_slice(&keys.signing_id());
    bytes.extend_from_slice(&handle.grant);
    bytes.extend_from_slice(&handle.secret);
    bytes.extend_from_slice(rest);
    let tag = keys.sign(Purpose::Token, &bytes);
    bytes.extend_from_slice(&tag);
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes))
}

fn verify(prefix: &str, text: &str, keys: &Keyring) -> Option<(GrantHandle, Vec<u8>)> {
    let text = text.strip_prefix(prefix).filter(|text| text.len() <= MAX_CHARS)?;
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (payload, tag) = bytes.split_at_checked(bytes.len().checked_sub(TAG_LEN)?)?;
    let mut reader = Reader::new(payload.strip_prefix(&kind(prefix))?);
    let key: KeyId = reader.array()?;
    if !keys.verify(key, Purpose::Token, payload, tag) {
        return None;
    }
    let handle = GrantHandle::of(reader.array()?, reader.array()?);
    Some((handle, reader.rest().to_vec()))
}

/// The letter of a prefix that differs: a refresh token is no access token.
fn kind(prefix: &str) -> [u8; 1] {
    [match prefix {
        ACCESS => 1,
        REFRESH => 2,
        _ => 3,
    }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_support::stored::of_0_1_0;

    const ORIGIN: &str = "https://mcp.example";

    fn keys() -> Keyring {
        Keyring::parse(&"k".repeat(40)).unwrap()
    }

    fn handle() -> GrantHandle {
        GrantHandle::of([1; 16], [2; 32])
    }

    fn access() -> AccessToken {
        AccessToken {
            handle: handle(),
            subject: Subject([3; 16]),
            scopes: Scopes::READ,
            upstreams: UpstreamScopes::default(),
            expires: 100,
            audience: hash(ORIGIN),
            client: hash("client"),
            client_name: "Claude".into(),
        }
    }

    #[test]
    fn an_access_token_is_good_at_its_server_until_its_end() {
        let text = access().sign(&keys());
        assert!(text.bytes().all(|byte| byte.is_ascii_graphic()) && text.len() < 300, "{text}");
        assert!(access().is_good(ORIGIN, "", 99) && access().is_good(ORIGIN, "tickets", 99));
        assert!(!access().is_good(ORIGIN, "", 100));
        assert!(!access().is_good("https://other.example", "", 99));
        assert_eq!(AccessToken::read(&text, &keys()), Some(access()));
        let stored = of_0_1_0("oauth-access-token", &text);
        assert_eq!(AccessToken::read(&stored, &keys()), Some(access()));
        let other = Keyring::parse(&"o".repeat(40)).unwrap();
        assert_eq!(AccessToken::read(&text, &other), None);
    }

    #[test]
    fn a_token_for_a_door_is_good_there_and_nowhere_else() {
        let audience = hash(audience(ORIGIN, "tickets"));
        let token = AccessToken { audience, ..access() };
        assert!(token.is_good(ORIGIN, "tickets", 99) && !token.is_good(ORIGIN, "tickets", 100));
        for (origin, door) in [(ORIGIN, ""), (ORIGIN, "wiki"), ("https://other.example", "tickets")]
        {
            assert!(!token.is_good(origin, door, 99), "{origin} {door}");
        }
    }

    #[test]
    fn the_scopes_of_upstreams_and_the_door_are_in_the_tokens() {
        let upstreams = UpstreamScopes::parse("upstream:tickets upstream:wiki");
        let token = AccessToken { upstreams, ..access() };
        let text = token.sign(&keys());
        assert_eq!(AccessToken::read(&text, &keys()), Some(token));
        let most: String = (0..256).map(|n| format!("{n:0>7} ")).collect();
        let token = AccessToken { upstreams: UpstreamScopes::parse(&most), ..access() };
        assert_eq!(AccessToken::read(&token.sign(&keys()), &keys()), Some(token));
        let door = "tickets".to_owned();
        let code = AuthorizationCode { handle: handle(), door: door.clone() };
        assert_eq!(AuthorizationCode::verify(&code.sign(&keys()), &keys()), Some(code));
        let refresh = RefreshToken { handle: handle(), generation: 4, door };
        assert_eq!(RefreshToken::verify(&refresh.sign(&keys()), &keys()), Some(refresh));
    }

    #[test]
    fn codes_and_tokens_are_read_as_they_were_written() {
        let door = String::new();
        let code = AuthorizationCode { handle: handle(), door: door.clone() };
        let written = code.sign(&keys());
        for text in [of_0_1_0("oauth-code", &written), written] {
            assert_eq!(AuthorizationCode::verify(&text, &keys()), Some(code.clone()));
        }
        let token = RefreshToken { handle: handle(), generation: 4, door };
        let written = token.sign(&keys());
        for text in [of_0_1_0("oauth-refresh-token", &written), written] {
            assert_eq!(RefreshToken::verify(&text, &keys()), Some(token.clone()));
        }
    }

    #[test]
    fn one_kind_is_never_taken_for_another() {
        let door = String::new();
        let refresh = RefreshToken { handle: handle(), generation: 1_000, door }.sign(&keys());
        let as_code = refresh.replace(REFRESH, CODE);
        assert_eq!(AuthorizationCode::verify(&as_code, &keys()), None);
        assert_eq!(AuthorizationCode::verify(&refresh, &keys()), None);
        assert_eq!(AccessToken::read(&refresh.replace(REFRESH, ACCESS), &keys()), None);
    }

    #[test]
    fn every_changed_character_is_refused() {
        let text = access().sign(&keys());
        for at in ACCESS.len()..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(AccessToken::read(&changed, &keys()), None, "at {at}");
        }
        assert_eq!(AccessToken::read(ACCESS, &keys()), None);
        assert_eq!(AccessToken::read(&format!("{ACCESS}{}", "A".repeat(9_999)), &keys()), None);
    }

    #[test]
    fn a_handle_does_not_show_its_secret() {
        assert!(!format!("{:?}", access()).contains("2, 2, 2"));
    }
}
