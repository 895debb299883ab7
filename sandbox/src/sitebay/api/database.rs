//! The database's history. The later generation has it under another name, and does not search.

use serde_json::{Map, Value, json};

use crate::engine::clock;
use crate::engine::json::Fields as _;
use crate::engine::reply::Reply;
use crate::sitebay::ask::Ask;
use crate::sitebay::check::{between, filled, string};
use crate::sitebay::data::{Change, Commit, Place, World, changes};
use crate::sitebay::route::{Outcome, Route, get, post};

pub(super) const ROUTES: &[Route] = &[
    get("/site/{fqdn}/dolt/log", log).until_march(),
    get("/site/{fqdn}/dolt/diff", diff).until_march(),
    get("/site/{fqdn}/dolt/diff-summary", summary).until_march(),
    get("/site/{fqdn}/dolt/history-search", search).until_march(),
    get("/site/{fqdn}/database_changes/log", log).since_october(),
    get("/site/{fqdn}/database_changes/diff", diff).since_october(),
    get("/site/{fqdn}/database_changes/diff-summary", summary).since_october(),
    post("/site/{fqdn}/mysql/exec", never).never_there(),
    post("/site/{fqdn}/mysql/query", never).never_there(),
    post("/site/{fqdn}/mysql/explain", never).never_there(),
];

/// Commits, newest first. Every value is a text, as the contract has it.
fn log(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.query();
    let limit = form.given("limit", between(i64::MIN, 100)).unwrap_or(20);
    form.finish()?;
    let history = world.site(ask.fqdn())?.live.history();
    let entries = history.iter().enumerate().take(limit).map(|(index, commit)| {
        let mut tables = of(&history, index);
        tables.dedup_by(|a, b| a.table == b.table);
        let tables: Vec<&str> = tables.iter().map(|change| change.table.as_str()).collect();
        json!({
            "commit_hash": commit.hash,
            "message": commit.message,
            "committer": "sitebay",
            "date": clock::text(commit.at),
            "tables": tables.join(", "),
        })
    });
    Ok(Reply::ok(&entries.collect()))
}

fn diff(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.query();
    let table = form.given("table", string);
    form.finish()?;
    let (from, to) = range(&world.site(ask.fqdn())?.live, ask)?;
    if table.as_ref().is_some_and(|table| !to.after.contains_key(table)) {
        return Err(Reply::detail(404, "Table not found"));
    }
    let mut tables = Map::new();
    for change in changes(&from.after, &to.after) {
        if table.as_ref().is_some_and(|table| *table != change.table) {
            continue;
        }
        let view = change.view();
        let rows = tables.entry(change.table).or_insert_with(|| json!([]));
        if let Value::Array(rows) = rows {
            rows.push(view);
        }
    }
    Ok(Reply::ok(&json!({ "from_commit": from.hash, "to_commit": to.hash, "tables": tables })))
}

fn summary(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let (from, to) = range(&world.site(ask.fqdn())?.live, ask)?;
    let changes = changes(&from.after, &to.after);
    let mut sentences: Vec<String> = Vec::new();
    let mut tables: Vec<&str> = changes.iter().map(|change| change.table.as_str()).collect();
    tables.dedup();
    for table in &tables {
        for kind in ["added", "deleted", "modified"] {
            let fits = |change: &&Change| change.table == *table && change.kind == kind;
            let count = changes.iter().filter(fits).count();
            if count > 0 {
                let rows = if count == 1 { "row was" } else { "rows were" };
                sentences.push(format!("{count} {rows} {kind} in {table}."));
            }
        }
    }
    let text =
        if sentences.is_empty() { "Nothing changed.".to_owned() } else { sentences.join(" ") };
    Ok(Reply::ok(&json!({
        "from_commit": from.hash,
        "to_commit": to.hash,
        "summary": text,
        "tables_changed": tables,
    })))
}

/// The commits to compare: the last two where none is named, up to the last where no end is.
fn range(place: &Place, ask: &Ask<'_>) -> Result<(Commit, Commit), Reply> {
    let mut form = ask.query();
    let from = form.given("from_commit", string);
    let to = form.given("to_commit", string);
    form.finish()?;
    let history = place.history();
    let named = |hash: String| match hash.as_str() {
        "HEAD" => place.history().into_iter().next().ok_or_else(no_commit),
        _ => place.commit_named(&hash).ok_or_else(no_commit),
    };
    let to = named(to.unwrap_or_else(|| "HEAD".to_owned()))?;
    let from = match from {
        Some(from) => named(from)?,
        None => {
            let mut older = history.into_iter().skip_while(|commit| commit.hash != to.hash).skip(1);
            older.next().unwrap_or_else(|| to.clone())
        }
    };
    Ok((from, to))
}

fn no_commit() -> Reply {
    Reply::detail(404, "Commit not found")
}

/// The changes of one commit of a history.
fn of(history: &[Commit], index: usize) -> Vec<Change> {
    let after = history.get(index).map(|commit| commit.after.as_ref().clone()).unwrap_or_default();
    let before = history.get(index.saturating_add(1));
    let before = before.map(|commit| commit.after.as_ref().clone()).unwrap_or_default();
    changes(&before, &after)
}

/// Changed rows in which a text stands, newest first.
fn search(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.query();
    let query = form.required("query", filled);
    let kind = form.given("diff_type", string);
    let from = form.given("date_from", string);
    let to = form.given("date_to", string);
    let limit = form.given("limit", between(1, 100)).unwrap_or(5);
    form.finish()?;
    if kind.as_deref().is_some_and(|kind| !["added", "deleted", "modified"].contains(&kind)) {
        return Err(Reply::detail(400, "diff_type must be added, deleted or modified"));
    }
    for day in [&from, &to].into_iter().flatten() {
        if day.len() != 10 || clock::parse(day).is_none() {
            return Err(Reply::detail(400, "Dates must be in YYYY-MM-DD format"));
        }
    }
    let history = world.site(ask.fqdn())?.live.history();
    let needle = query.to_lowercase();
    let mut results = Vec::new();
    for (index, commit) in history.iter().enumerate() {
        let day = commit.at.date_naive().to_string();
        if from.as_ref().is_some_and(|from| day < *from) || to.as_ref().is_some_and(|to| day > *to)
        {
            continue;
        }
        for change in of(&history, index) {
            let text = format!("{} {}", change.before, change.after).to_lowercase();
            if text.contains(&needle) && kind.as_ref().is_none_or(|kind| kind == change.kind) {
                let mut hit = change.view();
                hit.set("commit_hash", commit.hash.clone());
                hit.set("date", clock::text(commit.at));
                hit.set("table", change.table);
                results.push(hit);
            }
        }
    }
    let total = results.len();
    results.truncate(limit);
    Ok(Reply::ok(&json!({ "query": query, "total": total, "results": results })))
}

/// Not reached: these routes are answered as gone.
fn never(_: &mut World, _: &Ask<'_>) -> Outcome {
    Err(Reply::detail(410, "This route is retired"))
}
