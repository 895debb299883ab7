//! Search and replace blocks.
//!
//! Invariant: blocks that pass are whole and in order, and one form is sent to each route.

/// The expected form of a block, for error messages.
pub(crate) const EXPECTED: &str = "at least one block: <<<<<<< SEARCH, the present text, =======, the new text, \
     >>>>>>> REPLACE, each marker on its own line";

/// Where in a block a line is.
#[derive(Clone, Copy)]
enum At {
    Outside,
    Search,
    Replace,
}

/// How many whole blocks there are, or what is wrong with them.
pub(crate) fn count(edit: &str) -> Result<usize, String> {
    let (mut at, mut blocks) = (At::Outside, 0_usize);
    for (line, number) in edit.lines().zip(1_usize..) {
        at = match (marker(line), at) {
            (Some(Marker::Search), At::Outside) => At::Search,
            (Some(Marker::Between), At::Search) => At::Replace,
            (Some(Marker::Replace), At::Replace) => {
                blocks = blocks.saturating_add(1);
                At::Outside
            }
            // A line of equals signs may be part of the new text or stand between blocks.
            (Some(Marker::Between), _) | (None, _) => at,
            (Some(found), _) => {
                let found = found.name();
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
        At::Outside if blocks == 0 => Err(format!("expected {EXPECTED}")),
        At::Outside => Ok(blocks),
    }
}

/// Whole blocks with markers of seven brackets.
pub(crate) fn normalise(edit: &str) -> Result<String, String> {
    count(edit)?;
    let mut at = At::Outside;
    let lines = edit.split('\n').map(|line| {
        let end = if line.ends_with('\r') { "\r" } else { "" };
        let (marker, next) = match (marker(line), at) {
            (Some(Marker::Search), At::Outside) => ("<<<<<<< SEARCH", At::Search),
            (Some(Marker::Between), At::Search) => ("=======", At::Replace),
            (Some(Marker::Replace), At::Replace) => (">>>>>>> REPLACE", At::Outside),
            _ => return line.to_owned(),
        };
        at = next;
        format!("{marker}{end}")
    });
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

#[derive(Clone, Copy)]
enum Marker {
    Search,
    Between,
    Replace,
}

impl Marker {
    fn name(self) -> &'static str {
        match self {
            Self::Search => "SEARCH",
            Self::Between => "=======",
            Self::Replace => "REPLACE",
        }
    }
}

/// The marker on a line: six or seven brackets and a word, or the line between.
fn marker(line: &str) -> Option<Marker> {
    match line.trim_end() {
        "<<<<<< SEARCH" | "<<<<<<< SEARCH" => Some(Marker::Search),
        "======" | "=======" => Some(Marker::Between),
        ">>>>>> REPLACE" | ">>>>>>> REPLACE" => Some(Marker::Replace),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEVEN: &str = "<<<<<<< SEARCH\nold\n=======\nnew\n>>>>>>> REPLACE";
    const SIX: &str = "<<<<<< SEARCH\nold\n======\nnew\n>>>>>> REPLACE\n";

    #[test]
    fn blocks_are_whole_and_in_order() {
        assert_eq!(count(SEVEN), Ok(1));
        assert_eq!(count(&format!("{SIX}\n{SEVEN}")), Ok(2));
        assert_eq!(count(&SEVEN.replace('\n', "\r\n")), Ok(1));
        for wrong in [
            "",
            "SEARCH ======= REPLACE",
            "<<<<<<< SEARCH\nold\n>>>>>>> REPLACE",
            "<<<<<<< SEARCH\nold\n=======\nnew",
            "<<<<<<< SEARCH\n<<<<<<< SEARCH\n=======\n>>>>>>> REPLACE",
            ">>>>>>> REPLACE\n=======\n<<<<<<< SEARCH",
        ] {
            assert!(count(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn markers_get_seven_brackets_and_text_stays() {
        assert_eq!(normalise(SIX), Ok(format!("{SEVEN}\n")));
        let windows = SIX.replace('\n', "\r\n");
        assert_eq!(normalise(&windows), Ok(format!("{SEVEN}\n").replace('\n', "\r\n")));
        let underlined = "<<<<<<< SEARCH\na\n=======\nTitle\n======\n>>>>>>> REPLACE";
        assert_eq!(normalise(underlined).as_deref(), Ok(underlined));
    }
}
