//! Text that has the shape of a secret: credentials of `Authorization`, JWTs, PEM blocks, keys of known services, user
//! information in URLs, and values whose name says so.
//!
//! One pass over the bytes. Each try reads a bounded number of them, or bytes that no later try reads again.

use super::{Span, masked, named};

/// Lines of a PEM block without an end that are taken out: a key of 16,384 bits has fewer.
const MAX_PEM_LINES: u16 = 256;
const PEM_BEGIN: &[u8] = b"-----BEGIN ";
const PEM_END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";

/// The keys of a service.
struct Key {
    begin: &'static [u8],
    /// The bytes that go on.
    allowed: fn(u8) -> bool,
    /// How many there are at least.
    least: usize,
    /// Whether a letter or digit may stand before it.
    anywhere: bool,
}

const fn key(begin: &'static [u8], allowed: fn(u8) -> bool, least: usize) -> Key {
    Key { begin, allowed, least, anywhere: true }
}

const KEYS: [Key; 15] = [
    key(b"ghp_", is_word, 16),
    key(b"gho_", is_word, 16),
    key(b"ghu_", is_word, 16),
    key(b"ghs_", is_word, 16),
    key(b"ghr_", is_word, 16),
    key(b"github_pat_", is_word, 16),
    key(b"glpat-", is_base64url, 16),
    // "task-" ends like this.
    Key { anywhere: false, ..key(b"sk-", is_base64url, 16) },
    key(b"sk_live_", is_word, 16),
    key(b"rk_live_", is_word, 16),
    key(b"xox", is_base64url, 12),
    key(b"AKIA", is_upper, 16),
    key(b"ASIA", is_upper, 16),
    key(b"AIza", is_base64url, 30),
    key(b"npm_", is_word, 30),
];

/// Schemes of `Authorization` with one word after them.
const SCHEMES: [&[u8]; 6] = [b"bearer", b"basic", b"token", b"apikey", b"negotiate", b"dpop"];
const AUTHORIZATION: &[u8] = b"authorization";
const BEARER: &[u8] = b"bearer ";
/// Characters of a token that follows `Bearer` without a header around it.
const MIN_BEARER: usize = 16;
/// Characters of the first two parts of a JWT.
const MIN_JWT_PART: usize = 10;

/// Whether a PEM block goes on in the next line of a source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Pem {
    lines_left: u16,
}

type Found = Span<&'static str>;

/// What was taken out may have stood between the parts of another shape.
const PASSES: usize = 4;

/// The line with what looks like a secret taken out. None: there is nothing.
pub(super) fn mask(line: &str, pem: &mut Pem) -> Option<String> {
    let mut text = pass(line, pem)?;
    for _ in 1..PASSES {
        let Some(next) = pass(&text, &mut Pem::default()) else { break };
        text = next;
    }
    Some(text)
}

fn pass(line: &str, pem: &mut Pem) -> Option<String> {
    let text = line.as_bytes();
    let blocks = pem.blocks(text);
    let mut spans = Vec::new();
    let mut from = 0;
    for block in blocks {
        // What is before a block ends there: no other shape goes on into it.
        scan(text.get(..block.start).unwrap_or_default(), from, &mut spans);
        from = block.end;
        spans.push(block);
    }
    scan(text, from, &mut spans);
    if spans.is_empty() { None } else { masked(line, &spans) }
}

impl Pem {
    /// The blocks in a line. If the last has no end, the next line goes on with it.
    fn blocks(&mut self, text: &[u8]) -> Vec<Found> {
        let mut blocks = Vec::new();
        let mut start = match self.lines_left {
            0 => None,
            _ if text.is_empty() => None,
            _ => Some(0),
        };
        self.lines_left = self.lines_left.saturating_sub(u16::from(start.is_some()));
        let mut at = 0_usize;
        loop {
            let rest = text.get(at..).unwrap_or_default();
            let begin = start.take().or_else(|| {
                let begin = at.saturating_add(find(rest, PEM_BEGIN)?);
                self.lines_left = MAX_PEM_LINES;
                Some(begin)
            });
            let Some(begin) = begin else { return blocks };
            let end = pem_end(text, begin);
            if end.is_some() {
                self.lines_left = 0;
            }
            at = end.unwrap_or(text.len());
            blocks.push(Span { start: begin, end: at, name: "pem" });
        }
    }
}

/// Where the block that begins here ends, if it does.
fn pem_end(text: &[u8], begin: usize) -> Option<usize> {
    let label = begin.saturating_add(find(text.get(begin..)?, PEM_END)?);
    let label = label.saturating_add(PEM_END.len());
    let dashes = find(text.get(label..)?, DASHES).map(|at| at.saturating_add(DASHES.len()));
    Some(dashes.map_or(text.len(), |dashes| label.saturating_add(dashes)))
}

/// Everything but PEM blocks.
fn scan(text: &[u8], from: usize, spans: &mut Vec<Found>) {
    Scan { text, jwt_from: 0, spans }.run(from);
}

struct Scan<'a> {
    text: &'a [u8],
    /// Before it, no word begins a JWT.
    jwt_from: usize,
    spans: &'a mut Vec<Found>,
}

impl Scan<'_> {
    fn run(&mut self, from: usize) {
        let mut at = from;
        while let Some(byte) = self.text.get(at) {
            let found = match byte {
                b'-' => named::after_option(self.text, at),
                b'=' => named::after_separator(self.text, at),
                b':' => self.user_info(at).or_else(|| named::after_separator(self.text, at)),
                b'a' | b'b' | b'B' => self.header(at).or_else(|| self.bearer(at)),
                b'A' => self.header(at).or_else(|| self.key(at)),
                b'e' => self.jwt(at),
                b'g' | b's' | b'r' | b'x' | b'n' => self.key(at),
                _ => None,
            };
            at = match found {
                Some(span) => {
                    self.spans.push(span);
                    span.end
                }
                None => at.saturating_add(1),
            };
        }
    }

    fn rest(&self, at: usize) -> &[u8] {
        self.text.get(at..).unwrap_or_default()
    }

    /// Bytes from here on that are allowed.
    fn run_of(&self, at: usize, allowed: impl Fn(u8) -> bool) -> usize {
        self.rest(at).iter().take_while(|byte| allowed(**byte)).count()
    }

    /// The user information of a URL (RFC 3986 §3.2.1), up to the last `@` before the host.
    fn user_info(&self, at: usize) -> Option<Found> {
        if !self.rest(at).starts_with(b"://") {
            return None;
        }
        let start = at.saturating_add(3);
        let ends = |byte: u8| byte.is_ascii_whitespace() || b"/?#\\\"'<>`".contains(&byte);
        let authority = self.run_of(start, |byte| !ends(byte));
        let length = self.rest(start).get(..authority)?.iter().rposition(|byte| *byte == b'@')?;
        let end = start.saturating_add(length);
        (length > 0).then_some(Span { start, end, name: "userinfo" })
    }

    /// A JWT (RFC 7519), signed or encrypted: two to five parts, the first of which is an object of JSON.
    fn jwt(&mut self, at: usize) -> Option<Found> {
        if at < self.jwt_from || !self.rest(at).starts_with(b"eyJ") {
            return None;
        }
        let mut end = at.saturating_add(self.run_of(at, is_base64url));
        self.jwt_from = end;
        let part = |end: usize| match self.text.get(end) {
            Some(b'.') => self.run_of(end.saturating_add(1), is_base64url),
            _ => 0,
        };
        let is_jwt = end.saturating_sub(at) >= MIN_JWT_PART && part(end) >= MIN_JWT_PART;
        if !is_jwt {
            return None;
        }
        for _ in 0..4 {
            if self.text.get(end) != Some(&b'.') {
                break;
            }
            end = end.saturating_add(1).saturating_add(part(end));
        }
        Some(Span { start: at, end, name: "jwt" })
    }

    /// A key of a known service.
    fn key(&self, at: usize) -> Option<Found> {
        let rest = self.rest(at);
        let follows = at.checked_sub(1).and_then(|at| self.text.get(at));
        let follows = follows.is_some_and(u8::is_ascii_alphanumeric);
        let known = KEYS.iter().find(|key| rest.starts_with(key.begin))?;
        let length = self.run_of(at.saturating_add(known.begin.len()), known.allowed);
        let is_key = length >= known.least && (known.anywhere || !follows);
        let end = at.saturating_add(known.begin.len()).saturating_add(length);
        is_key.then_some(Span { start: at, end, name: "key" })
    }

    /// `Bearer` and a token, without a header around it.
    fn bearer(&self, at: usize) -> Option<Found> {
        if !starts(self.rest(at), BEARER) {
            return None;
        }
        let start = at.saturating_add(BEARER.len());
        let length = self.run_of(start, is_token68);
        let end = start.saturating_add(length);
        (length >= MIN_BEARER).then_some(Span { start, end, name: "authorization" })
    }

    /// The value of `Authorization` and `Proxy-Authorization` (RFC 9110 §11.6.2), in a header or as a field of JSON.
    fn header(&self, at: usize) -> Option<Found> {
        if !starts(self.rest(at), AUTHORIZATION) {
            return None;
        }
        let is_filler = |byte: u8| matches!(byte, b' ' | b'"' | b'\'' | b'\\');
        let after = at.saturating_add(AUTHORIZATION.len());
        let separator = after.saturating_add(self.run_of(after, is_filler));
        if !matches!(self.text.get(separator), Some(b':' | b'=')) {
            return None;
        }
        let from = separator.saturating_add(1);
        let fillers = self.run_of(from, is_filler);
        let start = from.saturating_add(fillers);
        let own =
            self.rest(from).iter().take(fillers).rfind(|byte| **byte != b' ' && **byte != b'\\');
        let quote = own.copied().or_else(|| self.quote_before(at));
        let scheme = SCHEMES.iter().find(|scheme| {
            starts(self.rest(start), scheme)
                && self.rest(start).get(scheme.len()).is_some_and(|byte| *byte == b' ')
        });
        let start = scheme.map_or(start, |scheme| {
            let after = start.saturating_add(scheme.len());
            after.saturating_add(self.run_of(after, |byte| byte == b' '))
        });
        let length = match (quote, scheme) {
            (Some(quote), _) => {
                let length = self.run_of(start, |byte| byte != quote);
                // `\"` in a text within a text.
                let value = self.rest(start).get(..length).unwrap_or_default();
                value.strip_suffix(b"\\").unwrap_or(value).len()
            }
            (None, Some(_)) => self.run_of(start, |byte| {
                !byte.is_ascii_whitespace() && !b",;\"'[]{}<>\\".contains(&byte)
            }),
            (None, None) => self.rest(start).len(),
        };
        let end = start.saturating_add(length);
        (length > 0).then_some(Span { start, end, name: "authorization" })
    }

    /// The quote before the header's name, as in `-H 'Authorization: …'`.
    fn quote_before(&self, at: usize) -> Option<u8> {
        let before = self.text.get(..at)?;
        let name =
            before.iter().rev().take_while(|byte| byte.is_ascii_alphabetic() || **byte == b'-');
        let at = before.len().checked_sub(name.take(MAX_PREFIX).count().saturating_add(1))?;
        before.get(at).copied().filter(|byte| matches!(byte, b'"' | b'\''))
    }
}

/// Characters before `Authorization` in the name of a header.
const MAX_PREFIX: usize = 32;

/// Whether a text begins like this, in either case.
fn starts(text: &[u8], lower: &[u8]) -> bool {
    text.get(..lower.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(lower))
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

const fn is_base64url(byte: u8) -> bool {
    is_word(byte) || byte == b'-'
}

const fn is_upper(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

/// RFC 9110 §11.2.
const fn is_token68(byte: u8) -> bool {
    is_base64url(byte) || matches!(byte, b'.' | b'~' | b'+' | b'/' | b'=')
}
