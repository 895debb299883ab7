//! One operation: its method, its path, and the permission it asks of a token.

use crate::cloudflare::access::{Level, Product};
use crate::cloudflare::ask::Ask;
use crate::cloudflare::data::World;
use crate::cloudflare::problem::Problem;
use crate::engine::path;
use crate::engine::reply::Reply;

/// An answer, or what goes wrong.
pub(crate) type Outcome = Result<Reply, Problem>;

/// The handler of an operation.
pub(crate) type Handler = fn(&mut World, &Ask<'_>) -> Outcome;

/// An operation.
#[derive(Debug)]
pub(crate) struct Route {
    /// The method, in upper case.
    pub(crate) method: &'static str,
    /// The path below `/client/v4`, with names in braces for parameters. A last one that ends in a
    /// star takes the rest of the path, slashes and all.
    pub(crate) path: &'static str,
    /// What the token needs; nothing for an operation that any valid token may call.
    pub(crate) needs: Option<(Product, Level)>,
    /// Its handler.
    pub(crate) handler: Handler,
}

/// An operation that reads.
pub(crate) const fn get(path: &'static str, product: Product, handler: Handler) -> Route {
    Route { method: "GET", path, needs: Some((product, Level::Read)), handler }
}

/// An operation that makes something.
pub(crate) const fn post(path: &'static str, product: Product, handler: Handler) -> Route {
    Route { method: "POST", path, needs: Some((product, Level::Write)), handler }
}

/// An operation that replaces something.
pub(crate) const fn put(path: &'static str, product: Product, handler: Handler) -> Route {
    Route { method: "PUT", path, needs: Some((product, Level::Write)), handler }
}

/// An operation that changes something.
pub(crate) const fn patch(path: &'static str, product: Product, handler: Handler) -> Route {
    Route { method: "PATCH", path, needs: Some((product, Level::Write)), handler }
}

/// An operation that removes something.
pub(crate) const fn delete(path: &'static str, product: Product, handler: Handler) -> Route {
    Route { method: "DELETE", path, needs: Some((product, Level::Write)), handler }
}

/// An operation that any valid token may call.
pub(crate) const fn open(path: &'static str, handler: Handler) -> Route {
    Route { method: "GET", path, needs: None, handler }
}

impl Route {
    /// The same, for one that reads although it is posted.
    pub(crate) const fn reads(self) -> Self {
        let needs = match self.needs {
            Some((product, _)) => Some((product, Level::Read)),
            None => None,
        };
        Self { needs, ..self }
    }

    /// The product it is about.
    pub(crate) fn product(&self) -> Option<Product> {
        self.needs.map(|(product, _)| product)
    }

    /// The parameters in an encoded path, if it is this one's.
    pub(crate) fn arguments(&self, whole: &str) -> Option<Vec<(&'static str, String)>> {
        let Some((front, rest)) = self.path.strip_suffix("*}").and_then(|p| p.rsplit_once("/{"))
        else {
            return path::arguments(self.path, whole);
        };
        let parts = front.split('/').count();
        let (at, _) = whole.match_indices('/').nth(parts.saturating_sub(1))?;
        let (start, tail) = whole.split_at_checked(at)?;
        let tail = tail.strip_prefix('/').filter(|tail| !tail.is_empty())?;
        let mut found = path::arguments(front, start)?;
        found.push((rest, tail.to_owned()));
        Some(found)
    }
}
