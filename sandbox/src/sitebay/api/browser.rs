//! The browser that shows a site's pages, and what can be seen and done there.
//!
//! A page is made up from what WordPress holds. `eval` knows a few expressions and answers null
//! for the rest. What the contract leaves open: a picture is in the field `screenshot`.

use serde_json::{Value, json};

use super::pages::Page;
use crate::engine::clock;
use crate::engine::reply::Reply;
use crate::sitebay::ask::Ask;
use crate::sitebay::check::{between, boolean, one_of, string};
use crate::sitebay::data::{Site, World};
use crate::sitebay::route::{Outcome, Route, get, post};

pub(super) const ROUTES: &[Route] = &[
    post("/site/{fqdn}/browser/goto", goto).reads(),
    post("/site/{fqdn}/browser/screenshot", screenshot).reads(),
    post("/site/{fqdn}/browser/click", click),
    post("/site/{fqdn}/browser/fill", fill),
    post("/site/{fqdn}/browser/eval", eval),
    post("/site/{fqdn}/browser/text", text).reads(),
    post("/site/{fqdn}/browser/admin-cookie", cookie),
    post("/site/{fqdn}/browser/close", close).since_october(),
    get("/site/{fqdn}/browser/logs", logs).since_october(),
];

/// A picture of one white point.
const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4//8/AAX+Av4N70a4AAAAAElFTkSuQmCC";

fn goto(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.body()?;
    let path = form.given("path", string);
    form.finish()?;
    let site = world.site_mut(ask.fqdn())?;
    awake(site)?;
    let path = path.unwrap_or_else(|| "/".to_owned());
    if !path.starts_with('/') {
        return Err(Reply::detail(400, "path must start with /"));
    }
    site.browser.open(&path);
    let page = Page::at(site, &path);
    if page.status >= 400 {
        let said = format!("Failed to load resource: {path} ({})", page.status);
        site.browser.console.push((clock::now(), "error", said));
    }
    Ok(Reply::ok(&json!({ "url": page.url, "title": page.title, "status": page.status })))
}

fn screenshot(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.body_if_any()?;
    let full_page = form.given("full_page", boolean).unwrap_or(false);
    form.finish()?;
    let (_, page) = shown(world, ask)?;
    Ok(Reply::ok(&json!({
        "screenshot": PNG,
        "content_type": "image/png",
        "full_page": full_page,
        "url": page.url,
    })))
}

/// Clicks. A link leads to its page; a button sends what was filled in, which changes nothing.
fn click(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.body()?;
    let selector = form.required("selector", string);
    form.finish()?;
    let (site, page) = shown(world, ask)?;
    page.require(&selector)?;
    if let Some(target) = page.link(&selector) {
        site.browser.open(&target);
    }
    let path = site.browser.page();
    let page = Page::at(site, &path);
    Ok(Reply::ok(&json!({ "success": true, "url": page.url, "title": page.title })))
}

fn fill(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.body()?;
    let wanted = form.required("selector", string);
    let value = form.required("value", string);
    form.finish()?;
    let (site, page) = shown(world, ask)?;
    page.require(&wanted)?;
    site.browser.fields.insert(wanted, value);
    Ok(Reply::ok(&json!({ "success": true })))
}

fn eval(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.body()?;
    let js = form.required("js", string);
    form.finish()?;
    let (site, page) = shown(world, ask)?;
    let js = js.trim().trim_end_matches(';');
    let quoted = |start: &str, end: &str| {
        let inside = js.strip_prefix(start)?.strip_suffix(end)?;
        Some(inside.trim_matches(['"', '\'']).to_owned())
    };
    let result = match js {
        "document.title" => Value::from(page.title),
        "location.href" | "window.location.href" => Value::from(page.url),
        "location.pathname" | "window.location.pathname" => Value::from(site.browser.page()),
        "document.body.innerText" => Value::from(page.text),
        _ => {
            if let Some(name) = quoted("document.querySelector(", ").value") {
                json!(site.browser.fields.get(&name))
            } else if let Some(name) = quoted("document.querySelectorAll(", ").length") {
                json!(usize::from(page.require(&name).is_ok()))
            } else if let Some(text) = quoted("console.log(", ")") {
                site.browser.console.push((clock::now(), "info", text));
                Value::Null
            } else {
                serde_json::from_str(js).unwrap_or_default()
            }
        }
    };
    Ok(Reply::ok(&json!({ "result": result })))
}

fn text(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.body_if_any()?;
    let selector = form.given("selector", string).unwrap_or_else(|| "body".to_owned());
    form.finish()?;
    let (_, page) = shown(world, ask)?;
    page.require(&selector)?;
    Ok(Reply::ok(&json!({ "text": page.text_of(&selector), "selector": selector })))
}

fn cookie(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let site = world.site(ask.fqdn())?;
    awake(site)?;
    let id = site.id.simple();
    Ok(Reply::ok(&json!({
        "name": format!("wordpress_logged_in_{id}"),
        "value": format!("secret-cookie-{}", uuid::Uuid::new_v4().simple()),
        "domain": site.fqdn,
    })))
}

fn close(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let site = world.site_mut(ask.fqdn())?;
    let was_open = site.browser.path.take().is_some();
    site.browser.fields.clear();
    site.browser.console.clear();
    Ok(Reply::ok(&json!({ "closed": was_open })))
}

fn logs(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.query();
    let level = form.given("level", one_of(&["error", "warning", "info", "debug"]));
    let limit = form.given("limit", between(1, 1_000)).unwrap_or(100);
    form.finish()?;
    let console = &world.site(ask.fqdn())?.browser.console;
    let wanted = console.iter().filter(|(_, is, _)| level.as_ref().is_none_or(|want| want == is));
    let newest = wanted.rev().take(limit);
    let views = newest.map(|(at, level, text)| {
        json!({ "timestamp": clock::text(*at), "level": level, "message": text })
    });
    Ok(Reply::ok(&json!({ "logs": views.collect::<Vec<_>>() })))
}

/// The site with the page its browser shows.
fn shown<'w>(world: &'w mut World, ask: &Ask<'_>) -> Result<(&'w mut Site, Page), Reply> {
    let site = world.site_mut(ask.fqdn())?;
    awake(site)?;
    let path = site.browser.page();
    let page = Page::at(site, &path);
    Ok((site, page))
}

/// A browser needs a site that answers.
fn awake(site: &Site) -> Result<(), Reply> {
    site.require_idle()
}
