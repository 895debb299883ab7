//! Changes to a site's settings.

use uuid::Uuid;

use crate::engine::clock;
use crate::engine::reply::Reply;
use crate::sitebay::ask::Ask;
use crate::sitebay::check::{boolean, string, uuid4};
use crate::sitebay::data::{Site, World};
use crate::sitebay::route::Outcome;

/// Applies the given fields. Null leaves a setting as it is, but for the repository, which it
/// disconnects.
pub(super) fn update(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let fqdn = ask.fqdn();
    let mut form = ask.body()?;
    let cf_dev_mode = form.optional("cf_dev_mode_enabled", boolean);
    let new_fqdn = form.optional("new_fqdn", string);
    let git_url = form.nullable("git_url", string);
    let http_auth = form.optional("http_auth_enabled", boolean);
    let team_id = form.optional("team_id", uuid4);
    let is_free = form.optional("is_free", boolean);
    form.finish()?;

    let site = world.site(fqdn)?;
    site.require_idle()?;
    let new_fqdn = new_fqdn.filter(|name| site.fqdn != name.to_lowercase());
    if let Some(name) = &new_fqdn {
        world.require_free(name)?;
    }
    if let Some(team_id) = team_id {
        world.require_team(team_id)?;
    }

    let site = world.site_mut(fqdn)?;
    if let Some(name) = new_fqdn {
        site.fqdn = name.to_lowercase();
    }
    match git_url {
        Some(Some(url)) => link(site, url),
        Some(None) => unlink(site),
        None => {}
    }
    if let Some(on) = cf_dev_mode {
        site.cloudflare.switch("dev_mode", on);
    }
    site.http_auth_enabled = http_auth.unwrap_or(site.http_auth_enabled);
    site.team_id = team_id.unwrap_or(site.team_id);
    site.is_free = is_free.unwrap_or(site.is_free);
    let fqdn = site.fqdn.clone();
    Ok(Reply::ok(&world.show(world.site(&fqdn)?)))
}

/// Connects a site to a repository, whose content is taken at once.
pub(super) fn link(site: &mut Site, url: String) {
    site.events.note("git-sync", "info", format!("Linked to {url}"));
    site.git_url = Some(url);
    site.git_hash = Some(Uuid::new_v4().simple().to_string());
    site.extras.synced_at = Some(clock::now());
}

/// Disconnects a site from its repository; what was taken stays.
pub(super) fn unlink(site: &mut Site) {
    site.git_url = None;
    site.git_hash = None;
    site.events.note("git-sync", "info", "Unlinked".to_owned());
}
