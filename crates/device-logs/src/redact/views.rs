//! Other readings of a text: with its JSON escapes or its percent-encoding resolved.
//!
//! A value is looked for in each of them, so that it is found however much of it its writer chose to escape.

use std::borrow::Cow;

/// A reading of a text, and where each byte of it comes from.
#[derive(Debug)]
pub(super) struct View<'a> {
    pub(super) bytes: Cow<'a, [u8]>,
    /// For each byte, the place in the text at which it begins; one more for the end. None: the text is as it is.
    places: Option<Vec<u32>>,
}

impl<'a> View<'a> {
    /// The text as it is.
    pub(super) const fn of(text: &'a str) -> Self {
        Self { bytes: Cow::Borrowed(text.as_bytes()), places: None }
    }

    /// The place in the text of a place here.
    pub(super) fn place(&self, at: usize) -> usize {
        let Some(places) = &self.places else { return at };
        let place = places.get(at).or(places.last()).copied().unwrap_or_default();
        usize::try_from(place).unwrap_or(usize::MAX)
    }

    /// With the escapes of JSON strings resolved (RFC 8259 §7) and without line breaks. None: there are none.
    pub(super) fn unescaped(&self) -> Option<View<'static>> {
        self.resolved(b'\\', |rest| {
            let simple = |byte| Some((vec![byte], 2));
            match rest.get(1)? {
                b'n' | b'r' => Some((Vec::new(), 2)),
                b't' => simple(b'\t'),
                byte @ (b'"' | b'\\' | b'/' | b'\'') => simple(*byte),
                b'u' => {
                    let high = u32::from(unit(rest, 0)?);
                    let (code, length) = match unit(rest, 6).map(u32::from) {
                        Some(low @ 0xdc00..=0xdfff) if (0xd800..0xdc00).contains(&high) => {
                            let pair = (high & 0x3ff) << 10 | (low & 0x3ff);
                            (pair.saturating_add(0x1_0000), 12)
                        }
                        _ => (high, 6),
                    };
                    let c = char::from_u32(code)?;
                    let text = if matches!(c, '\n' | '\r') { String::new() } else { c.to_string() };
                    Some((text.into_bytes(), length))
                }
                _ => None,
            }
        })
    }

    /// With its percent-encoding resolved and without line breaks. None: there is none.
    pub(super) fn percent_decoded(&self) -> Option<View<'static>> {
        self.resolved(b'%', |rest| {
            let byte = u8::try_from(hex(rest.get(1..3)?)?).ok()?;
            let is_break = matches!(byte, b'\n' | b'\r');
            Some((if is_break { Vec::new() } else { vec![byte] }, 3))
        })
    }

    /// Replaces what begins with `mark`: `resolve` reads it from the rest, and says its bytes and how many it had.
    fn resolved(
        &self,
        mark: u8,
        resolve: impl Fn(&[u8]) -> Option<(Vec<u8>, usize)>,
    ) -> Option<View<'static>> {
        if !self.bytes.contains(&mark) {
            return None;
        }
        let (mut out, mut places) = (Vec::new(), Vec::new());
        let place = |at: usize| u32::try_from(self.place(at)).unwrap_or(u32::MAX);
        let (mut rest, mut at) = (&*self.bytes, 0_usize);
        while let Some((first, _)) = rest.split_first() {
            let found = if *first == mark { resolve(rest) } else { None };
            let (bytes, length) = found.unwrap_or_else(|| (vec![*first], 1));
            places.extend(bytes.iter().map(|_| place(at)));
            out.extend(bytes);
            at = at.saturating_add(length);
            rest = rest.get(length..).unwrap_or_default();
        }
        places.push(place(at));
        Some(View { bytes: Cow::Owned(out), places: Some(places) })
    }
}

/// The four digits of an escape `\u1234` at this place.
fn unit(rest: &[u8], at: usize) -> Option<u16> {
    let escape = rest.get(at..)?.strip_prefix(b"\\u")?;
    hex(escape.get(..4)?)
}

fn hex(digits: &[u8]) -> Option<u16> {
    let is_hex = digits.iter().all(u8::is_ascii_hexdigit);
    let text = std::str::from_utf8(digits).ok().filter(|_| is_hex)?;
    u16::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(view: &View<'_>) -> String {
        String::from_utf8(view.bytes.to_vec()).unwrap()
    }

    #[test]
    fn escapes_are_resolved_and_lead_back_to_their_places() {
        let view = View::of(r#"a\"b\\cŽ\uD83E\udd80\n\x\u12"#);
        let read = view.unescaped().unwrap();
        assert_eq!(text(&read), r#"a"b\cŽ🦀\x\u12"#);
        assert_eq!((read.place(1), read.place(2), read.place(3)), (1, 3, 4));
        let end = read.bytes.len();
        assert_eq!(read.place(end), view.bytes.len());
        assert!(View::of("plain").unescaped().is_none());
    }

    #[test]
    fn percent_encoding_is_resolved_in_either_case() {
        let read = View::of("a%2Fb%2fc%zz%0A%").percent_decoded().unwrap();
        assert_eq!(text(&read), "a/b/c%zz%");
        assert_eq!((read.place(2), read.place(4)), (4, 8));
        assert!(View::of("plain").percent_decoded().is_none());
    }
}
