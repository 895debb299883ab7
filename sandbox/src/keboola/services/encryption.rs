//! Encryption: every value whose key begins with `#` becomes a cipher.
//!
//! A cipher is the scope and the plain text in base64, so tests can see what was encrypted.
//! Chosen: what is a cipher already stays; a value that is not text is a 400; a component is
//! required, and needed by every scope but the project's own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::engine::reply::Reply;
use crate::keboola::ask::Ask;
use crate::keboola::data::World;
use crate::keboola::problem::Problem;
use crate::keboola::route::{Outcome, Route, post};

pub(crate) const ROUTES: &[Route] = &[post("encrypt", encrypt).open()];

fn encrypt(_: &mut World, ask: &Ask<'_>) -> Outcome {
    let start = start(ask)?;
    let kind = ask.call.header("content-type").unwrap_or_default().to_ascii_lowercase();
    if kind.starts_with("text/plain") {
        let text = std::str::from_utf8(&ask.call.body)
            .map_err(|_| Problem::invalid("The body is not valid UTF-8"))?;
        let content_type = "text/plain; charset=utf-8".to_owned();
        let body = cipher(&start, text);
        return Ok(Reply::of(200, content_type, body));
    }
    if !kind.starts_with("application/json") {
        return Err(Problem::invalid("Incorrect content type."));
    }
    let mut body = ask.body()?.whole_value();
    encrypt_keys(&mut body, &start)?;
    Ok(Reply::ok(&body))
}

/// How ciphers of the scope that the query names begin.
fn start(ask: &Ask<'_>) -> Result<String, Problem> {
    let params = ask.params();
    let has = |name: &str| params.get(name).is_some_and(|value| !value.is_empty());
    let (component, project) = (has("componentId"), has("projectId"));
    let (config, branch) = (has("configId"), has("branchType"));
    if config && !project {
        return Err(Problem::invalid("The parameter \"configId\" needs \"projectId\"."));
    }
    let scope = match (component, project, config, branch) {
        (true, true, true, true) => "BranchTypeConfigSecure",
        (true, true, true, false) => "ConfigSecure",
        (true, true, false, true) => "BranchTypeProjectSecure",
        (true, true, false, false) => "ProjectSecure",
        (true, false, ..) => "ComponentSecure",
        (false, true, _, true) => "ProjectWideBranchTypeSecure",
        (false, true, _, false) => "ProjectWideSecure",
        (false, false, ..) => {
            let text = "At least one of \"componentId\" and \"projectId\" is required.";
            return Err(Problem::invalid(text));
        }
    };
    Ok(format!("KBC::{scope}{}::", ask.place.stack.cipher))
}

fn cipher(start: &str, text: &str) -> String {
    if text.starts_with("KBC::") {
        return text.to_owned();
    }
    format!("{start}{}", STANDARD.encode(text))
}

fn encrypt_keys(value: &mut Value, start: &str) -> Result<(), Problem> {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name.starts_with('#') => *text = cipher(start, text),
                    Value::Null | Value::Bool(_) | Value::Number(_) if name.starts_with('#') => {
                        let text =
                            format!("Invalid value of \"{name}\": only strings are encrypted.");
                        return Err(Problem::invalid(text));
                    }
                    other => encrypt_keys(other, start)?,
                }
            }
            Ok(())
        }
        Value::Array(items) => items.iter_mut().try_for_each(|item| encrypt_keys(item, start)),
        _ => Ok(()),
    }
}
