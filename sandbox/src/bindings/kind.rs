//! What a binding is, and how a request says which one it came through.

use crate::engine::call::Call;

/// The header that the configuration adds to each request of a binding.
pub const HEADER: &str = "x-binding";

/// What a binding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A namespace of KV.
    Kv,
    /// A database of D1.
    D1,
    /// A bucket of R2.
    R2,
    /// A dataset of Analytics Engine.
    Analytics,
    /// Static assets.
    Assets,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Kv, Self::D1, Self::R2, Self::Analytics, Self::Assets];

    /// The value of [`HEADER`] for what is bound under this name.
    pub fn designation(self, name: &str) -> String {
        format!("{}/{name}", self.word())
    }

    fn word(self) -> &'static str {
        match self {
            Self::Kv => "kv",
            Self::D1 => "d1",
            Self::R2 => "r2",
            Self::Analytics => "analytics",
            Self::Assets => "assets",
        }
    }

    /// What a request is for.
    pub(crate) fn of(call: &Call) -> Option<(Self, &str)> {
        let (word, name) = call.header(HEADER)?.split_once('/')?;
        let kind = Self::ALL.into_iter().find(|kind| kind.word() == word)?;
        Some((kind, name))
    }
}
