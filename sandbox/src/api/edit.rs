//! File edits by search and replace.
//!
//! The contract does not say how many brackets mark a block; six and seven are both taken. A
//! block with nothing to search for makes a new file.

use serde_json::Value;

use super::Outcome;
use crate::call::Call;
use crate::check::string;
use crate::data::{World, stock};
use crate::form::Form;
use crate::reply::Reply;

const PATH: &str = "file_path";
const BLOCKS: &str = "file_edit_using_search_replace_blocks";

/// Applies all blocks of an edit, or none.
pub(super) fn edit(world: &mut World, call: &Call, fqdn: &str) -> Outcome {
    let mut form = Form::body(call)?;
    let path = form.required(PATH, string);
    let text = form.required(BLOCKS, string);
    form.nothing_but(&[PATH, BLOCKS]);
    form.finish()?;

    let site = world.site_mut(fqdn)?;
    site.require_idle()?;
    if !path.starts_with("wp-content/") || path.split('/').any(|part| part == "..") {
        return Err(Reply::detail(400, "file_path must start with wp-content/"));
    }
    let Some(blocks) = blocks(&text) else {
        return Err(Reply::detail(400, "No valid search/replace blocks found"));
    };
    let before = site.edits.get(&path).map(String::as_str);
    let after = apply(&path, before.or_else(|| stock(&path)), &blocks)?;
    let answer = Value::from(format!("Edited {path}"));
    site.edits.insert(path, after);
    Ok(Reply::ok(&answer))
}

#[derive(Debug, PartialEq, Eq)]
struct Block {
    search: String,
    replace: String,
}

fn apply(path: &str, before: Option<&str>, blocks: &[Block]) -> Result<String, Reply> {
    let mut text = before.map(str::to_owned);
    for block in blocks {
        let changed = match (&text, block.search.is_empty()) {
            (None, true) => block.replace.clone(),
            (None, false) => return Err(Reply::detail(400, &format!("File not found: {path}"))),
            (Some(text), false) if text.contains(&block.search) => {
                text.replacen(&block.search, &block.replace, 1)
            }
            (Some(_), _) => {
                let detail = format!("Search text not found in {path}");
                return Err(Reply::detail(400, &detail));
            }
        };
        text = Some(changed);
    }
    Ok(text.unwrap_or_default())
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
    fn a_block_without_its_end_is_refused() {
        assert_eq!(blocks("<<<<<<< SEARCH\na\n=======\nb\n"), None);
        assert_eq!(blocks("nothing here"), None);
    }
}
