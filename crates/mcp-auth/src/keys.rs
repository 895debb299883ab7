//! The server's secret keys: one root each, and a key of its own for every purpose.
//!
//! Invariant: the first key signs, all verify, so that a key is replaced by putting the new one in
//! front and removing the old one a session's lifetime later. A root never signs anything itself.
//! Subjects are named by a key of their own, which stays when signing keys come and go.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use thiserror::Error;

use super::secret;

/// Bytes of a tag: HMAC-SHA-256 cut to 128 bits (RFC 2104 §5).
pub const TAG_LEN: usize = 16;

/// Characters a key must have at least: 32 characters of base64 carry 192 bits.
pub const MIN_KEY_CHARS: usize = 32;

/// The purpose of a derived key. A tag of one purpose is not valid for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Session ids.
    SessionId,
    /// The header with which the Worker speaks to objects.
    Seal,
    /// Hashes that name subjects.
    Subject,
    /// The `requestState` of multi-round-trip requests.
    RequestState,
    /// The ids of tasks.
    TaskId,
    /// Encryption of stored credentials.
    Credential,
    /// The ids and secrets of OAuth clients.
    Client,
    /// OAuth codes and tokens.
    Token,
    /// Forms of pages, and who is signed in there.
    Ticket,
    /// The certificates of devices, under a list of keys of their own.
    DeviceCertificate,
}

impl Purpose {
    const ALL: [Self; 10] = [
        Self::SessionId,
        Self::Seal,
        Self::Subject,
        Self::RequestState,
        Self::TaskId,
        Self::Credential,
        Self::Client,
        Self::Token,
        Self::Ticket,
        Self::DeviceCertificate,
    ];

    fn label(self) -> &'static [u8] {
        match self {
            Self::SessionId => b"sitebay-mcp session id v1",
            Self::Seal => b"sitebay-mcp seal v1",
            Self::Subject => b"sitebay-mcp subject v1",
            Self::RequestState => b"sitebay-mcp request state v1",
            Self::TaskId => b"sitebay-mcp task id v1",
            Self::Credential => b"sitebay-mcp credential v1",
            Self::Client => b"sitebay-mcp oauth client v1",
            Self::Token => b"sitebay-mcp oauth token v1",
            Self::Ticket => b"sitebay-mcp ticket v1",
            Self::DeviceCertificate => b"sitebay-mcp device certificate v1",
        }
    }
}

/// Names a key in what it signed.
pub type KeyId = [u8; 4];

/// Why a list of keys cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyError {
    /// The list has no key.
    #[error("it has no key")]
    Empty,
    /// A key could be guessed.
    #[error("key number {0} has fewer than {MIN_KEY_CHARS} characters")]
    TooShort(usize),
    /// A list where one key is wanted.
    #[error("it is a list; expected one key")]
    NotOne,
}

/// The keys in force.
#[derive(Clone)]
pub struct Keyring {
    first: Key,
    others: Vec<Key>,
    /// None: the last key names.
    names: Option<SubjectKey>,
}

/// The key that names subjects (`SUBJECT_KEY`). It gives the names that a [`Keyring`] gave whose last
/// key it was.
#[derive(Clone)]
pub struct SubjectKey(Key);

impl SubjectKey {
    /// Reads the one key.
    ///
    /// # Errors
    /// When there is none, it is too short, or there are several.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let Keyring { first, others, .. } = Keyring::parse(text)?;
        if others.is_empty() { Ok(Self(first)) } else { Err(KeyError::NotOne) }
    }
}

#[derive(Clone)]
struct Key {
    id: KeyId,
    /// HMAC states with the derived key already absorbed, in the order of [`Purpose::ALL`].
    states: [Hmac<Sha256>; 10],
}

impl Keyring {
    /// Reads a list of keys, separated by commas or line ends. A passphrase with spaces in it is one
    /// key; but a part whose words are all long enough to be keys is a list of them, because what a
    /// deployment stored and signed under a list that is separated by spaces must stay readable.
    ///
    /// # Errors
    /// When there is none, or one is too short.
    pub fn parse(list: &str) -> Result<Self, KeyError> {
        let is_long = |text: &str| text.chars().count() >= MIN_KEY_CHARS;
        let mut keys = Vec::new();
        for (index, part) in secret::keys(list).enumerate() {
            if !is_long(part) {
                return Err(KeyError::TooShort(index.saturating_add(1)));
            }
            match part.split_whitespace().all(is_long) {
                true => keys.extend(part.split_whitespace().map(|key| Key::new(key.as_bytes()))),
                false => keys.push(Key::new(part.as_bytes())),
            }
        }
        let mut keys = keys.into_iter();
        let first = keys.next().ok_or(KeyError::Empty)?;
        Ok(Self { first, others: keys.collect(), names: None })
    }

    /// The same keys with subjects named by this one.
    #[must_use]
    pub fn named_by(self, names: SubjectKey) -> Self {
        Self { names: Some(names), ..self }
    }

    /// Signs with the first key.
    pub fn sign(&self, purpose: Purpose, message: &[u8]) -> [u8; TAG_LEN] {
        self.first.tag(purpose, message)
    }

    /// The id of the key that signs.
    pub fn signing_id(&self) -> KeyId {
        self.first.id
    }

    /// Whether `tag` was made over `message` by the key with this id. Constant time in the tag.
    pub fn verify(&self, id: KeyId, purpose: Purpose, message: &[u8], tag: &[u8]) -> bool {
        let key = if id == self.first.id {
            Some(&self.first)
        } else {
            self.others.iter().find(|key| key.id == id)
        };
        key.is_some_and(|key| tag.len() == TAG_LEN && key.verify(purpose, message, tag))
    }

    /// A key for another algorithm, derived from the root with this id. Another `with` gives
    /// another key.
    pub fn secret(&self, id: KeyId, purpose: Purpose, with: &[u8]) -> Option<[u8; 32]> {
        let mut all = std::iter::once(&self.first).chain(&self.others);
        let key = all.find(|key| key.id == id)?;
        Some(digest(key.state(purpose), &[b"secret", with].concat()))
    }

    /// The keyed hash that names subjects: by the key for names; where there is none, by the last key,
    /// so that it stays the same when a newer key is put in front.
    pub fn name(&self, message: &[u8]) -> [u8; TAG_LEN] {
        let last = || self.others.last().unwrap_or(&self.first);
        let key = self.names.as_ref().map_or_else(last, |SubjectKey(key)| key);
        key.tag(Purpose::Subject, message)
    }
}

impl Key {
    fn new(root: &[u8]) -> Self {
        let root = keyed(root);
        let states = Purpose::ALL.map(|purpose| keyed(&digest(root.clone(), purpose.label())));
        let mut id = KeyId::default();
        for (to, from) in id.iter_mut().zip(digest(root, b"sitebay-mcp key id v1")) {
            *to = from;
        }
        Self { id, states }
    }

    fn state(&self, purpose: Purpose) -> Hmac<Sha256> {
        let [
            session,
            seal,
            subject,
            request_state,
            task_id,
            credential,
            client,
            token,
            ticket,
            certificate,
        ] = &self.states;
        match purpose {
            Purpose::SessionId => session.clone(),
            Purpose::Seal => seal.clone(),
            Purpose::Subject => subject.clone(),
            Purpose::RequestState => request_state.clone(),
            Purpose::TaskId => task_id.clone(),
            Purpose::Credential => credential.clone(),
            Purpose::Client => client.clone(),
            Purpose::Token => token.clone(),
            Purpose::Ticket => ticket.clone(),
            Purpose::DeviceCertificate => certificate.clone(),
        }
    }

    fn tag(&self, purpose: Purpose, message: &[u8]) -> [u8; TAG_LEN] {
        let mut tag = [0; TAG_LEN];
        for (to, from) in tag.iter_mut().zip(digest(self.state(purpose), message)) {
            *to = from;
        }
        tag
    }

    fn verify(&self, purpose: Purpose, message: &[u8], tag: &[u8]) -> bool {
        let mut mac = self.state(purpose);
        mac.update(message);
        mac.verify_truncated_left(tag).is_ok()
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    // HMAC takes a key of any length; the fallback cannot be reached.
    Hmac::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&Default::default()))
}

fn digest(mut mac: Hmac<Sha256>, message: &[u8]) -> [u8; 32] {
    mac.update(message);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

    use super::*;
    use test_support::stored::lines_of_0_1_0;

    const OLD: &str = "old-old-old-old-old-old-old-old-old-";
    const NEW: &str = "new-new-new-new-new-new-new-new-new-";

    #[test]
    fn a_new_key_in_front_signs_and_the_old_one_still_verifies() {
        let before = Keyring::parse(OLD).unwrap();
        let after = Keyring::parse(&format!("{NEW}, {OLD}")).unwrap();
        let tag = before.sign(Purpose::SessionId, b"m");
        assert!(after.verify(before.signing_id(), Purpose::SessionId, b"m", &tag));
        assert_ne!(after.sign(Purpose::SessionId, b"m"), tag);
        assert_ne!(after.signing_id(), before.signing_id());
    }

    #[test]
    fn a_subject_keeps_its_name_when_a_key_is_put_in_front() {
        let before = Keyring::parse(OLD).unwrap();
        let after = Keyring::parse(&format!("{NEW},{OLD}")).unwrap();
        assert_eq!(before.name(b"somebody"), after.name(b"somebody"));
    }

    #[test]
    fn a_key_for_names_keeps_the_names_that_it_gave_as_the_last_of_a_list() {
        let before = Keyring::parse(&format!("{NEW},{OLD}")).unwrap();
        let after = Keyring::parse(NEW).unwrap().named_by(SubjectKey::parse(OLD).unwrap());
        assert_eq!(after.name(b"somebody"), before.name(b"somebody"));
        assert_ne!(after.name(b"somebody"), Keyring::parse(NEW).unwrap().name(b"somebody"));
        let tag = before.sign(Purpose::SessionId, b"m");
        assert!(after.verify(before.signing_id(), Purpose::SessionId, b"m", &tag));
        let of_old = Keyring::parse(OLD).unwrap().sign(Purpose::SessionId, b"m");
        let old = Keyring::parse(OLD).unwrap().signing_id();
        assert!(!after.verify(old, Purpose::SessionId, b"m", &of_old), "it signs nothing");
        assert_eq!(SubjectKey::parse(&format!("{NEW},{OLD}")).err(), Some(KeyError::NotOne));
        assert_eq!(SubjectKey::parse("short").err(), Some(KeyError::TooShort(1)));
    }

    #[test]
    fn a_tag_of_one_purpose_is_worth_nothing_for_another() {
        let keys = Keyring::parse(OLD).unwrap();
        let tag = keys.sign(Purpose::SessionId, b"m");
        assert!(!keys.verify(keys.signing_id(), Purpose::Seal, b"m", &tag));
    }

    #[test]
    fn keys_of_credentials_are_derived_as_they_were() {
        let keys = Keyring::parse(&format!("{NEW},{OLD}")).unwrap();
        let old = Keyring::parse(OLD).unwrap().signing_id();
        let ids = [(keys.signing_id(), &[][..]), (old, &[]), (keys.signing_id(), &[2; 32])];
        let derived = ids.map(|(id, with)| {
            let key = keys.secret(id, Purpose::Credential, with).unwrap();
            format!("{} {}", URL_SAFE_NO_PAD.encode(id), URL_SAFE_NO_PAD.encode(key))
        });
        assert_eq!(lines_of_0_1_0("keys-of-credentials", &derived), derived);
    }

    #[test]
    fn a_cut_or_empty_tag_is_refused() {
        let keys = Keyring::parse(OLD).unwrap();
        let tag = keys.sign(Purpose::Seal, b"m");
        assert!(!keys.verify(keys.signing_id(), Purpose::Seal, b"m", &tag[..8]));
        assert!(!keys.verify(keys.signing_id(), Purpose::Seal, b"m", &[]));
    }

    #[test]
    fn a_passphrase_is_one_key_and_a_list_with_spaces_stays_a_list() {
        let phrase = "correct horse battery staple and another horse";
        let one = Keyring::parse(phrase).unwrap();
        assert!(one.others.is_empty());
        let same = Keyring::parse(&format!("{NEW}\n {phrase} ")).unwrap();
        assert_eq!(same.name(b"somebody"), one.name(b"somebody"));
        for list in [format!("{NEW} {OLD}"), format!("{NEW},{OLD}"), format!("{NEW}\r\n{OLD}")] {
            let keys = Keyring::parse(&list).unwrap();
            assert_eq!(keys.signing_id(), Keyring::parse(NEW).unwrap().signing_id());
            assert_eq!(keys.name(b"m"), Keyring::parse(OLD).unwrap().name(b"m"));
        }
    }

    #[test]
    fn a_short_key_is_refused() {
        assert_eq!(Keyring::parse("short").err(), Some(KeyError::TooShort(1)));
        assert_eq!(Keyring::parse(" , ").err(), Some(KeyError::Empty));
    }
}
