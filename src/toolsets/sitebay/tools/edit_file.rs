//! Edits a file below wp-content with search and replace blocks.
//!
//! Invariant: a path that leaves wp-content and blocks that are not whole are refused here.

use serde_json::json;

use crate::{
    protocol::content::ToolResult,
    toolsets::sitebay::call::{Call, Outcome, finished},
};

const BLOCKS: &str = "file_edit_using_search_replace_blocks";
const CONTENT: &str = "wp-content";
const CONTAINER: &str = "/bitnami/wordpress/wp-content";

pub(super) async fn run(call: &Call<'_>) -> Outcome {
    let path = call.arguments.text("file_path").unwrap_or_default();
    let fqdn = call.arguments.text("fqdn").unwrap_or_default();
    let path = inside_content(path).ok_or_else(|| refused(&format!(
        "- file_path: expected a file below wp-content/ without .. in it; got the string {path:?}"
    )))?;
    let edit = call.arguments.text(BLOCKS).unwrap_or_default();
    let blocks =
        count_blocks(edit).map_err(|problem| refused(&format!("- {BLOCKS}: {problem}")))?;
    let mut call = call.clone();
    call.arguments.set("file_path", path.clone());
    let answer = call.sent().await?;
    let data = json!({"fqdn": fqdn, "file_path": path, "blocks": blocks, "answer": answer.json});
    let text = format!("{path} on {fqdn} was edited ({blocks} search/replace).");
    Ok(finished(data.as_object().cloned().unwrap_or_default(), text, Vec::new()))
}

fn refused(problem: &str) -> ToolResult {
    ToolResult::error(format!(
        "The arguments are not valid; nothing was sent to SiteBay.\n{problem}"
    ))
}

/// The path from wp-content on, without empty and `.` parts.
fn inside_content(path: &str) -> Option<String> {
    let odd = |c: char| c.is_control() || c == '\\';
    let below = match path.trim().strip_prefix(CONTAINER) {
        Some(rest) if rest.starts_with('/') => rest,
        Some(_) => return None,
        None => path.trim().strip_prefix(CONTENT).filter(|rest| rest.starts_with('/'))?,
    };
    let parts: Vec<&str> = below.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let refused = parts.is_empty() || below.ends_with('/') || below.contains(odd);
    (!refused && !parts.contains(&"..")).then(|| format!("{CONTENT}/{}", parts.join("/")))
}

/// Where in a block a line is.
#[derive(Clone, Copy)]
enum At {
    Outside,
    Search,
    Replace,
}

/// How many whole blocks there are, or what is wrong with them.
fn count_blocks(edit: &str) -> Result<usize, String> {
    let (mut at, mut blocks) = (At::Outside, 0_usize);
    for (line, number) in edit.lines().zip(1_usize..) {
        at = match (marker(line), at) {
            (Some("SEARCH"), At::Outside) => At::Search,
            (Some("="), At::Search) => At::Replace,
            (Some("REPLACE"), At::Replace) => {
                blocks = blocks.saturating_add(1);
                At::Outside
            }
            // A line of equals signs may be part of the new text or stand between blocks.
            (Some("="), _) | (None, _) => at,
            (Some(found), _) => {
                return Err(format!(
                    "line {number}: a {found} marker out of order; each block is SEARCH, =======, \
                 REPLACE"
                ));
            }
        };
    }
    match at {
        At::Search => Err("the last block has no ======= line".into()),
        At::Replace => Err("the last block has no >>>>>>> REPLACE line".into()),
        At::Outside if blocks == 0 => {
            Err("expected at least one block: <<<<<<< SEARCH, the present text, =======, the new \
             text, >>>>>>> REPLACE, each marker on its own line"
                .into())
        }
        At::Outside => Ok(blocks),
    }
}

/// The marker on a line: six or seven brackets and a word, or the line between.
fn marker(line: &str) -> Option<&'static str> {
    match line.trim_end() {
        "<<<<<< SEARCH" | "<<<<<<< SEARCH" => Some("SEARCH"),
        "======" | "=======" => Some("="),
        ">>>>>> REPLACE" | ">>>>>>> REPLACE" => Some("REPLACE"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        sitebay::fake::{Fake, json},
        toolsets::sitebay::testing,
    };

    const SEVEN: &str = "<<<<<<< SEARCH\nold\n=======\nnew\n>>>>>>> REPLACE";
    const SIX: &str = "<<<<<< SEARCH\nold\n======\nnew\n>>>>>> REPLACE\n";

    #[test]
    fn a_path_stays_inside_wp_content() {
        for (given, path) in [
            ("wp-content/themes/a/style.css", "wp-content/themes/a/style.css"),
            ("/bitnami/wordpress/wp-content/a.php", "wp-content/a.php"),
            ("wp-content/./a//b.php", "wp-content/a/b.php"),
        ] {
            assert_eq!(inside_content(given).as_deref(), Some(path), "{given}");
        }
        for wrong in [
            "wp-config.php",
            "wp-content",
            "wp-content/",
            "wp-content/../wp-config.php",
            "wp-contents/a",
            "/etc/passwd",
            "/bitnami/wordpress/wp-contentx/a",
            "wp-content\\..\\a",
            "/wp-content/a",
            "wp-content/a/..",
        ] {
            assert_eq!(inside_content(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn blocks_are_whole_and_in_order() {
        assert_eq!(count_blocks(SEVEN), Ok(1));
        assert_eq!(count_blocks(&format!("{SIX}\n{SEVEN}")), Ok(2));
        assert_eq!(count_blocks(&SEVEN.replace('\n', "\r\n")), Ok(1));
        for wrong in [
            "",
            "SEARCH ======= REPLACE",
            "<<<<<<< SEARCH\nold\n>>>>>>> REPLACE",
            "<<<<<<< SEARCH\nold\n=======\nnew",
            "<<<<<<< SEARCH\n<<<<<<< SEARCH\n=======\n>>>>>>> REPLACE",
            ">>>>>>> REPLACE\n=======\n<<<<<<< SEARCH",
        ] {
            assert!(count_blocks(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_edit_is_sent_with_its_normal_path() {
        let fake = Fake::new([json(200, json!("ok"))]);
        let arguments = json!({"fqdn": "a.org", "file_path": "/bitnami/wordpress/wp-content/a.php",
            "file_edit_using_search_replace_blocks": SEVEN});
        let result = testing::run(&fake, "sitebay_site_edit_file", arguments);
        assert_eq!(fake.lines(), ["Post /site/a.org/wpfile_diff_edit"]);
        assert_eq!(
            fake.body(0),
            json!({"file_path": "wp-content/a.php",
                "file_edit_using_search_replace_blocks": SEVEN})
        );
        assert_eq!(result.data["blocks"], 1);
    }

    #[test]
    fn a_bad_edit_is_refused_before_anything_is_sent() {
        let fake = Fake::new([]);
        for (path, edit) in [("wp-content/../a", SEVEN), ("wp-content/a", "x")] {
            let arguments = json!({"fqdn": "a.org", "file_path": path,
                "file_edit_using_search_replace_blocks": edit});
            assert!(testing::run(&fake, "sitebay_site_edit_file", arguments).is_error);
        }
        assert!(fake.requests().is_empty());
    }
}
