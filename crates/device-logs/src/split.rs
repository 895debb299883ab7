//! Lines out of the bytes of a process.
//!
//! Invariant: no more than [`MAX_RAW`] bytes of a line are held, however long it is; the others are counted.

/// Bytes of a line that are held: twice those that are kept, because terminal sequences are taken out, and secrets are looked
/// for before the line is cut.
pub const MAX_RAW: usize = 2 * crate::text::MAX_TEXT;

/// A line without its line break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawLine {
    /// Its text; what was no UTF-8 is U+FFFD.
    pub text: String,
    /// Bytes at its end that were not held.
    pub missing: u64,
}

impl From<&str> for RawLine {
    fn from(text: &str) -> Self {
        let mut splitter = Splitter::default();
        splitter.hold(text.as_bytes());
        splitter.take()
    }
}

/// Splits what a process writes into lines.
#[derive(Debug, Default)]
pub struct Splitter {
    held: Vec<u8>,
    missing: u64,
}

impl Splitter {
    /// Takes bytes, and gives each line that they end.
    pub fn push(&mut self, bytes: &[u8], mut line: impl FnMut(RawLine)) {
        let mut parts = bytes.split(|byte| *byte == b'\n');
        // What is behind the last line break goes on.
        let rest = parts.next_back().unwrap_or_default();
        for part in parts {
            self.hold(part);
            line(self.take());
        }
        self.hold(rest);
    }

    /// The last line, where the process ended without a line break.
    pub fn finish(&mut self) -> Option<RawLine> {
        (!self.held.is_empty()).then(|| self.take())
    }

    fn hold(&mut self, part: &[u8]) {
        let room = MAX_RAW.saturating_sub(self.held.len()).min(part.len());
        let (kept, over) = part.split_at_checked(room).unwrap_or((part, &[]));
        self.held.extend_from_slice(kept);
        self.missing = self.missing.saturating_add(u64::try_from(over.len()).unwrap_or(u64::MAX));
    }

    fn take(&mut self) -> RawLine {
        let mut held = std::mem::take(&mut self.held);
        let mut missing = std::mem::take(&mut self.missing);
        if missing == 0 && held.ends_with(b"\r") {
            held.pop();
        }
        if missing > 0 {
            // A character that is held in part is missing as a whole.
            let whole = held.utf8_chunks().last().map_or(0, |chunk| chunk.invalid().len());
            held.truncate(held.len().saturating_sub(whole));
            missing = missing.saturating_add(u64::try_from(whole).unwrap_or_default());
        }
        RawLine { text: String::from_utf8_lossy(&held).into_owned(), missing }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(parts: &[&[u8]]) -> Vec<RawLine> {
        let (mut splitter, mut lines) = (Splitter::default(), Vec::new());
        for part in parts {
            splitter.push(part, |line| lines.push(line));
        }
        lines.extend(splitter.finish());
        lines
    }

    #[test]
    fn lines_end_with_line_breaks_of_either_kind_and_the_last_may_have_none() {
        let read = lines(&[b"a\r\nb", b"c\n\n\xff", b"x"]);
        let texts: Vec<&str> = read.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["a", "bc", "", "\u{fffd}x"]);
        assert!(lines(&[b"a\n"]).len() == 1 && lines(&[b""]).is_empty());
    }

    #[test]
    fn a_line_without_an_end_is_counted_and_not_held() {
        let mut splitter = Splitter::default();
        for _ in 0..1_000 {
            splitter.push(&[b'x'; 10_000], |_| panic!("it has no end"));
        }
        assert_eq!(splitter.held.len(), MAX_RAW);
        let line = splitter.finish().unwrap();
        assert_eq!(line.missing, 10_000_000 - u64::try_from(MAX_RAW).unwrap());
        let crab = format!("{}🦀", "x".repeat(MAX_RAW - 2));
        let line = RawLine::from(crab.as_str());
        assert_eq!((line.text.len(), line.missing), (MAX_RAW - 2, 4));
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_how_the_bytes_come(
            bytes in proptest::collection::vec(proptest::sample::select(vec![b'a', b'\n', b'\r', 0xc3, 0xa9]), 0..60),
            at in 0_usize..60,
        ) {
            let (first, second) = bytes.split_at(at.min(bytes.len()));
            prop_assert_eq!(lines(&[first, second]), lines(&[&bytes]));
        }
    }
}
