//! Secrets are taken out of text: known values first, then what looks like a secret.
//!
//! Invariant: no occurrence of a known value is left, as it is, in base64, percent-encoded or escaped for JSON, also where it
//! is spread over the lines of a source. Everything takes linear time: known values are found with `aho-corasick`, and shapes
//! are read by hand, without regular expressions.

mod known;
mod named;
mod shapes;
mod views;

use thiserror::Error;

use self::known::Known;

/// Characters that a known value has at least: shorter ones are in every other word.
pub const MIN_VALUE: usize = 6;
/// Bytes that a known value has at most.
pub const MAX_VALUE: usize = 64 * 1024;
/// What stands in the place of a secret begins with this, and ends with its name and a parenthesis.
pub const MASK: &str = "•••(";

/// Why secrets cannot be known. The names are those of secrets, never their values.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RedactorError {
    /// A value is too long.
    #[error("the secret {0} has more than {MAX_VALUE} bytes, which cannot be searched for in logs")]
    TooLong(String),
    /// All values together are too much.
    #[error("the secrets are too many or too long to be searched for in logs")]
    TooMany,
}

/// A line in which secrets are looked for.
#[derive(Debug)]
pub struct Line<'a> {
    /// Its text, which is changed in its place.
    pub text: &'a mut String,
    /// Its end is missing: it may break off within a secret.
    pub is_cut: bool,
}

/// What goes on from one batch of a source to the next: a value or a PEM block may be in both.
#[derive(Default)]
pub struct Carry {
    tail: String,
    pem: shapes::Pem,
}

/// Takes secrets out of text.
#[derive(Default)]
pub struct Redactor {
    known: Option<Known>,
    short: Vec<String>,
}

impl Redactor {
    /// One that knows these values, by name. Values of fewer than [`MIN_VALUE`] characters are not looked for
    /// ([`Self::too_short`]).
    ///
    /// # Errors
    /// If a value or their sum is too long.
    pub fn new<'a>(
        values: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, RedactorError> {
        let (mut known, mut short) = (Vec::new(), Vec::new());
        for (name, value) in values {
            if value.len() > MAX_VALUE {
                return Err(RedactorError::TooLong(name.to_owned()));
            }
            if known::bare(value).chars().count() < MIN_VALUE {
                short.push(name.to_owned());
            } else {
                known.push((name, value));
            }
        }
        let known = if known.is_empty() { None } else { Some(Known::new(&known)?) };
        Ok(Self { known, short })
    }

    /// One that knows shapes only: what the Worker uses for what it receives.
    pub const fn shapes_only() -> Self {
        Self { known: None, short: Vec::new() }
    }

    /// The names of the values that are too short to be looked for.
    pub fn too_short(&self) -> &[String] {
        &self.short
    }

    /// Changes the lines of one source, which follow one another. Returns whether one was changed.
    pub fn lines(&self, lines: &mut [Line<'_>], carry: &mut Carry) -> bool {
        self.redact(lines, carry, true)
    }

    fn redact(&self, lines: &mut [Line<'_>], carry: &mut Carry, goes_on: bool) -> bool {
        let known = self.known.as_ref();
        let mut changed = known.is_some_and(|known| known.mask(lines, carry, goes_on));
        for line in lines {
            if let Some(masked) = shapes::mask(line.text, &mut carry.pem) {
                *line.text = masked;
                changed = true;
            }
        }
        changed
    }

    /// One text that stands alone.
    pub fn text(&self, text: &str) -> String {
        let mut out = text.to_owned();
        let mut line = [Line { text: &mut out, is_cut: false }];
        self.redact(&mut line, &mut Carry::default(), false);
        out
    }

    /// The arguments of a command, to be shown: an argument that follows an option such as `--token` is taken out whole.
    pub fn command(&self, arguments: &[String]) -> Vec<String> {
        let mut follows = false;
        let shown = arguments.iter().map(|argument| {
            let is_value = std::mem::replace(&mut follows, named::is_option(argument));
            if is_value && !argument.starts_with('-') && !is_mask(argument) {
                mask("argument")
            } else {
                self.text(argument)
            }
        });
        shown.collect()
    }
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secrets]")
    }
}

impl std::fmt::Debug for Carry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[text]")
    }
}

/// What stands in the place of a secret of this name.
fn mask(name: &str) -> String {
    format!("{MASK}{name})")
}

/// Whether a text is nothing but such places.
fn is_mask(text: &str) -> bool {
    let mut rest = text;
    while let Some((name, after)) = rest.strip_prefix(MASK).and_then(|rest| rest.split_once(')')) {
        if !name.bytes().all(is_name_byte) {
            return false;
        }
        rest = after;
    }
    rest.is_empty()
}

const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// A piece of a text that is a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span<N> {
    start: usize,
    end: usize,
    name: N,
}

/// The text with its secrets taken out; the spans are in order and do not overlap. None: nothing is changed.
fn masked<N: AsRef<str>>(text: &str, spans: &[Span<N>]) -> Option<String> {
    let (mut out, mut from, mut changed) = (String::new(), 0, false);
    for span in spans {
        // Both are between characters; if they were not, more is taken out and not less.
        let (start, end) =
            (text.floor_char_boundary(span.start), text.ceil_char_boundary(span.end));
        if text.get(start..end).is_none_or(is_mask) {
            continue;
        }
        out.push_str(text.get(from..start).unwrap_or_default());
        out.push_str(&mask(span.name.as_ref()));
        (from, changed) = (end, true);
    }
    out.push_str(text.get(from..).unwrap_or_default());
    changed.then_some(out)
}

#[cfg(test)]
mod tests;
