//! Texts of other servers and of operators, as messages repeat them.

/// Whether a character neither controls a terminal nor the direction of the text, and can be seen.
pub(crate) fn is_plain(c: char) -> bool {
    !c.is_control() && !is_hidden(c) && !matches!(c, '\u{2028}' | '\u{2029}')
}

/// Whether a character changes the direction of the text around it, or carries text that models read and people do not
/// see: embeddings, overrides and isolates (UAX #9), and tags (Unicode §23.9).
pub(crate) fn is_hidden(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{e0000}'..='\u{e007f}')
}

/// The first characters of a text, with a mark where it was longer.
pub(crate) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}\u{2026}", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The first characters of a text, with spaces in place of those that are not plain.
pub(crate) fn quote(text: &str, most: usize) -> String {
    let plain: String = text
        .chars()
        .take(most.saturating_add(1))
        .map(|c| if is_plain(c) { c } else { ' ' })
        .collect();
    cut(&plain, most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quotation_is_short_and_plain() {
        assert_eq!(quote("a\r\nb\u{202e}c\u{e0041}\u{7f}", 20), "a  b c  ");
        assert_eq!(quote("\u{fc}\u{fc}\u{fc}", 2), "\u{fc}\u{fc}\u{2026}");
        assert_eq!(cut("ab", 2), "ab");
    }
}
