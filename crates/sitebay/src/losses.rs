//! What a call would destroy on a site: the text of the consent form.
//!
//! Invariant: it only reads, and the text is the same as long as the site is.

use serde_json::Value;

use super::call::{Call, Requests as _, ShortCircuit};
use crate::api::{ApiError, Request, encode_part};
use mcp_platform::time::is_rfc3339;

/// The losses, in the catalogue's words, and the site as it is now.
pub(crate) async fn of_site(call: &Call<'_>) -> Result<String, ShortCircuit> {
    Ok(format!("{}{}", call.losses(), site_lines(call).await?))
}

/// The site of a call in lines of text; empty where it has none.
pub(crate) async fn site_lines(call: &Call<'_>) -> Result<String, ShortCircuit> {
    let Some(fqdn) = call.arguments.text("fqdn") else {
        return Ok(String::new());
    };
    let Some(site) = site(call).await? else {
        return Ok(format!("\n- {fqdn} could not be read just now."));
    };
    let status = site.get("status").and_then(Value::as_str).unwrap_or("unknown");
    let point = restore_point(&site);
    Ok(format!("\n- Site: {fqdn}, {status}\n- Latest restore point: {point}"))
}

/// The latest restore point, to the hour: it moves on while a person reads, and what they agree to
/// must not.
pub(crate) fn restore_point(site: &Value) -> String {
    let point = site.get("max_restore_point").and_then(Value::as_str).unwrap_or("unknown");
    match point.get(..13) {
        Some(hour) if is_rfc3339(point) => format!("{hour}:00 or later"),
        _ => point.to_owned(),
    }
}

/// The site of a call as it is now; None where it could not be read just now.
pub(crate) async fn site(call: &Call<'_>) -> Result<Option<Value>, ShortCircuit> {
    let explained = |error: &ApiError| ShortCircuit::from(call.explained(error, false));
    let part = encode_part(call.arguments.text("fqdn").unwrap_or_default());
    let path = format!("/site/{}", part.unwrap_or_default());
    let client = call.client()?;
    let url = client.address(&path, &[]).map_err(|error| explained(&error))?;
    match client.send(&Request::get(url)).await {
        Ok(answer) => Ok(Some(answer.json)),
        Err(error @ ApiError::Refused { status: 401 | 403 | 404, .. }) => Err(explained(&error)),
        Err(_) => Ok(None),
    }
}
