//! A request that has found its operation.

use serde_json::Value;

use crate::cloudflare::access::{Level, Product, Token};
use crate::cloudflare::body::Body;
use crate::cloudflare::problem::Problem;
use crate::engine::call::{Call, decoded};
use crate::engine::clock::Time;

/// A request with what is known of it: who asks, about which account.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    /// The request as received.
    pub(crate) call: &'a Call,
    /// The moment it is answered at.
    pub(crate) now: Time,
    /// The token.
    pub(crate) token: Token,
    /// The product of the operation, if it has one.
    pub(crate) product: Option<Product>,
    /// The id of the account; empty where the path names none.
    pub(crate) account: String,
    /// The parameters of the path, still encoded.
    pub(crate) arguments: Vec<(&'static str, String)>,
}

impl Ask<'_> {
    /// A parameter of the path, decoded; empty where the path has none of that name.
    pub(crate) fn argument(&self, name: &str) -> String {
        let found = self.arguments.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| decoded(value)).unwrap_or_default()
    }

    /// A parameter of the query; of a repeated one the last counts.
    pub(crate) fn param(&self, name: &str) -> Option<String> {
        let pairs = self.call.parameters().into_iter().rev();
        pairs.into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Whether a parameter of the query means yes.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.param(name).is_some_and(|value| ["true", "1"].contains(&value.as_str()))
    }

    /// A whole number in the query, within bounds.
    pub(crate) fn whole(
        &self,
        name: &str,
        usual: usize,
        (least, most): (usize, usize),
    ) -> Result<usize, Problem> {
        let Some(text) = self.param(name) else {
            return Ok(usual);
        };
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| self.invalid(format!("{name} must be between {least} and {most}")))
    }

    /// The body's fields.
    pub(crate) fn body(&self) -> Result<Body, Problem> {
        Body::of(self)
    }

    /// The body as a list.
    pub(crate) fn items(&self) -> Result<Vec<Value>, Problem> {
        let items = serde_json::from_slice(&self.call.body);
        items.map_err(|_| self.invalid("The body must be a JSON array"))
    }

    /// Whether the token may do something else than the operation asks for.
    pub(crate) fn may(&self, product: Product, level: Level) -> bool {
        self.token.may(product, level)
    }

    /// The error of input that does not fit.
    pub(crate) fn invalid(&self, message: impl Into<String>) -> Problem {
        Problem::new(400, self.invalid_code(), message)
    }

    /// The code of input that does not fit.
    pub(crate) fn invalid_code(&self) -> u32 {
        self.product.map_or(1001, Product::invalid)
    }
}
