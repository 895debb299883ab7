//! The parameters of a query, with the arrays that PHP's form has.

use crate::engine::call::Call;
use crate::keboola::problem::Problem;

/// The parameters of a query, decoded, in their order.
#[derive(Debug)]
pub(crate) struct Params {
    pairs: Vec<(String, String)>,
}

impl Params {
    /// Those of a request.
    pub(crate) fn of(call: &Call) -> Self {
        Self { pairs: call.parameters() }
    }

    /// One value; of a repeated parameter the last counts.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.pairs.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// All values of a parameter, whether it is repeated, `name[]` or `name[0]`.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let fits = |known: &str| known == name || is_element(known, name);
        let found = self.pairs.iter().filter(|(known, _)| fits(known));
        found.map(|(_, value)| value.as_str()).collect()
    }

    /// The parts of a value with commas.
    pub(crate) fn list(&self, name: &str) -> Vec<&str> {
        let parts = self.all(name).into_iter().flat_map(|value| value.split(','));
        parts.map(str::trim).filter(|part| !part.is_empty()).collect()
    }

    /// Whether a value means yes.
    pub(crate) fn flag(&self, name: &str) -> bool {
        let value = self.get(name).unwrap_or_default().to_ascii_lowercase();
        ["1", "true"].contains(&value.as_str())
    }

    /// A whole number within bounds.
    pub(crate) fn whole(
        &self,
        name: &str,
        usual: usize,
        (least, most): (usize, usize),
    ) -> Result<usize, Problem> {
        let Some(text) = self.get(name) else {
            return Ok(usual);
        };
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| {
            Problem::invalid(format!("Parameter \"{name}\" must be between {least} and {most}"))
        })
    }

    /// The limit and the offset of a page.
    pub(crate) fn page(&self, usual: usize, most: usize) -> Result<(usize, usize), Problem> {
        let limit = self.whole("limit", usual, (1, most))?;
        let offset = self.whole("offset", 0, (0, 10_000_000))?;
        Ok((limit, offset))
    }

    /// Fails for a parameter that is not among those named.
    pub(crate) fn nothing_but(&self, names: &[&str]) -> Result<(), Problem> {
        let fits = |known: &str| names.iter().any(|name| known == *name || is_element(known, name));
        match self.pairs.iter().find(|(known, _)| !fits(known)) {
            Some((name, _)) => Err(Problem::invalid(format!("Unknown parameter \"{name}\""))),
            None => Ok(()),
        }
    }
}

fn is_element(known: &str, name: &str) -> bool {
    let index = known.strip_prefix(name).and_then(|rest| rest.strip_prefix('['));
    let index = index.and_then(|rest| rest.strip_suffix(']'));
    index.is_some_and(|index| index.bytes().all(|byte| byte.is_ascii_digit()))
}
