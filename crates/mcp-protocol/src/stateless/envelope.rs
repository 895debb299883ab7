//! The envelope of a stateless request: what `params._meta` says about the request and its sender.
//!
//! Invariant: nothing is inferred from earlier requests; what the envelope does not declare, the
//! client cannot do. Source: MCP 2026-07-28 `basic/index` "_meta"; the schema's
//! `RequestMetaObject`.

use std::borrow::Cow;

use serde_json::value::RawValue;
use thiserror::Error;

use crate::{
    bytes::cut_text,
    capabilities::{ClientCapabilities, NotAnObject},
    fields::fields_or_null,
    jsonrpc::RequestId,
    log_level::LoggingLevel,
    raw,
    stateless::{
        META_CAPABILITIES, META_CLIENT, META_LOG_LEVEL, META_VERSION, error::StatelessError,
        headers, params::Params,
    },
    version::Version,
};

const MAX_NAME: usize = 64;
const MAX_VERSION: usize = 32;
/// Bytes of a trace value that are passed on; a `baggage` has at most so many (W3C Baggage §3.3.2).
const MAX_TRACE: usize = 8192;

/// Why an envelope is not accepted: 400, −32602.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EnvelopeError {
    /// `params` is no object.
    #[error("`params` must be an object")]
    NoObject,
    /// `params` is an object that cannot be read.
    #[error("`params` cannot be read: {0}")]
    Unreadable(String),
    /// There is no `_meta`.
    #[error(
        "`params._meta` is missing: every request of 2026-07-28 carries `{META_VERSION}` and \
         `{META_CAPABILITIES}` in it"
    )]
    NoMeta,
    /// `_meta` is no object.
    #[error("`params._meta` must be an object")]
    MetaNoObject,
    /// A field that every request carries is missing.
    #[error("`params._meta[\"{0}\"]` is missing: every request of 2026-07-28 carries it")]
    Missing(&'static str),
    /// A field has the wrong type or an unknown value.
    #[error("`params._meta[\"{field}\"]` must be {expected}")]
    Wrong {
        /// The field.
        field: &'static str,
        /// The expected type.
        expected: &'static str,
    },
    /// A capability is declared in the wrong form.
    #[error("`params._meta[\"{META_CAPABILITIES}\"]`: {0}")]
    Capability(#[from] NotAnObject),
}

/// The fields of `_meta`, unread.
#[derive(Debug, Default)]
pub struct Meta<'a> {
    version: Option<&'a RawValue>,
    capabilities: Option<&'a RawValue>,
    client: Option<&'a RawValue>,
    log_level: Option<&'a RawValue>,
    progress_token: Option<&'a RawValue>,
    traceparent: Option<&'a RawValue>,
    tracestate: Option<&'a RawValue>,
    baggage: Option<&'a RawValue>,
}

/// Their names.
const META: [&str; 8] = [
    META_VERSION,
    META_CAPABILITIES,
    META_CLIENT,
    META_LOG_LEVEL,
    "progressToken",
    "traceparent",
    "tracestate",
    "baggage",
];

/// The `clientInfo` of a request. For display and logs, never for decisions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientInfo {
    /// Its name, cut to 64 bytes.
    pub name: String,
    /// Its version, cut to 32 bytes.
    pub version: String,
}

/// The trace that a request belongs to (W3C Trace Context, W3C Baggage): visible ASCII, to be
/// repeated as it came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trace<'a> {
    /// `traceparent`.
    pub parent: Option<Cow<'a, str>>,
    /// `tracestate`.
    pub state: Option<Cow<'a, str>>,
    /// `baggage`.
    pub baggage: Option<Cow<'a, str>>,
}

/// The contents of the envelope.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope<'a> {
    /// The version that it is written in.
    pub version: Version,
    /// The sender's capabilities.
    pub capabilities: ClientCapabilities,
    /// The sender, if it is named.
    pub client: Option<ClientInfo>,
    /// From which level on it wants log messages. None: it wants none.
    pub log_level: Option<LoggingLevel>,
    /// The JSON text of the token for progress reports. None: it wants none.
    pub progress_token: Option<RequestId>,
    /// The trace that it belongs to.
    pub trace: Trace<'a>,
}

impl<'a> Envelope<'a> {
    /// Reads the envelope; `header` is `MCP-Protocol-Version`, which repeats its version.
    ///
    /// # Errors
    /// 400: −32602 where it is incomplete or malformed, −32020 where the header is missing or says
    /// otherwise, −32022 where the version is not served.
    pub fn open(params: &Params<'a>, header: Option<&str>) -> Result<Self, StatelessError> {
        let meta = params.meta()?;
        let asked = meta.version_text()?;
        let capabilities = meta.read_capabilities()?;
        headers::check_version(header, &asked)?;
        let version = Version::parse(&asked)
            .filter(|version| version.is_stateless())
            .ok_or_else(|| StatelessError::UnsupportedVersion(asked.into_owned()))?;
        Ok(Self {
            version,
            capabilities,
            client: meta.client.map(client_info).transpose()?,
            log_level: meta.log_level.map(log_level).transpose()?,
            progress_token: meta.progress_token.map(progress_token).transpose()?,
            trace: meta.trace(),
        })
    }
}

impl<'a> Meta<'a> {
    /// Reads `_meta`, as far as its fields.
    ///
    /// # Errors
    /// Where it is no object, or names something twice.
    pub fn scan(meta: &'a RawValue) -> Result<Self, EnvelopeError> {
        if !raw::is_object(meta) {
            return Err(EnvelopeError::MetaNoObject);
        }
        let found = fields_or_null(meta.get(), META)
            .map_err(|error| EnvelopeError::Unreadable(format!("_meta: {error}")))?;
        // Required fields may not be `null`.
        let [version, capabilities, ..] = found;
        let [_, _, client, log_level, progress_token, traceparent, tracestate, baggage] =
            found.map(|raw| raw.filter(|raw| !raw::is_null(raw)));
        Ok(Self {
            version,
            capabilities,
            client,
            log_level,
            progress_token,
            traceparent,
            tracestate,
            baggage,
        })
    }

    /// Whether it names a version, even an invalid one. This alone makes a request stateless.
    pub fn claims_version(&self) -> bool {
        self.version.is_some()
    }

    /// The version that it names.
    ///
    /// # Errors
    /// Where there is none, or it is no string.
    pub fn version_text(&self) -> Result<Cow<'a, str>, EnvelopeError> {
        let version = self.version.ok_or(EnvelopeError::Missing(META_VERSION))?;
        raw::text(version).ok_or(wrong(META_VERSION, "a string"))
    }

    fn read_capabilities(&self) -> Result<ClientCapabilities, EnvelopeError> {
        let declared = self.capabilities.ok_or(EnvelopeError::Missing(META_CAPABILITIES))?;
        let declared =
            raw::value(declared.get()).map_err(|_| wrong(META_CAPABILITIES, "an object"))?;
        Ok(ClientCapabilities::checked(&declared)?)
    }

    fn trace(&self) -> Trace<'a> {
        Trace {
            parent: passed_on(self.traceparent),
            state: passed_on(self.tracestate),
            baggage: passed_on(self.baggage),
        }
    }
}

fn wrong(field: &'static str, expected: &'static str) -> EnvelopeError {
    EnvelopeError::Wrong { field, expected }
}

fn client_info(raw: &RawValue) -> Result<ClientInfo, EnvelopeError> {
    let wrong = || wrong(META_CLIENT, "an object with the strings `name` and `version`");
    let [name, version] = fields_or_null(raw.get(), ["name", "version"]).map_err(|_| wrong())?;
    let cut = |raw: Option<&RawValue>, at_most: usize| match raw {
        Some(raw) => raw::text(raw).map(|text| cut_text(&text, at_most).to_owned()),
        None => Some(String::new()),
    };
    let (name, version) = (cut(name, MAX_NAME), cut(version, MAX_VERSION));
    Ok(ClientInfo { name: name.ok_or_else(wrong)?, version: version.ok_or_else(wrong)? })
}

fn log_level(raw: &RawValue) -> Result<LoggingLevel, EnvelopeError> {
    let level = raw::text(raw).as_deref().and_then(LoggingLevel::parse);
    level.ok_or(wrong(
        META_LOG_LEVEL,
        "debug, info, notice, warning, error, critical, alert or emergency",
    ))
}

fn progress_token(raw: &RawValue) -> Result<RequestId, EnvelopeError> {
    RequestId::read(raw).ok_or(wrong("progressToken", "a string or an integer"))
}

/// A trace value that may be repeated in a header; what may not is dropped, as nothing depends
/// on it.
fn passed_on(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
    raw.and_then(raw::text).filter(|text| {
        text.len() <= MAX_TRACE && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
    })
}
