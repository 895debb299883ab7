//! The parameters of requests, read in one scan whatever the method.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::protocol::jsonrpc::{INVALID_PARAMS, RequestId, RpcError};

/// The parameters of a request, as far as any method here reads them.
#[derive(Deserialize, Default)]
pub struct Params<'a> {
    /// `tools/call`, `prompts/get`.
    #[serde(borrow, default)]
    pub name: Option<Cow<'a, str>>,
    /// `tools/call`, `prompts/get`.
    #[serde(borrow, default)]
    pub arguments: Option<&'a RawValue>,
    /// `resources/*`.
    #[serde(borrow, default)]
    pub uri: Option<Cow<'a, str>>,
    /// Lists.
    #[serde(borrow, default)]
    pub cursor: Option<Cow<'a, str>>,
    /// `logging/setLevel`.
    #[serde(borrow, default)]
    pub level: Option<&'a RawValue>,
    /// `completion/complete`.
    #[serde(default, rename = "ref")]
    pub reference: Option<Value>,
    /// `completion/complete`.
    #[serde(default)]
    pub argument: Option<Value>,
    #[serde(borrow, default, rename = "_meta")]
    meta: Option<Meta<'a>>,
}

/// `params._meta`.
#[derive(Deserialize, Default)]
struct Meta<'a> {
    #[serde(borrow, default, rename = "progressToken")]
    progress_token: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "io.modelcontextprotocol/protocolVersion")]
    stateless_version: Option<&'a RawValue>,
}

impl<'a> Params<'a> {
    /// Reads the parameters.
    ///
    /// # Errors
    /// −32602 where a field has the wrong type.
    pub fn read(params: Option<&'a RawValue>) -> Result<Self, RpcError> {
        let Some(params) = params else {
            return Ok(Self::default());
        };
        serde_json::from_str(params.get())
            .map_err(|error| RpcError::new(INVALID_PARAMS, format!("params: {error}")))
    }

    /// The JSON text of the progress token: a string or an integer.
    pub fn progress_token(&self) -> Option<RequestId> {
        self.meta.as_ref()?.progress_token.and_then(RequestId::read)
    }

    /// Whether the request says that it is of the stateless era.
    pub fn is_stateless(&self) -> bool {
        self.meta.as_ref().is_some_and(|meta| meta.stateless_version.is_some())
    }

    /// A field that the method cannot do without.
    ///
    /// # Errors
    /// −32602 where it is missing.
    pub fn required<T>(field: Option<T>, method: &str, name: &str) -> Result<T, RpcError> {
        field.ok_or_else(|| RpcError::new(INVALID_PARAMS, format!("{method}: `{name}` is missing")))
    }
}

/// The same, owned: for a call that outlives its body.
#[derive(Debug, Default)]
pub struct OwnedParams {
    /// `tools/call`, `prompts/get`.
    pub name: Option<String>,
    /// `tools/call`, `prompts/get`.
    pub arguments: Option<Box<RawValue>>,
    /// `resources/*`.
    pub uri: Option<String>,
    /// Lists.
    pub cursor: Option<String>,
    /// `completion/complete`: `ref` and `argument`.
    pub completion: [Option<Value>; 2],
}

impl OwnedParams {
    /// What dispatch reads.
    pub fn as_params(&self) -> Params<'_> {
        let [reference, argument] = self.completion.clone();
        Params {
            name: self.name.as_deref().map(Cow::from),
            arguments: self.arguments.as_deref(),
            uri: self.uri.as_deref().map(Cow::from),
            cursor: self.cursor.as_deref().map(Cow::from),
            reference,
            argument,
            ..Params::default()
        }
    }
}
