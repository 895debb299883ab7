//! Files below `wp-content/`: reading, editing, and the tree of them.
//!
//! The stage's name is taken too, so that there is something to commit.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::blocks::{diff, edited};
use crate::engine::json::Fields as _;
use crate::engine::reply::Reply;
use crate::sitebay::ask::Ask;
use crate::sitebay::check::{boolean, integer, integer_between, string};
use crate::sitebay::data::{Files, World};
use crate::sitebay::form::Form;
use crate::sitebay::route::{Outcome, Route, post};

pub(super) const ROUTES: &[Route] = &[
    post("/site/{fqdn}/wpfile/read", read).reads().retired(),
    post("/site/{fqdn}/wpfile/edit", edit).until_march(),
    post("/site/{fqdn}/wpfile/read_and_edit", read_and_edit).retired(),
    post("/site/{fqdn}/wpfile/tree", tree).reads().retired(),
    post("/site/{fqdn}/wpfile/multi_edit", multi_edit).retired(),
];

/// A file's text, or some of its lines.
fn read(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.body()?;
    let path = form.required("file_path", string);
    let start = form.optional("start_line", integer);
    let end = form.optional("end_line", integer);
    form.finish()?;

    let (site, stage) = world.target(ask.fqdn())?;
    let files = site.place(stage)?.files();
    let text = files.get(inside(&path)?).ok_or_else(|| not_found(&path))?;
    let total = text.lines().count();
    let first = start.unwrap_or(1);
    let last = end.unwrap_or_else(|| i64::try_from(total).unwrap_or(i64::MAX));
    if first < 1 || (end.is_some() && last < first) {
        return Err(Reply::detail(400, "Invalid line range"));
    }
    let number = |line: i64| usize::try_from(line).unwrap_or(usize::MAX);
    let skip = number(first).saturating_sub(1);
    let last = number(last).min(total);
    let content = if start.is_none() && end.is_none() {
        text.clone()
    } else {
        let lines = text.split_inclusive('\n').skip(skip).take(last.saturating_sub(skip));
        lines.collect()
    };
    Ok(Reply::ok(&json!({
        "file_path": path,
        "content": content,
        "start_line": first,
        "end_line": last,
        "total_lines": total,
        "size": text.len(),
    })))
}

fn edit(world: &mut World, ask: &Ask<'_>) -> Outcome {
    one(world, ask, false)
}

fn read_and_edit(world: &mut World, ask: &Ask<'_>) -> Outcome {
    one(world, ask, true)
}

fn one(world: &mut World, ask: &Ask<'_>, shows_before: bool) -> Outcome {
    let mut form = ask.body()?;
    let path = form.required("file_path", string);
    let blocks = form.required("file_edit_using_search_replace_blocks", string);
    let dry_run = form.given("dry_run", boolean).unwrap_or(false);
    form.finish()?;

    let before = before(world, ask.fqdn(), &path)?;
    let mut results = apply(world, ask.fqdn(), vec![(path, blocks)], dry_run)?;
    let mut answer = results.pop().unwrap_or_default();
    answer.set("dry_run", dry_run);
    if shows_before {
        answer.set("original_content", before);
    }
    Ok(Reply::ok(&answer))
}

/// Edits of several files: all or none.
fn multi_edit(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.body()?;
    let edits = form.each("edits", |entry: &mut Form| {
        (entry.required("file_path", string), entry.required("search_replace_blocks", string))
    });
    let dry_run = form.given("dry_run", boolean).unwrap_or(false);
    form.finish()?;
    if edits.is_empty() {
        return Err(Reply::detail(400, "No edits given"));
    }
    let results = apply(world, ask.fqdn(), edits, dry_run)?;
    Ok(Reply::ok(&json!({ "success": true, "dry_run": dry_run, "results": results })))
}

fn before(world: &World, fqdn: &str, path: &str) -> Result<Option<String>, Reply> {
    let (site, stage) = world.target(fqdn)?;
    Ok(site.place(stage)?.files().get(inside(path)?).cloned())
}

/// Later edits see what earlier ones of the same file did.
fn apply(
    world: &mut World,
    fqdn: &str,
    edits: Vec<(String, String)>,
    dry_run: bool,
) -> Result<Vec<Value>, Reply> {
    let (site, stage) = world.target_mut(fqdn)?;
    site.require_idle()?;
    let files = site.place(stage)?.files();
    let mut changed = Files::new();
    let mut results = Vec::new();
    for (path, blocks) in edits {
        let key = inside(&path)?;
        let before = changed.get(key).or_else(|| files.get(key)).cloned();
        let after = edited(&path, before.as_deref(), &blocks)?;
        let diff = diff(&path, &before.unwrap_or_default(), &after);
        results.push(json!({ "success": true, "file_path": path, "diff": diff }));
        changed.insert(key.to_owned(), after);
    }
    if !dry_run {
        for path in changed.keys() {
            site.events.note("wordpress", "info", format!("Edited wp-content/{path}"));
        }
        if let Some(place) = site.place_mut(stage) {
            place.change_files(|files| files.extend(changed));
        }
    }
    Ok(results)
}

fn tree(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.body()?;
    let path = form.given("path", string).unwrap_or_default();
    let depth = form.given("max_depth", integer_between(1, 10)).unwrap_or(3);
    form.finish()?;

    let folder = path.trim_matches('/');
    if folder.split('/').any(|part| part == "..") {
        return Err(Reply::detail(400, "Invalid path"));
    }
    let (site, stage) = world.target(ask.fqdn())?;
    let files = site.place(stage)?.files();
    let start = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    let below = files
        .iter()
        .filter_map(|(path, text)| Some((path.strip_prefix(&start)?.to_owned(), text.len())));
    let below: BTreeMap<String, usize> = below.collect();
    if below.is_empty() && !folder.is_empty() {
        return Err(Reply::detail(404, &format!("Directory not found: {path}")));
    }
    Ok(Reply::ok(&json!({
        "path": path,
        "tree": children(&below, depth),
        "total_files": below.len(),
        "total_size": below.values().sum::<usize>(),
    })))
}

/// The folders and files of one level, each folder with what is in it down to a depth.
fn children(files: &BTreeMap<String, usize>, depth: usize) -> Vec<Value> {
    let mut folders: BTreeMap<&str, BTreeMap<String, usize>> = BTreeMap::new();
    let mut found = Vec::new();
    for (path, size) in files {
        match path.split_once('/') {
            Some((folder, rest)) => {
                folders.entry(folder).or_default().insert(rest.to_owned(), *size);
            }
            None => found.push(json!({ "name": path, "type": "file", "size": size })),
        }
    }
    let folders = folders.into_iter().map(|(name, inside)| {
        let mut folder = json!({
            "name": name,
            "type": "directory",
            "size": inside.values().sum::<usize>(),
        });
        let deeper = depth.saturating_sub(1);
        if deeper > 0 {
            folder.set("children", children(&inside, deeper));
        }
        folder
    });
    folders.chain(found).collect()
}

/// A path below `wp-content/`, which it must not leave.
fn inside(path: &str) -> Result<&str, Reply> {
    let bad = path.is_empty() || path.starts_with('/') || path.split('/').any(|part| part == "..");
    if bad {
        Err(Reply::detail(400, "file_path must be relative to wp-content/"))
    } else {
        Ok(path)
    }
}

fn not_found(path: &str) -> Reply {
    Reply::detail(404, &format!("File not found: {path}"))
}
