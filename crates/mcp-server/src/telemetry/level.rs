//! How much is logged (`LOG_LEVEL`).

use log::LevelFilter;

/// A level, from the least severe to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Level {
    /// Details for debugging.
    Debug,
    /// Every request.
    #[default]
    Info,
    /// Conditions that an operator should look at, without urgency.
    Warn,
    /// Failures of this server or of SiteBay.
    Error,
    /// Nothing.
    Off,
}

impl Level {
    /// The name in settings and lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Off => "off",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        let all = [Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Off];
        all.into_iter().find(|level| level.name() == name)
    }
}

impl From<log::Level> for Level {
    fn from(level: log::Level) -> Self {
        match level {
            log::Level::Error => Self::Error,
            log::Level::Warn => Self::Warn,
            log::Level::Info => Self::Info,
            log::Level::Debug | log::Level::Trace => Self::Debug,
        }
    }
}

impl From<Level> for LevelFilter {
    fn from(level: Level) -> Self {
        match level {
            Level::Debug => Self::Debug,
            Level::Info => Self::Info,
            Level::Warn => Self::Warn,
            Level::Error => Self::Error,
            Level::Off => Self::Off,
        }
    }
}
