//! What an object stores of its sessions with upstreams, and how a session ends that is only stored.
//!
//! Invariant: a stored session is used at the address and with the credential with which it was opened, and
//! nowhere else.

use mcp_auth::secret::Secret;
use mcp_client::{connection::Connection, era::Era, session::SessionId};
use mcp_protocol::{capabilities::ClientCapabilities, version::Version};
use mcp_server::remote::About;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::pool::Route;
use crate::forwarded;

/// How long a session outlives its last use at most, in seconds.
pub const KEPT_FOR: u64 = 1_800;
/// Bytes of a session as it is stored; one that is larger is not.
const MAX_BYTES: usize = 256 * 1024;
/// Bytes of a hash that tells addresses and credentials apart.
const FINGERPRINT: usize = 8;

/// What is stored of a session.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct KeptSession {
    /// The code of the version.
    version: u8,
    id: String,
    /// What the upstream said of itself.
    pub about: About,
    /// When this was written, in seconds since 1970.
    pub stored_s: u64,
}

impl KeptSession {
    pub(super) fn read(text: &Secret) -> Option<Self> {
        serde_json::from_str(text.expose()).ok()
    }

    /// The text to store. None: there is no session, or what belongs to it is too large.
    pub(super) fn text_of(connection: &Connection, about: &About, stored_s: u64) -> Option<Secret> {
        let id = connection.session()?.expose().to_owned();
        let (version, about) = (connection.version().code(), about.clone());
        let kept = Self { version, id, about, stored_s };
        let text = serde_json::to_string(&kept).ok()?;
        (text.len() <= MAX_BYTES).then(|| Secret::new(text))
    }

    pub(super) fn connection(&self, route: &Route, first_id: u64) -> Option<Connection> {
        let version = Version::from_code(self.version)?;
        let id = SessionId::parse(&self.id)?;
        let (address, declaration) = (route.address.clone(), route.declaration());
        Some(Connection::new(address, declaration, version, Some(id), first_id))
    }
}

/// The key of a session: `name:capabilities:fingerprint`.
pub(super) fn key(route: &Route) -> String {
    let fingerprint = fingerprint(route);
    format!("{}:{:x}:{fingerprint}", route.name, route.capabilities.bits())
}

/// The upstream and the capabilities of a key.
pub fn read_key(key: &str) -> Option<(&str, ClientCapabilities)> {
    let mut parts = key.split(':');
    let (name, bits) = (parts.next()?, parts.next()?);
    Some((name, ClientCapabilities::from_bits(u16::from_str_radix(bits, 16).ok()?)))
}

/// Ends a stored session. Whatever the upstream says to that is fine; one that has moved, or has another
/// credential now, is not told.
pub async fn end(key: &str, text: &Secret, route: &Route) {
    if route.key() == key
        && let Some(kept) = KeptSession::read(text)
        && let Some(connection) = kept.connection(route, 0)
    {
        connection.close().await;
    }
}

/// Tells apart where an upstream is, how it is called and as whom.
fn fingerprint(route: &Route) -> String {
    let endpoint = route.address.endpoint();
    let mut hash = Sha256::new();
    let mut add = |part: &str| {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    };
    add(&endpoint.url);
    add(route.era.map_or("auto", Era::as_str));
    for (name, value) in &endpoint.credential {
        add(name);
        add(endpoint.identity.as_deref().unwrap_or_else(|| value.expose()));
    }
    if let Some(digest) = forwarded::digest(&endpoint.forwarded) {
        add(&format!("{digest:x}"));
    }
    let digest = hash.finalize();
    digest.iter().take(FINGERPRINT).map(|byte| format!("{byte:02x}")).collect()
}
