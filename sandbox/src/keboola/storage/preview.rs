//! The preview of a table, in CSV or JSON.
//!
//! Chosen: a cell longer than 16 KiB is cut and, in JSON, marked; a null is an empty cell in
//! CSV; `changedSince` gives all rows or none, as the table was imported after it or before.

use serde_json::{Value, json};

use crate::engine::reply::Reply;
use crate::keboola::ask::Ask;
use crate::keboola::data::{Cells, Table, World};
use crate::keboola::params::Params;
use crate::keboola::problem::Problem;
use crate::keboola::route::{Outcome, Route, get};
use crate::keboola::storage::tables::readable;
use crate::keboola::time;

pub(super) const ROUTES: &[Route] = &[get("tables/{table}/data-preview", preview).in_branch()];

/// The bytes that are shown of a cell.
const CELL: usize = 16 * 1024;

fn preview(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let table = readable(world, ask)?;
    let params = ask.params();
    let limit = params.whole("limit", 100, (1, 1000))?;
    let columns = chosen(&table, &params)?;
    let mut rows = matching(&table, &params)?;
    if let Some(since) = params.get("changedSince") {
        let since = time::parse(since, ask.now)
            .ok_or_else(|| Problem::invalid("Parameter \"changedSince\" is not a time"))?;
        if table.last_import.is_none_or(|import| import < since) {
            rows.clear();
        }
    }
    order(&table, &params, &mut rows)?;
    rows.truncate(limit);
    match params.get("format") {
        None | Some("rfc") => Ok(csv(&columns, &rows)),
        Some("json") => Ok(Reply::ok(&as_json(&columns, &rows))),
        Some(other) => Err(Problem::invalid(format!("Unknown format \"{other}\""))),
    }
}

/// The columns that are shown, each with its place.
fn chosen(table: &Table, params: &Params) -> Result<Vec<(String, usize)>, Problem> {
    let names = params.list("columns");
    if names.is_empty() {
        let all = table.columns.iter().enumerate();
        return Ok(all.map(|(place, column)| (column.name.clone(), place)).collect());
    }
    names.into_iter().map(|name| Ok((name.to_owned(), place(table, name)?))).collect()
}

fn place(table: &Table, name: &str) -> Result<usize, Problem> {
    table.column(name).ok_or_else(|| {
        let text = format!("Column \"{name}\" not found in table \"{}\"", table.id);
        Problem::new(400, "storage.tables.validation.columnNotFound", text)
    })
}

fn cell(row: &Cells, place: usize) -> &str {
    row.get(place).and_then(Option::as_deref).unwrap_or_default()
}

fn matching<'a>(table: &'a Table, params: &Params) -> Result<Vec<&'a Cells>, Problem> {
    let mut rows: Vec<&Cells> = table.rows.iter().collect();
    if let Some(text) = params.get("fulltextSearch") {
        rows.retain(|row| row.iter().flatten().any(|cell| cell.contains(text)));
    }
    for number in 0..20 {
        let Some(column) = params.get(&format!("whereFilters[{number}][column]")) else {
            break;
        };
        let place = place(table, column)?;
        let operator = params.get(&format!("whereFilters[{number}][operator]")).unwrap_or("eq");
        let values = params.all(&format!("whereFilters[{number}][values]"));
        let fits: fn(&str, &[&str]) -> bool = match operator {
            "eq" => |cell, values| values.contains(&cell),
            "ne" | "neq" => |cell, values| !values.contains(&cell),
            "gt" => |cell, values| values.iter().any(|value| cell > *value),
            "ge" => |cell, values| values.iter().any(|value| cell >= *value),
            "lt" => |cell, values| values.iter().any(|value| cell < *value),
            "le" => |cell, values| values.iter().any(|value| cell <= *value),
            _ => return Err(Problem::invalid(format!("Unknown operator \"{operator}\""))),
        };
        rows.retain(|row| fits(cell(row, place), &values));
    }
    Ok(rows)
}

fn order(table: &Table, params: &Params, rows: &mut [&Cells]) -> Result<(), Problem> {
    // The last is sorted by first, since a sort keeps the order of equals.
    for number in (0..5).rev() {
        let Some(column) = params.get(&format!("orderBy[{number}][column]")) else {
            continue;
        };
        let place = place(table, column)?;
        let is_descending = params
            .get(&format!("orderBy[{number}][order]"))
            .is_some_and(|order| order.eq_ignore_ascii_case("desc"));
        rows.sort_by(|one, other| {
            let ordering = cell(one, place).cmp(cell(other, place));
            if is_descending { ordering.reverse() } else { ordering }
        });
    }
    Ok(())
}

fn csv(columns: &[(String, usize)], rows: &[&Cells]) -> Reply {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let head: Vec<_> = columns.iter().map(|(name, _)| quoted(name)).collect();
    let mut text = head.join(",") + "\n";
    for row in rows {
        let cells: Vec<_> =
            columns.iter().map(|(_, place)| quoted(shortened(cell(row, *place)))).collect();
        text.push_str(&cells.join(","));
        text.push('\n');
    }
    let content_type = "text/csv; charset=utf-8".to_owned();
    Reply::of(200, content_type, text)
}

fn as_json(columns: &[(String, usize)], rows: &[&Cells]) -> Value {
    let names: Vec<_> = columns.iter().map(|(name, _)| name.as_str()).collect();
    let rows = rows.iter().map(|row| {
        let cells = columns.iter().map(|(name, place)| {
            let value = row.get(*place).and_then(Option::as_deref);
            json!({
                "columnName": name,
                "value": value.map(shortened),
                "isTruncated": value.is_some_and(|value| value.len() > CELL),
            })
        });
        cells.collect::<Value>()
    });
    json!({ "columns": names, "rows": rows.collect::<Value>() })
}

/// A cell as far as it is shown.
fn shortened(cell: &str) -> &str {
    cell.get(..cell.floor_char_boundary(CELL)).unwrap_or(cell)
}
