//! Puts the arguments of a call where its operation wants them: path, query, body.
//!
//! Invariant: a path part is always percent-encoded, local parameters never leave.

use serde_json::{Map, Value};

use super::{call::Call, catalogue::Place, generations::Form};
use crate::api::{ApiError, Client, Repeat, Request, encode_part};
use mcp_platform::Method;
use mcp_server::toolset::Effect;

/// The request of a call in one form of its operation. A keyed operation's key is `key`.
pub(crate) fn request(
    client: &Client<'_>,
    call: &Call<'_>,
    form: Form,
    key: &str,
) -> Result<Request, ApiError> {
    let repeat = match call.operation.effect {
        Effect::Read => Repeat::Safe,
        _ if call.operation.keyed => Repeat::Keyed(key.to_owned()),
        _ => Repeat::Never,
    };
    let arguments = Placed { call, form };
    Ok(Request {
        method: form.method(),
        url: client.address(&arguments.path()?, &arguments.query())?,
        body: arguments.body(),
        repeat,
        secrets: call.arguments.secrets(call.operation),
    })
}

/// The arguments of a call in one form of its operation.
struct Placed<'a> {
    call: &'a Call<'a>,
    form: Form,
}

impl Placed<'_> {
    /// The arguments of one place, under the API's names.
    fn at(&self, wanted: Place) -> impl Iterator<Item = (&'static str, &Value)> {
        self.call.operation.parameters.iter().filter_map(move |parameter| {
            let (place, name) = self.form.place(parameter);
            let value = self.call.arguments.get(parameter.name)?;
            (place == wanted).then_some((name, value))
        })
    }

    fn path(&self) -> Result<String, ApiError> {
        let mut path = self.form.path().to_owned();
        for parameter in self.call.operation.parameters {
            let value = self.call.arguments.get(parameter.name);
            if let (Place::Path, Some(value)) = (self.form.place(parameter).0, value) {
                let part = encode_part(&plain(value)).ok_or(ApiError::BadPath)?;
                path = path.replace(&format!("{{{}}}", parameter.name), &part);
            }
        }
        Ok(path)
    }

    fn query(&self) -> Vec<(&'static str, String)> {
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
    fn body(&self) -> Option<Value> {
        let values = self.at(Place::Body);
        let body: Map<String, Value> =
            values.map(|(name, value)| (name.to_owned(), value.clone())).collect();
        let sends = matches!(self.form.method(), Method::Post | Method::Put | Method::Patch);
        let mut parameters = self.call.operation.parameters.iter();
        let takes = parameters.any(|parameter| self.form.place(parameter).0 == Place::Body);
        (sends && takes).then_some(Value::Object(body))
    }
}

/// A value as it stands in a path or a query.
pub(crate) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
