//! The text of a line: safe to show, and short.
//!
//! Invariant: what [`clean`] returns has no control character but the tab and none that changes the direction of text, so
//! that a terminal or a page that shows it does what its own program says.

use std::fmt::Write as _;

/// Bytes of a line's text that are kept.
pub const MAX_TEXT: usize = 8 * 1024;

/// The text without terminal sequences, its control characters escaped as `\x07` or `\u{202e}`.
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // Where the last thing that ends an operating-system command is: behind it none is looked for.
    let last_end = text.rfind(['\u{7}', '\u{9c}']).max(text.rfind("\u{1b}\\"));
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let at = text.len().saturating_sub(rest.len());
        if let Some(after) = sequence(rest, last_end.is_some_and(|end| end >= at)) {
            rest = after;
            continue;
        }
        push(&mut out, c);
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    out
}

/// The text after the terminal sequence (ECMA-48) that this one begins with.
fn sequence(text: &str, has_end: bool) -> Option<&str> {
    let (kind, body) = match text.as_bytes() {
        [0x1b, b'[', ..] => (b'[', text.get(2..)?),
        [0x1b, b']' | b'P' | b'X' | b'^' | b'_', ..] => (b']', text.get(2..)?),
        [0x1b, ..] => (b' ', text.get(1..)?),
        // The same in one character: U+009B, and U+009D, U+0090, U+0098, U+009E, U+009F.
        [0xc2, 0x9b, ..] => (b'[', text.get(2..)?),
        [0xc2, 0x9d | 0x90 | 0x98 | 0x9e | 0x9f, ..] => (b']', text.get(2..)?),
        _ => return None,
    };
    match kind {
        b'[' => {
            let body = body.trim_start_matches(|c| matches!(c, '0'..='?'));
            let body = body.trim_start_matches(|c| matches!(c, ' '..='/'));
            body.strip_prefix(|c| matches!(c, '@'..='~'))
        }
        b']' if has_end => {
            let end = body.find(['\u{7}', '\u{9c}', '\u{1b}'])?;
            let after = body.get(end..)?;
            // An escape that begins another sequence ends this one too, and is read next.
            let ends = ["\u{7}", "\u{9c}", "\u{1b}\\"];
            Some(ends.iter().find_map(|end| after.strip_prefix(end)).unwrap_or(after))
        }
        b']' => None,
        _ => {
            let body = body.trim_start_matches(|c| matches!(c, ' '..='/'));
            body.strip_prefix(|c| matches!(c, '0'..='~'))
        }
    }
}

fn push(out: &mut String, c: char) {
    // A text takes every character.
    let _ = match c {
        '\t' => out.write_char(c),
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => write!(out, "\\x{:02x}", u32::from(c)),
        c if is_unsafe(c) => write!(out, "\\u{{{:x}}}", u32::from(c)),
        c => out.write_char(c),
    };
}

/// Characters that change the direction of text (Unicode's `Bidi_Control`) or break a line.
const fn is_unsafe(c: char) -> bool {
    matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

/// Cuts a text of at most [`MAX_TEXT`] bytes out of its beginning, and says how many bytes are missing: those cut here, and
/// `missing` from before.
pub fn cap(text: &mut String, missing: u64) {
    let mut end = MAX_TEXT.min(text.len());
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    let cut = u64::try_from(text.len().saturating_sub(end)).unwrap_or(u64::MAX);
    text.truncate(end);
    let missing = missing.saturating_add(cut);
    if missing > 0 {
        let _ = write!(text, "…(+{missing} bytes)");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn colours_and_titles_are_taken_out_and_other_controls_are_shown() {
        for (text, shown) in [
            ("\u{1b}[1;31mred\u{1b}[0m", "red"),
            ("\u{9b}31mred", "red"),
            ("a\u{1b}]0;title\u{7}b", "ab"),
            ("\u{1b}]8;;https://a.example\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            ("\u{1b}(Bplain\u{1b}=", "plain"),
            ("a\tb", "a\tb"),
            ("bell\u{7}", "bell\\x07"),
            ("\u{85}\u{7f}", "\\x85\\x7f"),
            ("abc\u{202e}fed\u{2066}", "abc\\u{202e}fed\\u{2066}"),
            ("a\rb\nc", "a\\x0db\\x0ac"),
            ("žluťoučký 🦀", "žluťoučký 🦀"),
            // One that does not end takes no text with it.
            ("\u{1b}]never ends", "\\x1b]never ends"),
            ("\u{1b}[31", "\\x1b[31"),
            ("\u{1b}", "\\x1b"),
        ] {
            assert_eq!(clean(text), shown, "{text:?}");
        }
    }

    #[test]
    fn a_cut_is_between_characters_and_counts_what_is_missing() {
        let mut short = "short".to_owned();
        cap(&mut short, 0);
        assert_eq!(short, "short");
        let mut exact = "x".repeat(MAX_TEXT);
        cap(&mut exact, 0);
        assert_eq!(exact.len(), MAX_TEXT);
        let mut crab = format!("{}🦀end", "x".repeat(MAX_TEXT - 1));
        cap(&mut crab, 10);
        assert_eq!(crab, format!("{}…(+17 bytes)", "x".repeat(MAX_TEXT - 1)));
    }

    #[test]
    fn many_sequences_that_do_not_end_are_read_in_linear_time() {
        let text = "\u{1b}]\u{1b}[0;".repeat(200_000);
        assert!(clean(&text).starts_with("\\x1b]\\x1b[0;"));
    }

    proptest! {
        #[test]
        fn what_is_shown_has_no_control_and_stays_as_it_is(text in "\\PC*|[\\x00-\\x1f\\u{80}-\\u{9f}a;\\[\\]m\u{202e}]*") {
            let shown = clean(&text);
            prop_assert!(!shown.chars().any(|c| (c.is_control() && c != '\t') || is_unsafe(c)));
            prop_assert_eq!(clean(&shown), shown.clone());
        }

        #[test]
        fn a_capped_text_is_a_beginning_and_a_count(text in "\\PC{0,4000}", missing in 0_u64..9) {
            let mut capped = text.repeat(2);
            let whole = capped.clone();
            cap(&mut capped, missing);
            let kept = capped.rsplit_once("…(+").map_or(capped.as_str(), |(kept, _)| kept);
            if capped != whole {
                prop_assert!(whole.starts_with(kept) && kept.len() <= MAX_TEXT);
                let count = whole.len() - kept.len() + usize::try_from(missing).unwrap();
                let end = format!("…(+{count} bytes)");
                prop_assert!(capped.ends_with(&end));
            }
        }
    }
}
