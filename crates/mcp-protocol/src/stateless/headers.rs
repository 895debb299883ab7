//! The headers that repeat the body, so that what stands between may route by them.
//!
//! Invariant: a request is carried out only where headers and body say the same; the body is what
//! is carried out. Source: MCP 2026-07-28 `basic/transports/streamable-http` "Request Metadata",
//! "Server Validation" (SEP-2243); SEP-2663 "Routing Headers".

use std::borrow::Cow;

use thiserror::Error;

use crate::{
    bytes::cut_text,
    stateless::{
        header_value::{self, HeaderValueError},
        method::Method,
        params::Params,
    },
};

/// The version of the protocol.
pub const VERSION_HEADER: &str = "MCP-Protocol-Version";
/// The method.
pub const METHOD_HEADER: &str = "Mcp-Method";
/// The target of the method: a tool, a prompt, a resource or a task.
pub const NAME_HEADER: &str = "Mcp-Name";

/// Bytes of a value that an error repeats.
const MAX_SHOWN: usize = 128;

/// Where headers are read from, one at a time and only those that are needed: each costs a call
/// into the runtime.
pub trait HeaderSource {
    /// The header's value, if it is there. The name's case does not matter.
    fn header(&self, name: &str) -> Option<Cow<'_, str>>;
}

/// A header that does not match the body: 400, −32020.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// It is not there.
    #[error("the {header} header is missing; the body says `{body}`")]
    Missing {
        /// The header.
        header: String,
        /// The expected value.
        body: String,
    },
    /// It says something else than the body.
    #[error("the {header} header says `{sent}`, the body says `{body}`")]
    Differs {
        /// The header.
        header: String,
        /// Its value.
        sent: String,
        /// The expected value.
        body: String,
    },
    /// It says something of which the body says nothing.
    #[error("the {header} header says `{sent}`, the body has no such value: leave the header out")]
    Unexpected {
        /// The header.
        header: String,
        /// Its value.
        sent: String,
    },
    /// Its value cannot be read.
    #[error("the {header} header {fault}")]
    Unreadable {
        /// The header.
        header: String,
        /// Why.
        fault: HeaderValueError,
    },
}

impl HeaderError {
    pub(super) fn missing(header: &str, body: &str) -> Self {
        Self::Missing { header: header.to_owned(), body: shown(body) }
    }

    pub(super) fn differs(header: &str, sent: &str, body: &str) -> Self {
        Self::Differs { header: header.to_owned(), sent: shown(sent), body: shown(body) }
    }

    pub(super) fn unexpected(header: &str, sent: &str) -> Self {
        Self::Unexpected { header: header.to_owned(), sent: shown(sent) }
    }

    pub(super) fn unreadable(header: &str, fault: HeaderValueError) -> Self {
        Self::Unreadable { header: header.to_owned(), fault }
    }
}

fn shown(value: &str) -> String {
    cut_text(value, MAX_SHOWN).to_owned()
}

/// Checks that `MCP-Protocol-Version` repeats the envelope's version.
///
/// # Errors
/// When it does not.
pub fn check_version(header: Option<&str>, body: &str) -> Result<(), HeaderError> {
    same(VERSION_HEADER, header, body)
}

/// Checks `Mcp-Method`, and `Mcp-Name` where the method has one. Where the body lacks the
/// parameter that it repeats, reading that parameter is what fails.
///
/// # Errors
/// When one is missing, unreadable, or says otherwise than the body.
pub fn check(
    headers: &impl HeaderSource,
    method: Method,
    params: &Params<'_>,
) -> Result<(), HeaderError> {
    same(METHOD_HEADER, headers.header(METHOD_HEADER).as_deref(), method.as_str())?;
    let Some(name) = method.named_by().and_then(|by| params.name_if_text(by)) else {
        return Ok(());
    };
    let sent =
        headers.header(NAME_HEADER).ok_or_else(|| HeaderError::missing(NAME_HEADER, &name))?;
    match header_value::decoded(&sent) {
        Ok(sent) if sent == name => Ok(()),
        Ok(sent) => Err(HeaderError::differs(NAME_HEADER, &sent, &name)),
        Err(fault) => Err(HeaderError::unreadable(NAME_HEADER, fault)),
    }
}

/// Checks a header that has no Base64 form.
fn same(name: &str, header: Option<&str>, body: &str) -> Result<(), HeaderError> {
    let sent = header.ok_or_else(|| HeaderError::missing(name, body))?;
    match header_value::plain(sent) {
        Ok(sent) if sent == body => Ok(()),
        Ok(sent) => Err(HeaderError::differs(name, sent, body)),
        Err(fault) => Err(HeaderError::unreadable(name, fault)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        stateless::{error::StatelessError, testing::Headers},
        testing::{Examples, raw},
    };

    fn checked(method: &str, params: &str, headers: &[(&str, &str)]) -> Result<(), HeaderError> {
        let text = raw(params);
        let method = Method::parse(method).unwrap();
        check(&Headers::of(headers), method, &Params::scan(Some(&text)).unwrap())
    }

    const TOOL: &str = r#"{"name":"greet"}"#;

    #[test]
    fn headers_that_repeat_the_body_are_fine() {
        for (method, params, name) in [
            ("tools/call", TOOL, "greet"),
            ("tools/call", TOOL, "  greet\t"),
            ("tools/call", TOOL, "=?base64?Z3JlZXQ=?="),
            ("tools/call", r#"{"name":"gr\u00fc\u00dfe"}"#, "=?base64?Z3LDvMOfZQ==?="),
            ("tools/call", r#"{"name":"=?base64?greet"}"#, "=?base64?greet"),
            ("prompts/get", TOOL, "greet"),
            ("resources/read", r#"{"uri":"file:///a b"}"#, "file:///a b"),
            ("tasks/get", r#"{"taskId":"t1"}"#, "t1"),
            ("tasks/update", r#"{"taskId":"t1"}"#, "t1"),
            ("tasks/cancel", r#"{"taskId":"t1"}"#, "t1"),
        ] {
            let headers = [("mcp-method", method), ("MCP-NAME", name)];
            assert_eq!(checked(method, params, &headers), Ok(()), "{method} {name}");
        }
    }

    #[test]
    fn a_method_without_a_name_needs_no_name_header() {
        assert_eq!(checked("tools/list", "{}", &[("Mcp-Method", "tools/list")]), Ok(()));
        let ignored = [("Mcp-Method", " tools/list "), ("Mcp-Name", "x")];
        assert_eq!(checked("tools/list", r#"{"name":"y"}"#, &ignored), Ok(()));
    }

    #[test]
    fn a_body_without_the_name_is_refused_for_that() {
        let headers = [("Mcp-Method", "tools/call"), ("Mcp-Name", "greet")];
        assert_eq!(checked("tools/call", "{}", &headers), Ok(()));
        assert_eq!(checked("tools/call", r#"{"name":7}"#, &headers), Ok(()));
    }

    #[test]
    fn every_wrong_header_is_named_with_400() {
        for (headers, named) in [
            (&[("Mcp-Name", "greet")][..], "Mcp-Method header is missing"),
            (&[("Mcp-Method", "prompts/get"), ("Mcp-Name", "greet")], "Mcp-Method"),
            (&[("Mcp-Method", "TOOLS/CALL"), ("Mcp-Name", "greet")], "Mcp-Method"),
            (&[("Mcp-Method", ""), ("Mcp-Name", "greet")], "Mcp-Method"),
            (&[("Mcp-Method", "=?base64?dG9vbHMvY2FsbA==?="), ("Mcp-Name", "greet")], "Mcp-Method"),
            (&[("Mcp-Method", "tools/çall"), ("Mcp-Name", "greet")], "Mcp-Method header has"),
            (&[("Mcp-Method", "tools/call")], "Mcp-Name header is missing"),
            (&[("Mcp-Method", "tools/call"), ("Mcp-Name", "other")], "`other`"),
            (&[("Mcp-Method", "tools/call"), ("Mcp-Name", "Greet")], "`Greet`"),
            (&[("Mcp-Method", "tools/call"), ("Mcp-Name", "greet, greet")], "Mcp-Name"),
            (&[("Mcp-Method", "tools/call"), ("Mcp-Name", "=?base64?Z3JlZXQ?=")], "Base64"),
            (&[("Mcp-Method", "tools/call"), ("Mcp-Name", "=?base64?/w==?=")], "UTF-8"),
            (&[("Mcp-Method", "tools/call"), ("Mcp-Name", "grüße")], "Mcp-Name header has"),
        ] {
            let error = StatelessError::from(checked("tools/call", TOOL, headers).unwrap_err());
            assert_eq!((error.status(), error.code()), (400, -32020), "{headers:?}");
            assert!(error.to_string().contains(named), "{error}");
        }
    }

    #[test]
    fn a_task_is_named_by_its_id() {
        let wrong = [("Mcp-Method", "tasks/get"), ("Mcp-Name", "t2")];
        let fault = checked("tasks/get", r#"{"taskId":"t1"}"#, &wrong).unwrap_err();
        assert_eq!(fault, HeaderError::differs("Mcp-Name", "t2", "t1"));
    }

    #[test]
    fn an_error_repeats_no_more_than_a_little_of_a_value() {
        let long = "x".repeat(10_000);
        let headers = [("Mcp-Method", "tools/call"), ("Mcp-Name", long.as_str())];
        assert!(checked("tools/call", TOOL, &headers).unwrap_err().to_string().len() < 300);
    }

    #[test]
    fn the_requests_of_the_specification_pass() {
        let Some(examples) = Examples::or_skip("the requests of the specification pass") else {
            return;
        };
        for (file, request) in examples.of("CallToolRequest") {
            let name = request["params"]["name"].as_str().unwrap();
            let headers = [("Mcp-Method", "tools/call"), ("Mcp-Name", name)];
            let params = request["params"].to_string();
            assert_eq!(checked("tools/call", &params, &headers), Ok(()), "{file}");
        }
    }
}
