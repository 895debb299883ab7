//! One operation of the API: what the engine knows of it, and when it is there.

use crate::engine::path;
use crate::engine::reply::Reply;
use crate::engine::route::{self, methods};
use crate::sitebay::ask::Ask;
use crate::sitebay::data::World;
use crate::sitebay::options::Generation;

pub(crate) use crate::engine::route::Access;

/// An answer, or the error to answer with instead.
pub(crate) type Outcome = Result<Reply, Reply>;

/// The handler of an operation.
pub(crate) type Handler = fn(&mut World, &Ask<'_>) -> Outcome;

/// An operation.
pub(crate) type Route = route::Route<Handler, Span>;

/// The generations that have an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Span {
    /// All.
    Always,
    /// The earlier one.
    OnlyMarch,
    /// The later one.
    OnlyOctober,
    /// Still there in October, to say that it is gone.
    Retired,
    /// Only ever there to say that it is gone.
    NeverThere,
}

methods!(Handler, Route, Span::Always);

impl Route {
    /// The same, unknown to the later generation.
    pub(crate) const fn until_march(self) -> Self {
        self.with(Span::OnlyMarch)
    }

    /// The same, unknown to the earlier generation.
    pub(crate) const fn since_october(self) -> Self {
        self.with(Span::OnlyOctober)
    }

    /// The same, answered with 410 in the later generation.
    pub(crate) const fn retired(self) -> Self {
        self.with(Span::Retired)
    }

    /// The same, known to the later generation only, and there as gone.
    pub(crate) const fn never_there(self) -> Self {
        self.with(Span::NeverThere)
    }

    /// Whether a generation knows it, be it as retired.
    pub(crate) fn is_in(&self, generation: Generation) -> bool {
        match self.more {
            Span::Always | Span::Retired => true,
            Span::OnlyMarch => generation == Generation::March,
            Span::OnlyOctober | Span::NeverThere => generation == Generation::October,
        }
    }

    /// Whether a generation only says that it is gone.
    pub(crate) fn is_gone(&self, generation: Generation) -> bool {
        matches!(self.more, Span::Retired | Span::NeverThere) && generation == Generation::October
    }

    /// The parameters in a decoded path, if it is this one's.
    pub(crate) fn arguments(&self, path: &str) -> Option<Vec<(&'static str, String)>> {
        path::arguments(self.path, path)
    }
}

/// The path with its last slash taken away, or one added.
pub(crate) fn other_slash(path: &str) -> String {
    match path.strip_suffix('/') {
        Some(bare) => bare.to_owned(),
        None => format!("{path}/"),
    }
}
