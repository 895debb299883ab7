//! The parameters of a stateless request.
//!
//! Invariant: the text is scanned once for every method; each value is read when it is asked
//! for, and travels on as the client wrote it until then. Source: the schema's `RequestParams` and
//! those that extend it.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::{
    fields::fields,
    raw,
    stateless::{
        envelope::{EnvelopeError, Meta},
        error::StatelessError,
        method::NamedBy,
    },
};

/// The parameters of one request.
#[derive(Debug)]
pub struct Params<'a> {
    whole: Option<&'a RawValue>,
    meta: Result<Meta<'a>, EnvelopeError>,
    name: Option<&'a RawValue>,
    uri: Option<&'a RawValue>,
    task_id: Option<&'a RawValue>,
    arguments: Option<&'a RawValue>,
    cursor: Option<&'a RawValue>,
    input_responses: Option<&'a RawValue>,
    request_state: Option<&'a RawValue>,
    notifications: Option<&'a RawValue>,
    completion: [Option<&'a RawValue>; 3],
}

/// The fields that some method reads.
const FIELDS: [&str; 12] = [
    "_meta",
    "name",
    "uri",
    "taskId",
    "arguments",
    "cursor",
    "inputResponses",
    "requestState",
    "notifications",
    "ref",
    "argument",
    "context",
];

impl<'a> Params<'a> {
    /// All of them, as they came.
    pub fn whole(&self) -> Option<&'a RawValue> {
        self.whole
    }

    /// Scans the parameters. Whether `_meta` is there and right is [`Params::meta`]'s to say.
    ///
    /// # Errors
    /// Where they are no object, or name something twice.
    pub fn scan(params: Option<&'a RawValue>) -> Result<Self, EnvelopeError> {
        let found = match params {
            None => [None; FIELDS.len()],
            Some(params) if !raw::is_object(params) => return Err(EnvelopeError::NoObject),
            Some(params) => fields(params.get(), FIELDS)
                .map_err(|error| EnvelopeError::Unreadable(error.to_string()))?,
        };
        let [
            meta,
            name,
            uri,
            task_id,
            arguments,
            cursor,
            input_responses,
            request_state,
            notifications,
            completion @ ..,
        ] = found;
        Ok(Self {
            whole: params,
            meta: meta.ok_or(EnvelopeError::NoMeta).and_then(Meta::scan),
            name,
            uri,
            task_id,
            arguments,
            cursor,
            input_responses,
            request_state,
            notifications,
            completion,
        })
    }

    /// `params._meta`.
    ///
    /// # Errors
    /// Where it is missing or no object.
    pub fn meta(&self) -> Result<&Meta<'a>, EnvelopeError> {
        self.meta.as_ref().map_err(Clone::clone)
    }

    /// The parameter that names what the method is about.
    ///
    /// # Errors
    /// −32602 in-band where it is missing or no string.
    pub fn name(&self, by: NamedBy) -> Result<Cow<'a, str>, StatelessError> {
        self.named(by).ok_or(StatelessError::Missing(by.field()))?
    }

    /// The same where it is there and a string, for comparing it with its header.
    pub(super) fn name_if_text(&self, by: NamedBy) -> Option<Cow<'a, str>> {
        self.named(by)?.ok()
    }

    fn named(&self, by: NamedBy) -> Option<Result<Cow<'a, str>, StatelessError>> {
        let raw = match by {
            NamedBy::Name => self.name,
            NamedBy::Uri => self.uri,
            NamedBy::TaskId => self.task_id,
        };
        raw.map(|raw| text(by.field(), raw))
    }

    /// `arguments`, unread. None where it is absent or `null`.
    pub fn arguments(&self) -> Option<&'a RawValue> {
        self.arguments
    }

    /// `cursor` of a list.
    ///
    /// # Errors
    /// −32602 in-band where it is no string.
    pub fn cursor(&self) -> Result<Option<Cow<'a, str>>, StatelessError> {
        self.cursor.map(|raw| text("cursor", raw)).transpose()
    }

    /// `requestState`, as the client echoes it.
    ///
    /// # Errors
    /// −32602 in-band where it is no string.
    pub fn request_state(&self) -> Result<Option<Cow<'a, str>>, StatelessError> {
        self.request_state.map(|raw| text("requestState", raw)).transpose()
    }

    /// `inputResponses`, unread.
    pub fn input_responses(&self) -> Option<&'a RawValue> {
        self.input_responses
    }

    /// `notifications` of `subscriptions/listen`, unread.
    pub fn notifications(&self) -> Option<&'a RawValue> {
        self.notifications
    }

    /// `ref`, `argument` and `context` of `completion/complete`, unread.
    pub fn completion(&self) -> [Option<&'a RawValue>; 3] {
        self.completion
    }
}

fn text<'a>(field: &'static str, raw: &'a RawValue) -> Result<Cow<'a, str>, StatelessError> {
    raw::text(raw).ok_or(StatelessError::NotText(field))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::raw;

    #[test]
    fn a_value_is_read_when_it_is_asked_for() {
        let text = raw(r#"{"name":"a\"b","arguments":{"n":1.0},"cursor":null,"uri":7}"#);
        let params = Params::scan(Some(&text)).unwrap();
        assert_eq!(params.name(NamedBy::Name).unwrap(), "a\"b");
        assert_eq!(params.arguments().unwrap().get(), r#"{"n":1.0}"#);
        assert_eq!(params.cursor(), Ok(None));
        assert_eq!(params.name(NamedBy::Uri), Err(StatelessError::NotText("uri")));
        assert_eq!(params.name(NamedBy::TaskId), Err(StatelessError::Missing("taskId")));
    }

    #[test]
    fn texts_of_other_types_are_refused_in_band() {
        let text = raw(r#"{"cursor":1,"requestState":{}}"#);
        let params = Params::scan(Some(&text)).unwrap();
        let cursor = params.cursor().unwrap_err();
        assert_eq!((cursor.status(), cursor.code()), (200, -32602));
        assert_eq!(params.request_state(), Err(StatelessError::NotText("requestState")));
    }

    #[test]
    fn no_parameters_are_parameters_without_an_envelope() {
        let params = Params::scan(None).unwrap();
        assert_eq!(params.meta().err(), Some(EnvelopeError::NoMeta));
    }

    #[test]
    fn an_array_is_never_read_by_position() {
        let text = raw(r#"[{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}]"#);
        assert_eq!(Params::scan(Some(&text)).err(), Some(EnvelopeError::NoObject));
    }

    #[test]
    fn what_is_named_twice_cannot_be_read() {
        let text = raw(r#"{"name":"a","name":"b"}"#);
        let fault = Params::scan(Some(&text)).unwrap_err();
        assert!(
            matches!(&fault, EnvelopeError::Unreadable(why) if why.contains("name")),
            "{fault}"
        );
    }
}
