//! One operation of the API: its method, its path, who may call it, and when it is there.

use crate::engine::path;
use crate::engine::reply::Reply;
use crate::sitebay::ask::Ask;
use crate::sitebay::data::World;
use crate::sitebay::options::Generation;

/// An answer, or the error to answer with instead.
pub(crate) type Outcome = Result<Reply, Reply>;

/// The handler of an operation.
pub(crate) type Handler = fn(&mut World, &Ask<'_>) -> Outcome;

/// An operation.
#[derive(Debug)]
pub(crate) struct Route {
    /// The method, in upper case.
    pub(crate) method: &'static str,
    /// The path after the prefix, with names in braces where a parameter stands.
    pub(crate) path: &'static str,
    /// Whether it changes something, or may be asked to.
    pub(crate) access: Access,
    /// Its handler.
    pub(crate) handler: Handler,
    span: Span,
}

/// Whether a token that may only read is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// It is.
    Read,
    /// It is not.
    Write,
    /// That depends on the request, and the operation looks for itself.
    Own,
    /// No token is needed at all.
    Open,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Span {
    Always,
    OnlyMarch,
    OnlyOctober,
    /// Still there in October, to say that it is gone.
    Retired,
    /// Only ever there to say that it is gone.
    NeverThere,
}

/// An operation that reads.
pub(crate) const fn get(path: &'static str, handler: Handler) -> Route {
    route("GET", path, Access::Read, handler)
}

/// An operation that makes something.
pub(crate) const fn post(path: &'static str, handler: Handler) -> Route {
    route("POST", path, Access::Write, handler)
}

/// An operation that changes something.
pub(crate) const fn patch(path: &'static str, handler: Handler) -> Route {
    route("PATCH", path, Access::Write, handler)
}

/// An operation that replaces something.
pub(crate) const fn put(path: &'static str, handler: Handler) -> Route {
    route("PUT", path, Access::Write, handler)
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
    Route { method, path, access, handler, span: Span::Always }
}

impl Route {
    /// The same, for one that changes nothing although it is posted.
    pub(crate) const fn reads(self) -> Self {
        Self { access: Access::Read, ..self }
    }

    /// The same, for one that looks at the token for itself.
    pub(crate) const fn looks_itself(self) -> Self {
        Self { access: Access::Own, ..self }
    }

    /// The same, for one that needs no token.
    pub(crate) const fn open(self) -> Self {
        Self { access: Access::Open, ..self }
    }

    /// The same, unknown to the later generation.
    pub(crate) const fn until_march(self) -> Self {
        Self { span: Span::OnlyMarch, ..self }
    }

    /// The same, unknown to the earlier generation.
    pub(crate) const fn since_october(self) -> Self {
        Self { span: Span::OnlyOctober, ..self }
    }

    /// The same, answered with 410 in the later generation.
    pub(crate) const fn retired(self) -> Self {
        Self { span: Span::Retired, ..self }
    }

    /// The same, known to the later generation only, and there as gone.
    pub(crate) const fn never_there(self) -> Self {
        Self { span: Span::NeverThere, ..self }
    }

    /// Whether a generation knows it, be it as retired.
    pub(crate) fn is_in(&self, generation: Generation) -> bool {
        match self.span {
            Span::Always | Span::Retired => true,
            Span::OnlyMarch => generation == Generation::March,
            Span::OnlyOctober | Span::NeverThere => generation == Generation::October,
        }
    }

    /// Whether a generation only says that it is gone.
    pub(crate) fn is_gone(&self, generation: Generation) -> bool {
        matches!(self.span, Span::Retired | Span::NeverThere) && generation == Generation::October
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
