//! Resources that show what a reading tool shows.
//!
//! Invariant: a view is a tool and its arguments; what is hidden there is hidden here.

use serde_json::{Map, Value, value::to_raw_value};

use super::{ResourceError, ResourceText};
use crate::{fqdn, tools::logs};
use mcp_protocol::content::ContentBlock;
use mcp_server::context::Context;

/// The resources that have one URI, separated by commas.
pub(super) const LISTED: &str = concat!(
    r#"{"uri":"sitebay://sites","name":"sites","title":"Sites","description":"All sites with their "#,
    r#"state.","mimeType":"application/json"},"#,
    r#"{"uri":"sitebay://teams","name":"teams","title":"Teams","description":"All teams with their "#,
    r#"plans.","mimeType":"application/json"}"#,
);

/// The resource templates, separated by commas.
pub(super) const TEMPLATES: &str = concat!(
    r#"{"uriTemplate":"sitebay://site/{site_fqdn}","name":"site","title":"Site","description":"One "#,
    r#"site with all its settings.","mimeType":"application/json"},"#,
    r#"{"uriTemplate":"sitebay://site/{site_fqdn}/logs/{log_type}","name":"site_logs","title":"Site "#,
    r#"logs","description":"The newest lines of a log.","mimeType":"text/plain"},"#,
    r#"{"uriTemplate":"sitebay://site/{site_fqdn}/backups","name":"site_backups","title":"Restore "#,
    r#"points","description":"The newest restore points of a site.","mimeType":"application/json"},"#,
    r#"{"uriTemplate":"sitebay://site/{site_fqdn}/dns","name":"site_dns","title":"DNS records","#,
    r#""description":"The DNS records of a site's domain.","mimeType":"application/json"},"#,
    r#"{"uriTemplate":"sitebay://site/{site_fqdn}/containers/{container_name}/logs","name":"container_logs","#,
    r#""title":"Container logs","description":"The newest lines that a container of a site wrote.","#,
    r#""mimeType":"text/plain"},"#,
    r#"{"uriTemplate":"sitebay://team/{team_id}/sites","name":"team_sites","title":"Sites of a team","#,
    r#""description":"The sites of one team with their state.","mimeType":"application/json"},"#,
    r#"{"uriTemplate":"sitebay://operation/{operation_id}","name":"operation","title":"Long work","description":"How long "#,
    r#"work is doing, and its result; kept for 24 hours.","mimeType":"application/json"},"#,
    r#"{"uriTemplate":"sitebay://result/{result_id}/{page}","name":"result","title":"Large result","description":"#,
    r#""A page of a result that was too large for one answer; kept for an hour.","mimeType":"text/plain"}"#,
);

/// Lines of a log that its resource has: all that the service gives at once.
const LOG_LINES: u32 = 10_000;

/// A tool and what it is called with.
struct View {
    tool: &'static str,
    arguments: Map<String, Value>,
    mime_type: &'static str,
}

/// How a tool begins to say that SiteBay has no such thing.
const NOT_FOUND: &str = "SiteBay answered 404";

/// Reads a path below `sitebay://`.
pub(super) async fn read(ctx: &Context, path: &str) -> Result<ResourceText, ResourceError> {
    let view = View::of(path).ok_or(ResourceError::NotFound)?;
    let arguments = to_raw_value(&view.arguments).map_err(|_| ResourceError::NotFound)?;
    let called = crate::call(ctx, view.tool, Some(&arguments)).await;
    let result = called.map_err(|_| ResourceError::NotFound)?;
    let text = match result.content.into_iter().next() {
        Some(ContentBlock::Text { text }) => text,
        _ => String::new(),
    };
    match result.structured_content {
        // A tool says so of what is not there, and so does the resource.
        None if text.starts_with(NOT_FOUND) => Err(ResourceError::NotFound),
        None => Err(ResourceError::Failed(text)),
        Some(data) if view.mime_type == "text/plain" => {
            let lines = data.get("result").and_then(logs::lines);
            Ok(ResourceText { mime_type: view.mime_type, text: lines.unwrap_or(text) })
        }
        Some(data) => Ok(ResourceText { mime_type: view.mime_type, text: format!("{data:#}") }),
    }
}

/// Whether a path below `sitebay://` names a view.
pub(super) fn is_view(path: &str) -> bool {
    View::of(path).is_some()
}

impl View {
    fn of(path: &str) -> Option<Self> {
        let parts: Vec<String> = path.split('/').map(super::decoded).collect::<Option<_>>()?;
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let (tool, more) = match parts.as_slice() {
            ["sites"] => return Some(Self::new("sitebay_list_sites", [])),
            ["teams"] => return Some(Self::new("sitebay_list_teams", [])),
            ["site", _] => ("sitebay_get_site", None),
            ["site", _, "backups"] => ("sitebay_backup_list_commits", None),
            ["site", _, "dns"] => ("sitebay_get_dns_records", None),
            ["site", _, "logs", log] => ("sitebay_get_site_logs", Some(("log_type", *log))),
            ["site", _, "containers", container, "logs"] => {
                ("sitebay_get_container_logs", Some(("container_name", *container)))
            }
            ["team", team, "sites"] => {
                return Some(Self::new("sitebay_list_sites", [("team_id", (*team).to_owned())]));
            }
            _ => return None,
        };
        let site = fqdn::normalise(parts.get(1)?)?;
        let mut view = Self::new(tool, [("fqdn", site)]);
        if let Some((name, log)) = more {
            view.arguments.insert(name.to_owned(), Value::from(log));
            view.arguments.insert("lines".to_owned(), Value::from(LOG_LINES));
            view.mime_type = "text/plain";
        }
        Some(view)
    }

    fn new<const N: usize>(tool: &'static str, arguments: [(&str, String); N]) -> Self {
        let arguments = arguments.into_iter().map(|(name, value)| (name.to_owned(), value.into()));
        Self { tool, arguments: arguments.collect(), mime_type: "application/json" }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use mcp_server::testing::{FakePlatform, json};

    #[test]
    fn each_view_asks_for_what_its_tool_asks_for() {
        for (path, line) in [
            ("sites", "Get /site/"),
            ("teams", "Get /team"),
            ("site/A.org", "Get /site/a.org"),
            ("site/a.org/dns", "Get /site/a.org/dns"),
            ("site/a.org/logs/php", "Get /site/a.org/logs?log_type=php&lines=10000"),
            ("site/a.org/containers/nginx/logs", "Get /site/a.org/logs/nginx?lines=10000"),
            ("team/00007ea0-0000-4000-8000-000000000001/sites", "Get /site/?team_id=00007ea0"),
            ("site/a.org/backups", "Get /site/a.org/pit_restore/commits"),
        ] {
            let fake = FakePlatform::new([json(200, json!({"results": [], "count": 0}))]);
            let _ = pollster::block_on(read(&fake.context(), path));
            let lines = fake.lines();
            assert!(lines.first().is_some_and(|sent| sent.starts_with(line)), "{path}: {lines:?}");
        }
    }

    #[test]
    fn what_is_not_there_or_no_address_is_not_found() {
        let fake = FakePlatform::new([json(404, json!({"detail": "Site not found"}))]);
        let read_on = |path: &str| pollster::block_on(read(&fake.context(), path));
        assert_eq!(read_on("site/a.org"), Err(ResourceError::NotFound));
        for path in ["", "site", "site/..", "site/a b", "moon", "site/a.org/moon", "sites/x"] {
            assert_eq!(read_on(path), Err(ResourceError::NotFound), "{path}");
        }
        assert_eq!(fake.requests().len(), 1);
    }

    #[test]
    fn a_secret_stays_hidden() {
        let site = json!({"fqdn": "a.org", "http_auth_password": "hunter2"});
        let fake = FakePlatform::new([json(200, site)]);
        let read = pollster::block_on(read(&fake.context(), "site/a.org")).unwrap();
        assert!(read.text.contains("a.org") && !read.text.contains("hunter2"), "{}", read.text);
    }
}
