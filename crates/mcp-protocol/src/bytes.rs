//! Reading and writing the small binary texts that ids and seals are made of.

/// Reads fields from the front of a slice; None once the slice is too short.
#[derive(Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next `n` bytes.
    pub fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(head)
    }

    /// The next byte.
    pub fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    /// The next `N` bytes as an array.
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    /// A text behind its length in one byte.
    pub fn text(&mut self) -> Option<String> {
        let len = usize::from(self.u8()?);
        String::from_utf8(self.take(len)?.to_vec()).ok()
    }

    /// Bytes behind their length in two bytes.
    pub fn block(&mut self) -> Option<&'a [u8]> {
        let len = usize::from(u16::from_be_bytes(self.array()?));
        self.take(len)
    }

    /// Everything that is left.
    pub fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// Whether everything was read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Writes a text of at most 255 bytes behind its length; a longer one is cut.
pub fn put_text(out: &mut Vec<u8>, text: &str) {
    let text = cut_text(text, usize::from(u8::MAX));
    out.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(text.as_bytes());
}

/// Writes bytes behind their length in two bytes; None where they are longer than that says.
pub fn put_block(out: &mut Vec<u8>, block: &[u8]) -> Option<()> {
    out.extend_from_slice(&u16::try_from(block.len()).ok()?.to_be_bytes());
    out.extend_from_slice(block);
    Some(())
}

/// The longest beginning of `text` of at most `max` bytes that ends at a character.
pub fn cut_text(text: &str, max: usize) -> &str {
    let mut end = max.min(text.len());
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::ANY_TEXT;

    #[test]
    fn a_text_is_cut_at_a_character() {
        assert_eq!(cut_text("aüb", 2), "a");
        assert_eq!(cut_text("aüb", 3), "aü");
        assert_eq!(cut_text("ab", 9), "ab");
    }

    #[test]
    fn a_short_slice_reads_as_none() {
        let mut reader = Reader::new(&[3, b'a']);
        assert_eq!(reader.text(), None);
        assert_eq!(Reader::new(&[1]).array::<2>(), None);
    }

    proptest! {
        #[test]
        fn a_cut_text_is_the_longest_beginning_that_fits(text in ANY_TEXT, max in 0..64_usize) {
            let cut = cut_text(&text, max);
            prop_assert!(text.starts_with(cut) && cut.len() <= max);
            let next = text[cut.len()..].chars().next();
            prop_assert!(next.is_none_or(|next| cut.len().saturating_add(next.len_utf8()) > max));
        }

        #[test]
        fn a_text_or_block_is_read_as_it_was_written(text in ANY_TEXT, block: Vec<u8>) {
            let mut out = Vec::new();
            put_text(&mut out, &text);
            put_block(&mut out, &block).unwrap();
            let mut reader = Reader::new(&out);
            prop_assert_eq!(reader.text(), Some(cut_text(&text, 255).to_owned()));
            prop_assert_eq!(reader.block(), Some(&*block));
            prop_assert!(reader.is_empty());
        }
    }
}
