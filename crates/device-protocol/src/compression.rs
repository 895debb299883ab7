//! Compression of payloads: raw deflate (RFC 1951) of whole messages, before they are cut into chunks.
//!
//! WebSocket's own compression is no help: workerd negotiates it, but the device's library does not offer it.
//!
//! Invariant: what [`deflate`] makes, [`inflate`] takes. A payload says how large it is without compression; that is within
//! the limit of its message and at most [`MAX_RATIO`] times what was sent, and it is exactly that large, so that a bomb is
//! refused before or while it is read.

use miniz_oxide::{deflate::compress_to_vec, inflate::decompress_to_vec_with_limit};
use thiserror::Error;

/// The name of the capability.
pub const DEFLATE: &str = "deflate";

/// Smaller payloads are sent as they are.
const LEAST: usize = 1 << 10;
/// The fastest level that looks for repetitions: texts of JSON have many.
const LEVEL: u8 = 1;
/// How many times smaller a compressed payload may be. Deflate itself reaches 1,032.
pub const MAX_RATIO: usize = 200;

/// Why a compressed payload is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InflateError {
    /// It would become larger than it may.
    #[error("the compressed message has {0} bytes, which is more than the limit")]
    TooLarge(u64),
    /// It would become more than [`MAX_RATIO`] times larger.
    #[error("the compressed message becomes more than {MAX_RATIO} times larger")]
    Ratio,
    /// It is not what it says.
    #[error("the compressed message is malformed, or not as large as it says")]
    Malformed,
}

/// The compressed payload. None: it is better sent as it is.
pub fn deflate(payload: &[u8]) -> Option<Vec<u8>> {
    let compressed = (payload.len() > LEAST).then(|| compress_to_vec(payload, LEVEL))?;
    let helps = compressed.len() < payload.len();
    (helps && is_within_ratio(compressed.len(), payload.len())).then_some(compressed)
}

/// The payload as it was before. `size`: the bytes that it says to have; `limit`: the bytes that it may have.
///
/// # Errors
/// Where it has more, or others.
pub fn inflate(compressed: &[u8], size: u64, limit: usize) -> Result<Vec<u8>, InflateError> {
    let fits = usize::try_from(size).ok().filter(|size| *size <= limit);
    let fits = fits.ok_or(InflateError::TooLarge(size))?;
    if !is_within_ratio(compressed.len(), fits) {
        return Err(InflateError::Ratio);
    }
    let inflated = decompress_to_vec_with_limit(compressed, fits);
    inflated.ok().filter(|bytes| bytes.len() == fits).ok_or(InflateError::Malformed)
}

fn is_within_ratio(compressed: usize, inflated: usize) -> bool {
    inflated <= compressed.saturating_mul(MAX_RATIO)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(repeats: usize) -> Vec<u8> {
        (0..repeats)
            .flat_map(|at| format!("{{\"id\":{at},\"result\":{{}}}}").into_bytes())
            .collect()
    }

    #[test]
    fn a_text_becomes_smaller() {
        let text = text(1_000);
        let compressed = deflate(&text).unwrap();
        assert!(compressed.len() * 3 < text.len(), "{} of {}", compressed.len(), text.len());
        assert_eq!(inflate(&compressed, text.len() as u64, text.len()), Ok(text));
    }

    #[test]
    fn what_is_small_or_does_not_become_smaller_is_sent_as_it_is() {
        assert_eq!(deflate(&[b'a'; LEAST]), None);
        let noise: Vec<u8> =
            (0..100_000_u32).map(|at| at.wrapping_mul(0x9e37_79b1).to_be_bytes()[1]).collect();
        assert!(deflate(&noise).is_none_or(|compressed| compressed.len() < noise.len()));
        assert_eq!(deflate(&vec![0; 1 << 20]), None, "it would pass for a bomb");
    }

    #[test]
    fn a_bomb_is_refused() {
        let zeros = compress_to_vec(&vec![0; 16 << 20], 9);
        let size = 16 << 20;
        assert_eq!(inflate(&zeros, size, 16 << 20), Err(InflateError::Ratio));
        assert_eq!(inflate(&zeros, size, 1 << 20), Err(InflateError::TooLarge(size)));
        assert_eq!(inflate(&zeros, u64::MAX, 16 << 20), Err(InflateError::TooLarge(u64::MAX)));
        let lie = inflate(&zeros, zeros.len() as u64, 16 << 20);
        assert_eq!(lie, Err(InflateError::Malformed), "it is larger than it says");
    }

    #[test]
    fn a_payload_is_exactly_as_large_as_it_says() {
        let text = text(100);
        let compressed = deflate(&text).unwrap();
        for wrong in [text.len() - 1, text.len() + 1, 0] {
            assert_eq!(inflate(&compressed, wrong as u64, 1 << 20), Err(InflateError::Malformed));
        }
        assert!(inflate(&compressed[1..], text.len() as u64, 1 << 20).is_err());
        assert!(inflate(&[], 1, 1).is_err());
    }

    proptest! {
        #[test]
        fn what_is_compressed_is_taken(part in "[a-f]{1,40}", times in 1..2_000_usize) {
            let payload = part.repeat(times).into_bytes();
            if let Some(compressed) = deflate(&payload) {
                prop_assert_eq!(inflate(&compressed, payload.len() as u64, payload.len()), Ok(payload));
            }
        }

        #[test]
        fn no_bytes_become_larger_than_they_say(bytes: Vec<u8>, size in 0..4_096_u64) {
            if let Ok(inflated) = inflate(&bytes, size, 2_048) {
                prop_assert_eq!((inflated.len() as u64, inflated.len() <= 2_048), (size, true));
            }
        }
    }
}
