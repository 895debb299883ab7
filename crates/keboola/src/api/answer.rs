//! A success of a service, as text that is read as a whole or piece by piece.
//!
//! Invariant: a list is read one item at a time. The tree of a whole answer is many times its text.

use mcp_protocol::raw;
use serde_json::{Value, value::RawValue};

use super::error::ApiError;

/// A success.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(super) service: &'static str,
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// Its bytes.
    pub(crate) fn len(&self) -> usize {
        self.body.len()
    }

    /// All of it; an empty one is null.
    pub(crate) fn value(&self) -> Result<Value, ApiError> {
        if raw::without_bom(&self.body).trim_ascii().is_empty() {
            return Ok(Value::Null);
        }
        raw::value_of_bytes(&self.body).ok_or_else(|| self.unreadable())
    }

    /// The items of a list. Anything else is no empty list.
    pub(crate) fn items(&self) -> Result<Vec<&RawValue>, ApiError> {
        let text = str::from_utf8(raw::without_bom(&self.body)).map_err(|_| self.unreadable())?;
        if !text.trim_start().starts_with('[') {
            self.value()?;
            return Err(ApiError::Unexpected("a list"));
        }
        raw::elements(text).map_err(|_| self.unreadable())
    }

    fn unreadable(&self) -> ApiError {
        ApiError::Unreadable { service: self.service, status: self.status }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &str) -> Answer {
        Answer { service: "Storage", status: 200, body: body.as_bytes().to_vec() }
    }

    #[test]
    fn items_are_those_of_a_list_and_of_nothing_else() {
        let list = answer("\u{feff} [1, {\"a\": \"\\ud800\"}]");
        let items: Vec<Value> =
            list.items().unwrap().iter().map(|item| raw::value(item.get()).unwrap()).collect();
        assert_eq!(items[1]["a"], "\u{fffd}");
        for (odd, is_json) in
            [("{}", true), ("null", true), ("\"x\"", true), ("[1", false), ("<h1>", false)]
        {
            let error = answer(odd).items().unwrap_err();
            assert_eq!(matches!(error, ApiError::Unexpected(_)), is_json, "{odd}: {error}");
        }
        assert_eq!(answer(" ").value(), Ok(Value::Null));
    }
}
