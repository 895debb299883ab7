//! The proxy to a site's own WordPress API.
//!
//! Posts, pages, settings and plugins are the site's own and are kept; media, comments, tags and
//! categories are empty lists, and writes to them are echoed only. A stage's name is taken too.

use serde_json::{Map, Value, json};

use super::proxy::Proxied;
use crate::engine::json::Fields as _;
use crate::engine::reply::Reply;
use crate::sitebay::ask::Ask;
use crate::sitebay::data::{
    Place, World, add_post, option, plugins, post as find, posts, remove_post, set_option,
    set_post, switch_plugin,
};
use crate::sitebay::route::{Outcome, Route, post};

pub(super) const ROUTES: &[Route] = &[post("/wp-proxy", proxy).looks_itself()];

/// The settings and the options they are kept in.
const SETTINGS: [(&str, &str); 5] = [
    ("title", "blogname"),
    ("description", "blogdescription"),
    ("timezone", "timezone_string"),
    ("email", "admin_email"),
    ("posts_per_page", "posts_per_page"),
];

/// The response of the other side, or its error.
type Shown = Result<Value, Reply>;

fn proxy(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let request = Proxied::read(ask.call, Some("fqdn"), Some("/wp-json/wp/v2/"))?;
    world.settle(&request.target);
    let (site, stage) = world.target_mut(&request.target)?;
    if !request.reads() {
        site.require_idle()?;
        let text = format!("REST: {} {}", request.method.to_uppercase(), request.path);
        site.events.note("wordpress", "info", text);
    }
    let fqdn = match &site.stage {
        Some(of) if stage => of.fqdn(&site.fqdn),
        _ => site.fqdn.clone(),
    };
    let line = format!("{} {}", request.method.to_uppercase(), request.path);
    site.events.note("access", "info", format!("192.0.2.1 \"{line} HTTP/1.1\""));
    let Some(place) = site.place_mut(stage) else {
        return Err(Reply::detail(404, "Site not found"));
    };
    let segments = request.segments();
    let ["wp-json", "wp", "v2", rest @ ..] = segments.as_slice() else {
        return Err(no_route());
    };
    let body = match (request.method.as_str(), rest) {
        ("options" | "head", _) => json!({}),
        ("get", _) => read(place, &fqdn, rest, &request)?,
        (_, ["settings"]) => change_settings(place, &fqdn, &request),
        (method, [kind @ ("posts" | "pages"), id @ ..]) => {
            write(place, &fqdn, method, kind, id.first().copied(), &request)?
        }
        (_, ["plugins", name @ ..]) => change_plugin(place, &name.join("/"), &request)?,
        ("delete", [_, id]) => json!({ "deleted": true, "previous": { "id": number(id) } }),
        (_, [_]) => request.echoed(json!({ "id": 101 })),
        (_, [_, id, ..]) => request.echoed(json!({ "id": number(id) })),
        (_, []) => return Err(no_route()),
    };
    Ok(Reply::ok(&body))
}

fn read(place: &Place, fqdn: &str, rest: &[&str], request: &Proxied) -> Shown {
    let tables = place.tables();
    let body = match rest {
        [] => json!({ "namespace": "wp/v2", "routes": {} }),
        ["settings"] => settings(place, fqdn),
        [kind @ ("posts" | "pages")] => listed(place, fqdn, kind, &request.parameters),
        [kind @ ("posts" | "pages"), id] => entry(fqdn, existing(place, kind, id)?),
        ["users"] => {
            let users = tables.get("wp_users").into_iter().flat_map(|users| users.values());
            users
                .map(|row| json!({ "id": row.field("ID"), "name": row.field("display_name") }))
                .collect()
        }
        ["users", "me"] => json!({ "id": 1, "name": "Jane Smith" }),
        ["plugins"] => plugins(place.content()).iter().map(plugin).collect(),
        ["media" | "comments" | "categories" | "tags"] => json!([]),
        _ => return Err(no_route()),
    };
    Ok(body)
}

/// Posts or pages, newest first: published ones and ten of them, unless asked otherwise.
fn listed(place: &Place, fqdn: &str, kind: &str, wanted: &Value) -> Value {
    let text = |name: &str| wanted.field(name).as_str();
    let number = |name: &str| {
        let value = wanted.field(name);
        value
            .as_u64()
            .or_else(|| value.as_str()?.parse().ok())
            .and_then(|n| usize::try_from(n).ok())
    };
    let status = match text("status").unwrap_or("publish") {
        "any" => None,
        status => Some(status),
    };
    let rows = posts(place.tables(), kind.trim_end_matches('s'), status);
    let fits = |row: &&&Value| {
        let whole = format!("{} {}", row.field("post_title"), row.field("post_content"));
        let whole = whole.to_lowercase();
        text("search").is_none_or(|search| whole.contains(&search.to_lowercase()))
            && text("slug").is_none_or(|slug| row.field("post_name") == slug)
    };
    let size = number("per_page").unwrap_or(10);
    let before = number("page").unwrap_or(1).saturating_sub(1).saturating_mul(size);
    let page = rows.iter().filter(fits).skip(before).take(size);
    page.map(|row| entry(fqdn, row)).collect()
}

fn existing<'a>(place: &'a Place, kind: &str, id: &str) -> Result<&'a Value, Reply> {
    let row = find(place.tables(), id);
    let row = row.filter(|row| row.field("post_type") == kind.trim_end_matches('s'));
    row.ok_or_else(|| wordpress(404, "rest_post_invalid_id", "Invalid post ID."))
}

fn write(
    place: &mut Place,
    fqdn: &str,
    method: &str,
    kind: &str,
    id: Option<&str>,
    request: &Proxied,
) -> Shown {
    let single = kind.trim_end_matches('s');
    let fields = fields(&request.parameters);
    let Some(id) = id else {
        if method != "post" {
            return Err(no_route());
        }
        let row = place.change_tables(&format!("Create a {single}"), |tables| {
            add_post(tables, single, &fields)
        });
        return Ok(entry(fqdn, &row));
    };
    let before = entry(fqdn, existing(place, kind, id)?);
    if method != "delete" {
        let message = format!("Update {single} {id}");
        let row = place.change_tables(&message, |tables| set_post(tables, id, &fields));
        return Ok(entry(fqdn, &row.unwrap_or_default()));
    }
    let force = request.parameters.field("force");
    if *force == true || *force == "true" || *force == 1 {
        place.change_tables(&format!("Delete {single} {id}"), |tables| remove_post(tables, id));
        return Ok(json!({ "deleted": true, "previous": before }));
    }
    let bin = [("post_status", "trash".to_owned())];
    let row = place.change_tables(&format!("Trash {single} {id}"), |t| set_post(t, id, &bin));
    Ok(entry(fqdn, &row.unwrap_or_default()))
}

/// The columns for the fields of a request: a text, or an object with a `raw` one.
fn fields(parameters: &Value) -> Vec<(&'static str, String)> {
    let names = [
        ("title", "post_title"),
        ("content", "post_content"),
        ("status", "post_status"),
        ("slug", "post_name"),
    ];
    let value = |name: &str| {
        let given = parameters.get(name)?;
        given.as_str().or_else(|| given.field("raw").as_str()).map(str::to_owned)
    };
    names.into_iter().filter_map(|(name, column)| Some((column, value(name)?))).collect()
}

fn entry(fqdn: &str, row: &Value) -> Value {
    let slug = row.field("post_name").as_str().unwrap_or_default();
    let text = |name: &str| json!({ "raw": row.field(name), "rendered": row.field(name), "protected": false });
    json!({
        "id": row.field("ID"),
        "type": row.field("post_type"),
        "status": row.field("post_status"),
        "slug": slug,
        "link": format!("https://{fqdn}/{slug}/"),
        "title": text("post_title"),
        "content": text("post_content"),
    })
}

fn settings(place: &Place, fqdn: &str) -> Value {
    let mut view = json!({ "url": format!("https://{fqdn}") });
    for (name, column) in SETTINGS {
        let value = option(place.tables(), fqdn, column).unwrap_or_default();
        let number = (name == "posts_per_page").then(|| value.parse::<u64>().ok()).flatten();
        view.set(name, number.map_or_else(|| Value::from(value), Value::from));
    }
    view
}

fn change_settings(place: &mut Place, fqdn: &str, request: &Proxied) -> Value {
    let empty = Map::new();
    let given = request.parameters.as_object().unwrap_or(&empty);
    let known = SETTINGS.iter().filter_map(|(name, column)| Some((*column, given.get(*name)?)));
    let known: Vec<(&str, String)> = known
        .map(|(column, value)| (column, value.as_str().map_or(value.to_string(), str::to_owned)))
        .collect();
    if !known.is_empty() {
        place.change_tables("Update settings", |tables| {
            known.iter().for_each(|(column, value)| set_option(tables, column, value));
        });
    }
    settings(place, fqdn)
}

fn plugin(one: &crate::sitebay::data::Extension) -> Value {
    json!({
        "plugin": one.file.trim_end_matches(".php"),
        "name": one.title,
        "version": one.version,
        "status": if one.active { "active" } else { "inactive" },
    })
}

fn change_plugin(place: &mut Place, name: &str, request: &Proxied) -> Shown {
    let named = |place: &Place| {
        let known = plugins(place.content());
        known.into_iter().find(|one| one.file.trim_end_matches(".php") == name)
    };
    let missing = || wordpress(404, "rest_plugin_not_found", "Plugin not found.");
    let file = named(place).ok_or_else(missing)?.file;
    if let Some(status) = request.parameters.field("status").as_str() {
        let on = status == "active";
        place.change_tables(&format!("Set plugin {name} {status}"), |tables| {
            switch_plugin(tables, &file, on);
        });
    }
    named(place).map(|one| plugin(&one)).ok_or_else(missing)
}

fn number(id: &str) -> u64 {
    id.parse().unwrap_or_default()
}

fn no_route() -> Reply {
    let message = "No route was found matching the URL and request method.";
    wordpress(404, "rest_no_route", message)
}

/// An error as WordPress words it.
fn wordpress(status: u16, code: &str, message: &str) -> Reply {
    let body = json!({ "code": code, "message": message, "data": { "status": status } });
    Reply::json(status, &body)
}
