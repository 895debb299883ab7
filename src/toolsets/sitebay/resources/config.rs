//! `sitebay://site/{site_fqdn}/config`: state and features of one site. No passwords.

use serde_json::{Value, json};

use super::{ResourceError, failed, field};
use crate::sitebay::{ApiError, Client, Request, encode_part};

pub(super) async fn read(client: &Client<'_>, fqdn: &str) -> Result<Value, ResourceError> {
    let explained = |error| match error {
        ApiError::Refused { status: 404, .. } | ApiError::BadPath => ResourceError::NotFound,
        other => failed("sitebay_get_site", &other),
    };
    let part = encode_part(fqdn).ok_or(ResourceError::NotFound)?;
    let url = client.address(&format!("/site/{part}"), &[]).map_err(explained)?;
    let site = client.send(&Request::get(url)).await.map_err(explained)?.json;
    Ok(json!({
        "site_info": {
            "domain": field(&site, "fqdn", Value::is_string),
            "active": field(&site, "active", Value::is_boolean),
            "status": field(&site, "status", Value::is_string),
            "team_id": field(&site, "team_id", Value::is_string),
            "created": field(&site, "created_at", Value::is_string),
        },
        "features": {
            "http_auth_enabled": field(&site, "http_auth_enabled", Value::is_boolean),
            "is_free": field(&site, "is_free", Value::is_boolean),
            "git_url": field(&site, "git_url", Value::is_string),
        },
    }))
}
