//! Places the arguments of a call: in the path, the query and the body of its request.
//!
//! Invariant: a value becomes part of a path only through [`encode_part`], and local parameters never leave.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use crate::{
    arguments::Arguments,
    operation::{Alternative, Operation, Parameter, Place},
    service::Service,
};
use mcp_platform::Method;

/// Everything but RFC 3986's unreserved characters.
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One part of a path, percent-encoded. Refuses what a URL parser would drop or resolve.
pub fn encode_part(value: &str) -> Option<String> {
    let whole = !matches!(value, "" | "." | "..");
    whole.then(|| utf8_percent_encode(value, PART).to_string())
}

/// A value as it stands in a path or a query.
pub(crate) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// One form of an operation: its own, or one of its alternatives.
#[derive(Debug)]
pub struct Form<S: Service> {
    /// The operation.
    pub operation: &'static Operation<S>,
    /// None: its own form.
    pub alternative: Option<&'static Alternative>,
}

impl<S: Service> Clone for Form<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: Service> Copy for Form<S> {}

impl<S: Service> Form<S> {
    /// The operation's own form.
    pub fn of(operation: &'static Operation<S>) -> Self {
        Self { operation, alternative: None }
    }

    /// The method.
    pub fn method(&self) -> Method {
        self.alternative.map_or(self.operation.method, |other| other.method)
    }

    /// The path below the API's prefix.
    pub fn path(&self) -> &'static str {
        self.alternative.map_or(self.operation.path, |other| other.path)
    }

    /// Where a parameter goes, and under which name.
    pub fn place(&self, parameter: &Parameter<S::Kind>) -> (Place, &'static str) {
        let moved = self
            .alternative
            .and_then(|other| other.moved.iter().find(|moved| moved.name == parameter.name));
        moved.map_or((parameter.place, parameter.api), |moved| (moved.place, moved.api))
    }
}

/// The arguments of a call in one form of its operation.
#[derive(Debug)]
pub struct Placed<'a, S: Service> {
    /// The form.
    pub form: Form<S>,
    /// The arguments.
    pub arguments: &'a Arguments,
}

impl<S: Service> Placed<'_, S> {
    /// The arguments of one place, under the API's names.
    fn at(&self, wanted: Place) -> impl Iterator<Item = (&'static str, &Value)> {
        self.form.operation.parameters.iter().filter_map(move |parameter| {
            let (place, name) = self.form.place(parameter);
            let value = self.arguments.get(parameter.name)?;
            (place == wanted).then_some((name, value))
        })
    }

    /// The encoded path below the API's prefix. None: a part of it cannot be sent.
    pub fn path(&self) -> Option<String> {
        let mut path = self.form.path().to_owned();
        for parameter in self.form.operation.parameters {
            let value = self.arguments.get(parameter.name);
            if let (Place::Path, Some(value)) = (self.form.place(parameter).0, value) {
                let part = encode_part(&plain(value))?;
                path = path.replace(&format!("{{{}}}", parameter.name), &part);
            }
        }
        Some(path)
    }

    /// The query, not yet encoded. An array becomes one entry for each item.
    pub fn query(&self) -> Vec<(&'static str, String)> {
        let mut query = Vec::new();
        for (name, value) in self.at(Place::Query) {
            match value {
                Value::Array(items) => query.extend(items.iter().map(|item| (name, plain(item)))),
                _ => query.push((name, plain(value))),
            }
        }
        query
    }

    /// The body, where the method has one.
    pub fn body(&self) -> Option<Value> {
        let values = self.at(Place::Body);
        let body: Map<String, Value> =
            values.map(|(name, value)| (name.to_owned(), value.clone())).collect();
        let sends = matches!(self.form.method(), Method::Post | Method::Put | Method::Patch);
        let mut parameters = self.form.operation.parameters.iter();
        let takes = parameters.any(|parameter| self.form.place(parameter).0 == Place::Body);
        (sends && takes).then_some(Value::Object(body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_part_cannot_leave_its_place() {
        assert_eq!(encode_part("../team").as_deref(), Some("..%2Fteam"));
        assert_eq!(encode_part("a b?c#d%2f").as_deref(), Some("a%20b%3Fc%23d%252f"));
        assert_eq!(encode_part("www.example.org").as_deref(), Some("www.example.org"));
        for refused in ["", ".", ".."] {
            assert_eq!(encode_part(refused), None);
        }
    }
}
