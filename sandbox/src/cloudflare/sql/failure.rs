//! What went wrong with a statement, in D1's words: the message of SQLite, then the name of its code.

use rusqlite::{Error, ffi};

/// A statement that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SqlFailure {
    /// It is wrong, or D1 does not allow it.
    Statement(String),
    /// It writes, and the token may not.
    ReadOnly,
    /// It took too long.
    TimedOut,
}

impl SqlFailure {
    /// A statement that is wrong.
    pub(super) fn statement(text: impl Into<String>) -> Self {
        Self::Statement(text.into())
    }
}

impl From<Error> for SqlFailure {
    fn from(error: Error) -> Self {
        let text = match error {
            Error::SqlInputError { error, msg, offset, .. } if offset >= 0 => {
                format!("{msg} at offset {offset}: {}", name(&error))
            }
            Error::SqlInputError { error, msg, .. } => format!("{msg}: {}", name(&error)),
            Error::SqliteFailure(error, _)
                if error.code == ffi::ErrorCode::OperationInterrupted =>
            {
                return Self::TimedOut;
            }
            Error::SqliteFailure(error, text) => {
                let text = text.unwrap_or_else(|| error.to_string());
                format!("{text}: {}", name(&error))
            }
            other => format!("{other}: SQLITE_ERROR"),
        };
        Self::Statement(text)
    }
}

/// The name of a primary code.
fn name(error: &ffi::Error) -> &'static str {
    match error.extended_code & 0xff {
        ffi::SQLITE_AUTH => "SQLITE_AUTH",
        ffi::SQLITE_CONSTRAINT => "SQLITE_CONSTRAINT",
        ffi::SQLITE_MISMATCH => "SQLITE_MISMATCH",
        ffi::SQLITE_NOMEM => "SQLITE_NOMEM",
        ffi::SQLITE_RANGE => "SQLITE_RANGE",
        ffi::SQLITE_TOOBIG => "SQLITE_TOOBIG",
        ffi::SQLITE_CORRUPT => "SQLITE_CORRUPT",
        ffi::SQLITE_FULL => "SQLITE_FULL",
        _ => "SQLITE_ERROR",
    }
}
