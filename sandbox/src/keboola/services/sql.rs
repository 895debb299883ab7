//! The little SQL that is understood without a rule: `SELECT *` or `SELECT COUNT(*)` from a
//! table there is, with an optional `LIMIT`.
//!
//! A table is named as the backend names it: `"KEBOOLA_101"."in.c-main"."orders"` in Snowflake,
//! `` `in_c_main`.`orders` `` in BigQuery. Aliases are not there, as with the real one.

use crate::keboola::data::{Backend, Cells, Project, Table, plain};

/// Columns and rows, or the text of an error.
pub(super) type Given = Result<(Vec<String>, Vec<Cells>), String>;

/// What a statement gives.
pub(super) fn run(sql: &str, project: &Project, projects: &[Project]) -> Given {
    let words = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    let words = words.trim_end_matches(';').trim_end();
    let (wanted, rest) = parts(words).ok_or_else(|| unknown(project, words))?;
    let (name, limit) = limited(rest);
    let table = table(name, project, projects).ok_or_else(|| missing(project, name))?;
    if wanted == "count(*)" {
        let count = vec![Some(table.rows.len().to_string())];
        return Ok((vec!["COUNT(*)".to_owned()], vec![count]));
    }
    let names = table.columns.iter().map(|column| column.name.clone()).collect();
    let rows = table.rows.into_iter().take(limit.unwrap_or(usize::MAX));
    Ok((names, rows.collect()))
}

/// What is selected, and what comes after `FROM`.
fn parts(words: &str) -> Option<(&'static str, &str)> {
    let small = words.to_lowercase();
    let found = ["*", "count(*)"].into_iter().find_map(|wanted| {
        let start = format!("select {wanted} from ");
        small.starts_with(&start).then(|| Some((wanted, words.get(start.len()..)?)))
    });
    found.flatten()
}

fn limited(rest: &str) -> (&str, Option<usize>) {
    let at = rest.to_lowercase().rfind(" limit ");
    let limit = at.and_then(|at| {
        let (name, limit) = rest.split_at_checked(at)?;
        Some((name, limit.get(" limit ".len()..)?.trim().parse().ok()?))
    });
    limit.map_or((rest, None), |(name, limit)| (name, Some(limit)))
}

fn table(name: &str, project: &Project, projects: &[Project]) -> Option<Table> {
    let name = plain_name(name.trim());
    let buckets = project.buckets.iter();
    let mut tables = buckets.flat_map(|bucket| {
        let path = bucket.backend_path(project);
        let tables = project.tables_of(bucket, projects).into_iter();
        tables.map(move |table| (format!("{}.{}", path.join("."), table.name()), table))
    });
    let found = tables.find(|(known, table)| table.alias_of.is_none() && *known == name);
    found.map(|(_, table)| table)
}

fn plain_name(name: &str) -> String {
    name.replace(['"', '`'], "")
}

fn unknown(project: &Project, sql: &str) -> String {
    let first = plain(sql).split(' ').next().unwrap_or_default().to_owned();
    wrapped(project, &format!("syntax error line 1 at position 0 unexpected '{first}'."))
}

fn missing(project: &Project, name: &str) -> String {
    let name = plain_name(name);
    wrapped(project, &format!("Object '{name}' does not exist or not authorized."))
}

/// An error as the backend words it.
fn wrapped(project: &Project, text: &str) -> String {
    match project.backend {
        Backend::Snowflake => format!("SQL compilation error: {text}"),
        Backend::BigQuery => {
            format!("{{Location: \"query\"; Message: \"{text}\"; Reason: \"invalidQuery\"}}")
        }
    }
}
