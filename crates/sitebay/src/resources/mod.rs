//! The resources: a site's configuration, and a summary of the account.
//!
//! Invariant: every address without a resource is `NotFound`, for any reason.

mod config;
mod summary;
mod views;
mod watch;

pub(crate) use watch::{is_watchable, look};

use percent_encoding::percent_decode_str;
use serde_json::Value;
use thiserror::Error;

use super::{
    explain,
    operations::{self, Operation},
};
use crate::api::{ApiError, Client};
use catalogue::fqdn;
use mcp_server::context::Context;

/// The resource definitions, separated by commas, without brackets around them.
pub(crate) static RESOURCES_JSON: &[&str] = &[SUMMARY, views::LISTED];

/// The resource templates, separated by commas, without brackets around them.
pub(crate) static RESOURCE_TEMPLATES_JSON: &[&str] = &[CONFIG, views::TEMPLATES];

const SUMMARY: &str = concat!(
    r#"{"uri":"sitebay://account/summary","name":"account_summary","title":"Account summary","#,
    r#""description":"How many sites, teams and ready-made sites there are, and the five newest "#,
    r#"sites.","mimeType":"application/json"}"#,
);

const CONFIG: &str = concat!(
    r#"{"uriTemplate":"sitebay://site/{site_fqdn}/config","name":"site_config","#,
    r#""title":"Site configuration","description":"State and features of one site, by its host "#,
    r#"name.","mimeType":"application/json"}"#,
);

/// The contents of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ResourceText {
    /// The media type of the text.
    pub mime_type: &'static str,
    /// The text itself.
    pub text: String,
}

/// Why a resource cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum ResourceError {
    /// No resource has this address.
    #[error("there is no such resource")]
    NotFound,
    /// SiteBay could not be asked; the text says why and what to do.
    #[error("{0}")]
    Failed(String),
}

/// Reads a resource.
pub(crate) async fn read(ctx: &Context, uri: &str) -> Result<ResourceText, ResourceError> {
    let path = uri.strip_prefix("sitebay://").ok_or(ResourceError::NotFound)?;
    let json = match (path, site_of(path)) {
        ("account/summary", _) => summary::read(&client(ctx)?).await?,
        (_, Some(fqdn)) => config::read(&client(ctx)?, &fqdn).await?,
        _ => return views::read(ctx, path).await,
    };
    let text = format!("{json:#}");
    Ok(ResourceText { mime_type: "application/json", text })
}

/// The host name in `site/{site_fqdn}/config`.
fn site_of(path: &str) -> Option<String> {
    let part = path.strip_prefix("site/")?.strip_suffix("/config")?;
    fqdn::normalise(&decoded(part)?)
}

/// A part of a path without its encoding.
fn decoded(part: &str) -> Option<String> {
    percent_decode_str(part).decode_utf8().ok().map(|text| text.into_owned())
}

fn client(ctx: &Context) -> Result<Client<'_>, ResourceError> {
    Client::new(ctx).map_err(|error| failed("sitebay_list_sites", &error))
}

/// The error in the words of the tool that reads the same thing.
fn failed(tool: &str, error: &ApiError) -> ResourceError {
    let explained = |operation: &'static Operation| explain::explain(operation, error, false);
    let text = operations::find(tool).map_or_else(|| error.to_string(), explained);
    ResourceError::Failed(text)
}

/// A field that has one of the expected types, else null.
fn field(record: &Value, name: &str, fits: fn(&Value) -> bool) -> Value {
    record.get(name).filter(|value| fits(value)).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use mcp_server::testing::{FakePlatform, json, text};

    fn read_on(fake: &std::rc::Rc<FakePlatform>, uri: &str) -> Result<Value, ResourceError> {
        let read = pollster::block_on(read(&fake.context(), uri))?;
        Ok(serde_json::from_str(&read.text).unwrap())
    }

    #[test]
    fn a_sites_configuration_is_read() {
        let fake = FakePlatform::new([json(
            200,
            json!({"fqdn": "a.org", "active": true, "status": "idle", "team_id": "t",
                "created_at": "c", "http_auth_enabled": false, "is_free": 1, "git_url": null,
                "http_auth_password": "p"}),
        )]);
        let config = read_on(&fake, "sitebay://site/A.org/config").unwrap();
        assert_eq!(fake.lines(), ["Get /site/a.org"]);
        assert_eq!(
            config,
            json!({"site_info": {"domain": "a.org", "active": true, "status": "idle",
                    "team_id": "t", "created": "c"},
                "features": {"http_auth_enabled": false, "is_free": null, "git_url": null}})
        );
    }

    #[test]
    fn the_summary_counts_all_pages() {
        let site = |n: u32, active: bool| {
            json!({"id": n, "fqdn": format!("s{n}.org"), "active": active,
                "created_at": format!("2026-01-0{n}T00:00:00Z")})
        };
        let sites: Vec<Value> = (1..=7).map(|n| site(n, n % 2 == 0)).collect();
        let fake = FakePlatform::new([
            json(200, json!(sites)),
            json(200, json!([{"id": 1}])),
            json(200, json!([])),
        ]);
        let summary = read_on(&fake, "sitebay://account/summary").unwrap();
        assert_eq!(fake.lines(), ["Get /site/", "Get /team", "Get /ready_made_site"]);
        assert_eq!(
            summary["account_overview"],
            json!({"total_sites": 7, "total_teams": 1, "available_ready_made_sites": 0,
                "active_sites": 3, "inactive_sites": 4})
        );
        let recent = summary["recent_sites"].as_array().unwrap();
        assert_eq!(recent.len(), 5);
        assert_eq!(
            recent[0],
            json!({"domain": "s7.org", "active": false, "created": "2026-01-07T00:00:00Z"})
        );
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        let fake = FakePlatform::new([json(404, json!({"detail": "No site"}))]);
        for uri in [
            "sitebay://site/a.org/config",
            "sitebay://site/../config",
            "sitebay://site/a%2Fb.org/config",
            "sitebay://site//config",
            "sitebay://site/a.org/other",
            "sitebay://nothing",
            "https://a.org",
            "",
        ] {
            assert_eq!(read_on(&fake, uri), Err(ResourceError::NotFound), "{uri}");
        }
        assert_eq!(fake.requests().len(), 1);
    }

    #[test]
    fn another_failure_is_explained() {
        let fake = FakePlatform::new([text(401, "{}")]);
        let Err(ResourceError::Failed(text)) = read_on(&fake, "sitebay://site/a.org/config") else {
            panic!("not a failure")
        };
        assert!(text.contains("token"), "{text}");
    }

    #[test]
    fn definitions_are_json() {
        for text in RESOURCES_JSON.iter().chain(RESOURCE_TEMPLATES_JSON) {
            serde_json::from_str::<Vec<Value>>(&format!("[{text}]")).unwrap();
        }
    }
}
