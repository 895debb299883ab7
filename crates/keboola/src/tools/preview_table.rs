//! The first rows of a table, without SQL.

use serde_json::{Value, json};

use crate::{
    call::{Call, Outcome},
    configuration::csv::Csv,
};

/// Columns that are asked for at a time: with more the service answers CSV alone.
const MOST_COLUMNS: usize = 30;

pub(super) async fn run(call: &Call<'_>) -> Outcome {
    let table = call.required("table_id");
    let limit = call.number("limit").unwrap_or(100);
    let mut query = vec![("format", "json".to_owned()), ("limit", limit.to_string())];
    let columns = call.texts("columns");
    if !columns.is_empty() {
        query.push(("columns", columns.join(",")));
    }
    let path = call.tables("tables").part(table);
    let answer = call.storage(path.then("data-preview"), &query).await?;
    Ok(view(table, &answer, usize::try_from(limit).unwrap_or(MOST_COLUMNS)))
}

fn view(table: &str, answer: &Value, limit: usize) -> Value {
    let columns = answer.get("columns").and_then(Value::as_array).into_iter().flatten();
    let columns: Vec<&str> = columns.filter_map(Value::as_str).collect();
    let rows = answer.get("rows").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut csv = Csv::new(columns);
    let mut is_cut = rows.len() >= limit;
    for row in rows {
        let cells = row.as_array().map(Vec::as_slice).unwrap_or_default();
        let value = |cell: &Value| cell.get("value").cloned().unwrap_or_default();
        is_cut |= cells.iter().any(|cell| cell.get("isTruncated") == Some(&Value::Bool(true)));
        if !csv.push(&[cells.iter().map(value).collect()]) {
            is_cut = true;
            break;
        }
    }
    let rows = csv.rows();
    json!({ "table_id": table, "csv_data": csv.finish(None).csv, "rows": rows, "truncated": is_cut })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeKeboola, fails, run};

    const TOOL: &str = "keboola_preview_table";
    const ROUTE: &str = "Get connection /v2/storage/tables/in.c-a.t/data-preview";

    fn cell(name: &str, value: Value, cut: bool) -> Value {
        json!({"columnName": name, "value": value, "isTruncated": cut})
    }

    #[test]
    fn rows_become_csv_with_unicode_nulls_and_long_cells() {
        let fake = FakeKeboola::new();
        let long = "x".repeat(16_384);
        fake.on(
            ROUTE,
            200,
            json!({"columns": ["id", "id"], "rows": [
                [cell("id", json!("ž,\"q\""), false), cell("id", json!(null), false)],
                [cell("id", json!(long), true), cell("id", json!("2"), false)],
            ]}),
        );
        let seen = run(&fake, TOOL, json!({"table_id": "in.c-a.t", "columns": ["id"]}));
        assert_eq!(seen["csv_data"], format!("id,id\r\n\"ž,\"\"q\"\"\",\r\n{long},2\r\n"));
        assert_eq!((&seen["rows"], &seen["truncated"]), (&json!(2), &json!(true)));
        assert!(
            fake.lines()[0].ends_with("?format=json&limit=100&columns=id"),
            "{:?}",
            fake.lines()
        );
    }

    #[test]
    fn limits_are_checked_before_anything_is_sent() {
        let fake = FakeKeboola::new();
        for limit in [json!(0), json!(-1), json!(1_001), json!("10")] {
            let why = fails(&fake, TOOL, json!({"table_id": "in.c-a.t", "limit": limit}));
            assert!(why.contains("- limit: expected an integer from 1 to 1000"), "{why}");
        }
        assert!(fake.requests().is_empty());
        let why = fails(&fake, TOOL, json!({"table_id": "in.c-a.t"}));
        assert!(why.contains("404"), "{why}");
    }
}
