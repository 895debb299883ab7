//! Characters of texts that other people wrote, which people and models read.

/// Whether a character neither controls a terminal nor the direction of the text, and can be seen.
pub fn is_plain(c: char) -> bool {
    !c.is_control() && !is_hidden(c) && !matches!(c, '\u{2028}' | '\u{2029}')
}

/// Whether a character changes the direction of the text around it, or carries text that models read and people do not
/// see: embeddings, overrides and isolates (UAX #9), tags and supplementary variation selectors (Unicode §23.4, §23.9), and
/// characters without width.
///
/// Those are not hidden that scripts and emoji need: joiners, the marks of direction, and the other variation selectors.
pub fn is_hidden(c: char) -> bool {
    matches!(
        c,
        '\u{200b}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2064}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}'
            | '\u{e0100}'..='\u{e01ef}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_hidden_and_what_scripts_and_emoji_need_is_not() {
        for c in
            "\u{200b}\u{2060}\u{2061}\u{2064}\u{feff}\u{e0100}\u{e01ef}\u{202e}\u{2066}\u{e0041}"
                .chars()
        {
            assert!(is_hidden(c) && !is_plain(c), "{c:?}");
        }
        for c in "a \u{200c}\u{200d}\u{200e}\u{200f}\u{fe0f}\u{5d0}\u{1f600}".chars() {
            assert!(!is_hidden(c), "{c:?}");
        }
    }
}
