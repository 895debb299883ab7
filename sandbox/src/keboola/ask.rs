//! A request that has found its operation.

use crate::engine::call::{Call, decoded};
use crate::engine::clock::Time;
use crate::keboola::body::Body;
use crate::keboola::data::Token;
use crate::keboola::params::Params;
use crate::keboola::place::Place;
use crate::keboola::problem::Problem;

/// A request with what is known of it: where it goes, who asks, in which branch.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    /// The request as received.
    pub(crate) call: &'a Call,
    /// Where it goes.
    pub(crate) place: &'a Place,
    /// The moment it is answered at.
    pub(crate) now: Time,
    /// The id of the token's project; 0 for an operation without a token.
    pub(crate) project: u64,
    /// The id of the branch it is about: the default one where the path names none.
    pub(crate) branch: u64,
    /// The token; none for an operation that needs none.
    pub(crate) token: Option<Token>,
    /// The parameters of the path, still encoded.
    pub(crate) arguments: Vec<(&'static str, String)>,
}

impl Ask<'_> {
    /// A parameter of the path, decoded; empty where the path has none of that name.
    pub(crate) fn argument(&self, name: &str) -> String {
        let found = self.arguments.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| decoded(value)).unwrap_or_default()
    }

    /// A parameter of the path that is a number. No id is 0, so anything else finds nothing.
    pub(crate) fn number(&self, name: &str) -> u64 {
        self.argument(name).parse().unwrap_or_default()
    }

    /// The parameters of the query.
    pub(crate) fn params(&self) -> Params {
        Params::of(self.call)
    }

    /// The body.
    pub(crate) fn body(&self) -> Result<Body, Problem> {
        Body::of(self.call)
    }

    /// The token.
    pub(crate) fn token(&self) -> Result<&Token, Problem> {
        self.token.as_ref().ok_or_else(|| Problem::new(401, "", "Access token must be set"))
    }
}
