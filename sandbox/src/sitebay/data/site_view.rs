//! A site as the API shows it.

use serde_json::{Value, json};

use super::site::Site;
use super::status::Status;
use super::user;
use crate::engine::clock;

/// The site, inside which its team is shown as given.
pub(super) fn site(site: &Site, team: Value) -> Value {
    let status = site.status();
    let now = clock::now();
    let dev_mode = site.cloudflare.is_on("dev_mode");
    json!({
        "id": site.id,
        "user_id": user::owner_id(),
        "fqdn": site.fqdn,
        "active": true,
        "status": status.name(),
        "status_display": status.display(),
        "team_id": site.team_id,
        "team": team,
        "code_server_password": format!("secret-code-{}", site.id.simple()),
        "code_server_enabled": false,
        "current_cycle_visits": 120,
        "current_storage": 512,
        "max_restore_point": clock::text(now),
        "min_restore_point": clock::text(site.min_restore_point().min(now)),
        "tracked_tables": site.live.tables().keys().collect::<Vec<_>>(),
        "untracked_tables": ["wp_actionscheduler_logs"],
        "is_free": site.is_free,
        "db_prefix": "wp_",
        "dkim_key": null,
        "git_url": site.git_url,
        "site_stage": site.stage.as_ref().map(|stage| stage.inner_view(&site.fqdn, site.id)),
        "http_auth_password": format!("secret-http-{}", site.id.simple()),
        "favicon_url": format!("https://{}/favicon.ico", site.fqdn),
        "http_auth_enabled": site.http_auth_enabled,
        "is_sleeping": status == Status::Sleeping,
        "tenant_id": "tenant-1",
        "created_at": clock::text(site.created_at),
        "properties": { "cf_dev_mode_enabled": dev_mode },
        "is_testing": false,
        "is_ns_root": site.name_servers.is_done(),
        "domain_option": "external",
        "git_last_sync_hash": site.git_hash,
        "created_by": user::owner(),
    })
}
