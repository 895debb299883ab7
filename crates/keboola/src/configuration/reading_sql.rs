//! Whether SQL is one statement that reads, as far as its words say. What it may do is for the rights of the workspace.

use super::transformation::split;

/// The words with which such a statement begins.
const READS: [&str; 6] = ["select", "with", "show", "describe", "desc", "explain"];

/// Why SQL is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotReading {
    /// It is empty, or has comments only.
    #[error("sql_query has no statement")]
    Empty,
    /// It has several.
    #[error("sql_query has several statements: give one in each call")]
    Several,
    /// It begins with another word.
    #[error(
        "sql_query must begin with SELECT, WITH, SHOW, DESCRIBE or EXPLAIN: this tool only reads"
    )]
    Changes,
}

/// Checks SQL.
///
/// # Errors
/// Where it is not one statement that reads.
pub fn check(sql: &str) -> Result<(), NotReading> {
    let statements = split(sql);
    let mut words = statements.iter().filter_map(|statement| first_word(statement));
    let first = words.next().ok_or(NotReading::Empty)?;
    if words.next().is_some() {
        return Err(NotReading::Several);
    }
    match READS.iter().any(|word| first.eq_ignore_ascii_case(word)) {
        true => Ok(()),
        false => Err(NotReading::Changes),
    }
}

/// The first word behind comments and parentheses; another sign is a word by itself.
fn first_word(statement: &str) -> Option<&str> {
    let mut rest = statement;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '(' | ';'));
        let is_line = ["--", "//", "#"].iter().any(|begins| rest.starts_with(begins));
        rest = match rest.strip_prefix("/*") {
            Some(comment) => comment.split_once("*/").map_or("", |(_, rest)| rest),
            None if is_line => rest.split_once('\n').map_or("", |(_, rest)| rest),
            None => break,
        };
    }
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let end = rest.find(|c: char| !is_part(c)).unwrap_or(rest.len());
    let word = rest.get(..end).filter(|word| !word.is_empty());
    word.or_else(|| rest.get(..rest.chars().next()?.len_utf8()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_statement_that_reads_is_sent() {
        for sql in [
            "SELECT 1",
            " select 1; ",
            "-- the orders\nSELECT 1",
            "/* a; b */ (SELECT 1) UNION (SELECT 2);",
            "WITH a AS (SELECT ';') SELECT * FROM a -- done;",
            "show tables",
            "DESCRIBE TABLE x",
            "explain select 1",
            "SELECT 1;\n-- the end",
        ] {
            assert_eq!(check(sql), Ok(()), "{sql}");
        }
    }

    #[test]
    fn nothing_several_and_what_changes_is_not_sent() {
        for (sql, why) in [
            ("", NotReading::Empty),
            (" ;; ", NotReading::Empty),
            ("-- nothing", NotReading::Empty),
            ("/* nothing", NotReading::Empty),
            ("SELECT 1; SELECT 2", NotReading::Several),
            ("SELECT 1; DROP TABLE x", NotReading::Several),
            ("DROP TABLE x", NotReading::Changes),
            ("/* SELECT */ DELETE FROM x", NotReading::Changes),
            ("COPY INTO 's3://x' FROM (SELECT 1)", NotReading::Changes),
            ("CREATE TABLE x AS SELECT 1", NotReading::Changes),
            ("selects", NotReading::Changes),
            ("'SELECT'", NotReading::Changes),
            ("\u{200b}SELECT 1", NotReading::Changes),
        ] {
            assert_eq!(check(sql), Err(why), "{sql}");
        }
    }
}
