//! New SQL transformations.

use serde::Deserialize;
use serde_json::{Value, json};
use thiserror::Error;

use super::{
    blocks::{Block, Blocks, Code},
    statements::TooMuchSql,
};
use crate::configuration::{
    printable::quoted,
    size::{self, SizeError},
};

/// The most characters of a bucket's name.
const MAX_BUCKET_NAME: usize = 96;

/// The letters without their marks of U+00C0 to U+017F; a dot for a letter that has no such form.
const LATIN: &[u8] = b"AAAAAA.CEEEEIIII.NOOOOO..UUUUY..aaaaaa.ceeeeiiii.nooooo..uuuuy.yAaAaAaCcCcCcCcDd..\
EeEeEeEeEeGgGgGgGgHh..IiIiIiIiI...JjKk.LlLlLlLl..NnNnNnn..OoOoOo..RrRrRrSsSsSsSsTtTt..UuUuUuUuUuUuWwYyYZzZzZzs";

/// A code of a new transformation, as the argument `sql_code_blocks`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SqlCode {
    /// What the code does.
    pub name: String,
    /// Its SQL.
    pub script: String,
}

/// Why no transformation was made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CreateError {
    /// No bucket can be named after the transformation.
    #[error(
        "name: expected a Latin letter or a digit in {0}, because the bucket of the created tables is named \
         after the transformation"
    )]
    NoBucketName(String),
    /// A table has no name.
    #[error("created_table_names[{0}]: expected the name of a table that the SQL creates")]
    NoTableName(usize),
    /// It has too much SQL.
    #[error(transparent)]
    TooMuch(#[from] TooMuchSql),
    /// It is too large.
    #[error(transparent)]
    Size(#[from] SizeError),
}

/// The component of transformations in a project's dialect, in any case: Snowflake or BigQuery.
pub fn component_id(dialect: &str) -> Option<&'static str> {
    match dialect.to_ascii_lowercase().as_str() {
        "snowflake" => Some("keboola.snowflake-transformation"),
        "bigquery" => Some("keboola.google-bigquery-transformation"),
        _ => None,
    }
}

/// The configuration of a new transformation: one block with all codes, and an output mapping of each table
/// that the SQL creates into a bucket named after the transformation.
pub fn create(
    name: &str,
    codes: &[SqlCode],
    created_tables: &[String],
) -> Result<Value, CreateError> {
    let codes =
        codes.iter().map(|code| Code::new(code.name.clone(), code.script.clone())).collect();
    let parameters = Blocks::single(Block::new("Blocks".to_owned(), codes)).into_parameters()?;
    let mut tables = Vec::new();
    if !created_tables.is_empty() {
        let bucket = bucket_name(name);
        if !bucket.contains(|c: char| c.is_ascii_alphanumeric()) {
            return Err(CreateError::NoBucketName(quoted(name, 80)));
        }
        for (place, table) in created_tables.iter().enumerate() {
            if table.trim().is_empty() {
                return Err(CreateError::NoTableName(place));
            }
            tables
                .push(json!({ "source": table, "destination": format!("out.c-{bucket}.{table}") }));
        }
    }
    let storage = json!({ "input": { "tables": [] }, "output": { "tables": tables } });
    let configuration = json!({ "parameters": parameters, "storage": storage });
    size::check(&configuration)?;
    Ok(configuration)
}

/// A bucket's name made of any name, as Keboola's user interface makes it: Latin letters lose their marks, white
/// space becomes a dash, and everything but letters, digits, dashes and underscores goes.
pub fn bucket_name(name: &str) -> String {
    let mut made = String::new();
    let mut was_space = false;
    for character in name.trim().chars() {
        if character.is_whitespace() {
            if !was_space {
                made.push('-');
            }
            was_space = true;
            continue;
        }
        was_space = false;
        match character {
            'Ĳ' => made.push_str("IJ"),
            'ĳ' => made.push_str("ij"),
            _ => made.extend(
                plain(character).filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')),
            ),
        }
    }
    made.trim_start_matches('_').chars().take(MAX_BUCKET_NAME).collect()
}

/// A letter without its marks.
fn plain(character: char) -> Option<char> {
    if character.is_ascii() {
        return Some(character);
    }
    let place = u32::from(character).checked_sub(0xc0)?;
    LATIN.get(usize::try_from(place).ok()?).map(|&byte| char::from(byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code(name: &str, script: &str) -> SqlCode {
        SqlCode { name: name.to_owned(), script: script.to_owned() }
    }

    #[test]
    fn codes_become_one_block_and_tables_an_output_mapping() {
        let codes = [code("first", "SELECT 1; SELECT 2"), code("second", "")];
        let created = create("Čas a peníze", &codes, &["orders".to_owned()]).unwrap();
        let expected = json!({
            "parameters": { "blocks": [{ "name": "Blocks", "codes": [
                { "name": "first", "script": ["SELECT 1;", "SELECT 2"] },
                { "name": "second", "script": [] },
            ] }] },
            "storage": {
                "input": { "tables": [] },
                "output": { "tables": [
                    { "source": "orders", "destination": "out.c-Cas-a-penize.orders" },
                ] },
            },
        });
        assert_eq!(created, expected);
    }

    #[test]
    fn a_bucket_is_named_after_the_transformation() {
        for (name, bucket) in [
            ("Hello World", "Hello-World"),
            ("  tabs\t\nand spaces ", "tabs-and-spaces"),
            ("žluťoučký kůň", "zlutoucky-kun"),
            ("Größe & Łódź_2", "Groe--odz_2"),
            ("__a__b", "a__b"),
            ("a/b.c\"d", "abcd"),
            ("日本", ""),
            ("Ĳssel", "IJssel"),
        ] {
            assert_eq!(bucket_name(name), bucket, "{name}");
        }
        assert_eq!(bucket_name(&"a".repeat(200)).len(), MAX_BUCKET_NAME);
    }

    #[test]
    fn tables_without_a_bucket_or_a_name_are_refused() {
        let tables = ["t".to_owned(), " ".to_owned()];
        assert_eq!(
            create("日本", &[], &tables),
            Err(CreateError::NoBucketName("\"日本\"".to_owned()))
        );
        assert!(create("日本", &[], &[]).is_ok());
        assert_eq!(create("a", &[], &tables), Err(CreateError::NoTableName(1)));
    }

    #[test]
    fn two_dialects_are_known() {
        assert_eq!(component_id("Snowflake"), Some("keboola.snowflake-transformation"));
        assert_eq!(component_id("BigQuery"), Some("keboola.google-bigquery-transformation"));
        assert_eq!(component_id("duckdb"), None);
    }

    #[test]
    fn the_table_of_letters_has_a_place_for_each() {
        assert_eq!(LATIN.len(), 0x180 - 0xc0);
        assert_eq!(
            (plain('À'), plain('ſ'), plain('ÿ'), plain('ƀ')),
            (Some('A'), Some('s'), Some('y'), None)
        );
    }

    proptest! {
        #[test]
        fn a_bucket_name_has_only_what_storage_takes(name in ".*") {
            let made = bucket_name(&name);
            prop_assert!(made.len() <= MAX_BUCKET_NAME && !made.starts_with('_'));
            prop_assert!(made.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')));
        }
    }
}
