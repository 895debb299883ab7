//! The resources that a change through this server affects.
//!
//! Invariant: a change is announced once it was made, also if its outcome is not known.

use super::{
    call::{Call, Requests as _},
    operations::Operation,
};
use mcp_platform::Method;
use mcp_protocol::content::CallToolResult;
use mcp_server::notifier::ChangeEvent;
use mcp_server::toolset::Effect;

/// Announces the changes of a call, if it made any.
pub(crate) fn announce(call: &Call<'_>, result: &CallToolResult) {
    if !result.is_error {
        announce_begun(call);
    }
}

/// The same for a change that SiteBay has begun to make.
pub(crate) fn announce_begun(call: &Call<'_>) {
    if call.operation.effect == Effect::Read || call.is_dry() {
        return;
    }
    for uri in changed(call.operation, call.arguments.text("fqdn")) {
        call.ctx.announce(ChangeEvent::ResourceUpdated(uri));
    }
}

fn changed(operation: &Operation, fqdn: Option<&str>) -> Vec<String> {
    let mut uris = Vec::new();
    if let Some(fqdn) = fqdn {
        let site = format!("sitebay://site/{fqdn}");
        uris.push(format!("{site}/config"));
        if operation.toolset == "dns" {
            uris.push(format!("{site}/dns"));
        }
        uris.push(site);
    }
    let whole = matches!(operation.path, "/site/" | "/site/{fqdn}");
    if whole && matches!(operation.method, Method::Post | Method::Delete) {
        uris.extend(["sitebay://sites", "sitebay://account/summary"].map(str::to_owned));
    }
    uris
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations;

    #[test]
    fn a_change_concerns_its_site_and_the_lists_that_name_it() {
        let of = |tool: &str| changed(operations::find(tool).unwrap(), Some("a.org"));
        assert_eq!(
            of("sitebay_clear_cache"),
            ["sitebay://site/a.org/config", "sitebay://site/a.org"]
        );
        assert!(of("sitebay_create_dns_record").contains(&"sitebay://site/a.org/dns".to_owned()));
        assert!(of("sitebay_delete_site").contains(&"sitebay://sites".to_owned()));
    }
}
