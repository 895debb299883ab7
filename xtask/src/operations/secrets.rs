//! The secrets of an upload: they become part of its version, instead of a deployment each.
//!
//! Invariant: a value is in the environment or in a file of its owner only, and is never shown.

use std::{
    collections::BTreeMap,
    env, fmt, fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use tempfile::NamedTempFile;

use crate::{
    account::LOCAL_UNLOCK_KEY,
    server::{LOCAL_CREDENTIAL_KEY, LOCAL_SESSION_KEY},
};

/// The secrets of the server, and how many characters each has at least.
pub const NAMES: [(&str, usize); 18] = [
    ("SITEBAY_API_TOKEN", 8),
    ("MCP_API_KEY", 16),
    ("MCP_ADMIN_KEY", 16),
    ("MCP_SHARED_SECRET", 16),
    ("MCP_JWT_SECRET", 32),
    ("MCP_OIDC_CLIENT_SECRET", 8),
    ("SESSION_KEY", 32),
    ("SUBJECT_KEY", 9),
    ("CREDENTIAL_KEY", 32),
    ("BACKEND_AUTH", 8),
    ("KEBOOLA_CLIENT_SECRET", 8),
    ("ALARM_WEBHOOK_URL", 9),
    ("ALARM_WEBHOOK_SECRET", 32),
    ("ALARM_API_TOKEN", 16),
    ("CLOUDFLARE_API_TOKEN", 16),
    ("CLOUDFLARE_READ_TOKEN", 16),
    ("CLOUDFLARE_WORKFLOWS_TOKEN", 16),
    ("STAGE_UNLOCK_KEY", 32),
];

/// In the environment it is the token of these verbs, which may do more than the server: a server's is in a file.
pub(super) const OWN: &str = "CLOUDFLARE_API_TOKEN";

/// Secrets of an upload.
#[derive(Default)]
pub struct Secrets(BTreeMap<String, String>);

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Secrets {
    /// Those of a file of JSON, or those of [`NAMES`] in the environment, but for the token of these verbs.
    ///
    /// # Errors
    /// Where the file cannot be used, or a value is none for production.
    pub fn gather(file: Option<&Path>) -> Result<Self> {
        let found = match file {
            Some(file) => {
                let text = fs::read_to_string(file)
                    .with_context(|| format!("--secrets-file {}", file.display()))?;
                serde_json::from_str(&text).ok().with_context(|| {
                    format!("--secrets-file {}: expected a JSON object of texts", file.display())
                })?
            }
            None => from(|name| env::var(name).ok()),
        };
        let secrets = Self(found);
        let faults = secrets.faults();
        if !faults.is_empty() {
            bail!("{}", faults.join("; "));
        }
        Ok(secrets)
    }

    /// What is wrong with them.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (name, value) in &self.0 {
            let least =
                NAMES.iter().find(|(known, _)| known == name).map_or(1, |(_, least)| *least);
            let mut keys = value.split([',', '\n']).map(str::trim).filter(|key| !key.is_empty());
            if keys.clone().next().is_none() || keys.any(|key| key.chars().count() < least) {
                faults.push(format!("{name}: expected at least {least} characters"));
            }
            if is_for_development(value) {
                faults.push(format!("{name} has a value for development"));
            }
        }
        faults
    }

    /// Their names.
    pub fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// A file of them for `wrangler`, which is gone when this is dropped. None: there are none, and those of the
    /// version before stay.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn file(&self) -> Result<Option<SecretsFile>> {
        if self.0.is_empty() {
            return Ok(None);
        }
        // Readable by its owner only.
        let mut file = tempfile::Builder::new().suffix(".json").tempfile()?;
        file.write_all(serde_json::to_string(&self.0)?.as_bytes())?;
        Ok(Some(SecretsFile(file)))
    }
}

/// A file of secrets.
#[derive(Debug)]
pub struct SecretsFile(NamedTempFile);

impl SecretsFile {
    /// Where it is.
    pub fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }
}

fn from(value: impl Fn(&str) -> Option<String>) -> BTreeMap<String, String> {
    let set =
        |name: &str| value(name).map(|value| value.trim().to_owned()).filter(|it| !it.is_empty());
    let names = NAMES.iter().filter(|(name, _)| *name != OWN);
    names.filter_map(|(name, _)| Some(((*name).to_owned(), set(name)?))).collect()
}

fn is_for_development(value: &str) -> bool {
    let known = [
        LOCAL_SESSION_KEY,
        LOCAL_CREDENTIAL_KEY,
        LOCAL_UNLOCK_KEY,
        "sandbox-token-for-development",
    ];
    known.iter().any(|known| value.contains(known))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths;

    fn of(pairs: &[(&str, &str)]) -> Secrets {
        let pairs: BTreeMap<_, _> = pairs.iter().copied().collect();
        Secrets(from(|name| pairs.get(name).map(|value| (*value).to_owned())))
    }

    #[test]
    fn secrets_are_long_enough_and_not_those_of_development() {
        let long = "0123456789abcdef0123456789abcdef";
        let good = of(&[("MCP_SHARED_SECRET", long), ("MCP_JWT_SECRET", long), ("OTHER", "x")]);
        assert_eq!(good.names(), ["MCP_JWT_SECRET", "MCP_SHARED_SECRET"]);
        assert!(good.faults().is_empty());
        assert!(!format!("{good:?}").contains(long));
        let file = good.file().unwrap().unwrap();
        let path = file.path();
        assert!(fs::read_to_string(&path).unwrap().contains(long));
        drop(file);
        assert!(!path.exists(), "the file is gone with its owner");
        let two = of(&[("MCP_API_KEY", &format!("{long},short"))]);
        assert_eq!(two.faults(), ["MCP_API_KEY: expected at least 16 characters"]);
        assert_eq!(of(&[("SESSION_KEY", LOCAL_SESSION_KEY)]).faults().len(), 1);
        assert_eq!(of(&[("STAGE_UNLOCK_KEY", LOCAL_UNLOCK_KEY)]).faults().len(), 1);
        assert!(of(&[("MCP_API_KEY", " ")]).file().unwrap().is_none());
    }

    #[test]
    fn the_token_of_the_verbs_becomes_no_secret_of_the_server() {
        let token = "a-token-of-the-pipeline";
        let found = of(&[("CLOUDFLARE_API_TOKEN", token), ("CLOUDFLARE_READ_TOKEN", token)]);
        assert_eq!(found.names(), ["CLOUDFLARE_READ_TOKEN"]);
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), format!(r#"{{"CLOUDFLARE_API_TOKEN":"{token}"}}"#)).unwrap();
        let given = Secrets::gather(Some(file.path())).unwrap();
        assert_eq!(given.names(), ["CLOUDFLARE_API_TOKEN"]);
    }

    /// `UPSTREAMS` is configuration that may hold keys: it is set by hand.
    #[test]
    fn they_are_the_secrets_that_are_documented() {
        let page = fs::read_to_string(paths::root().join("docs/CONFIGURATION.md")).unwrap();
        let sections = page.split("\n### `").skip(1);
        let secret = sections.filter(|section| section.contains("\n- kind: secret\n"));
        let mut documented: Vec<&str> = secret.filter_map(|it| it.split('`').next()).collect();
        let mut names = NAMES.map(|(name, _)| name).to_vec();
        documented.sort_unstable();
        names.sort_unstable();
        assert_eq!(names, documented);
    }
}
