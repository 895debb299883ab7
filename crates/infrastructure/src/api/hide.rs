//! Takes secrets and ids out of texts that Cloudflare wrote.

/// Characters of a text that are kept.
const LONGEST: usize = 500;
/// Digits in a row that are taken for an id: those of accounts, zones and namespaces have 32.
const ID_DIGITS: usize = 32;

/// Characters that are looked at: an id that begins in the last one that is kept is seen whole.
const LOOKED_AT: usize = LONGEST + 2 * ID_DIGITS;

/// The text without these secrets and without anything that looks like an id, cut to a length.
pub(crate) fn hide(text: &str, secrets: &[&str]) -> String {
    let mut clean = text.to_owned();
    for secret in secrets {
        clean = clean.replace(secret, "[secret]");
    }
    let mut shown = String::new();
    let mut word = String::new();
    for c in clean.chars().take(LOOKED_AT) {
        if c.is_ascii_alphanumeric() || c == '-' {
            word.push(c);
        } else {
            shown.push_str(without_id(&word));
            word.clear();
            shown.push(if c.is_control() { ' ' } else { c });
        }
    }
    shown.push_str(without_id(&word));
    shown.chars().take(LONGEST).collect()
}

/// A word, or what stands for it where it is an id, also one in five groups.
fn without_id(word: &str) -> &str {
    let digits = word.bytes().filter(u8::is_ascii_hexdigit).count();
    let others = word.bytes().filter(|byte| !byte.is_ascii_hexdigit() && *byte != b'-').count();
    if digits >= ID_DIGITS && others == 0 { "[id]" } else { word }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_ids_are_taken_out_and_words_stay() {
        let account = "0123456789abcdef0123456789abcdef";
        let text = format!(
            "namespace {account} of '6B29FC40-ca47-1067-b31d-00dd010662da' for to-ken\nin shop-staging (deadbeef)"
        );
        assert_eq!(
            hide(&text, &["to-ken"]),
            "namespace [id] of '[id]' for [secret] in shop-staging (deadbeef)"
        );
        assert!(hide(&"x".repeat(1_000_000), &[]).len() <= 500);
        for at in 440..505 {
            let cut = hide(&format!("{} {account} {account}", "-".repeat(at)), &[]);
            assert!(!cut.contains(&account[..8]) && cut.len() <= 500, "{cut}");
        }
    }
}
