//! Pins: definitions of tools as they were seen first, or as an administrator approved them.

/// What happens to a tool whose definition is not the one that was pinned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PinPolicy {
    /// Nothing is pinned.
    Off,
    /// The change is reported.
    #[default]
    Warn,
    /// The tool is hidden until an administrator approves the change.
    Block,
}

impl PinPolicy {
    /// The words for them in the configuration.
    pub const WORDS: [(&'static str, Self); 3] =
        [("off", Self::Off), ("warn", Self::Warn), ("block", Self::Block)];

    /// The word for it in the configuration.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Warn => "warn",
            Self::Block => "block",
        }
    }
}

/// What happens to a tool that was not there before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UnknownTools {
    /// It is shown, and pinned.
    #[default]
    Allow,
    /// It is hidden until an administrator approves it.
    Block,
}

impl UnknownTools {
    /// The words for them in the configuration.
    pub const WORDS: [(&'static str, Self); 2] = [("allow", Self::Allow), ("block", Self::Block)];

    /// The word for it in the configuration.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Block => "block",
        }
    }
}
