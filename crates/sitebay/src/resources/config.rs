//! `sitebay://site/{site_fqdn}/config`: state and features of one site. No passwords.

use serde_json::Value;

use super::{ResourceError, failed, field};
use crate::api::{ApiError, Client, Request, encode_part};
use crate::call::data;

pub(super) async fn read(client: &Client<'_>, fqdn: &str) -> Result<Value, ResourceError> {
    let explained = |error| match error {
        ApiError::Refused { status: 404, .. } | ApiError::BadPath => ResourceError::NotFound,
        other => failed("sitebay_get_site", &other),
    };
    let part = encode_part(fqdn).ok_or(ResourceError::NotFound)?;
    let url = client.address(&format!("/site/{part}"), &[]).map_err(explained)?;
    let site = client.send(&Request::get(url)).await.map_err(explained)?.json;
    let text = |name: &str| field(&site, name, Value::is_string);
    let flag = |name: &str| field(&site, name, Value::is_boolean);
    let info = data(vec![
        ("domain", text("fqdn")),
        ("active", flag("active")),
        ("status", text("status")),
        ("team_id", text("team_id")),
        ("created", text("created_at")),
    ]);
    let features = data(vec![
        ("http_auth_enabled", flag("http_auth_enabled")),
        ("is_free", flag("is_free")),
        ("git_url", text("git_url")),
    ]);
    Ok(Value::Object(data(vec![("site_info", info.into()), ("features", features.into())])))
}
