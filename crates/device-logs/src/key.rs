//! Keys of objects in R2.
//!
//! Invariant: a key is a pure function of what it names, so that an object that is written twice is the same object. The
//! retention class comes first: rules of a bucket's lifecycle match beginnings only. Keys have ids, never names.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::record::MAX_SEQUENCE;

const DAY_MS: u64 = 86_400_000;
/// Bytes of an id in a key.
const MAX_ID: usize = 128;

/// How long logs are kept.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Retention {
    /// 7 days.
    R7,
    /// 30 days.
    #[default]
    R30,
    /// 90 days.
    R90,
    /// 365 days.
    R365,
}

impl Retention {
    /// All of them. Each has one rule in the bucket's lifecycle, for the prefix [`Self::prefix`].
    pub const ALL: [Self; 4] = [Self::R7, Self::R30, Self::R90, Self::R365];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::R7 => "r7",
            Self::R30 => "r30",
            Self::R90 => "r90",
            Self::R365 => "r365",
        }
    }

    /// The class of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    /// Its days.
    pub const fn days(self) -> u32 {
        match self {
            Self::R7 => 7,
            Self::R30 => 30,
            Self::R90 => 90,
            Self::R365 => 365,
        }
    }

    /// The beginning of all its keys.
    pub fn prefix(self) -> String {
        format!("logs/v1/{}/", self.name())
    }

    /// Whether what was received then is over now.
    pub fn is_over(self, received_ms: u64, now_ms: u64) -> bool {
        let kept_ms = u64::from(self.days()).saturating_mul(DAY_MS);
        now_ms >= received_ms.saturating_add(kept_ms)
    }
}

/// A device, by the ids that keys have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    tenant: String,
    device: String,
}

impl Owner {
    /// The device of a tenant. None: an id has characters other than letters, digits, `-`, `_` and `.`, or is only dots.
    pub fn new(tenant: &str, device: &str) -> Option<Self> {
        let is_id = |id: &str| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            (1..=MAX_ID).contains(&id.len())
                && id.bytes().all(allowed)
                && id.bytes().any(|byte| byte != b'.')
        };
        let owner = || Self { tenant: tenant.to_owned(), device: device.to_owned() };
        (is_id(tenant) && is_id(device)).then(owner)
    }

    /// The beginning of all its keys in a class. It ends with a slash, so that no other device's id begins with it.
    pub fn prefix(&self, class: Retention) -> String {
        format!("{}{}/{}/", class.prefix(), self.tenant, self.device)
    }

    /// What is listed to erase all its logs, whatever class they were in.
    pub fn prefixes(&self) -> [String; 4] {
        Retention::ALL.map(|class| self.prefix(class))
    }
}

/// The key of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectKey {
    /// Whose it is.
    pub owner: Owner,
    /// How long it is kept.
    pub class: Retention,
    /// When its first batch was received, in milliseconds since the epoch.
    pub received_ms: u64,
    /// Its first sequence number.
    pub first: u64,
    /// Its last.
    pub last: u64,
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = i64::try_from(self.received_ms / 1_000).unwrap_or(i64::MAX);
        let at = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let (prefix, month) = (self.owner.prefix(self.class), u8::from(at.month()));
        let (first, last) = (self.first.min(MAX_SEQUENCE), self.last.min(MAX_SEQUENCE));
        write!(f, "{prefix}{:04}/{month:02}/{:02}/{:02}/", at.year(), at.day(), at.hour())?;
        write!(f, "{first:016}-{last:016}.jsonl.gz")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(device: &str, first: u64) -> ObjectKey {
        let owner = Owner::new("main", device).unwrap();
        let received_ms = 1_795_939_199_999;
        ObjectKey { owner, class: Retention::R30, received_ms, first, last: first + 5 }
    }

    #[test]
    fn a_key_has_its_class_first_and_the_hour_of_receipt() {
        let text =
            "logs/v1/r30/main/dev-1/2026/11/29/07/0000000000000007-0000000000000012.jsonl.gz";
        let at = ObjectKey { received_ms: 1_795_937_640_000, ..key("dev-1", 7) };
        assert_eq!(at.to_string(), text);
        let long = Owner::new(&"t".repeat(128), &"d".repeat(128)).unwrap();
        let last = ObjectKey { owner: long, first: u64::MAX, last: u64::MAX, ..key("d", 1) };
        assert!(last.to_string().len() <= 1_024);
    }

    #[test]
    fn ids_cannot_reach_into_the_keys_of_others() {
        for wrong in ["", "a/b", "..", ".", "a b", "é", "a\0", &"x".repeat(129)] {
            assert!(
                Owner::new("main", wrong).is_none() && Owner::new(wrong, "d").is_none(),
                "{wrong}"
            );
        }
        let (one, other) = (Owner::new("main", "d").unwrap(), key("d2", 1).to_string());
        assert!(one.prefixes().iter().all(|prefix| !other.starts_with(prefix.as_str())));
        assert!(
            one.prefixes()
                .iter()
                .any(|prefix| key("d", 1).to_string().starts_with(prefix.as_str()))
        );
    }

    #[test]
    fn classes_have_names_and_ends() {
        for class in Retention::ALL {
            assert_eq!(Retention::from_name(class.name()), Some(class));
            let end = u64::from(class.days()) * DAY_MS + 5;
            assert!(!class.is_over(5, end - 1) && class.is_over(5, end));
        }
        assert_eq!(Retention::from_name("r8"), None);
    }

    proptest! {
        #[test]
        fn keys_of_one_hour_are_listed_in_the_order_of_their_numbers(one in 0_u64..1 << 53, other in 0_u64..1 << 53) {
            let order = key("d", one).to_string().cmp(&key("d", other).to_string());
            let cap = |first: u64| (first.min(MAX_SEQUENCE), (first + 5).min(MAX_SEQUENCE));
            prop_assert_eq!(order, cap(one).cmp(&cap(other)));
        }
    }
}
