//! One operation of Keboola's services: what the engine knows of it, and whether its path names a branch.

use crate::engine::path;
use crate::engine::reply::Reply;
use crate::engine::route::{self, methods};
use crate::keboola::ask::Ask;
use crate::keboola::data::World;
use crate::keboola::problem::Problem;

pub(crate) use crate::engine::route::Access;

/// An answer, or what goes wrong.
pub(crate) type Outcome = Result<Reply, Problem>;

/// The handler of an operation.
pub(crate) type Handler = fn(&mut World, &Ask<'_>) -> Outcome;

/// An operation. Its path is below the service, or below Storage.
pub(crate) type Route = route::Route<Handler, Branch>;

/// Whether the path may begin with `branch/{branch}/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Branch {
    /// It never does.
    Never,
    /// It is there with and without.
    May,
    /// It always does.
    Must,
}

methods!(Handler, Route, Branch::Never);

impl Route {
    /// The same, with and without a branch in its path.
    pub(crate) const fn in_branch(self) -> Self {
        self.with(Branch::May)
    }

    /// The same, only with a branch in its path.
    pub(crate) const fn only_in_branch(self) -> Self {
        self.with(Branch::Must)
    }

    /// The parameters in an encoded path, if it is this one's. That of a branch is `branch`.
    pub(crate) fn arguments(&self, whole: &str) -> Option<Vec<(&'static str, String)>> {
        let branched = whole.strip_prefix("branch/").and_then(|rest| rest.split_once('/'));
        let bare = || path::arguments(self.path, whole);
        match (branched, self.more) {
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
