//! Signed state that pages carry from one request to the next: a form that only the browser it was shown in can
//! post, and who is signed in.
//!
//! Invariant: a ticket is good for one purpose, with one cookie, until its end.
//!
//! ```text
//! base64url( until 4 | key id 4 | content | tag 16 )          the tag is also over purpose and cookie
//! ```

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::keys::{KeyId, Keyring, Purpose, TAG_LEN};
use mcp_protocol::bytes::{Reader, put_text};

/// The purpose of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TicketPurpose {
    /// The form of the consent page.
    Consent,
    /// Signing in at another provider.
    Upstream,
    /// The form that signs a person in at `/account`.
    SignIn,
    /// Being signed in there.
    SignedIn,
    /// The forms of a person who is.
    Account,
    /// A link at which a person connects an upstream; its cookie is the upstream's name.
    ConnectLink,
    /// The forms behind such a link.
    ConnectForm,
}

impl TicketPurpose {
    fn label(self) -> &'static str {
        match self {
            Self::Consent => "consent",
            Self::Upstream => "upstream",
            Self::SignIn => "sign in",
            Self::SignedIn => "signed in",
            Self::Account => "account",
            Self::ConnectLink => "connect link",
            Self::ConnectForm => "connect form",
        }
    }
}

/// Makes a ticket that is good with this cookie, until then, in seconds since 1970.
pub fn sign(keys: &Keyring, of: TicketPurpose, cookie: &str, until: u32, content: &[u8]) -> String {
    let mut bytes = until.to_be_bytes().to_vec();
    bytes.extend_from_slice(&keys.signing_id());
    bytes.extend_from_slice(content);
    let tag = keys.sign(Purpose::Ticket, &message(of, cookie, &bytes));
    bytes.extend_from_slice(&tag);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Opens a ticket. Returns `None` if it is not valid for this purpose, or has expired.
pub fn open(
    keys: &Keyring,
    of: TicketPurpose,
    cookie: &str,
    ticket: &str,
    now_s: u64,
) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(ticket).ok()?;
    let (payload, tag) = bytes.split_at_checked(bytes.len().checked_sub(TAG_LEN)?)?;
    let mut reader = Reader::new(payload);
    let until = u32::from_be_bytes(reader.array()?);
    let key: KeyId = reader.array()?;
    let good = keys.verify(key, Purpose::Ticket, &message(of, cookie, payload), tag);
    (good && now_s < u64::from(until)).then(|| reader.rest().to_vec())
}

fn message(of: TicketPurpose, cookie: &str, bytes: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    put_text(&mut message, of.label());
    put_text(&mut message, cookie);
    message.extend_from_slice(bytes);
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_support::stored::of_0_1_0;

    #[test]
    fn a_ticket_is_good_for_one_purpose_with_one_cookie_until_its_end() {
        let keys = Keyring::parse(&"k".repeat(40)).unwrap();
        let ticket = sign(&keys, TicketPurpose::Consent, "cookie", 10, b"what");
        let stored = of_0_1_0("oauth-ticket", &ticket);
        let opened = open(&keys, TicketPurpose::Consent, "cookie", &stored, 9);
        assert_eq!(opened.as_deref(), Some(b"what".as_slice()));
        let opened = |of, cookie, now| open(&keys, of, cookie, &ticket, now);
        assert_eq!(
            opened(TicketPurpose::Consent, "cookie", 9).as_deref(),
            Some(b"what".as_slice())
        );
        assert_eq!(opened(TicketPurpose::Consent, "cookie", 10), None);
        assert_eq!(opened(TicketPurpose::Consent, "cooki", 9), None);
        assert_eq!(opened(TicketPurpose::Consent, "", 9), None);
        assert_eq!(opened(TicketPurpose::Account, "cookie", 9), None);
        for wrong in ["", "A", &ticket[1..], "%"] {
            assert_eq!(open(&keys, TicketPurpose::Consent, "cookie", wrong, 9), None, "{wrong}");
        }
    }
}
