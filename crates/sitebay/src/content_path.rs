//! Paths of files below wp-content.
//!
//! Invariant: what passes stays inside wp-content.

/// Where wp-content is in a site's container.
const CONTAINER: &str = "/bitnami/wordpress/";
const CONTENT: &str = "wp-content";

/// The path below wp-content without empty and `.` parts; empty for wp-content itself. `rooted`: it
/// must be written from wp-content on.
pub(crate) fn normalise(path: &str, rooted: bool) -> Option<String> {
    let path = path.trim();
    let odd = |c: char| c.is_control() || c == '\\';
    let inside = path.strip_prefix(CONTAINER);
    let below = match inside.unwrap_or(path).strip_prefix(CONTENT) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
        _ if rooted || inside.is_some() || path.starts_with('/') => return None,
        _ => path,
    };
    let parts: Vec<&str> = below.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    (!below.contains(odd) && !parts.contains(&"..")).then(|| parts.join("/"))
}

/// Whether a path names a file, or a folder without a slash at its end.
pub(crate) fn names_a_file(given: &str, below: &str) -> bool {
    !below.is_empty() && !given.trim().ends_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_written_from_wp_content_on_or_below_it() {
        for (given, below) in [
            ("wp-content/themes/a/style.css", "themes/a/style.css"),
            ("/bitnami/wordpress/wp-content/a.php", "a.php"),
            ("wp-content/./a//b.php", "a/b.php"),
            ("wp-content", ""),
        ] {
            assert_eq!(normalise(given, true).as_deref(), Some(below), "{given}");
            assert_eq!(normalise(given, false).as_deref(), Some(below), "{given}");
        }
        for (given, below) in [
            ("themes/a/style.css", "themes/a/style.css"),
            ("", ""),
            ("wp-contents/a", "wp-contents/a"),
        ] {
            assert_eq!(normalise(given, false).as_deref(), Some(below), "{given}");
            assert_eq!(normalise(given, true), None, "{given}");
        }
    }

    #[test]
    fn a_path_that_leaves_wp_content_is_none() {
        for wrong in [
            "wp-content/../wp-config.php",
            "../wp-config.php",
            "themes/../../wp-config.php",
            "/etc/passwd",
            "/bitnami/wordpress/wp-config.php",
            "/bitnami/wordpress/wp-contentx/a",
            "wp-content\\..\\a",
            "/wp-content/a",
            "wp-content/a/..",
            "a\0b",
        ] {
            assert_eq!(normalise(wrong, false), None, "{wrong}");
            assert_eq!(normalise(wrong, true), None, "{wrong}");
        }
        assert!(!names_a_file("wp-content/", "") && !names_a_file("themes/", "themes"));
    }
}
