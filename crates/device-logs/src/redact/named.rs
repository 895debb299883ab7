//! Values with a name that says they are secret: `token=…`, `"password": "…"`, `--api-key …`.

use super::{Span, is_name_byte};

/// Bytes of a name that are read.
const MAX_NAME: usize = 64;

/// Names that end like this are those of secrets.
const SECRET: [&str; 11] = [
    "token",
    "secret",
    "password",
    "passwd",
    "passphrase",
    "apikey",
    "api_key",
    "access_key",
    "secret_key",
    "private_key",
    "credentials",
];

/// What a name says of its value, by where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// `?key=` and `&key=`: in a URL.
    Parameter,
    /// `"key":`
    Quoted,
    /// `key=`
    Assigned,
    /// `key:`, as prose has it as well.
    Colon,
}

/// Whether an argument is an option whose value is the next argument, and a secret.
pub(super) fn is_option(argument: &str) -> bool {
    let name = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-'));
    name.is_some_and(|name| name.bytes().all(is_name_byte) && is_secret(name.as_bytes()))
}

fn is_secret(name: &[u8]) -> bool {
    let is_end = |end: &&str| {
        let at = name.len().checked_sub(end.len());
        let tail = at.and_then(|at| name.get(at..)).unwrap_or_default();
        let same = |(is, should): (&u8, u8)| {
            is.to_ascii_lowercase() == should || (*is == b'-' && should == b'_')
        };
        tail.len() == end.len() && tail.iter().zip(end.bytes()).all(same)
    };
    SECRET.iter().any(is_end)
}

/// The value after the `=` or `:` at this place, if its name is that of a secret.
pub(super) fn after_separator(text: &[u8], at: usize) -> Option<Span<&'static str>> {
    let separator = *text.get(at)?;
    let (name, is_quoted, before) = name_before(text, at)?;
    let place = match (separator, before) {
        (b'=', Some(b'?' | b'&' | b';')) => Place::Parameter,
        (b':', _) if is_quoted => Place::Quoted,
        (b'=', _) => Place::Assigned,
        _ => Place::Colon,
    };
    let fits = match place {
        Place::Parameter => is_secret(name) || name.eq_ignore_ascii_case(b"key"),
        Place::Quoted | Place::Assigned => is_secret(name),
        // "unexpected token: x" is prose.
        Place::Colon => is_secret(name) && !name.eq_ignore_ascii_case(b"token"),
    };
    let start = at.saturating_add(1);
    // `==` and `::` are operators.
    if !fits || text.get(start) == Some(&separator) {
        return None;
    }
    value(text, start, place)
}

/// The value after an option such as `--token` at this place.
pub(super) fn after_option(text: &[u8], at: usize) -> Option<Span<&'static str>> {
    let before = at.checked_sub(1).and_then(|at| text.get(at));
    if before.is_some_and(|byte| is_name_byte(*byte)) {
        return None;
    }
    let rest = text.get(at..)?.strip_prefix(b"--")?;
    let length = rest.iter().take(MAX_NAME).take_while(|byte| is_name_byte(**byte)).count();
    let start = at.saturating_add(2).saturating_add(length);
    let follows = text.get(start).is_some_and(|byte| *byte == b' ');
    if !follows || !is_secret(rest.get(..length)?) {
        return None;
    }
    let found = value(text, start, Place::Assigned)?;
    // Another option is no value.
    (text.get(found.start) != Some(&b'-')).then_some(found)
}

/// The name that ends before this place, whether it is in quotes, and the byte before it.
fn name_before(text: &[u8], at: usize) -> Option<(&[u8], bool, Option<u8>)> {
    let mut rest = text.get(..at)?.trim_ascii_end();
    // No more than a space: a name far away is no name of this.
    if at.saturating_sub(rest.len()) > 1 {
        return None;
    }
    let is_quoted = matches!(rest.last(), Some(b'"' | b'\''));
    if is_quoted {
        rest = rest.get(..rest.len().saturating_sub(1))?;
        rest = rest.strip_suffix(b"\\").unwrap_or(rest);
    }
    let length = rest.iter().rev().take(MAX_NAME).take_while(|byte| is_name_byte(**byte)).count();
    let start = rest.len().saturating_sub(length);
    let before = start.checked_sub(1).and_then(|at| rest.get(at)).copied();
    rest.get(start..).filter(|name| !name.is_empty()).map(|name| (name, is_quoted, before))
}

/// The value that begins here, after a space or a quote.
fn value(text: &[u8], from: usize, place: Place) -> Option<Span<&'static str>> {
    let spaces = text.get(from..)?.iter().take_while(|byte| **byte == b' ').count();
    let mut start = from.saturating_add(spaces);
    let (end, rest);
    match text.get(start..)? {
        [quote @ (b'"' | b'\''), ..] | [b'\\', quote @ (b'"' | b'\''), ..] => {
            let escaped = text.get(start) == Some(&b'\\');
            start = start.saturating_add(if escaped { 2 } else { 1 });
            rest = text.get(start..)?;
            end = quoted_end(rest, *quote, escaped);
        }
        unquoted => {
            rest = unquoted;
            let ends = |byte: &u8| match byte {
                b' ' | b'\t' | b'"' | b'\'' | b'<' | b'>' | b'&' => true,
                b'#' => place == Place::Parameter,
                b',' | b'}' | b']' => place == Place::Quoted,
                _ => false,
            };
            end = rest.iter().position(ends).unwrap_or(rest.len());
        }
    }
    let secret = rest.get(..end)?;
    let says_nothing = matches!(secret, b"" | b"null" | b"true" | b"false" | b"{" | b"[");
    let end = start.saturating_add(end);
    (!says_nothing).then_some(Span { start, end, name: "value" })
}

/// Where a text in quotes ends.
fn quoted_end(text: &[u8], quote: u8, escaped: bool) -> usize {
    let mut backslash = false;
    for (at, byte) in text.iter().enumerate() {
        if *byte == quote && backslash == escaped {
            return at.saturating_sub(usize::from(escaped));
        }
        backslash = *byte == b'\\' && (escaped || !backslash);
    }
    text.len()
}
