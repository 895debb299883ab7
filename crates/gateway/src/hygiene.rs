//! Descriptions of tools, prompts and resources, before callers see them.

/// Whether descriptions of an upstream are cleaned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Descriptions {
    /// They are.
    #[default]
    Clean,
    /// They are passed on as the upstream sent them.
    Raw,
}

impl Descriptions {
    /// The words for them in the configuration.
    pub const WORDS: [(&'static str, Self); 2] = [("clean", Self::Clean), ("raw", Self::Raw)];

    /// The word for it in the configuration.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Raw => "raw",
        }
    }
}
