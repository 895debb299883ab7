//! Changes to a site's settings.

use super::Outcome;
use crate::call::Call;
use crate::check::{boolean, string, uuid4};
use crate::data::World;
use crate::form::Form;
use crate::reply::Reply;

/// Applies the given fields. Null leaves a setting as it is, but for the repository, which it
/// disconnects.
pub(super) fn update(world: &mut World, call: &Call, fqdn: &str) -> Outcome {
    let mut form = Form::body(call)?;
    let cf_dev_mode = form.optional("cf_dev_mode_enabled", boolean);
    let new_fqdn = form.optional("new_fqdn", string);
    let git_url = form.nullable("git_url", string);
    let http_auth = form.optional("http_auth_enabled", boolean);
    let team_id = form.optional("team_id", uuid4);
    let is_free = form.optional("is_free", boolean);
    form.finish()?;

    let site = world.site(fqdn)?;
    site.require_idle()?;
    let new_fqdn = new_fqdn.filter(|name| !site.is_named(name));
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
    site.git_url = git_url.unwrap_or_else(|| site.git_url.take());
    site.cf_dev_mode = cf_dev_mode.unwrap_or(site.cf_dev_mode);
    site.http_auth_enabled = http_auth.unwrap_or(site.http_auth_enabled);
    site.team_id = team_id.unwrap_or(site.team_id);
    site.is_free = is_free.unwrap_or(site.is_free);
    let fqdn = site.fqdn.clone();
    Ok(Reply::ok(&world.show(world.site(&fqdn)?)))
}
