//! Edits by search and replace.
//!
//! The contract does not say for all edits how many brackets mark a block; six and seven are both
//! taken. A block with nothing to search for makes a new file.

use crate::engine::reply::Reply;

/// A text after an edit. `None` stands for a file that is not there.
pub(super) fn edited(name: &str, before: Option<&str>, edit: &str) -> Result<String, Reply> {
    let Some(blocks) = blocks(edit) else {
        return Err(Reply::detail(400, "No valid search/replace blocks found"));
    };
    let mut text = before.map(str::to_owned);
    for block in &blocks {
        let changed = match (&text, block.search.is_empty()) {
            (None, true) => block.replace.clone(),
            (None, false) => return Err(Reply::detail(404, &format!("File not found: {name}"))),
            (Some(text), false) if text.contains(&block.search) => {
                text.replacen(&block.search, &block.replace, 1)
            }
            (Some(_), _) => {
                let detail = format!("Search text not found in {name}");
                return Err(Reply::detail(400, &detail));
            }
        };
        text = Some(changed);
    }
    Ok(text.unwrap_or_default())
}

/// The differences, as lines marked with `-` and `+`, without the common beginning and end.
pub(super) fn diff(name: &str, before: &str, after: &str) -> String {
    let old: Vec<&str> = before.lines().collect();
    let new: Vec<&str> = after.lines().collect();
    let alike = |pairs: &mut dyn Iterator<Item = (&&str, &&str)>| {
        pairs.take_while(|(old, new)| old == new).count()
    };
    let head = alike(&mut old.iter().zip(&new));
    let shorter = old.len().min(new.len()).saturating_sub(head);
    let tail = alike(&mut old.iter().rev().zip(new.iter().rev())).min(shorter);
    let middle = |lines: &[&str], mark: char| -> Vec<String> {
        let count = lines.len().saturating_sub(head).saturating_sub(tail);
        lines.iter().skip(head).take(count).map(|line| format!("{mark}{line}")).collect()
    };
    let place = format!("@@ line {} @@", head.saturating_add(1));
    let mut lines = vec![format!("--- a/{name}"), format!("+++ b/{name}"), place];
    lines.extend(middle(&old, '-'));
    lines.extend(middle(&new, '+'));
    lines.join("\n")
}

#[derive(Debug, PartialEq, Eq)]
struct Block {
    search: String,
    replace: String,
}

/// The blocks in a text; `None` when there are none or one is not complete. What stands between
/// blocks is ignored.
fn blocks(text: &str) -> Option<Vec<Block>> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if !is_mark(line, '<', "SEARCH") {
            continue;
        }
        let search = until(&mut lines, |line| is_mark(line, '=', ""))?;
        let replace = until(&mut lines, |line| is_mark(line, '>', "REPLACE"))?;
        found.push(Block { search, replace });
    }
    (!found.is_empty()).then_some(found)
}

fn until<'a>(lines: &mut impl Iterator<Item = &'a str>, end: fn(&str) -> bool) -> Option<String> {
    let mut taken = Vec::new();
    for line in lines {
        if end(line) {
            return Some(taken.join("\n"));
        }
        taken.push(line);
    }
    None
}

/// Whether a line is six or seven of a character, then a word.
fn is_mark(line: &str, bracket: char, word: &str) -> bool {
    let rest = line.trim_end().trim_start_matches(bracket);
    let count = line.trim_end().len().saturating_sub(rest.len());
    (count == 6 || count == 7) && rest.trim_start() == word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_with_six_and_seven_brackets_are_read_alike() {
        let six = "<<<<<< SEARCH\na\nb\n======\nc\n>>>>>> REPLACE\n";
        let seven = "<<<<<<< SEARCH\r\na\r\nb\r\n=======\r\nc\r\n>>>>>>> REPLACE";
        let mixed = "<<<<<< SEARCH\na\nb\n=======\nc\n>>>>>> REPLACE";
        assert!(blocks(six).is_some());
        assert_eq!(blocks(six), blocks(seven));
        assert_eq!(blocks(six), blocks(mixed));
    }

    #[test]
    fn a_difference_leaves_out_what_is_alike() {
        let text = diff("a.txt", "a\nb\nc\n", "a\nx\ny\nc\n");
        assert_eq!(text, "--- a/a.txt\n+++ b/a.txt\n@@ line 2 @@\n-b\n+x\n+y");
        let text = diff("a.txt", "", "a\n");
        assert_eq!(text, "--- a/a.txt\n+++ b/a.txt\n@@ line 1 @@\n+a");
    }

    #[test]
    fn a_block_without_its_end_is_refused() {
        assert_eq!(blocks("<<<<<<< SEARCH\na\n=======\nb\n"), None);
        assert_eq!(blocks("nothing here"), None);
    }
}
