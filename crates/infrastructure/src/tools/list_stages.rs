//! The stages of the manifest.

use catalogue::{CallOutcome, call::data};
use serde_json::{Value, json};

use crate::{
    call::Call,
    manifest::{Kind, Resource, StageOutline},
};

pub(super) async fn run(call: &Call<'_>) -> CallOutcome {
    let manifest = call.state.manifest;
    let own = call.state.host.own_stage().and_then(|name| manifest.stage(&name).ok());
    let stages: Vec<Value> = manifest.outlines().map(|outline| entry(&outline)).collect();
    let fields = vec![
        ("app", json!(manifest.app())),
        ("default", json!(manifest.default_stage())),
        ("own_stage", json!(own.map(|stage| stage.name))),
        ("stages", json!(stages)),
    ];
    Ok(call.shown(data(fields), Vec::new()))
}

fn entry(outline: &StageOutline<'_>) -> Value {
    let resources = outline.stage.resources.iter();
    let resources: Vec<Value> = resources.map(|one| resource(one, outline.is_pattern)).collect();
    json!({
        "name": outline.name,
        "is_pattern": outline.is_pattern,
        "is_protected": outline.is_protected,
        "aliases": outline.aliases,
        "ttl_hours": outline.ttl_hours,
        "resources": resources,
    })
}

fn resource(resource: &Resource, is_pattern: bool) -> Value {
    json!({
        "name": resource.id,
        "kind": resource.kind.name(),
        "cloudflare_name": (!is_pattern).then_some(&resource.name),
        "class": resource.class,
        "can": can(resource),
        "is_retained": resource.is_retained,
    })
}

/// What callers may do with it.
fn can(resource: &Resource) -> Vec<&'static str> {
    let can = [
        (resource.kind == Kind::D1 && resource.may_query, "query"),
        (resource.kind == Kind::Workflow && resource.may_trigger, "trigger"),
        (resource.kind == Kind::DurableObject && resource.message_path.is_some(), "message"),
    ];
    can.into_iter().filter(|(can, _)| *can).map(|(_, what)| what).collect()
}
