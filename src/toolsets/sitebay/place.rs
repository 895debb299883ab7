//! Puts the arguments of a call where its operation wants them: path, query, body.
//!
//! Invariant: a path part is always percent-encoded, local parameters never leave.

use serde_json::{Map, Value};

use super::{
    arguments::Arguments,
    catalogue::{Effect, Operation, Parameter, Place},
};
use crate::{
    server::platform::Method,
    sitebay::{ApiError, Client, Repeat, Request, encode_part},
};

/// The request of a call. A keyed operation's key is new for every call.
pub(crate) fn request(
    client: &Client<'_>,
    operation: &Operation,
    arguments: &Arguments,
    key: impl FnOnce() -> String,
) -> Result<Request, ApiError> {
    let repeat = match operation.effect {
        Effect::Read => Repeat::Safe,
        _ if operation.keyed => Repeat::Keyed(key()),
        _ => Repeat::Never,
    };
    Ok(Request {
        method: operation.method,
        url: client.address(&path(operation, arguments)?, &query(operation, arguments))?,
        body: body(operation, arguments),
        repeat,
        secrets: arguments.secrets(operation),
    })
}

fn placed<'a>(
    operation: &'static [Parameter],
    arguments: &'a Arguments,
    place: Place,
) -> impl Iterator<Item = (&'static Parameter, &'a Value)> {
    let here = operation.iter().filter(move |parameter| parameter.place == place);
    here.filter_map(|parameter| Some((parameter, arguments.get(parameter.name)?)))
}

fn path(operation: &Operation, arguments: &Arguments) -> Result<String, ApiError> {
    let mut path = operation.path.to_owned();
    for (parameter, value) in placed(operation.parameters, arguments, Place::Path) {
        let part = encode_part(&plain(value)).ok_or(ApiError::BadPath)?;
        path = path.replace(&format!("{{{}}}", parameter.name), &part);
    }
    Ok(path)
}

fn query(operation: &Operation, arguments: &Arguments) -> Vec<(&'static str, String)> {
    let mut query = Vec::new();
    for (parameter, value) in placed(operation.parameters, arguments, Place::Query) {
        match value {
            Value::Array(items) => {
                query.extend(items.iter().map(|item| (parameter.api, plain(item))));
            }
            _ => query.push((parameter.api, plain(value))),
        }
    }
    query
}

/// The body, where the method has one.
fn body(operation: &Operation, arguments: &Arguments) -> Option<Value> {
    let values = placed(operation.parameters, arguments, Place::Body);
    let body: Map<String, Value> =
        values.map(|(parameter, value)| (parameter.api.to_owned(), value.clone())).collect();
    let sends = matches!(operation.method, Method::Post | Method::Put | Method::Patch);
    let takes = operation.parameters.iter().any(|parameter| parameter.place == Place::Body);
    (sends && takes).then_some(Value::Object(body))
}

/// A value as it stands in a path or a query.
pub(crate) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
