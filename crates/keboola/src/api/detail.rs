//! The reason that a service gives for an error, in the form of each service.
//!
//! Storage, Encryption: `{error, code, exceptionId}`; Queue: the same with a number as code; Query:
//! `{exception, exceptionId}`; Data science: `{message, error}`; maintenance: `{status:
//! "maintenance", reason, estimatedEndTime}`.

use std::fmt;

use mcp_auth::secret::Secret;
use mcp_protocol::raw;
use serde_json::Value;

/// Characters of a reason that are kept.
const LONGEST: usize = 2_000;
/// What stands where a token was repeated.
const HIDDEN: &str = "[secret]";

/// A reason. Its display is empty, or begins with a colon.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Detail {
    text: Option<String>,
    pub(super) code: Option<String>,
    /// The project or the stack is in maintenance.
    pub(super) is_maintenance: bool,
    exception: Option<String>,
}

impl Detail {
    /// Reads the body of an error. The token does not come out again.
    pub(super) fn read(body: &[u8], token: &Secret) -> Self {
        let clean = |text: String| {
            let token = token.expose();
            let text = if token.is_empty() { text } else { text.replace(token, HIDDEN) };
            cut(text.trim(), LONGEST)
        };
        let Some(json) = raw::value_of_bytes(body) else {
            // Something in between answered, such as a proxy with a page.
            return Self::default();
        };
        let field = |name: &str| match json.get(name) {
            Some(Value::String(text)) if !text.trim().is_empty() => Some(clean(text.clone())),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        };
        let maintenance = field("status").filter(|status| status == "maintenance").map(|_| {
            let reason = field("reason").unwrap_or_else(|| "no reason is given".to_owned());
            let end = field("estimatedEndTime").map(|end| format!(", until about {end}"));
            format!("maintenance ({reason}{})", end.unwrap_or_default())
        });
        let text = ["exception", "error", "message"].into_iter().find_map(field);
        let code = field("code").filter(|code| code.parse::<u16>().is_err());
        Self {
            is_maintenance: maintenance.is_some(),
            text: maintenance.or(text),
            code,
            exception: field("exceptionId"),
        }
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(text) = &self.text {
            write!(f, ": {text}")?;
        }
        match (&self.code, &self.exception) {
            (Some(code), Some(id)) => write!(f, " (code {code}, exception id {id})"),
            (Some(code), None) => write!(f, " (code {code})"),
            (None, Some(id)) => write!(f, " (exception id {id})"),
            (None, None) => Ok(()),
        }
    }
}

/// At most so many characters, with `…` where something is missing.
pub(crate) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> String {
        Detail::read(body.as_bytes(), &Secret::new("58-1-secret")).to_string()
    }

    #[test]
    fn every_service_is_read_in_its_own_form() {
        for (body, text) in [
            (
                r#"{"status":"error","error":"Bucket in.c-x not found","code":"storage.buckets.notFound","exceptionId":"e1"}"#,
                ": Bucket in.c-x not found (code storage.buckets.notFound, exception id e1)",
            ),
            (
                r#"{"error":"Job \"9\" not found","code":404,"exceptionId":"e2","status":"error"}"#,
                ": Job \"9\" not found (exception id e2)",
            ),
            (
                r#"{"exception":"no such workspace","exceptionId":"e3"}"#,
                ": no such workspace (exception id e3)",
            ),
            (
                r#"{"error":"Invalid access token","code":"storage.tokenInvalid"}"#,
                ": Invalid access token (code storage.tokenInvalid)",
            ),
            (r#"{"error":"You must provide a token","code":""}"#, ": You must provide a token"),
            (
                r#"{"status":"maintenance","reason":"upgrade","estimatedEndTime":"2026-11-29T12:00:00Z"}"#,
                ": maintenance (upgrade, until about 2026-11-29T12:00:00Z)",
            ),
            ("<h1>Bad Gateway</h1>", ""),
            ("[]", ""),
            ("", ""),
        ] {
            assert_eq!(read(body), text, "{body}");
        }
    }

    #[test]
    fn a_token_and_a_flood_do_not_come_out() {
        assert_eq!(read(r#"{"error":"token 58-1-secret is bad"}"#), ": token [secret] is bad");
        let flood = format!(r#"{{"error":"{}"}}"#, "ü".repeat(9_000));
        assert_eq!(read(&flood).chars().count(), LONGEST + 3);
    }
}
