//! `sitebay://account/summary`: what there is in the account, counted over all pages.

use futures_util::join;
use serde_json::Value;

use super::{ResourceError, failed, field};
use crate::{
    api::{ApiError, Client, Listing},
    call::data,
};

/// How many of the newest sites are named.
const RECENT: usize = 5;

pub(super) async fn read(client: &Client<'_>) -> Result<Value, ResourceError> {
    let (sites, teams, ready_made) =
        join!(list(client, "/site/"), list(client, "/team"), list(client, "/ready_made_site"),);
    let explained = |tool: &'static str| move |error: ApiError| failed(tool, &error);
    let sites = sites.map_err(explained("sitebay_list_sites"))?;
    let teams = teams.map_err(explained("sitebay_list_teams"))?;
    let ready_made = ready_made.map_err(explained("sitebay_list_ready_made_sites"))?;
    Ok(summary(&sites, &teams, &ready_made))
}

async fn list(client: &Client<'_>, path: &str) -> Result<Listing, ApiError> {
    // Three lists at once have no one progress to report.
    client.list(client.address(path, &[])?, None).await
}

fn summary(sites: &Listing, teams: &Listing, ready_made: &Listing) -> Value {
    let is_active = |site: &&Value| site.get("active") == Some(&Value::Bool(true));
    let active = sites.items.iter().filter(is_active).count();
    let overview = data(vec![
        ("total_sites", sites.items.len().into()),
        ("total_teams", teams.items.len().into()),
        ("available_ready_made_sites", ready_made.items.len().into()),
        ("active_sites", active.into()),
        ("inactive_sites", sites.items.len().saturating_sub(active).into()),
    ]);
    let mut summary = data(vec![
        ("account_overview", overview.into()),
        ("recent_sites", recent(&sites.items).into()),
    ]);
    if [sites, teams, ready_made].iter().any(|listing| listing.truncated) {
        summary.insert("truncated".into(), true.into());
    }
    summary.into()
}

/// The newest sites. The service writes times in one form, so their order is that of the text.
fn recent(sites: &[Value]) -> Vec<Value> {
    let created = |site: &Value| field(site, "created_at", Value::is_string);
    let mut newest: Vec<&Value> = sites.iter().collect();
    newest.sort_by_cached_key(|site| created(site).as_str().unwrap_or_default().to_owned());
    let shown = |site: &&Value| {
        Value::Object(data(vec![
            ("domain", field(site, "fqdn", Value::is_string)),
            ("active", field(site, "active", Value::is_boolean)),
            ("created", created(site)),
        ]))
    };
    newest.iter().rev().take(RECENT).map(shown).collect()
}
