//! Namespaces of KV.
//!
//! Known: 10014 for a title that there is. Inferred: 10013 for a namespace that there is not.

use serde_json::Value;

use crate::cloudflare::access::Product::Kv;
use crate::cloudflare::ask::Ask;
use crate::cloudflare::data::{Namespace, World};
use crate::cloudflare::paging::{Totals, numbered};
use crate::cloudflare::problem::{Problem, success};
use crate::cloudflare::route::{Outcome, Route, delete, get, post, put};

pub(super) const ROUTES: &[Route] = &[
    get("accounts/{account}/storage/kv/namespaces", Kv, list),
    post("accounts/{account}/storage/kv/namespaces", Kv, create),
    get("accounts/{account}/storage/kv/namespaces/{namespace}", Kv, one),
    put("accounts/{account}/storage/kv/namespaces/{namespace}", Kv, rename),
    delete("accounts/{account}/storage/kv/namespaces/{namespace}", Kv, remove),
];

/// The namespace of a path.
pub(super) fn find<'a>(world: &'a mut World, ask: &Ask<'_>) -> Result<&'a mut Namespace, Problem> {
    let id = ask.argument("namespace");
    let mut all = world.account_mut(&ask.account)?.namespaces.iter_mut();
    let none = || Problem::new(404, 10013, "get namespace: 'namespace not found'");
    all.find(|namespace| namespace.id == id).ok_or_else(none)
}

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut all: Vec<_> = world.account(&ask.account)?.namespaces.iter().collect();
    match ask.param("order").as_deref() {
        Some("id") => all.sort_by(|a, b| a.id.cmp(&b.id)),
        Some("title") => all.sort_by(|a, b| a.title.cmp(&b.title)),
        _ => {}
    }
    if ask.param("direction").as_deref() == Some("desc") {
        all.reverse();
    }
    let views = all.into_iter().map(Namespace::view).collect();
    numbered(ask, views, (20, 100), Totals::Pages)
}

/// A title that fits and that no other namespace has.
fn title(world: &World, ask: &Ask<'_>, but: &str) -> Result<String, Problem> {
    let body = ask.body()?;
    let title = body.required("title")?;
    if title.len() > 512 {
        return Err(body.wrong("title", "must have at most 512 bytes"));
    }
    let mut all = world.account(&ask.account)?.namespaces.iter();
    if all.any(|known| known.title == title && known.id != but) {
        let text = "create namespace: 'a namespace with this account ID and title already exists'";
        return Err(Problem::new(400, 10014, text));
    }
    Ok(title)
}

fn create(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let title = title(world, ask, "")?;
    let namespace = Namespace::new(&mut world.ids, &title);
    let view = namespace.view();
    world.account_mut(&ask.account)?.namespaces.push(namespace);
    Ok(success(&view))
}

fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    Ok(success(&find(world, ask)?.view()))
}

fn rename(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = find(world, ask)?.id.clone();
    let title = title(world, ask, &id)?;
    let namespace = find(world, ask)?;
    namespace.title = title;
    Ok(success(&namespace.view()))
}

fn remove(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = find(world, ask)?.id.clone();
    world.account_mut(&ask.account)?.namespaces.retain(|namespace| namespace.id != id);
    Ok(success(&Value::Null))
}
