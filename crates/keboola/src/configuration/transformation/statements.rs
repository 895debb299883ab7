//! Scripts of SQL in statements, as Keboola's user interface and its own server split them.
//!
//! A statement ends with a semicolon outside of strings, `$$` blocks and comments. A string, block or comment
//! that is not closed is ordinary text from its first character on. Invariant: the time is linear in the length.

use thiserror::Error;

/// The most characters of SQL in one transformation.
pub const MAX_SQL_CHARACTERS: usize = 1024 * 1024;

/// A transformation with more SQL than [`MAX_SQL_CHARACTERS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "the SQL has {0} characters, and one transformation takes at most {MAX_SQL_CHARACTERS}: split it over \
     several transformations"
)]
pub struct TooMuchSql(pub usize);

/// The statements of a script, each with its semicolon. A semicolon with only white space before it is a
/// statement, as in Keboola's user interface; one right after another is none.
pub fn split(script: &str) -> Vec<String> {
    let mut statements = Vec::new();
    let mut scan = Scan { bytes: script.as_bytes(), ..Scan::default() };
    let (mut start, mut at) = (0_usize, 0_usize);
    while let Some(byte) = scan.byte(at) {
        let end = scan.token(at);
        if byte == b';' {
            let before = script.get(start..at).unwrap_or_default();
            let statement = before.trim();
            if !statement.is_empty() {
                statements.push(format!("{};", before.trim_start()));
            } else if !before.is_empty() {
                statements.push(";".to_owned());
            }
            start = end;
        }
        at = end;
    }
    let rest = script.get(start..).unwrap_or_default().trim();
    if !rest.is_empty() {
        statements.push(rest.to_owned());
    }
    statements
}

/// A script of statements, with an empty line after each.
pub fn join<'s>(statements: impl IntoIterator<Item = &'s str>) -> String {
    let mut script = String::new();
    for statement in statements.into_iter().map(str::trim).filter(|text| !text.is_empty()) {
        script.push_str(statement);
        script.push_str("\n\n");
    }
    script
}

/// Finds where tokens end.
///
/// Where a search for an end fails, every later start before the place of the failure fails as well, so that
/// this place is kept for each kind: for a quote because all quotes until there are escaped, and stay so seen
/// from one of them; for the others because no end follows.
#[derive(Default)]
struct Scan<'s> {
    bytes: &'s [u8],
    single_fails_before: usize,
    double_fails_before: usize,
    no_block_end: bool,
    no_comment_end: bool,
}

impl Scan<'_> {
    fn byte(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    fn starts(&self, at: usize, with: &[u8]) -> bool {
        self.bytes.get(at..).is_some_and(|rest| rest.starts_with(with))
    }

    /// The end of the token that starts here. A single character that is special ends after itself.
    fn token(&mut self, at: usize) -> usize {
        let next = at.saturating_add(1);
        let end = match self.byte(at) {
            Some(quote @ (b'\'' | b'"')) => self.string(at, quote),
            Some(b'$') if self.starts(at, b"$$") => {
                self.closed(at, b"$$", |scan| &mut scan.no_block_end)
            }
            Some(b'/') if self.starts(at, b"/*") => {
                self.closed(at, b"*/", |scan| &mut scan.no_comment_end)
            }
            Some(b'#') => Some(self.line(at)),
            Some(b'-') if self.starts(at, b"--") => Some(self.line(at)),
            Some(b'/') if self.starts(at, b"//") => Some(self.line(at)),
            Some(byte) if !is_special(byte) => Some(self.end_where(next, is_special)),
            _ => None,
        };
        end.unwrap_or(next)
    }

    /// The end of a string. A backslash escapes any character but the end of a line.
    fn string(&mut self, at: usize, quote: u8) -> Option<usize> {
        let fails_before = match quote {
            b'"' => &mut self.double_fails_before,
            _ => &mut self.single_fails_before,
        };
        if at < *fails_before {
            return None;
        }
        let mut place = at;
        loop {
            place = place.saturating_add(1);
            match self.bytes.get(place) {
                Some(b'\\')
                    if !matches!(self.bytes.get(place.saturating_add(1)), None | Some(b'\n')) =>
                {
                    place = place.saturating_add(1);
                }
                Some(&byte) if byte == quote => return Some(place.saturating_add(1)),
                None | Some(b'\\') => {
                    *fails_before = place;
                    return None;
                }
                Some(_) => {}
            }
        }
    }

    /// The end of what begins with two characters and ends with two.
    fn closed(
        &mut self,
        at: usize,
        end: &[u8],
        no_end: fn(&mut Self) -> &mut bool,
    ) -> Option<usize> {
        if *no_end(self) {
            return None;
        }
        let inner = at.saturating_add(2);
        let found = self.bytes.get(inner..)?.windows(end.len()).position(|window| window == end);
        *no_end(self) = found.is_none();
        Some(found?.saturating_add(inner).saturating_add(end.len()))
    }

    fn line(&self, at: usize) -> usize {
        self.end_where(at, |byte| matches!(byte, b'\n' | b'\r'))
    }

    fn end_where(&self, from: usize, is_end: impl Fn(u8) -> bool) -> usize {
        let rest = self.bytes.get(from..).unwrap_or_default();
        let length = rest.iter().position(|&byte| is_end(byte)).unwrap_or(rest.len());
        from.saturating_add(length)
    }
}

fn is_special(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b';' | b'#' | b'/' | b'$' | b'-')
}

#[cfg(test)]
#[path = "statements_tests.rs"]
mod tests;
