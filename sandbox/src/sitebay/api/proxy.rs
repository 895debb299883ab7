//! The common part of the proxies.
//!
//! The contract leaves their answers open. The sandbox passes the other service's status and
//! JSON on, so that a client meets error bodies without a `detail` too.

use serde_json::{Map, Value};

use crate::engine::call::Call;
use crate::engine::reply::Reply;
use crate::sitebay::auth;
use crate::sitebay::check::{one_of, string};
use crate::sitebay::form::Form;

const METHODS: &[&str] = &["get", "post", "put", "delete", "patch", "options", "head"];

/// A request to pass on.
#[derive(Debug)]
pub(super) struct Proxied {
    /// The site's or shop's name, where the proxy has one.
    pub(super) target: String,
    /// The method, in lower case as the contract has it.
    pub(super) method: String,
    /// The path, without its query.
    pub(super) path: String,
    /// The parameters: query or body, and the path's own query.
    pub(super) parameters: Value,
}

impl Proxied {
    /// Reads a request. `target` is the field that names the site or shop; without a default
    /// path one is required.
    pub(super) fn read(
        call: &Call,
        target: Option<&str>,
        default_path: Option<&str>,
    ) -> Result<Self, Reply> {
        let mut form = Form::body(call)?;
        let target = target.map(|name| form.required(name, string));
        let path = match default_path {
            Some(default) => form.given("path", string).unwrap_or_else(|| default.to_owned()),
            None => form.required("path", string),
        };
        let method = form.given("method", one_of(METHODS));
        let parameters = form.given("query_params_json", string).unwrap_or_default();
        form.finish()?;

        let method = method.unwrap_or_else(|| "get".to_owned());
        let parameters = if parameters.is_empty() {
            Value::Object(Map::new())
        } else {
            serde_json::from_str(&parameters)
                .map_err(|_| Reply::detail(400, "query_params_json is not valid JSON"))?
        };
        let (path, query) = path.split_once('?').unwrap_or((&path, ""));
        let parameters = with_query(parameters, query);
        let path = path.to_owned();
        let proxied = Self { target: target.unwrap_or_default(), method, path, parameters };
        if !proxied.reads() {
            auth::may_write(call)?;
        }
        Ok(proxied)
    }

    /// Whether the request changes nothing.
    pub(super) fn reads(&self) -> bool {
        ["get", "head", "options"].contains(&self.method.as_str())
    }

    /// The path's segments, without empty ones.
    pub(super) fn segments(&self) -> Vec<&str> {
        self.path.split('/').filter(|part| !part.is_empty()).collect()
    }

    /// An object with the request's parameters laid over it: what a service that accepts a write
    /// answers.
    pub(super) fn echoed(&self, mut object: Value) -> Value {
        if let (Value::Object(object), Value::Object(given)) = (&mut object, &self.parameters) {
            for (name, value) in given {
                object.insert(name.clone(), value.clone());
            }
        }
        object
    }
}

/// The parameters of a path's own query, under those given beside it.
fn with_query(given: Value, query: &str) -> Value {
    let Value::Object(given) = given else {
        return given;
    };
    let pairs = form_urlencoded::parse(query.as_bytes()).into_owned();
    let mut all: Map<String, Value> = pairs.map(|(name, value)| (name, value.into())).collect();
    all.extend(given);
    Value::Object(all)
}
