//! The account at Cloudflare before which `dev` and `serve --infrastructure` run: a stand-in with the stages of the sample
//! manifest, and the settings that lead there.

use std::{env, fs};

use sandbox::cloudflare::{ACCOUNT, Cloudflare, token};

use crate::paths;

/// The manifest of the stages that the stand-in has, from the repository's root.
pub const SAMPLE: &str = "crates/infrastructure/sample/sandbox.json";
/// The variable of a build that names a manifest.
pub const MANIFEST: &str = "INFRASTRUCTURE_MANIFEST";
/// The key that unlocks stages of the stand-in. Anyone can read it here: there is nothing real behind it.
pub const LOCAL_UNLOCK_KEY: &str = "local-key-that-unlocks-stages-of-the-sandbox";

/// The settings of a Worker that operates the stages of a stand-in.
pub fn settings(cloudflare: &Cloudflare) -> Vec<(String, String)> {
    let settings = [
        ("CLOUDFLARE_API_URL", cloudflare.api_url()),
        ("CLOUDFLARE_ACCOUNT_ID", ACCOUNT.to_owned()),
        ("CLOUDFLARE_READ_TOKEN", token("read")),
        ("CLOUDFLARE_WORKFLOWS_TOKEN", token("workflow")),
        ("CLOUDFLARE_API_TOKEN", token("change")),
        ("STAGE_UNLOCK_KEY", LOCAL_UNLOCK_KEY.to_owned()),
    ];
    settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Whether stages are described here, or `.dev.vars` leads to an account: then nothing stands in for one.
pub fn is_described() -> bool {
    let vars = fs::read_to_string(paths::root().join(".dev.vars")).unwrap_or_default();
    let is_set = env::var_os(MANIFEST).is_some_and(|name| !name.is_empty());
    is_set || paths::root().join("infrastructure.json").exists() || leads_to_an_account(&vars)
}

fn leads_to_an_account(vars: &str) -> bool {
    vars.lines().any(|line| line.trim_start().starts_with("CLOUDFLARE_"))
}

/// What a person can try.
pub fn hints(cloudflare: &Cloudflare, url: &str) -> String {
    format!(
        "Cloudflare is played by the sandbox on {}, with the stages staging, production (protected) and preview-*\n\
         Unlock a plan of production:\n  STAGE_UNLOCK_KEY={LOCAL_UNLOCK_KEY} cargo xtask stage unlock production PLAN_ID --url {url} --by NAME\n",
        cloudflare.url()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_of_ones_own_is_not_played() {
        assert!(leads_to_an_account("A=1\n CLOUDFLARE_ACCOUNT_ID=5a\n"));
        assert!(!leads_to_an_account("SITEBAY_API_TOKEN=x\n# CLOUDFLARE_API_TOKEN\n"));
    }

    #[test]
    fn the_sample_is_there() {
        assert!(paths::root().join(SAMPLE).exists());
    }
}
