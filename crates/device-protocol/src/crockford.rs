//! 128 bits as 26 characters of Crockford's Base32, as ULIDs are written: <https://www.crockford.com/base32.html>,
//! <https://github.com/ulid/spec>.

const SYMBOLS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CHARS: u32 = 26;

/// The text.
pub(crate) fn encode(bits: u128) -> String {
    let places = (0..CHARS).rev();
    let symbol = |place: u32| {
        let index = bits.checked_shr(place.saturating_mul(5)).unwrap_or_default() & 31;
        let symbol = usize::try_from(index).ok().and_then(|index| SYMBOLS.get(index));
        char::from(symbol.copied().unwrap_or(b'0'))
    };
    places.map(symbol).collect()
}

/// Reads a text as people type it: in any case, with hyphens and spaces, and with `O`, `I` and `L` for the digits that they
/// look like.
pub(crate) fn decode(text: &str) -> Option<u128> {
    let (mut bits, mut count) = (0_u128, 0_u32);
    for c in text.chars().filter(|c| !matches!(c, '-' | ' ')) {
        let symbol = match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        let value = SYMBOLS.iter().position(|known| char::from(*known) == symbol)?;
        // 26 characters have two bits more than fit.
        let fits = count < CHARS && bits.leading_zeros() >= 5;
        bits = bits.checked_shl(5).filter(|_| fits)? | u128::try_from(value).ok()?;
        count = count.saturating_add(1);
    }
    (count == CHARS).then_some(bits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_is_read_as_people_type_it() {
        let text = encode(0x0123_4567_89ab_cdef_0011_2233_4455_6677);
        let typed = text.to_lowercase().replace('0', "o").replace('1', "l");
        let spaced: String = typed.chars().flat_map(|c| [c, '-']).collect();
        for text in [typed, spaced, format!(" {text} ")] {
            assert_eq!(decode(&text), Some(0x0123_4567_89ab_cdef_0011_2233_4455_6677), "{text}");
        }
        assert_eq!(encode(u128::MAX), "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
    }

    #[test]
    fn what_is_not_128_bits_is_none() {
        for text in [
            "",
            "0",
            &"0".repeat(25),
            &"0".repeat(27),
            "8ZZZZZZZZZZZZZZZZZZZZZZZZZ",
            &"U".repeat(26),
            &"é".repeat(26),
        ] {
            assert_eq!(decode(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_bits_are_read_as_they_were_written(bits: u128) {
            prop_assert_eq!(decode(&encode(bits)), Some(bits));
        }

        #[test]
        fn any_text_is_read_without_panic(text in ".{0,40}") {
            if let Some(bits) = decode(&text) {
                prop_assert_eq!(decode(&encode(bits)), Some(bits));
            }
        }
    }
}
