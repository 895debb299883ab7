//! The operations, by product.

mod accounts;
mod alerts;
mod analytics;
mod buckets;
mod d1;
mod d1_history;
mod d1_query;
mod deployments;
mod domains;
mod graphql;
mod instances;
mod keys;
mod multipart;
mod namespaces;
mod object_namespaces;
mod objects;
mod queues;
mod references;
mod routes;
mod secrets;
mod selection;
mod settings;
mod upload;
mod versions;
mod workers;
mod workflows;

use crate::cloudflare::route::Route;

/// All operations. Of two paths that both fit, the one listed first is taken.
pub(crate) const ROUTES: &[&[Route]] = &[
    accounts::ROUTES,
    workers::ROUTES,
    upload::ROUTES,
    versions::ROUTES,
    deployments::ROUTES,
    settings::ROUTES,
    secrets::ROUTES,
    references::ROUTES,
    domains::ROUTES,
    routes::ROUTES,
    d1::ROUTES,
    d1_query::ROUTES,
    d1_history::ROUTES,
    buckets::ROUTES,
    objects::ROUTES,
    namespaces::ROUTES,
    keys::ROUTES,
    queues::ROUTES,
    workflows::ROUTES,
    instances::ROUTES,
    object_namespaces::ROUTES,
    analytics::ROUTES,
    graphql::ROUTES,
    alerts::ROUTES,
];
