//! The differences between two states of a database.

use serde_json::{Value, json};

use super::place::Tables;

/// One row that differs.
#[derive(Debug)]
pub(crate) struct Change {
    /// The table.
    pub(crate) table: String,
    /// `added`, `deleted` or `modified`.
    pub(crate) kind: &'static str,
    /// The row before; null for one added.
    pub(crate) before: Value,
    /// The row after; null for one deleted.
    pub(crate) after: Value,
}

impl Change {
    /// The change as the API shows it.
    pub(crate) fn view(&self) -> Value {
        json!({ "diff_type": self.kind, "from": self.before, "to": self.after })
    }
}

/// The rows that differ, by table and key.
pub(crate) fn changes(from: &Tables, to: &Tables) -> Vec<Change> {
    let mut found = Vec::new();
    for (table, rows) in from {
        let after = to.get(table);
        for (key, before) in rows {
            let after = after.and_then(|rows| rows.get(key));
            let kind = match after {
                None => "deleted",
                Some(after) if after != before => "modified",
                Some(_) => continue,
            };
            found.push(Change {
                table: table.clone(),
                kind,
                before: before.clone(),
                after: after.cloned().unwrap_or_default(),
            });
        }
    }
    for (table, rows) in to {
        let before = from.get(table);
        let new = rows.iter().filter(|(key, _)| !before.is_some_and(|b| b.contains_key(*key)));
        found.extend(new.map(|(_, after)| Change {
            table: table.clone(),
            kind: "added",
            before: Value::Null,
            after: after.clone(),
        }));
    }
    found.sort_by(|a, b| a.table.cmp(&b.table));
    found
}
