//! New sites.

use std::sync::Arc;

use serde_json::Value;

use crate::engine::call::Call;
use crate::engine::json::Fields as _;
use crate::engine::reply::Reply;
use crate::sitebay::ask::Ask;
use crate::sitebay::check::{boolean, email, string, uuid4};
use crate::sitebay::data::{
    Creation, NewSite, Pending, Place, STOCK, Site, Status, TEMPLATES, Work, World, set_option,
};
use crate::sitebay::form::Form;
use crate::sitebay::options::Generation;
use crate::sitebay::route::Outcome;

/// Makes a site, which stays in the state `creating` for a while. With an `Idempotency-Key` a
/// repetition makes no second one.
pub(super) fn create(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let call = ask.call;
    let (new, template) = read(call, world.generation)?;
    let body: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let key = call.header("idempotency-key").filter(|key| !key.is_empty());
    if let Some(before) = key.and_then(|key| world.created.get(key)) {
        return again(world, before, &body);
    }

    world.require_team(new.team_id)?;
    let known = |name: &String| TEMPLATES.iter().any(|template| template.name == name);
    if !template.iter().all(known) {
        return Err(Reply::detail(404, "Ready made site not found"));
    }
    world.require_free(&new.fqdn)?;
    let mut site = Site::create(new);
    site.name_servers = Pending::after(ask.options.working_for);
    set_up(&mut site, &body);
    site.start(Status::Creating, ask.options.creating_for, Work::Wait);
    let answer = world.show(&site);
    if let Some(key) = key {
        let creation = Creation { body, site: site.id, answer: answer.clone() };
        world.created.insert(key.to_owned(), creation);
    }
    world.sites.push(site);
    Ok(Reply::json(201, &answer))
}

/// Puts into WordPress what the site's maker says about it.
fn set_up(site: &mut Site, body: &Value) {
    let text = |name: &str| body.field(name).as_str().unwrap_or_default();
    let mut content = STOCK.content.clone();
    let tables = Arc::make_mut(&mut content.tables);
    set_option(tables, "blogname", text("wordpress_blog_name"));
    set_option(tables, "admin_email", text("wordpress_email"));
    if let Some(user) = tables.get_mut("wp_users").and_then(|users| users.get_mut("1")) {
        user.set("user_login", text("wordpress_username"));
        user.set("user_email", text("wordpress_email"));
        let (first, last) = (text("wordpress_first_name"), text("wordpress_last_name"));
        user.set("display_name", format!("{first} {last}"));
    }
    site.live = Place::with(site.id, site.created_at, content);
}

/// Answers a repetition: with the site as it is now, or was if it is gone.
fn again(world: &World, before: &Creation, body: &Value) -> Outcome {
    if before.body != *body {
        let text = "This Idempotency-Key was used with another request";
        return Err(Reply::detail(409, text));
    }
    let site = world.sites.iter().find(|site| site.id == before.site);
    let answer = site.map(|site| world.show(site));
    Ok(Reply::json(201, answer.as_ref().unwrap_or(&before.answer)))
}

fn read(call: &Call, generation: Generation) -> Result<(NewSite, Option<String>), Reply> {
    let mut form = Form::body(call)?;
    let new = NewSite {
        team_id: form.required("team_id", uuid4),
        fqdn: form.required("fqdn", string),
        git_url: form.optional("git_url", string),
        is_free: form.optional("is_free", boolean).unwrap_or_default(),
    };
    for name in
        ["wordpress_blog_name", "wordpress_first_name", "wordpress_last_name", "wordpress_username"]
    {
        form.required(name, string);
    }
    form.required("wordpress_email", email);
    match generation {
        Generation::March => {
            form.required("wordpress_password", string);
        }
        Generation::October => {
            form.optional("wordpress_password", string);
        }
    }
    let template = form.optional("ready_made_site_name", string);
    form.finish()?;
    Ok((new, template))
}
