//! Rows of the query service as CSV (RFC 4180), up to the limits of one answer.
//!
//! The text is the one of Keboola's own server: `\r\n` after each line, quotes only where needed, nothing for
//! null. Columns of the same name are all kept, where that server gives the value of the last one in each.
//! Invariant: what is kept is the beginning of the result; no row is left out before a row that is kept.

use serde_json::Value;

/// The most rows of an answer.
pub const MAX_ROWS: usize = 10_000;

/// The most characters of the values in an answer.
pub const MAX_CHARACTERS: usize = 50_000;

/// The most bytes of the CSV. It is reached only where rows have very many empty columns: commas do not count
/// as characters.
pub const MAX_BYTES: usize = 1 << 20;

/// The rows of a page of results.
const PAGE: usize = 1000;

/// The fewest rows of a page that the query service gives.
const SMALLEST_PAGE: usize = 100;

/// A table that grows page by page.
#[derive(Debug)]
pub struct Csv {
    text: String,
    columns: usize,
    rows: usize,
    characters: usize,
    limit: Option<Limit>,
}

/// The limit at which rows were left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// [`MAX_ROWS`].
    Rows,
    /// [`MAX_CHARACTERS`].
    Characters,
    /// [`MAX_BYTES`].
    Bytes,
}

/// The answer of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvAnswer {
    /// The table.
    pub csv: String,
    /// How many rows it has, of how many, and why no more.
    pub message: String,
}

impl Csv {
    /// A table of these columns, without rows.
    pub fn new<'c>(columns: impl IntoIterator<Item = &'c str>) -> Self {
        let mut table =
            Self { text: String::new(), columns: 0, rows: 0, characters: 0, limit: None };
        let columns: Vec<&str> = columns.into_iter().collect();
        table.columns = columns.len();
        push_line(&mut table.text, columns.into_iter());
        table
    }

    /// A table of the columns of a result, which are objects with a name.
    pub fn of_result(columns: &[Value]) -> Self {
        let name = |column: &'_ Value| {
            column.get("name").and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let names: Vec<String> = columns.iter().map(name).collect();
        Self::new(names.iter().map(String::as_str))
    }

    /// The size of the next page to ask for; none where no further row can be kept.
    pub fn next_page(&self) -> Option<usize> {
        let left = MAX_ROWS.saturating_sub(self.rows);
        (left > 0 && self.limit.is_none()).then(|| left.clamp(SMALLEST_PAGE, PAGE))
    }

    /// The rows so far, which is the offset of the next page.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Adds the rows of a page, which are arrays of values, up to a limit. Says whether all of them fit.
    pub fn push(&mut self, rows: &[Value]) -> bool {
        rows.iter().all(|row| self.push_row(row))
    }

    fn push_row(&mut self, row: &Value) -> bool {
        let cells: Vec<String> = cells(row, self.columns);
        let characters = cells
            .iter()
            .fold(self.characters, |sum, cell| sum.saturating_add(cell.chars().count()));
        if self.rows >= MAX_ROWS {
            self.limit = self.limit.or(Some(Limit::Rows));
        } else if characters > MAX_CHARACTERS {
            self.limit = self.limit.or(Some(Limit::Characters));
        }
        if self.limit.is_some() {
            return false;
        }
        let before = self.text.len();
        push_line(&mut self.text, cells.iter().map(String::as_str));
        if self.text.len() > MAX_BYTES && self.rows > 0 {
            self.text.truncate(before);
            self.limit = Some(Limit::Bytes);
            return false;
        }
        self.rows = self.rows.saturating_add(1);
        self.characters = characters;
        true
    }

    /// The table, and how many rows of how many it has. `total` is what the service says, where it does.
    pub fn finish(self, total: Option<u64>) -> CsvAnswer {
        let rows = self.rows;
        let mut message = match total {
            Some(total) => format!("Returning {rows} of {total} selected rows."),
            None => format!("Returning {rows} selected rows."),
        };
        let total_is_more =
            total.is_some_and(|total| u64::try_from(rows).is_ok_and(|rows| total > rows));
        let limit = self.limit.or((rows >= MAX_ROWS && total_is_more).then_some(Limit::Rows));
        let limit = match limit {
            Some(Limit::Rows) => "10,000 rows",
            Some(Limit::Characters) => "50,000 characters",
            Some(Limit::Bytes) => "1 MiB of CSV",
            None => return CsvAnswer { csv: self.text, message },
        };
        message.push_str(" An answer has at most ");
        message.push_str(limit);
        message.push_str(
            ", so the rest was left out: these are the first rows, not a sample. Select fewer rows or columns, \
             or aggregate in SQL.",
        );
        CsvAnswer { csv: self.text, message }
    }
}

/// The answer of a statement that gives no table: its message as the only value.
pub fn message_only(message: &str) -> String {
    let mut text = String::new();
    push_line(&mut text, ["message"].into_iter());
    push_line(&mut text, [message].into_iter());
    text
}

/// As many values of a row as the table has columns.
fn cells(row: &Value, columns: usize) -> Vec<String> {
    let given = row.as_array().map(Vec::as_slice).unwrap_or_default();
    (0..columns).map(|at| given.get(at).map(cell).unwrap_or_default()).collect()
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn push_line<'c>(text: &mut String, cells: impl ExactSizeIterator<Item = &'c str>) {
    // A line with nothing on it would be no row.
    let is_only_cell = cells.len() == 1;
    for (at, cell) in cells.enumerate() {
        if at > 0 {
            text.push(',');
        }
        if cell.contains([',', '"', '\r', '\n']) || (is_only_cell && cell.is_empty()) {
            text.push('"');
            for (part, between) in cell.split('"').enumerate() {
                if part > 0 {
                    text.push_str("\"\"");
                }
                text.push_str(between);
            }
            text.push('"');
        } else {
            text.push_str(cell);
        }
    }
    text.push_str("\r\n");
}

#[cfg(test)]
#[path = "csv_tests.rs"]
mod tests;
