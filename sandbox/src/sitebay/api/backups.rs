//! Backups: which there are, which files they hold, and where to fetch those.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::engine::clock;
use crate::engine::reply::Reply;
use crate::sitebay::ask::Ask;
use crate::sitebay::check::{date_time, string, uuid4, whole};
use crate::sitebay::data::{World, backup_files, backups, version};
use crate::sitebay::options::Generation;
use crate::sitebay::route::{Outcome, Route, get, post};

pub(super) const ROUTES: &[Route] = &[
    get("/site/{fqdn}/pit_restore/commits", commits),
    get("/site/{fqdn}/pit_restore/files", files),
    get("/site/{fqdn}/pit_restore/file", file).since_october(),
    post("/site/{fqdn}/get_download_urls", urls).reads(),
    get("/site/{fqdn}/backups/environment", environment).since_october(),
    get("/site/{fqdn}/timemachine/heatmap", heatmap).since_october(),
];

/// Whether a request is about the stage. Only the later generation can say so; its words for
/// `target` are not known, so that any but `stage` and `staging` mean the site.
pub(super) fn of_stage(world: &World, ask: &Ask<'_>) -> Result<bool, Reply> {
    let site = world.site(ask.fqdn())?;
    if world.generation == Generation::March {
        return Ok(false);
    }
    let mut form = ask.query();
    let target = form.given("target", string);
    let id = form.given("site_stage_id", uuid4);
    form.finish()?;
    if id.is_none() && !matches!(target.as_deref(), Some("stage" | "staging")) {
        return Ok(false);
    }
    let stage = site.require_stage()?;
    if id.is_some_and(|id| id != stage.id) {
        return Err(Reply::detail(404, "Stage site not found"));
    }
    Ok(true)
}

/// The backups closest before a moment.
fn commits(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.query();
    let restore_point = form.required("restore_point", date_time);
    let count = form.given("number_to_fetch", whole).unwrap_or(1);
    form.finish()?;
    let count = u64::try_from(count).unwrap_or_default();
    let stage = of_stage(world, ask)?;
    let site = world.site(ask.fqdn())?;
    let found = backups(site, site.place(stage)?, restore_point, count);
    Ok(Reply::ok(&Value::from(found)))
}

/// The files there were at a moment.
fn files(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.query();
    let restore_point = form.required("restore_point", date_time);
    form.finish()?;
    let stage = of_stage(world, ask)?;
    let site = world.site(ask.fqdn())?;
    let then = site.place(stage)?.at(restore_point);
    Ok(Reply::ok(&Value::from(backup_files(site, &then.files))))
}

/// One of those files.
fn file(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.query();
    let path = form.required("path", string);
    let wanted = form.given("version_id", string);
    let restore_point = form.given("restore_point", date_time);
    form.finish()?;
    let stage = of_stage(world, ask)?;
    let site = world.site(ask.fqdn())?;
    let then = site.place(stage)?.at(restore_point.unwrap_or_else(clock::now));
    let inside = path.strip_prefix("wp-content/").unwrap_or(&path);
    let found = then.files.get(inside).filter(|text| {
        wanted.as_ref().is_none_or(|wanted| version(site.id, inside, text) == *wanted)
    });
    let text = found.ok_or_else(|| Reply::detail(404, "File not found in backup"))?;
    Ok(Reply::ok(&json!({ "path": path, "content": text, "size": text.len() })))
}

/// Addresses to fetch files from, none of which leads anywhere.
fn urls(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.query();
    let at_date = form.given("at_date", date_time);
    form.finish()?;
    let mut form = ask.body()?;
    let keys = form.texts("keys");
    let versions = form.texts_if_any("version_ids");
    form.finish()?;

    let site = world.site(ask.fqdn())?;
    if !versions.is_empty() && versions.len() != keys.len() {
        return Err(Reply::detail(400, "version_ids must be as many as keys"));
    }
    let then = site.live.at(at_date.unwrap_or_else(clock::now));
    let mut urls = BTreeMap::new();
    for (index, key) in keys.iter().enumerate() {
        let inside = key.strip_prefix("wp-content/").unwrap_or(key);
        let Some(text) = then.files.get(inside) else {
            return Err(Reply::detail(404, &format!("File not found in backup: {key}")));
        };
        let own = version(site.id, inside, text);
        let version = versions.get(index).unwrap_or(&own);
        let url = format!(
            "https://backups.example.com/{}/{key}?versionId={version}&signature=sample",
            site.id
        );
        urls.insert(key.clone(), url);
    }
    Ok(Reply::ok(&json!(urls)))
}

fn environment(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let stage = of_stage(world, ask)?;
    let site = world.site(ask.fqdn())?;
    let place = site.place(stage)?;
    Ok(Reply::ok(&json!({
        "target": if stage { "stage" } else { "live" },
        "min_restore_point": clock::text(site.min_restore_point()),
        "max_restore_point": clock::text(clock::now()),
        "tables": place.tables().keys().collect::<Vec<_>>(),
        "files": place.files().len(),
    })))
}

/// How many changes there were on each day.
fn heatmap(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.query();
    let from = form.given("from", date_time);
    let to = form.given("to", date_time);
    form.finish()?;
    let mut days: BTreeMap<String, u64> = BTreeMap::new();
    for commit in world.site(ask.fqdn())?.live.history() {
        if from.is_none_or(|from| commit.at >= from) && to.is_none_or(|to| commit.at <= to) {
            let count = days.entry(commit.at.date_naive().to_string()).or_default();
            *count = count.saturating_add(1);
        }
    }
    let days = days.iter().map(|(day, count)| json!({ "date": day, "count": count }));
    Ok(Reply::ok(&days.collect()))
}
