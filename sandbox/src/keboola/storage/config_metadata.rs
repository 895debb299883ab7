//! Metadata of configurations, which has no provider.

use crate::engine::reply::Reply;
use crate::keboola::ask::Ask;
use crate::keboola::data::{Meta, World, set_metadata, views};
use crate::keboola::route::{Outcome, Route, delete, get, post};
use crate::keboola::storage::branches::{drop_metadata, pairs};
use crate::keboola::storage::configs::{found, found_mut};

pub(super) const ROUTES: &[Route] = &[
    get("components/{component}/configs/{config}/metadata", list).in_branch(),
    post("components/{component}/configs/{config}/metadata", set).in_branch(),
    delete("components/{component}/configs/{config}/metadata/{meta}", unset).in_branch(),
];

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    Ok(Reply::ok(&views(&found(world, ask)?.metadata)))
}

fn set(world: &mut World, ask: &Ask<'_>) -> Outcome {
    found(world, ask)?;
    for (key, value) in pairs(ask.body()?.list("metadata")?)? {
        let meta = Meta { id: world.next_id(), key, value, provider: None, timestamp: ask.now };
        set_metadata(&mut found_mut(world, ask)?.metadata, meta);
    }
    Ok(Reply::json(201, &views(&found(world, ask)?.metadata)))
}

fn unset(world: &mut World, ask: &Ask<'_>) -> Outcome {
    drop_metadata(&mut found_mut(world, ask)?.metadata, ask.number("meta"))
}
