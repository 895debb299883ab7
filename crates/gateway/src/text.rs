//! Texts of other servers and of operators, as messages repeat them.

pub(crate) use mcp_protocol::characters::{is_hidden, is_plain};

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
