//! Kinds of resources, and the names that Cloudflare accepts for them.

use serde::{Deserialize, Serialize};

/// A kind of resource, in the order in which a stage is deployed: what others need comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A D1 database.
    D1,
    /// An R2 bucket.
    R2,
    /// A KV namespace.
    Kv,
    /// A queue.
    Queue,
    /// A class of Durable Objects. It comes and goes with its Worker.
    DurableObject,
    /// The Worker of the stage. Its code is uploaded elsewhere.
    Worker,
    /// A Workflow of that Worker.
    Workflow,
    /// The custom domain of that Worker.
    Domain,
}

/// Kinds that a manifest lists under `resources`.
pub(crate) const LISTED: [Kind; 6] =
    [Kind::D1, Kind::R2, Kind::Kv, Kind::Queue, Kind::DurableObject, Kind::Workflow];

impl Kind {
    /// Its name in manifests, plans and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::D1 => "d1",
            Self::R2 => "r2",
            Self::Kv => "kv",
            Self::Queue => "queue",
            Self::DurableObject => "durable_object",
            Self::Worker => "worker",
            Self::Workflow => "workflow",
            Self::Domain => "domain",
        }
    }

    /// Its name in sentences.
    pub const fn label(self) -> &'static str {
        match self {
            Self::D1 => "D1 database",
            Self::R2 => "R2 bucket",
            Self::Kv => "KV namespace",
            Self::Queue => "queue",
            Self::DurableObject => "Durable Object class",
            Self::Worker => "Worker",
            Self::Workflow => "Workflow",
            Self::Domain => "custom domain",
        }
    }

    /// Whether deleting one loses data. A Worker takes its Durable Objects with it.
    pub const fn holds_data(self) -> bool {
        !matches!(self, Self::Workflow | Self::Domain)
    }

    /// Whether its id at Cloudflare is its name: one that is made anew has the id of the one before.
    pub const fn is_known_by_name(self) -> bool {
        matches!(self, Self::R2 | Self::Worker | Self::Workflow)
    }

    /// Whether the request that makes one takes over what is there already.
    pub const fn is_put(self) -> bool {
        matches!(self, Self::Workflow | Self::Domain)
    }

    /// Whether a plan makes and deletes it by itself.
    pub const fn is_made_here(self) -> bool {
        !matches!(self, Self::DurableObject | Self::Worker)
    }

    /// Whether Cloudflare accepts this as a name of the kind, as far as is known.
    ///
    /// # Errors
    /// What such a name looks like.
    pub fn check_name(self, name: &str) -> Result<(), &'static str> {
        let (is_right, form) = match self {
            Self::R2 => (
                is_between(name, 3, 63) && is_plain(name, false) && !name.ends_with('-'),
                "3 to 63 lower-case letters, digits and hyphens, with no hyphen at either end",
            ),
            Self::D1 | Self::Queue | Self::Worker => (
                is_between(name, 1, 63) && is_plain(name, true),
                "1 to 63 lower-case letters, digits, `-` and `_`, beginning with a letter or digit",
            ),
            Self::Kv => (
                is_between(name, 1, 512) && !name.chars().any(char::is_control),
                "1 to 512 bytes without control characters",
            ),
            Self::Workflow | Self::DurableObject => (
                is_between(name, 1, 64) && !name.starts_with('-') && name.bytes().all(is_wordy),
                "1 to 64 letters, digits, `-` and `_`, with no `-` at the beginning",
            ),
            Self::Domain => (is_host(name), "a host name such as mcp.example.com"),
        };
        if is_right { Ok(()) } else { Err(form) }
    }
}

fn is_between(name: &str, from: usize, to: usize) -> bool {
    (from..=to).contains(&name.len())
}

const fn is_wordy(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// Whether a name begins with a letter or digit and goes on with those and hyphens.
pub(super) fn is_plain(name: &str, underscore: bool) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let goes_on = |byte| is_plain(byte) || byte == b'-' || (underscore && byte == b'_');
    name.bytes().next().is_some_and(is_plain) && name.bytes().all(goes_on)
}

fn is_host(name: &str) -> bool {
    let is_label =
        |label: &str| is_between(label, 1, 63) && is_plain(label, false) && !label.ends_with('-');
    name.len() <= 253 && name.contains('.') && name.split('.').all(is_label)
}
