//! The proxy to Shopify shops.

use serde_json::json;

use super::proxy::Proxied;
use crate::engine::json::Fields as _;
use crate::engine::reply::Reply;
use crate::sitebay::ask::Ask;
use crate::sitebay::data::World;
use crate::sitebay::route::{Outcome, Route, post};

pub(super) const ROUTES: &[Route] = &[post("/shopify-proxy", proxy).looks_itself()];

/// Passes a request on to a shop with products, which are kept, with themes, and without orders.
/// Other writes are echoed only.
fn proxy(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let request = Proxied::read(ask.call, Some("shop_name"), Some("/admin/api/2024-04"))?;
    let shop = world.shops.shop(&request.target)?;
    let segments = request.segments();
    let ["admin", "api", _version, rest @ ..] = segments.as_slice() else {
        return Err(not_found());
    };
    if !request.reads() {
        return write(world, &request, rest);
    }
    let body = match rest {
        [] => json!({}),
        ["shop.json"] => {
            let name = request.target.as_str();
            let domain = format!("{name}.myshopify.com");
            json!({ "shop": { "id": 1, "name": name, "domain": domain, "currency": "USD" } })
        }
        ["products.json"] => json!({ "products": Vec::from_iter(shop.products.values()) }),
        ["products", id] => {
            let product = number(id).and_then(|id| shop.products.get(&id));
            json!({ "product": product.ok_or_else(not_found)? })
        }
        ["themes.json"] => {
            let themes = shop.themes.iter().map(|(id, theme)| theme.view(*id));
            json!({ "themes": themes.collect::<Vec<_>>() })
        }
        ["orders.json"] => json!({ "orders": [] }),
        _ => return Err(not_found()),
    };
    Ok(Reply::ok(&body))
}

fn write(world: &mut World, request: &Proxied, rest: &[&str]) -> Outcome {
    let shop = world.shops.shop_mut(&request.target)?;
    let given = request.parameters.field("product");
    let body = match (request.method.as_str(), rest) {
        ("post", ["products.json"]) => json!({ "product": shop.add_product(given) }),
        ("put", ["products", id]) => {
            let product = number(id).and_then(|id| shop.set_product(id, given));
            json!({ "product": product.ok_or_else(not_found)? })
        }
        ("delete", ["products", id]) => {
            number(id).and_then(|id| shop.products.remove(&id)).ok_or_else(not_found)?;
            json!({})
        }
        ("delete", _) => json!({}),
        _ => request.echoed(json!({})),
    };
    Ok(Reply::ok(&body))
}

/// An id with Shopify's ending.
fn number(id: &str) -> Option<u64> {
    id.strip_suffix(".json")?.parse().ok()
}

fn not_found() -> Reply {
    Reply::json(404, &json!({ "errors": "Not Found" }))
}
