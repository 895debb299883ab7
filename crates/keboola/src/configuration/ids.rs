//! Ids of things in Storage, as `update_descriptions` takes them.

use std::fmt;

use thiserror::Error;

use super::printable::{is_invisible, quoted};

/// The most bytes of an id.
pub const MAX_ID_BYTES: usize = 1024;

/// A bucket `in.c-main`, a table `in.c-main.orders` or a column `in.c-main.orders.price`. A column whose name
/// has a dot cannot be told from a longer id, so it cannot be given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the fields are the ids")]
pub enum ItemId {
    /// A bucket.
    Bucket { bucket: String },
    /// A table.
    Table { table: String },
    /// A column of a table.
    Column { table: String, column: String },
}

/// Why a text is no id of a thing in Storage.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IdError {
    /// It is in no stage.
    #[error("item_id {0}: expected it to begin with \"in.\" or \"out.\"")]
    NoStage(String),
    /// It has too many parts or too few, or an empty one.
    #[error(
        "item_id {0}: expected a bucket such as in.c-main, a table such as in.c-main.orders, or a column such \
         as in.c-main.orders.price"
    )]
    Parts(String),
    /// A character in it is not seen.
    #[error("item_id {0}: expected only characters that are seen")]
    Invisible(String),
    /// It is longer than [`MAX_ID_BYTES`].
    #[error("item_id {0}: expected at most {MAX_ID_BYTES} bytes")]
    TooLong(String),
}

impl ItemId {
    /// Reads an id.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let shown = || quoted(text, 80);
        if text.len() > MAX_ID_BYTES {
            return Err(IdError::TooLong(shown()));
        }
        if !text.starts_with("in.") && !text.starts_with("out.") {
            return Err(IdError::NoStage(shown()));
        }
        if text.chars().any(is_invisible) {
            return Err(IdError::Invisible(shown()));
        }
        let parts: Vec<&str> = text.split('.').collect();
        match parts.as_slice() {
            parts if parts.iter().any(|part| part.trim().is_empty()) => {
                Err(IdError::Parts(shown()))
            }
            [_, _] => Ok(Self::Bucket { bucket: text.to_owned() }),
            [_, _, _] => Ok(Self::Table { table: text.to_owned() }),
            [stage, bucket, table, column] => Ok(Self::Column {
                table: format!("{stage}.{bucket}.{table}"),
                column: (*column).to_owned(),
            }),
            _ => Err(IdError::Parts(shown())),
        }
    }
}

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bucket { bucket } => f.write_str(bucket),
            Self::Table { table } => f.write_str(table),
            Self::Column { table, column } => write!(f, "{table}.{column}"),
        }
    }
}

/// The id of the bucket that a table is in, and the table's name.
pub fn bucket_and_name(table: &str) -> Option<(&str, &str)> {
    table.rsplit_once('.').filter(|(bucket, name)| bucket.contains('.') && !name.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_number_of_parts_says_what_it_is() {
        let bucket = ItemId::Bucket { bucket: "in.c-main".to_owned() };
        assert_eq!(ItemId::parse("in.c-main"), Ok(bucket));
        let table = ItemId::Table { table: "out.c-main.orders".to_owned() };
        assert_eq!(ItemId::parse("out.c-main.orders"), Ok(table));
        let column =
            ItemId::Column { table: "in.c-main.orders".to_owned(), column: "Cena Kč".to_owned() };
        assert_eq!(ItemId::parse("in.c-main.orders.Cena Kč"), Ok(column));
    }

    #[test]
    fn other_ids_are_refused_with_the_reason() {
        for (text, reason) in [
            ("", "begin with"),
            ("in", "begin with"),
            ("sys.c-main", "begin with"),
            ("IN.c-main", "begin with"),
            ("in.", "a bucket such as"),
            ("in..orders", "a bucket such as"),
            ("in.c-main. ", "a bucket such as"),
            ("in.c-main.orders.price.x", "a bucket such as"),
            ("in.c-main.a.b.c.d", "a bucket such as"),
            ("in.c-\u{202e}main", "characters that are seen"),
            ("in.c-\nmain", "characters that are seen"),
        ] {
            let refused = ItemId::parse(text).unwrap_err().to_string();
            assert!(refused.contains(reason), "{text}: {refused}");
        }
        let long =
            ItemId::parse(&format!("in.{}", "x".repeat(MAX_ID_BYTES))).unwrap_err().to_string();
        assert!(long.len() < 200 && long.contains("at most 1024 bytes"), "{long}");
    }

    #[test]
    fn a_table_is_in_a_bucket() {
        assert_eq!(bucket_and_name("in.c-main.orders"), Some(("in.c-main", "orders")));
        assert_eq!(bucket_and_name("in.c-main"), None);
        assert_eq!(bucket_and_name("orders"), None);
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_the_same(text in "(in|out)\\.[a-zA-Z0-9_.-]{1,20}") {
            if let Ok(id) = ItemId::parse(&text) {
                prop_assert_eq!(id.to_string(), text);
            } else {
                prop_assert!(text.split('.').count() > 4 || text.contains("..") || text.ends_with('.'));
            }
        }
    }
}
