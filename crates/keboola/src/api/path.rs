//! The path of a request.
//!
//! Invariant: a value becomes part of a path only through [`Path::part`], which percent-encodes it.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::error::ApiError;

/// Everything but RFC 3986's unreserved characters.
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Bytes that one part may have before it is encoded.
const LONGEST: usize = 1_024;

/// A path below a service's base, built part by part.
#[derive(Debug, Clone)]
pub(crate) struct Path(Result<String, ApiError>);

impl Path {
    /// These fixed parts, which need no encoding.
    pub(crate) fn new(fixed: &str) -> Self {
        Self(Ok(format!("/{fixed}")))
    }

    /// The same with one more part. What a URL parser would drop or resolve makes the path unusable.
    pub(crate) fn part(self, value: &str) -> Self {
        let Ok(path) = self.0 else { return self };
        if matches!(value, "" | "." | "..") || value.len() > LONGEST {
            return Self(Err(ApiError::BadPath));
        }
        Self(Ok(format!("{path}/{}", utf8_percent_encode(value, PART))))
    }

    /// The same with more fixed parts.
    pub(crate) fn then(self, fixed: &str) -> Self {
        Self(self.0.map(|path| format!("{path}/{fixed}")))
    }

    /// The encoded path.
    pub(crate) fn text(&self) -> Result<&str, ApiError> {
        self.0.as_deref().map_err(Clone::clone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_cannot_leave_its_place() {
        let path = |part: &str| Path::new("buckets").part(part).then("tables").0;
        assert_eq!(path("../x").unwrap(), "/buckets/..%2Fx/tables");
        assert_eq!(path("a b?c#d%2f").unwrap(), "/buckets/a%20b%3Fc%23d%252f/tables");
        assert_eq!(path("in.c-ü").unwrap(), "/buckets/in.c-%C3%BC/tables");
        for refused in ["", ".", "..", &"x".repeat(1_025)] {
            assert!(path(refused).is_err(), "{refused}");
        }
        assert!(path(&"x".repeat(1_024)).is_ok());
    }
}
