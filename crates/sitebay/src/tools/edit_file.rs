//! Edits a file below wp-content with search and replace blocks.
//!
//! Invariant: a path that leaves wp-content and blocks that are not whole are refused here.

use crate::{
    api::cut,
    blocks,
    call::{Call, CallOutcome, Requests as _, data, finished},
    content_path,
};
use mcp_protocol::{content::CallToolResult, object::quoted};
use mcp_server::arguments::Problems;

const BLOCKS: &str = "file_edit_using_search_replace_blocks";

/// The path of the file from wp-content on, and how many blocks there are.
pub(super) fn checked(call: &Call<'_>) -> Result<(String, usize), CallToolResult> {
    let path = call.arguments.text("file_path").unwrap_or_default();
    let refused =
        |name: &str, problem: &str| Problems::one(name, problem).into_result(call.operation.name);
    let path = inside_content(path).ok_or_else(|| {
        let expected = "expected a file below wp-content/ without .. in it";
        refused("file_path", &format!("{expected}; got the string {}", quoted(&cut(path, 80))))
    })?;
    let edit = call.arguments.text(BLOCKS).unwrap_or_default();
    let blocks = blocks::count(edit).map_err(|problem| refused(BLOCKS, &problem))?;
    Ok((path, blocks))
}

pub(super) async fn run(call: &Call<'_>) -> CallOutcome {
    let (path, blocks) = checked(call)?;
    let fqdn = call.arguments.text("fqdn").unwrap_or_default();
    let mut call = call.clone();
    call.arguments.set("file_path", path.clone());
    let answer = call.sent().await?;
    let text = format!("{path} on {fqdn} was edited ({blocks} search/replace).");
    let data = data(vec![
        ("fqdn", fqdn.into()),
        ("file_path", path.into()),
        ("blocks", blocks.into()),
        ("answer", answer.json),
    ]);
    Ok(finished(data, text, Vec::new()))
}

/// The path of a file from wp-content on.
fn inside_content(path: &str) -> Option<String> {
    let below = content_path::normalise(path, true)?;
    content_path::names_a_file(path, &below).then(|| format!("wp-content/{below}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing;
    use mcp_server::testing::{FakePlatform, json};

    const SEVEN: &str = "<<<<<<< SEARCH\nold\n=======\nnew\n>>>>>>> REPLACE";

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
    fn the_edit_is_sent_with_its_normal_path() {
        let fake = FakePlatform::new([json(200, json!("ok"))]);
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
        let fake = FakePlatform::new([]);
        for (path, edit) in [("wp-content/../a", SEVEN), ("wp-content/a", "x")] {
            let arguments = json!({"fqdn": "a.org", "file_path": path,
                "file_edit_using_search_replace_blocks": edit});
            assert!(testing::run(&fake, "sitebay_site_edit_file", arguments).is_error);
        }
        assert!(fake.requests().is_empty());
    }
}
