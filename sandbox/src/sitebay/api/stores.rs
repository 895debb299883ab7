//! Shopify stores linked to the account.

use serde_json::{Value, json};

use crate::engine::clock;
use crate::engine::reply::Reply;
use crate::sitebay::ask::Ask;
use crate::sitebay::check::{boolean, string, uuid4};
use crate::sitebay::data::{Store, World};
use crate::sitebay::paging::page;
use crate::sitebay::route::{Outcome, Route, get, patch};

pub(super) const ROUTES: &[Route] = &[
    get("/account/shopify_store", list),
    get("/account/shopify_store/{id}", one),
    patch("/account/shopify_store/{id}", update),
];

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    page(ask, "/account/shopify_store", &world.stores, |store| view(world, store))
}

fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.number("id")?;
    let found = world.stores.iter().find(|store| store.id == id);
    found.map(|store| Reply::ok(&view(world, store))).ok_or_else(not_found)
}

/// Applies the fields given; null unlinks the blog and its site.
fn update(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.number("id")?;
    let mut form = ask.body()?;
    let blog_url = form.nullable("blog_url", string);
    let site_id = form.nullable("site_live_id", uuid4);
    let inject_header = form.optional("inject_header", boolean);
    form.finish()?;
    if let Some(Some(site_id)) = site_id
        && !world.sites.iter().any(|site| site.id == site_id)
    {
        return Err(Reply::detail(404, "Site not found"));
    }
    let store = world.stores.iter_mut().find(|store| store.id == id).ok_or_else(not_found)?;
    store.blog_url = blog_url.unwrap_or_else(|| store.blog_url.take());
    store.site_id = site_id.unwrap_or(store.site_id);
    store.inject_header = inject_header.unwrap_or(store.inject_header);
    one(world, ask)
}

fn view(world: &World, store: &Store) -> Value {
    let site = world.sites.iter().find(|site| Some(site.id) == store.site_id);
    json!({
        "id": store.id,
        "shop_url": store.shop_url,
        "blog_url": store.blog_url,
        "site_live": site.map(|site| world.show(site)),
        "inject_header": store.inject_header,
        "created_at": clock::text(store.created_at),
    })
}

fn not_found() -> Reply {
    Reply::detail(404, "Shopify store not found")
}
