//! The proxy to Shopify shops.

use serde_json::{Value, json};

use super::proxy::Proxied;
use crate::ask::Ask;
use crate::data::{Shops, World};
use crate::reply::Reply;
use crate::route::{Outcome, Route, post};

pub(super) const ROUTES: &[Route] = &[post("/shopify-proxy", proxy).looks_itself()];

/// Passes a request on to a shop with two products, no orders and its themes. Other writes
/// than those to themes are echoed, not kept.
fn proxy(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let request = Proxied::read(ask.call, Some("shop_name"), Some("/admin/api/2024-04"))?;
    let shop = request.target.as_str();
    Shops::require(shop)?;
    let segments = request.segments();
    let ["admin", "api", _version, rest @ ..] = segments.as_slice() else {
        return Err(Reply::json(404, &json!({ "errors": "Not Found" })));
    };
    let body = match (request.reads(), rest) {
        (true, []) => json!({}),
        (true, ["shop.json"]) => json!({ "shop": {
            "id": 1, "name": shop, "domain": format!("{shop}.myshopify.com"), "currency": "USD"
        } }),
        (true, ["products.json"]) => json!({ "products": [product(1), product(2)] }),
        (true, ["products", "1.json"]) => json!({ "product": product(1) }),
        (true, ["themes.json"]) => {
            let themes = world.shops.themes(shop);
            let themes = themes.iter().map(|(id, theme)| theme.view(*id));
            json!({ "themes": themes.collect::<Vec<_>>() })
        }
        (true, ["orders.json"]) => json!({ "orders": [] }),
        (true, _) => return Err(Reply::json(404, &json!({ "errors": "Not Found" }))),
        (false, _) if request.method == "delete" => json!({}),
        (false, _) => request.echoed(json!({})),
    };
    Ok(Reply::ok(&body))
}

fn product(id: u64) -> Value {
    json!({
        "id": id,
        "title": format!("Product {id}"),
        "status": "active",
        "variants": [{ "id": id, "price": "9.50" }],
    })
}
