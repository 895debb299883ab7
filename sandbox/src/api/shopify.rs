//! The proxy to Shopify shops.

use serde_json::{Value, json};

use super::Outcome;
use super::proxy::Proxied;
use crate::call::Call;
use crate::reply::Reply;

/// Passes a request on to a shop with two products. Every shop is connected but those whose
/// name starts with `unknown`.
pub(super) fn proxy(call: &Call) -> Outcome {
    let request = Proxied::read(call, Some("shop_name"), Some("/admin/api/2024-04"))?;
    let shop = request.target.as_str();
    if shop.is_empty() || shop.starts_with("unknown") {
        return Err(Reply::detail(404, "Shopify store not found"));
    }
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
