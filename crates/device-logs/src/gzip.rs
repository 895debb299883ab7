//! Batches are compressed once, on the device, and never again.
//!
//! A gzip file may have several members (RFC 1952 §2.2): stored batches are joined by joining their bytes. What reads them reads
//! all members, which not every program does: `DecompressionStream` of browsers refuses a second one, so that downloads
//! are inflated by the Worker.

use std::io::{self, Write};

use flate2::{
    Compression,
    write::{GzEncoder, MultiGzDecoder},
};
use thiserror::Error;

/// Bytes that a batch may inflate to: its limit is 256 KiB, and redaction may lengthen it.
pub const MAX_BATCH: usize = 2 * 1024 * 1024;
/// Bytes of a line; a longer one is skipped.
const MAX_LINE: usize = 64 * 1024;

/// Why something cannot be inflated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InflateError {
    /// It is no gzip, or damaged, or not complete.
    #[error("the log is no gzip file, or a damaged one")]
    Damaged,
    /// It inflates to more than it may.
    #[error("the log inflates to more than {0} bytes")]
    TooLarge(usize),
}

/// A text as a gzip file; the same text is always the same file.
pub fn compress(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // A vector takes everything.
    let written = encoder.write_all(text).and_then(|()| encoder.finish());
    written.unwrap_or_default()
}

/// The text of a gzip file of at most so many bytes.
///
/// # Errors
/// If it is damaged or too large.
pub fn inflate(file: &[u8], most: usize) -> Result<Vec<u8>, InflateError> {
    let mut decoder = MultiGzDecoder::new(Bounded { text: Vec::new(), most, is_over: false });
    let read = decoder.write_all(file).and_then(|()| decoder.try_finish());
    if decoder.get_ref().is_over {
        return Err(InflateError::TooLarge(most));
    }
    read.map_err(|_| InflateError::Damaged)?;
    if file.is_empty() {
        Err(InflateError::Damaged)
    } else {
        Ok(std::mem::take(&mut decoder.get_mut().text))
    }
}

struct Bounded {
    text: Vec<u8>,
    most: usize,
    is_over: bool,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.text.len().saturating_add(bytes.len()) > self.most {
            self.is_over = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What takes the lines of a file.
pub trait Lines {
    /// Takes a line without its line break. Returns whether it wants more.
    fn line(&mut self, line: &[u8]) -> bool;
}

impl<F: FnMut(&[u8]) -> bool> Lines for F {
    fn line(&mut self, line: &[u8]) -> bool {
        self(line)
    }
}

/// Reads the lines of a file that comes in pieces, as a body does.
pub struct Reader<L: Lines> {
    decoder: MultiGzDecoder<Splitting<L>>,
}

impl<L: Lines> std::fmt::Debug for Reader<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

impl<L: Lines> Reader<L> {
    /// One whose lines go there.
    pub fn new(lines: L) -> Self {
        let lines = Some(lines);
        let splitting = Splitting { lines, held: Vec::new(), is_long: false, is_done: false };
        Self { decoder: MultiGzDecoder::new(splitting) }
    }

    /// Takes a piece. Returns whether more is wanted; that none is may be seen only with a later piece, or at the end.
    ///
    /// # Errors
    /// If the file is damaged. The lines before that were given.
    pub fn push(&mut self, piece: &[u8]) -> Result<bool, InflateError> {
        let written = self.decoder.write_all(piece);
        self.outcome(written)
    }

    /// Ends the file. Returns what took the lines; also where it wanted no more.
    ///
    /// # Errors
    /// If the file is not complete.
    pub fn finish(mut self) -> Result<L, InflateError> {
        if !self.decoder.get_ref().is_done {
            let finished = self.decoder.try_finish();
            self.outcome(finished)?;
        }
        self.decoder.get_mut().lines.take().ok_or(InflateError::Damaged)
    }

    fn outcome(&self, result: io::Result<()>) -> Result<bool, InflateError> {
        if self.decoder.get_ref().is_done {
            return Ok(false);
        }
        result.map(|()| true).map_err(|_| InflateError::Damaged)
    }
}

struct Splitting<L> {
    lines: Option<L>,
    held: Vec<u8>,
    is_long: bool,
    is_done: bool,
}

impl<L: Lines> Write for Splitting<L> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_done {
            return Ok(bytes.len());
        }
        let mut parts = bytes.split(|byte| *byte == b'\n');
        let rest = parts.next_back().unwrap_or_default();
        for part in parts {
            self.hold(part);
            let line = std::mem::take(&mut self.held);
            let goes_on = |lines: &mut L| lines.line(&line);
            if !std::mem::take(&mut self.is_long) && !self.lines.as_mut().is_some_and(goes_on) {
                self.is_done = true;
                return Err(io::ErrorKind::Other.into());
            }
        }
        self.hold(rest);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<L> Splitting<L> {
    fn hold(&mut self, part: &[u8]) {
        if self.held.len().saturating_add(part.len()) > MAX_LINE {
            (self.is_long, self.held) = (true, Vec::new());
        }
        if !self.is_long {
            self.held.extend_from_slice(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_bomb_is_stopped_at_its_limit() {
        let bomb = compress(&vec![b'x'; 8_000_000]);
        assert!(bomb.len() < 10_000);
        assert_eq!(inflate(&bomb, MAX_BATCH), Err(InflateError::TooLarge(MAX_BATCH)));
        assert_eq!(inflate(&compress(&[b'x'; 100]), 100).unwrap().len(), 100);
        assert_eq!(inflate(&compress(&[b'x'; 101]), 100), Err(InflateError::TooLarge(100)));
        // Nor is a line without an end held.
        let mut reader = Reader::new(|_: &[u8]| -> bool { panic!("it has no end") });
        assert_eq!(reader.push(&bomb), Ok(true));
        assert!(reader.decoder.get_ref().held.len() <= MAX_LINE);
    }

    #[test]
    fn what_is_damaged_or_not_complete_is_an_error_and_no_panic() {
        let file = compress(b"one\ntwo\n");
        for wrong in
            [&b""[..], b"x", b"\x1f\x8b", &file[..file.len() - 1], &[&file[..], b"junk"].concat()]
        {
            assert_eq!(inflate(wrong, 100), Err(InflateError::Damaged), "{wrong:?}");
        }
        let mut broken = file;
        broken[12] ^= 0x55;
        assert!(inflate(&broken, 100).is_err());
    }

    #[test]
    fn a_reader_stops_where_no_more_is_wanted() {
        let lines: String = (0..20_000).map(|line| format!("{line}\n")).collect();
        let file = compress(lines.as_bytes());
        let mut read = 0;
        let mut reader = Reader::new(|_: &[u8]| {
            read += 1;
            read < 10
        });
        assert_eq!((reader.push(&file), reader.push(&file)), (Ok(false), Ok(false)));
        assert!(reader.finish().is_ok());
        assert_eq!(read, 10);
    }

    proptest! {
        #[test]
        fn files_that_are_joined_are_read_in_any_pieces(
            texts in proptest::collection::vec("[a-z]{0,9}\n", 1..5), size in 1_usize..40,
        ) {
            let file: Vec<u8> = texts.iter().flat_map(|text| compress(text.as_bytes())).collect();
            prop_assert_eq!(inflate(&file, 1_000).unwrap(), texts.concat().into_bytes());
            let mut read = Vec::new();
            let mut reader = Reader::new(|line: &[u8]| {
                read.push(format!("{}\n", String::from_utf8_lossy(line)));
                true
            });
            for piece in file.chunks(size) {
                prop_assert_eq!(reader.push(piece), Ok(true));
            }
            prop_assert!(reader.finish().is_ok());
            prop_assert_eq!(read, texts);
        }

        #[test]
        fn junk_is_read_without_a_panic(junk in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = inflate(&junk, 1_000);
            let _ = inflate(&[&compress(b"a")[..], &junk].concat(), 1_000);
        }
    }
}
