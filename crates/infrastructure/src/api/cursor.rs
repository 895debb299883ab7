//! Cursors of lists that callers bring back: bound to their list by a keyed hash.
//!
//! Invariant: a cursor is good for the list that gave it, and for no other. Cloudflare answers a wrong one with an empty page,
//! which looks like the end.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use mcp_auth::secret::Secret;

/// Bytes of the hash that are kept.
const TAG: usize = 16;
/// Keeps this use of the key apart from others.
const USE: &str = "infrastructure: cursor of a list";

/// The cursor for callers. `list`: what makes the list another one.
pub(crate) fn seal_cursor(key: &Secret, list: &[&str], cursor: &str) -> Option<String> {
    let tag = hash(key, list, cursor)?.finalize().into_bytes();
    let mut sealed = String::new();
    for byte in tag.iter().take(TAG) {
        sealed.push_str(&format!("{byte:02x}"));
    }
    Some(format!("{sealed}.{cursor}"))
}

/// Cloudflare's cursor in a caller's. None: it is not of this list.
pub(crate) fn open_cursor(key: &Secret, list: &[&str], sealed: &str) -> Option<String> {
    let (tag, cursor) = sealed.split_once('.')?;
    let digits = tag.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
    let bytes: Option<Vec<u8>> =
        digits.map(|digits| u8::from_str_radix(digits?, 16).ok()).collect();
    let bytes = bytes.filter(|bytes| bytes.len() == TAG)?;
    hash(key, list, cursor)?.verify_truncated_left(&bytes).ok()?;
    Some(cursor.to_owned())
}

fn hash(key: &Secret, list: &[&str], cursor: &str) -> Option<Hmac<Sha256>> {
    let mut hash = Hmac::<Sha256>::new_from_slice(key.expose().as_bytes()).ok()?;
    for part in [USE].iter().chain(list).chain([&cursor]) {
        // The lengths keep parts from running into each other.
        hash.update(&part.len().to_be_bytes());
        hash.update(part.as_bytes());
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_good_for_its_own_list_alone() {
        let (key, list) = (Secret::new("t"), ["staging", "uploads", "a/", ""]);
        let sealed = seal_cursor(&key, &list, "c.d").unwrap();
        let open = |list: &[&str], sealed: &str| open_cursor(&key, list, sealed);
        assert_eq!(open(&list, &sealed).as_deref(), Some("c.d"));
        assert_eq!(open(&["staging", "uploads", "a", "/"], &sealed), None);
        assert_eq!(open(&["production", "uploads", "a/", ""], &sealed), None);
        assert_eq!(open_cursor(&Secret::new("u"), &list, &sealed), None, "another key");
        let changed = format!("{sealed}e");
        for junk in ["", "c.d", ".", "zz.c", "00.c", changed.as_str()] {
            assert_eq!(open(&list, junk), None, "{junk}");
        }
    }
}
