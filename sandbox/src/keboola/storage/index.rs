//! The index: what the stack offers, without a token.

use serde_json::{Value, json};

use crate::engine::json::Fields as _;
use crate::engine::reply::Reply;
use crate::keboola::ask::Ask;
use crate::keboola::data::{COMPONENTS, World};
use crate::keboola::place::SERVICES;
use crate::keboola::route::{Outcome, Route, get};

pub(super) const ROUTES: &[Route] = &[get("", index).open()];

fn index(_: &mut World, ask: &Ask<'_>) -> Outcome {
    let excluded = ask.params();
    let excluded = excluded.list("exclude");
    let storage = ask.place.url("connection");
    let services = SERVICES.iter().filter(|service| **service != "connection");
    let services = services.map(|id| json!({ "id": id, "url": ask.place.url(id) }));
    let mut view = json!({
        "host": storage.split_once("//").map(|(_, host)| host),
        "api": "storage",
        "documentation": "https://keboola.docs.apiary.io/",
        "version": "v2",
        "revision": "sandbox",
        "stack": ask.place.stack.name,
        "services": services.collect::<Value>(),
        "features": ["global-search"],
        "urlTemplates": {
            "orchestrationJob":
                format!("{storage}/admin/projects/<%= projectId %>/orchestrations/<%= jobId %>"),
        },
    });
    if !excluded.contains(&"components") {
        let is_short = excluded.contains(&"componentDetails");
        let components = COMPONENTS.iter().map(|component| match is_short {
            true => json!({ "id": component.id, "uri": component.view(&storage).field("uri") }),
            false => component.view(&storage),
        });
        view.set("components", components.collect::<Value>());
    }
    Ok(Reply::ok(&view))
}
