//! Search of configurations by component, id and keys of metadata.

use serde_json::{Value, json};

use crate::engine::json::Fields as _;
use crate::engine::reply::Reply;
use crate::keboola::ask::Ask;
use crate::keboola::data::{Meta, World};
use crate::keboola::route::{Outcome, Route, get};

pub(super) const ROUTES: &[Route] = &[get("search/component-configurations", search).in_branch()];

const PARAMETERS: [&str; 4] = ["idComponent", "configurationId", "metadataKeys", "include"];

fn search(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let params = ask.params();
    params.nothing_but(&PARAMETERS)?;
    let keys = params.all("metadataKeys");
    let component = params.get("idComponent");
    let id = params.get("configurationId");
    let with_metadata = params.list("include").contains(&"filteredMetadata");
    let token = ask.token()?;
    let configs = world.project(ask.project)?.configs_in(ask.branch, false).into_iter();
    let configs = configs.filter(|config| {
        component.is_none_or(|component| config.component == component)
            && id.is_none_or(|id| config.id == id)
            && token.may_use(&config.component)
    });
    let fits = |meta: &&Meta| keys.is_empty() || keys.contains(&meta.key.as_str());
    let views = configs.filter_map(|config| {
        let found: Vec<Value> = config.metadata.iter().filter(fits).map(Meta::view).collect();
        if found.is_empty() && !keys.is_empty() {
            return None;
        }
        let mut view = json!({ "idComponent": config.component, "configurationId": config.id });
        if with_metadata {
            view.set("metadata", found);
        }
        Some(view)
    });
    Ok(Reply::ok(&views.collect()))
}
