//! The Storage API: `/v2/storage` of the service `connection`.

mod branches;
mod buckets;
mod components;
mod config_metadata;
mod config_search;
mod configs;
mod events;
mod global_search;
mod index;
mod jobs;
mod metadata;
mod preview;
mod rows;
mod sharing;
mod tables;
mod tokens;
mod versions;
mod workspaces;

use crate::keboola::route::Route;

/// All operations, by area.
pub(crate) const ROUTES: &[&[Route]] = &[
    index::ROUTES,
    tokens::ROUTES,
    branches::ROUTES,
    buckets::ROUTES,
    sharing::ROUTES,
    tables::ROUTES,
    preview::ROUTES,
    metadata::ROUTES,
    components::ROUTES,
    configs::ROUTES,
    rows::ROUTES,
    versions::ROUTES,
    config_metadata::ROUTES,
    config_search::ROUTES,
    global_search::ROUTES,
    workspaces::ROUTES,
    jobs::ROUTES,
    events::ROUTES,
];
