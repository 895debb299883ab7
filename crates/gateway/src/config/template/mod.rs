//! Templates: servers that are known by name, with the settings that fit them.
//!
//! ```json
//! {"keboola": {"template": "keboola"}}
//! ```
//!
//! Invariant: a template is data. A field that the operator sets replaces that of the template, but for what would be
//! unsafe: which header carries the person's token, and which headers of callers may travel.

mod keboola;

use mcp_client::endpoint::{RefusalError, Timeouts};

/// A server that is known by name.
#[derive(Debug, PartialEq, Eq)]
pub struct Template {
    /// The value of `template`.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// What a key for it is called.
    pub key: &'static str,
    /// Where a person finds one, in a sentence.
    pub key_hint: &'static str,
    /// The usual settings: the text of an object with fields of an upstream.
    pub(super) settings: &'static str,
    /// The usual deadlines.
    pub(super) timeouts: Timeouts,
    /// The stacks that are known: the ends of their hosts, and their names for people.
    pub(super) stacks: &'static [(&'static str, &'static str)],
    /// The domain in which all stacks are, outside development.
    pub(super) domain: &'static str,
    /// The header that carries the person's key.
    pub(super) key_header: &'static str,
    /// The header that carries the address of the person's stack.
    pub(super) stack_header: &'static str,
    /// Further fields of its settings, and the header that carries each.
    pub(super) options: &'static [(&'static str, &'static str)],
    /// Where people sign in at a stack, below its API, and where codes are exchanged. None: they enter a key.
    pub sign_in: Option<(&'static str, &'static str)>,
    /// The headers that carry the names of tools that are shown, and of those that are not.
    pub(super) filters: (&'static str, &'static str),
    /// The header, and its value, with which the server offers only what reads.
    pub(super) read_only: (&'static str, &'static str),
    /// The JSON-RPC error by which the server says that it refuses the key, in the place of the status 401.
    pub(super) refusal: Option<RefusalError>,
    /// The only headers of callers that may travel, in small letters: the server takes others for settings.
    pub(super) forwardable: &'static [&'static str],
}

/// All of them.
pub(super) const TEMPLATES: [&Template; 1] = [&keboola::KEBOOLA];

impl Template {
    /// Whether a header of a caller may travel, in small letters.
    pub(super) fn may_forward(&self, lower: &str) -> bool {
        self.forwardable.contains(&lower)
    }

    /// The fields that upstreams of this template have besides the usual ones.
    pub(super) fn fields(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once("stacks").chain(self.options.iter().map(|(field, _)| *field))
    }
}
