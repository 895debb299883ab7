//! The parameters of requests, read in one scan for all methods.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::telemetry::trace::Trace;
use mcp_protocol::{
    fields::fields,
    jsonrpc::{INVALID_PARAMS, RequestId, RpcError},
    raw,
    stateless::META_VERSION,
};

/// The parameters of a request, as far as any method here reads them.
#[derive(Default)]
pub struct Params<'a> {
    /// All of them, as they came.
    pub whole: Option<&'a RawValue>,
    /// `tools/call`, `prompts/get`.
    pub name: Option<Cow<'a, str>>,
    /// `tools/call`, `prompts/get`.
    pub arguments: Option<&'a RawValue>,
    /// `resources/*`.
    pub uri: Option<Cow<'a, str>>,
    /// Lists.
    pub cursor: Option<Cow<'a, str>>,
    /// `logging/setLevel`.
    pub level: Option<&'a RawValue>,
    /// `completion/complete`.
    pub reference: Option<&'a RawValue>,
    /// `completion/complete`.
    pub argument: Option<&'a RawValue>,
    /// `completion/complete`.
    pub context: Option<&'a RawValue>,
    /// `_meta.progressToken`.
    token: Option<&'a RawValue>,
    /// Whether `_meta` names a version of the stateless era.
    stateless: bool,
    /// `_meta.traceparent` and `_meta.tracestate`.
    trace: [Option<&'a RawValue>; 2],
}

const NAMES: [&str; 9] =
    ["name", "arguments", "uri", "cursor", "level", "ref", "argument", "context", "_meta"];

const META: [&str; 4] = ["progressToken", META_VERSION, "traceparent", "tracestate"];

impl<'a> Params<'a> {
    /// Reads the parameters.
    ///
    /// # Errors
    /// −32602 where a field has the wrong type.
    pub fn read(params: Option<&'a RawValue>) -> Result<Self, RpcError> {
        let Some(params) = params else {
            return Ok(Self::default());
        };
        let read = Self::parse(params.get());
        let read = read.map_err(|why| RpcError::new(INVALID_PARAMS, format!("params: {why}")))?;
        Ok(Self { whole: Some(params), ..read })
    }

    fn parse(text: &'a str) -> Result<Self, String> {
        let found = fields(text, NAMES).map_err(|error| error.to_string())?;
        let [name, arguments, uri, cursor, level, reference, argument, context, meta] = found;
        let [token, version, trace @ ..] = match meta {
            Some(meta) => fields(meta.get(), META).map_err(|error| format!("_meta: {error}"))?,
            None => [None; 4],
        };
        Ok(Self {
            whole: None,
            name: text_of("name", name)?,
            arguments,
            uri: text_of("uri", uri)?,
            cursor: text_of("cursor", cursor)?,
            level,
            reference,
            argument,
            context,
            token,
            stateless: version.is_some(),
            trace,
        })
    }

    /// The JSON text of the progress token: a string or an integer.
    pub fn progress_token(&self) -> Option<RequestId> {
        self.token.and_then(RequestId::read)
    }

    /// Whether the request says that it is of the stateless era.
    pub fn is_stateless(&self) -> bool {
        self.stateless
    }

    /// The trace that it belongs to (SEP-414).
    pub fn trace(&self) -> Option<Trace> {
        let [parent, state] = self.trace;
        Trace::read(&raw::text(parent?)?, state.and_then(raw::string))
    }

    /// A field that the method cannot do without.
    ///
    /// # Errors
    /// −32602 where it is missing.
    pub fn required<T>(field: Option<T>, method: &str, name: &str) -> Result<T, RpcError> {
        field.ok_or_else(|| RpcError::new(INVALID_PARAMS, format!("{method}: `{name}` is missing")))
    }
}

fn text_of<'a>(name: &str, field: Option<&'a RawValue>) -> Result<Option<Cow<'a, str>>, String> {
    let text = |raw| raw::text(raw).ok_or_else(|| format!("`{name}` must be a string"));
    field.map(text).transpose()
}

/// The same, owned: for a call that outlives its body.
#[derive(Debug, Default)]
pub struct OwnedParams {
    /// All of them, where other servers may have to read them.
    pub whole: Option<Box<RawValue>>,
    /// `tools/call`, `prompts/get`.
    pub name: Option<String>,
    /// `tools/call`, `prompts/get`.
    pub arguments: Option<Box<RawValue>>,
    /// `resources/*`.
    pub uri: Option<String>,
    /// Lists.
    pub cursor: Option<String>,
    /// `completion/complete`: `ref`, `argument` and `context`.
    pub completion: [Option<Box<RawValue>>; 3],
}

impl OwnedParams {
    /// The borrowed parameters for dispatch.
    pub fn as_params(&self) -> Params<'_> {
        let [reference, argument, context] = &self.completion;
        Params {
            whole: self.whole.as_deref(),
            name: self.name.as_deref().map(Cow::from),
            arguments: self.arguments.as_deref(),
            uri: self.uri.as_deref().map(Cow::from),
            cursor: self.cursor.as_deref().map(Cow::from),
            reference: reference.as_deref(),
            argument: argument.as_deref(),
            context: context.as_deref(),
            ..Params::default()
        }
    }
}
