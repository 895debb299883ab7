//! Repositories: those of the account's providers, and the one a site follows.
//!
//! A site is linked by a change of its `git_url`, or as it is made.

use serde_json::{Value, json};
use uuid::Uuid;

use super::update::{link, unlink};
use crate::engine::clock;
use crate::engine::reply::Reply;
use crate::sitebay::ask::Ask;
use crate::sitebay::check::string;
use crate::sitebay::data::{Event, Site, World};
use crate::sitebay::route::{Outcome, Route, delete, get, post};

pub(super) const ROUTES: &[Route] = &[
    get("/account/git_repos", repositories),
    get("/get_git_sync_repos", synced),
    delete("/site/{fqdn}/git", remove),
    get("/site/{fqdn}/git/logs", logs).since_october(),
    post("/site/{fqdn}/git/resume", resume).since_october(),
    post("/site/{fqdn}/switch-git-provider", switch).since_october(),
];

/// The account has two repositories at one provider and none at the others.
fn repositories(_: &mut World, _: &Ask<'_>) -> Outcome {
    let repository = |id: u64, name: &str| {
        json!({
            "id": id,
            "name": name,
            "full_name": format!("jane/{name}"),
            "clone_url": format!("https://git.example.com/jane/{name}.git"),
            "default_branch": "main",
            "private": true,
        })
    };
    Ok(Reply::ok(&json!({
        "github_repos": [repository(1, "corner-bakery-theme"), repository(2, "plain-blog")],
        "gitlab_repos": [],
        "bitbucket_repos": [],
    })))
}

/// The repositories that sites follow.
fn synced(world: &mut World, _: &Ask<'_>) -> Outcome {
    let linked = world.sites.iter().filter(|site| site.git_url.is_some());
    let views = linked.map(|site| {
        json!({
            "fqdn": site.fqdn,
            "git_url": site.git_url,
            "branch": "main",
            "last_sync_hash": site.git_hash,
            "last_synced_at": site.extras.synced_at.map(clock::text),
        })
    });
    Ok(Reply::ok(&views.collect()))
}

fn remove(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let site = world.site_mut(ask.fqdn())?;
    site.require_idle()?;
    require_linked(site)?;
    unlink(site);
    Ok(Reply::ok(&json!({ "message": "Git repository unlinked" })))
}

fn logs(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let site = world.site(ask.fqdn())?;
    let of_git = site.events.all().iter().filter(|event| event.log == "git-sync");
    let views: Vec<Value> = of_git.map(|event: &Event| event.view(&site.fqdn)).collect();
    Ok(Reply::ok(&json!({ "logs": views })))
}

/// Takes what is new in the repository, of which there is always something.
fn resume(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let site = world.site_mut(ask.fqdn())?;
    site.require_idle()?;
    require_linked(site)?;
    let hash = Uuid::new_v4().simple().to_string();
    site.events.note("git-sync", "info", format!("Synced to {hash}"));
    site.extras.synced_at = Some(clock::now());
    let view = json!({ "message": "Git sync resumed", "git_last_sync_hash": hash });
    site.git_hash = Some(hash);
    Ok(Reply::ok(&view))
}

fn switch(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.body()?;
    let url = form.required("git_url", string);
    form.finish()?;
    let site = world.site_mut(ask.fqdn())?;
    site.require_idle()?;
    link(site, url);
    Ok(Reply::ok(&json!({ "git_url": site.git_url, "git_last_sync_hash": site.git_hash })))
}

fn require_linked(site: &Site) -> Result<(), Reply> {
    if site.git_url.is_some() {
        return Ok(());
    }
    Err(Reply::detail(400, "Site has no linked git repository"))
}
