//! One operation: its method, its path, and what it asks of the token and the branch.

use crate::engine::path;
use crate::engine::reply::Reply;
use crate::keboola::ask::Ask;
use crate::keboola::data::World;
use crate::keboola::problem::Problem;

/// An answer, or what goes wrong.
pub(crate) type Outcome = Result<Reply, Problem>;

/// The handler of an operation.
pub(crate) type Handler = fn(&mut World, &Ask<'_>) -> Outcome;

/// An operation.
#[derive(Debug)]
pub(crate) struct Route {
    /// The method, in upper case.
    pub(crate) method: &'static str,
    /// The path below the service, or below Storage, with names in braces for parameters.
    pub(crate) path: &'static str,
    /// What the token must be able to do.
    pub(crate) access: Access,
    /// Its handler.
    pub(crate) handler: Handler,
    branch: Branch,
}

/// What the token must be able to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// No token is needed.
    Open,
    /// Any token is enough.
    Read,
    /// A token whose role may change things.
    Write,
}

/// Whether the path may begin with `branch/{branch}/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Branch {
    Never,
    May,
    Must,
}

/// An operation that reads.
pub(crate) const fn get(path: &'static str, handler: Handler) -> Route {
    route("GET", path, Access::Read, handler)
}

/// An operation that makes something.
pub(crate) const fn post(path: &'static str, handler: Handler) -> Route {
    route("POST", path, Access::Write, handler)
}

/// An operation that replaces something.
pub(crate) const fn put(path: &'static str, handler: Handler) -> Route {
    route("PUT", path, Access::Write, handler)
}

/// An operation that changes something.
pub(crate) const fn patch(path: &'static str, handler: Handler) -> Route {
    route("PATCH", path, Access::Write, handler)
}

/// An operation that removes something.
pub(crate) const fn delete(path: &'static str, handler: Handler) -> Route {
    route("DELETE", path, Access::Write, handler)
}

const fn route(
    method: &'static str,
    path: &'static str,
    access: Access,
    handler: Handler,
) -> Route {
    Route { method, path, access, handler, branch: Branch::Never }
}

impl Route {
    /// The same, for one that changes nothing although it is posted.
    pub(crate) const fn reads(self) -> Self {
        Self { access: Access::Read, ..self }
    }

    /// The same, for one that needs no token.
    pub(crate) const fn open(self) -> Self {
        Self { access: Access::Open, ..self }
    }

    /// The same, with and without a branch in its path.
    pub(crate) const fn in_branch(self) -> Self {
        Self { branch: Branch::May, ..self }
    }

    /// The same, only with a branch in its path.
    pub(crate) const fn only_in_branch(self) -> Self {
        Self { branch: Branch::Must, ..self }
    }

    /// The parameters in an encoded path, if it is this one's. That of a branch is `branch`.
    pub(crate) fn arguments(&self, whole: &str) -> Option<Vec<(&'static str, String)>> {
        let branched = whole.strip_prefix("branch/").and_then(|rest| rest.split_once('/'));
        let bare = || path::arguments(self.path, whole);
        match (branched, self.branch) {
            (Some((branch, rest)), Branch::May | Branch::Must) if !branch.is_empty() => {
                let mut found = path::arguments(self.path, rest)?;
                found.push(("branch", branch.to_owned()));
                Some(found)
            }
            (_, Branch::Must) => None,
            _ => bare(),
        }
    }
}
