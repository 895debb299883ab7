//! Which paths there are, and which methods each takes.

use crate::options::Generation;

/// A path of the API, with the parameters in it.
#[derive(Debug)]
pub(crate) enum Route {
    /// All sites.
    Sites,
    /// One site.
    Site(String),
    /// A site's restores.
    Restores(String),
    /// A site's backups.
    Commits(String),
    /// One restore: the site and the restore's id.
    Restore(String, String),
    /// The shell.
    Cmd(String),
    /// The file edit.
    Edit(String),
    /// A site's stage.
    Stage(String),
    /// All teams.
    Teams,
    /// The ready-made sites.
    Templates,
    /// The users the account has referred.
    Referred,
    /// The checkout.
    Checkout,
    /// The WordPress proxy.
    Wp,
    /// The Shopify proxy.
    Shopify,
    /// The PostHog proxy.
    PostHog,
}

impl Route {
    /// Finds the route for a decoded path after the prefix.
    pub(crate) fn find(path: &str, generation: Generation) -> Option<Self> {
        let parts: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        let route = match parts.as_slice() {
            ["site", ""] => Self::Sites,
            ["site", fqdn, rest @ ..] if !fqdn.is_empty() => {
                return Self::of_site((*fqdn).to_owned(), rest, generation);
            }
            ["team"] => Self::Teams,
            ["ready_made_site"] => Self::Templates,
            ["account", "referred_user"] => Self::Referred,
            ["create_checkout_session"] => Self::Checkout,
            ["wp-proxy"] => Self::Wp,
            ["shopify-proxy"] => Self::Shopify,
            ["posthog-proxy"] => Self::PostHog,
            _ => return None,
        };
        Some(route)
    }

    fn of_site(fqdn: String, rest: &[&str], generation: Generation) -> Option<Self> {
        let route = match rest {
            [] => Self::Site(fqdn),
            ["pit_restore"] => Self::Restores(fqdn),
            ["pit_restore", "commits"] => Self::Commits(fqdn),
            ["pit_restore", id] if !id.is_empty() => Self::Restore(fqdn, (*id).to_owned()),
            // The later generation does not know this path at all.
            ["cmd"] if generation == Generation::March => Self::Cmd(fqdn),
            ["wpfile_diff_edit"] => Self::Edit(fqdn),
            ["stage"] => Self::Stage(fqdn),
            _ => return None,
        };
        Some(route)
    }

    /// The methods the route takes.
    pub(crate) fn methods(&self) -> &'static [&'static str] {
        match self {
            Self::Sites | Self::Restores(_) => &["GET", "POST"],
            Self::Site(_) => &["GET", "PATCH", "DELETE"],
            Self::Commits(_)
            | Self::Restore(..)
            | Self::Stage(_)
            | Self::Teams
            | Self::Templates
            | Self::Referred => &["GET"],
            Self::Cmd(_)
            | Self::Edit(_)
            | Self::Checkout
            | Self::Wp
            | Self::Shopify
            | Self::PostHog => &["POST"],
        }
    }
}

/// The path with its last slash taken away, or one added.
pub(crate) fn other_slash(path: &str) -> String {
    match path.strip_suffix('/') {
        Some(bare) => bare.to_owned(),
        None => format!("{path}/"),
    }
}
