//! The text of tables, and where they end.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn table(columns: &[&str], rows: Value) -> Csv {
    let mut table = Csv::new(columns.iter().copied());
    assert!(table.push(rows.as_array().unwrap()));
    table
}

#[test]
fn values_are_quoted_where_they_must_be() {
    let rows = json!([
        ["plain", "a,b"],
        ["q\"q", "line\nbreak"],
        ["cr\rcr", " space "],
        [null, ""],
        [1, true],
        ["žluť", "日本"],
    ]);
    let expected = "id,\"na,me\"\r\nplain,\"a,b\"\r\n\"q\"\"q\",\"line\nbreak\"\r\n\"cr\rcr\", space \r\n,\r\n\
                    1,true\r\nžluť,日本\r\n";
    assert_eq!(table(&["id", "na,me"], rows).finish(Some(6)).csv, expected);
}

#[test]
fn an_empty_value_in_an_only_column_is_seen() {
    assert_eq!(
        table(&["a"], json!([[null], [""], ["x"]])).finish(None).csv,
        "a\r\n\"\"\r\n\"\"\r\nx\r\n"
    );
    assert_eq!(message_only("done, \"all\""), "message\r\n\"done, \"\"all\"\"\"\r\n");
}

#[test]
fn columns_of_the_same_name_keep_their_values() {
    assert_eq!(table(&["id", "id"], json!([["1", "2"]])).finish(None).csv, "id,id\r\n1,2\r\n");
}

#[test]
fn rows_that_are_too_short_or_too_long_fit_the_columns() {
    assert_eq!(
        table(&["a", "b"], json!([["1"], ["1", "2", "3"], {}])).finish(None).csv,
        "a,b\r\n1,\r\n1,2\r\n,\r\n"
    );
}

#[test]
fn columns_come_from_the_result() {
    let columns = [json!({ "name": "a", "type": "text" }), json!({ "name": "b" })];
    assert_eq!(
        Csv::of_result(&columns).finish(Some(0)),
        CsvAnswer {
            csv: "a,b\r\n".to_owned(),
            message: "Returning 0 of 0 selected rows.".to_owned(),
        }
    );
}

#[test]
fn a_large_cell_is_whole() {
    let cell = "ž\"".repeat(8192);
    let answer = table(&["a"], json!([[cell]])).finish(Some(1));
    assert_eq!(answer.csv, format!("a\r\n\"{}\"\r\n", cell.replace('"', "\"\"")));
    assert_eq!(answer.message, "Returning 1 of 1 selected rows.");
}

#[test]
fn ten_thousand_rows_are_the_end() {
    let page = vec![json!(["1"]); 1000];
    let mut table = Csv::new(["a"]);
    let mut asked = 0;
    while let Some(size) = table.next_page() {
        assert_eq!(size, 1000);
        assert!(table.push(&page));
        asked += 1;
    }
    assert_eq!((asked, table.rows()), (10, 10_000));
    let answer = table.finish(Some(10_001));
    assert!(answer.message.starts_with(
        "Returning 10000 of 10001 selected rows. An answer has at most 10,000 rows, so the rest was left out"
    ));
}

#[test]
fn exactly_ten_thousand_rows_are_all() {
    let mut table = Csv::new(["a"]);
    assert!(table.push(&vec![json!(["1"]); 10_000]));
    assert!(!table.push(&[json!(["1"])]));
    let mut table = Csv::new(["a"]);
    assert!(table.push(&vec![json!(["1"]); 10_000]));
    assert_eq!(table.finish(Some(10_000)).message, "Returning 10000 of 10000 selected rows.");
}

#[test]
fn the_last_page_is_never_smaller_than_the_service_gives() {
    let mut table = Csv::new(["a"]);
    assert!(table.push(&vec![json!(["1"]); 9_950]));
    assert_eq!(table.next_page(), Some(100));
    assert!(!table.push(&vec![json!(["1"]); 100]));
    assert_eq!((table.rows(), table.next_page()), (10_000, None));
}

#[test]
fn characters_and_not_bytes_are_counted_up_to_the_first_row_that_does_not_fit() {
    let mut table = Csv::new(["a"]);
    assert!(table.push(&[json!(["ž".repeat(MAX_CHARACTERS - 1)])]));
    assert!(table.push(&[json!(["x"]), json!([null])]));
    assert!(!table.push(&[json!(["x"]), json!([null])]));
    assert_eq!((table.rows(), table.next_page()), (3, None));
    let answer = table.finish(Some(5));
    assert!(
        answer
            .message
            .starts_with("Returning 3 of 5 selected rows. An answer has at most 50,000 characters")
    );
}

#[test]
fn a_first_row_that_does_not_fit_leaves_an_empty_table() {
    let mut table = Csv::new(["a"]);
    assert!(!table.push(&[json!(["x".repeat(MAX_CHARACTERS + 1)])]));
    let answer = table.finish(Some(1));
    assert_eq!(answer.csv, "a\r\n");
    assert!(answer.message.starts_with("Returning 0 of 1 selected rows. An answer has at most"));
}

#[test]
fn commas_cannot_grow_without_bound() {
    let names: Vec<String> = (0..2000).map(|at| format!("c{at}")).collect();
    let mut table = Csv::new(names.iter().map(String::as_str));
    assert!(!table.push(&vec![json!([]); MAX_ROWS]));
    let answer = table.finish(Some(10_000));
    assert!(answer.csv.len() <= MAX_BYTES && answer.message.contains("1 MiB of CSV"));
}

/// Reads CSV by the rules of RFC 4180.
fn read(csv: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut characters = csv.chars().peekable();
    let mut is_quoted = false;
    while let Some(character) = characters.next() {
        match character {
            '"' if is_quoted && characters.peek() == Some(&'"') => cell.extend(characters.next()),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !is_quoted && characters.peek() == Some(&'\n') => {
                characters.next();
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            other => cell.push(other),
        }
    }
    assert!(!is_quoted && row.is_empty() && cell.is_empty());
    rows
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        rows in prop::collection::vec(prop::collection::vec("[a\"\r\n,ž ]{0,5}|.{0,5}", 3), 0..6),
    ) {
        let mut table = Csv::new(["a", "b", "a"]);
        let values: Vec<Value> = rows.iter().map(|row| json!(row)).collect();
        prop_assert!(table.push(&values));
        let mut expected = vec![vec!["a".to_owned(), "b".to_owned(), "a".to_owned()]];
        expected.extend(rows);
        prop_assert_eq!(read(&table.finish(None).csv), expected);
    }
}
