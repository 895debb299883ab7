//! A database as a text of statements, for exports and for tests that compare two states.

use std::fmt::Write as _;

use rusqlite::Connection;

use crate::cloudflare::sql::database::Store;

impl Store {
    /// Everything in it: the schema, then the rows of each table. Two databases with the same
    /// content have the same text, tables of SQLite's own such as `sqlite_stat1` included.
    pub(crate) fn dump(&self) -> Result<String, rusqlite::Error> {
        self.inside(|connection| {
            let mut text = String::from("PRAGMA defer_foreign_keys=TRUE;\n");
            let sql = "SELECT name, type, coalesce(sql, '') FROM sqlite_master \
                       WHERE name NOT GLOB '_cf_*' ORDER BY type <> 'table', name";
            let mut schema = connection.prepare(sql)?;
            let entries = schema.query_map([], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
            })?;
            for entry in entries {
                let (name, kind, sql) = entry?;
                if !sql.is_empty() {
                    let _ = writeln!(text, "{sql};");
                }
                if kind == "table" && !sql.starts_with("CREATE VIRTUAL") {
                    rows(connection, &name, &mut text)?;
                }
            }
            Ok(text)
        })
    }
}

fn rows(connection: &Connection, table: &str, text: &mut String) -> Result<(), rusqlite::Error> {
    let quoted = format!("\"{}\"", table.replace('"', "\"\""));
    let mut statement = connection.prepare(&format!("SELECT * FROM {quoted}"))?;
    let count = statement.column_count();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let mut cells = Vec::new();
        for at in 0..count {
            let cell = row.get::<_, rusqlite::types::Value>(at)?;
            cells.push(
                connection.query_row("SELECT quote(?1)", [cell], |row| row.get::<_, String>(0))?,
            );
        }
        let _ = writeln!(text, "INSERT INTO {quoted} VALUES({});", cells.join(","));
    }
    Ok(())
}
