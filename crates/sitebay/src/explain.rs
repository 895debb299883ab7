//! Explains a failed request to SiteBay and the next step. The only place where an
//! [`ApiError`] becomes text.
//!
//! Invariant: a change whose outcome is unknown is never reported as one that did not happen.

use std::time::Duration;

use super::operations::Operation;
use crate::api::{ApiError, CALL_BUDGET, Detail};
use catalogue::Place;
use mcp_platform::NetworkFailure;

const SET_A_TOKEN: &str = "Set one: as the secret SITEBAY_API_TOKEN of the server, or per request \
     in the header X-SiteBay-Token. Tokens are made in SiteBay under Settings → API Tokens.";

/// The text of an error result. `changes`: the request would have changed something.
pub(crate) fn explain(operation: &Operation, error: &ApiError, changes: bool) -> String {
    if let Some(alternative) = operation.retired
        && is_retired(error)
    {
        return format!("SiteBay retired this route. {alternative}");
    }
    let mut lines = vec![what(error)];
    lines.extend(advice(operation, error));
    if changes && error.leaves_doubt() {
        lines.push(doubt(operation, error));
    }
    lines.join("\n")
}

/// A gone route, or one that the service's router does not know at all.
pub(crate) fn is_retired(error: &ApiError) -> bool {
    match error {
        ApiError::Refused { status: 410, .. } => true,
        ApiError::Refused { status: 404, detail, .. } => detail.is("Not Found"),
        ApiError::Refused { status: 405, detail, .. } => detail.is("Method Not Allowed"),
        _ => false,
    }
}

fn what(error: &ApiError) -> String {
    match error {
        ApiError::Refused { status, detail, .. } | ApiError::WaitTooLong { status, detail, .. } => {
            let separator = if matches!(detail, Detail::Fields(_)) { "\n" } else { " " };
            format!("SiteBay answered {status} {}:{separator}{detail}", reason(*status))
        }
        ApiError::NoAnswer { failure, tries } => no_answer(failure, *tries),
        ApiError::Unreadable { status, excerpt } => {
            format!(
                "SiteBay answered {status} with something that is not the JSON expected: {excerpt}"
            )
        }
        ApiError::OutOfTime => {
            format!("The {} s of this call were used up before this step.", CALL_BUDGET.as_secs())
        }
        other => format!("{}.", sentence(&other.to_string())),
    }
}

fn no_answer(failure: &NetworkFailure, tries: u32) -> String {
    let tried = if tries > 1 { format!(" (tried {tries} times)") } else { String::new() };
    match failure {
        NetworkFailure::TimedOut(after) => {
            format!("SiteBay did not answer within {} s{tried}.", after.as_secs())
        }
        NetworkFailure::Broken(why) => {
            format!("The connection to SiteBay failed{tried}: {}.", crate::api::cut(why, 200))
        }
        NetworkFailure::TooLarge(limit) => format!("SiteBay's answer is over {limit} bytes."),
    }
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn reason(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        410 => "Gone",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "(unexpected)",
    }
}

fn advice(operation: &Operation, error: &ApiError) -> Option<String> {
    match error {
        ApiError::NoToken => Some(SET_A_TOKEN.into()),
        ApiError::WaitTooLong { wait, .. } => Some(too_long(*wait)),
        ApiError::Refused { status, detail, retry_after, .. } => {
            for_status(operation, *status, detail, retry_after.as_deref())
        }
        ApiError::NoAnswer { failure: NetworkFailure::TooLarge(_), .. } => {
            Some("Ask for less: fewer items, fewer fields, a narrower path.".into())
        }
        ApiError::NoAnswer { .. } | ApiError::Unreadable { .. } => {
            Some("SiteBay may be down or under maintenance; try again in some minutes.".into())
        }
        ApiError::OutOfTime => Some("SiteBay is slow at the moment; try again later.".into()),
        ApiError::NotBegun
        | ApiError::BadBase
        | ApiError::RedirectRefused { .. }
        | ApiError::TooManyRedirects => {
            Some("The operator of this server must check SITEBAY_API_URL.".into())
        }
        ApiError::BadPath => Some(
            "A name in the path must not be empty, `.` or `..`: give the \
                                   name of the item itself."
                .into(),
        ),
    }
}

fn too_long(wait: Duration) -> String {
    format!(
        "SiteBay asks to wait {} s, which is longer than one call may take; try again after that.",
        wait.as_secs()
    )
}

fn for_status(
    operation: &Operation,
    status: u16,
    detail: &Detail,
    retry_after: Option<&str>,
) -> Option<String> {
    let text = match status {
        400 if is_busy(detail) => {
            "Another operation is running on the site. Wait until its status is idle \
             (sitebay_get_site), then try again."
        }
        401 => {
            "The API token was not accepted: it is wrong, revoked or expired. Make a new one in \
             SiteBay under Settings → API Tokens and set it as SITEBAY_API_TOKEN or send it as \
             X-SiteBay-Token."
        }
        402 => "The team's plan does not cover this; see sitebay_account_create_checkout.",
        403 => {
            "The API key may not do this. A key belongs to one team and has one permission (read, \
             readwrite or admin): use a key of the right team with a higher permission."
        }
        404 => return Some(not_found(operation)),
        409 => {
            "SiteBay refuses this in the present state: the name may be taken, or another \
             operation may be running. Read the present state, then decide."
        }
        410 => "SiteBay no longer offers this route, so do not try again.",
        400 | 422 => "Correct the values named above and call again.",
        429 => return Some(after(retry_after, "Too many requests were sent.")),
        500.. => return Some(after(retry_after, "The failure is on SiteBay's side.")),
        _ => return None,
    };
    Some(text.into())
}

fn is_busy(detail: &Detail) -> bool {
    matches!(detail, Detail::Text(text) if text.to_ascii_lowercase().contains("busy"))
}

/// The last thing that the address names is assumed to be missing, before the site.
fn not_found(operation: &Operation) -> String {
    let sites = "sitebay_list_sites shows the sites that this key can see.";
    let by_site = operation.parameters.iter().any(|parameter| parameter.name == "fqdn");
    let in_path = operation.parameters.iter().filter(|parameter| parameter.place == Place::Path);
    let names: Vec<&str> = in_path.map(|p| p.name).filter(|name| *name != "fqdn").collect();
    match (names.join(" and "), by_site) {
        (names, true) if names.is_empty() => format!("Check the host name: {sites}"),
        (names, true) => format!("Check {names} and the host name: {sites}"),
        (names, false) if names.is_empty() => {
            "Check the ids: sitebay_list_teams and sitebay_list_sites show what this key can see."
                .into()
        }
        (names, false) => format!("Check {names}."),
    }
}

fn after(retry_after: Option<&str>, text: &str) -> String {
    match retry_after.map(str::trim) {
        Some(wait) if wait.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("{text} Try again after {wait} s.")
        }
        Some(date) => format!("{text} Try again after {}.", crate::api::cut(date, 40)),
        None => format!("{text} Try again later."),
    }
}

fn doubt(operation: &Operation, error: &ApiError) -> String {
    let may = match error {
        ApiError::Unreadable { .. } => "The change was probably made.",
        _ => "The change MAY have happened; it was not sent again.",
    };
    let keyed = "The change MAY have happened.";
    let may = if operation.keyed { keyed } else { may };
    format!("{may} {}", operation.check.unwrap_or_default())
}
