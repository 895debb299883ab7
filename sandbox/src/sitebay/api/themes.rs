//! The files of Shopify shops' themes.

use serde_json::{Value, json};

use super::blocks::{diff, edited};
use crate::engine::json::Fields as _;
use crate::engine::reply::Reply;
use crate::sitebay::ask::Ask;
use crate::sitebay::check::{boolean, string};
use crate::sitebay::data::{Files, World};
use crate::sitebay::form::Form;
use crate::sitebay::route::{Outcome, Route, get, post};

pub(super) const ROUTES: &[Route] = &[
    get("/shopify/{shop_name}/theme/{theme_id}/asset", read),
    post("/shopify/{shop_name}/theme/{theme_id}/asset/edit", edit),
    post("/shopify/{shop_name}/theme/{theme_id}/assets/multi_edit", multi_edit),
    post("/shopify/{shop_name}/theme/{theme_id}/duplicate", duplicate),
];

fn read(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.number("theme_id")?;
    let mut form = ask.query();
    let key = form.required("key", string);
    form.finish()?;
    let theme = world.shops.theme_mut(ask.argument("shop_name"), id)?;
    let text = theme.assets.get(&key);
    let text = text.ok_or_else(|| Reply::detail(404, &format!("Asset not found: {key}")))?;
    Ok(Reply::ok(&json!({
        "theme_id": id,
        "key": key,
        "content": text,
        "content_type": "text/plain",
        "size": text.len(),
    })))
}

fn edit(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.number("theme_id")?;
    let mut form = ask.body()?;
    let key = form.required("key", string);
    let blocks = form.required("file_edit_using_search_replace_blocks", string);
    let dry_run = form.given("dry_run", boolean).unwrap_or(false);
    form.finish()?;
    let mut results = apply(world, ask, id, vec![(key, blocks)], dry_run)?;
    let mut answer = results.pop().unwrap_or_default();
    answer.set("dry_run", dry_run);
    Ok(Reply::ok(&answer))
}

/// Edits of several files: all or none, so that nothing is ever rolled back.
fn multi_edit(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.number("theme_id")?;
    let mut form = ask.body()?;
    let edits = form.each("edits", |entry: &mut Form| {
        (entry.required("key", string), entry.required("search_replace_blocks", string))
    });
    let dry_run = form.given("dry_run", boolean).unwrap_or(false);
    form.finish()?;
    if edits.is_empty() {
        return Err(Reply::detail(400, "No edits given"));
    }
    let results = apply(world, ask, id, edits, dry_run)?;
    Ok(Reply::ok(&json!({
        "success": true,
        "dry_run": dry_run,
        "results": results,
        "rolled_back": false,
    })))
}

fn apply(
    world: &mut World,
    ask: &Ask<'_>,
    id: i64,
    edits: Vec<(String, String)>,
    dry_run: bool,
) -> Result<Vec<Value>, Reply> {
    let theme = world.shops.theme_mut(ask.argument("shop_name"), id)?;
    let mut changed = Files::new();
    let mut results = Vec::new();
    for (key, blocks) in edits {
        let before = changed.get(&key).or_else(|| theme.assets.get(&key)).cloned();
        let after = edited(&key, before.as_deref(), &blocks)?;
        let diff = diff(&key, &before.unwrap_or_default(), &after);
        results.push(json!({ "success": true, "key": key, "diff": diff }));
        changed.insert(key, after);
    }
    if !dry_run {
        theme.assets.extend(changed);
    }
    Ok(results)
}

fn duplicate(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.number("theme_id")?;
    let mut form = ask.body()?;
    let name = form.required("name", string);
    form.finish()?;
    let (new, theme) = world.shops.duplicate(ask.argument("shop_name"), id, name)?;
    Ok(Reply::ok(&json!({ "source_theme_id": id, "theme": theme.view(new) })))
}
