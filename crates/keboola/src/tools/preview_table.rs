//! The first rows of a table, without SQL.

use serde_json::{Value, json};

use super::tables;
use crate::{
    call::{Call, Outcome, failed, shown},
    configuration::csv::Csv,
};

/// Columns that are asked for at a time: with more the service answers CSV alone.
const MOST_COLUMNS: usize = 30;

pub(super) async fn run(call: &Call<'_>) -> Outcome {
    let table = call.required("table_id");
    let limit = call.number("limit").unwrap_or(100);
    let mut query = vec![("format", "json".to_owned()), ("limit", limit.to_string())];
    let Some(found) = tables::find(call, table).await? else {
        return failed(format!("The project has no table {} in this branch.", shown(table)));
    };
    let (columns, message) = columns(call, &found.record);
    if !columns.is_empty() {
        query.push(("columns", columns.join(",")));
    }
    let answer = call.storage(found.path().then("data-preview"), &query).await?;
    let mut view = view(table, &answer, usize::try_from(limit).unwrap_or(usize::MAX));
    if let Some(view) = view.as_object_mut() {
        view.insert("message".to_owned(), json!(message));
    }
    Ok(view)
}

/// The columns to ask for, none for all; and a sentence where those are not all.
fn columns(call: &Call<'_>, table: &Value) -> (Vec<String>, Option<String>) {
    let asked = call.texts("columns");
    let there = table.get("columns").and_then(Value::as_array).map(Vec::as_slice);
    let there = there.unwrap_or_default();
    if !asked.is_empty() || there.len() <= MOST_COLUMNS {
        return (asked, None);
    }
    let first = there.iter().filter_map(Value::as_str).take(MOST_COLUMNS).map(str::to_owned);
    let message = format!(
        "The table has {} columns; these are the first {MOST_COLUMNS}. Name others in columns.",
        there.len()
    );
    (first.collect(), Some(message))
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
    const TABLE: &str = "Get connection /v2/storage/branch/default/tables/in.c-a.t";
    const ROUTE: &str = "Get connection /v2/storage/tables/in.c-a.t/data-preview";

    fn table(columns: usize) -> Value {
        let names: Vec<String> = (1..=columns).map(|n| format!("c{n}")).collect();
        json!({"id": "in.c-a.t", "name": "t", "columns": names, "metadata": []})
    }

    fn cell(name: &str, value: Value, cut: bool) -> Value {
        json!({"columnName": name, "value": value, "isTruncated": cut})
    }

    #[test]
    fn rows_become_csv_with_unicode_nulls_and_long_cells() {
        let fake = FakeKeboola::new();
        let long = "x".repeat(16_384);
        fake.on(TABLE, 200, table(2));
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
            fake.lines()[1].ends_with("?format=json&limit=100&columns=id"),
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
        assert!(why.contains("no table \"in.c-a.t\""), "{why}");
    }

    #[test]
    fn of_a_wide_table_the_first_thirty_columns_are_shown_and_that_is_said() {
        let fake = FakeKeboola::new();
        fake.on(TABLE, 200, table(31));
        fake.on(ROUTE, 200, json!({"columns": [], "rows": []}));
        let seen = run(&fake, TOOL, json!({"table_id": "in.c-a.t"}));
        let message = seen["message"].as_str().unwrap();
        assert!(message.contains("31 columns") && message.contains("first 30"), "{message}");
        let asked = fake.lines()[1].replace("%2C", ",");
        assert!(asked.ends_with("c29,c30"), "{asked}");
        let many: Vec<String> = (1..=31).map(|n| format!("c{n}")).collect();
        let why = fails(&fake, TOOL, json!({"table_id": "in.c-a.t", "columns": many}));
        assert!(why.contains("- columns: "), "{why}");
        fake.clear(TABLE);
        fake.on(TABLE, 200, table(30));
        let seen = run(&fake, TOOL, json!({"table_id": "in.c-a.t"}));
        assert_eq!(seen["message"], json!(null));
        assert!(!fake.lines()[3].contains("columns"), "{:?}", fake.lines());
    }

    #[test]
    fn a_branch_shows_its_own_table_in_place_of_mains() {
        let fake = FakeKeboola::new();
        let own = "connection /v2/storage/branch/default/tables/in.c-9-a.t";
        let mut record = table(1);
        record["id"] = json!("in.c-9-a.t");
        record["metadata"] = json!([{"key": "KBC.createdBy.branch.id", "value": "9"}]);
        fake.on(&format!("Get {own}"), 200, record);
        let preview = "Get connection /v2/storage/tables/in.c-9-a.t/data-preview";
        fake.on(preview, 200, json!({"columns": ["c1"], "rows": []}));
        run(&fake, TOOL, json!({"table_id": "in.c-a.t", "branch_id": "9"}));
        assert_eq!(fake.count(preview), 1);
    }
}
