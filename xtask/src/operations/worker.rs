//! A Worker as it is deployed.

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::{
    api::{Api, is_refused},
    stage::Stage,
};

/// Secrets changed since a version was uploaded.
const SECRETS_CHANGED: i64 = 10_220;
/// Characters of an id that are shown.
const SHOWN: usize = 8;

/// A version and its share of the requests.
#[derive(Debug, Clone, PartialEq)]
pub struct Share {
    /// The version.
    pub version: String,
    /// Percent.
    pub percentage: f64,
}

impl Share {
    /// This version with these percent.
    pub fn of(version: &str, percentage: f64) -> Self {
        Self { version: version.to_owned(), percentage }
    }
}

/// What is deployed of a stage.
#[derive(Debug)]
pub struct Deployed<'a> {
    api: &'a Api,
    stage: &'a Stage,
    /// The deployments, newest first. None where there is no such Worker.
    pub deployments: Vec<Vec<Share>>,
    /// The tag of the last migration that was applied.
    pub migration_tag: Option<String>,
    /// Whether there is such a Worker.
    pub exists: bool,
}

/// The first characters of an id, as people read it.
pub fn short(id: &str) -> &str {
    id.get(..SHOWN).unwrap_or(id)
}

/// The place of a version among those that can be deployed, newest first. One that is not among them is older.
pub fn age(versions: &[String], version: &str) -> usize {
    versions.iter().position(|known| known == version).unwrap_or(usize::MAX)
}

/// Whether a text is the id of a version.
pub fn is_version(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

impl<'a> Deployed<'a> {
    /// Looks at the stage's Worker.
    ///
    /// # Errors
    /// Where it cannot be seen.
    pub fn look(api: &'a Api, stage: &'a Stage) -> Result<Self> {
        let list = api.get("workers/scripts").context("the Workers of the account")?;
        let list = list.as_array().context("the Workers of the account")?;
        let named = |one: &&Value| one.get("id").and_then(Value::as_str) == Some(&*stage.worker);
        let Some(found) = list.iter().find(named) else {
            return Ok(Self {
                api,
                stage,
                deployments: Vec::new(),
                migration_tag: None,
                exists: false,
            });
        };
        let migration_tag = found.get("migration_tag").and_then(Value::as_str).map(str::to_owned);
        let mut deployed =
            Self { api, stage, deployments: Vec::new(), migration_tag, exists: true };
        deployed.deployments = deployed.read()?;
        Ok(deployed)
    }

    fn read(&self) -> Result<Vec<Vec<Share>>> {
        let answer = self.api.get(&self.path("deployments"))?;
        let list = answer.get("deployments").and_then(Value::as_array).context("deployments")?;
        let share = |one: &Value| {
            let version = one.get("version_id").and_then(Value::as_str)?.to_owned();
            Some(Share { version, percentage: one.get("percentage").and_then(Value::as_f64)? })
        };
        let shares = |one: &Value| one.get("versions")?.as_array()?.iter().map(share).collect();
        list.iter().map(shares).collect::<Option<_>>().context("the versions of a deployment")
    }

    /// A path below the Worker.
    pub fn path(&self, what: &str) -> String {
        format!("workers/scripts/{}/{what}", self.stage.worker)
    }

    /// The versions that answer.
    pub fn shares(&self) -> &[Share] {
        self.deployments.first().map(Vec::as_slice).unwrap_or_default()
    }

    /// The version that answers alone. None: there are two, or none.
    pub fn only(&self) -> Option<&str> {
        match self.shares() {
            [only] => Some(&only.version),
            _ => None,
        }
    }

    /// Refuses a Worker of which two versions answer: a deployment would end what is under way.
    ///
    /// # Errors
    /// Where there are two.
    pub fn refuse_split(&self) -> Result<()> {
        let shares = self.shares();
        if shares.len() < 2 {
            return Ok(());
        }
        let each =
            shares.iter().map(|share| format!("{} {}%", short(&share.version), share.percentage));
        bail!(
            "a release of {} is under way ({}): end it with `release --percent 100` or `rollback` first",
            self.stage.worker,
            each.collect::<Vec<_>>().join(", ")
        );
    }

    /// The versions that can be deployed, newest first.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub fn versions(&self) -> Result<Vec<String>> {
        let answer = self.api.get(&self.path("versions?deployable=true"))?;
        let items = answer.get("items").and_then(Value::as_array).context("versions")?;
        let mut found: Vec<(u64, String)> = Vec::new();
        for item in items {
            let number =
                item.get("number").and_then(Value::as_u64).context("a version's number")?;
            let id = item.get("id").and_then(Value::as_str).context("a version's id")?;
            found.push((number, id.to_owned()));
        }
        found.sort_unstable_by(|one, other| other.cmp(one));
        Ok(found.into_iter().map(|(_, id)| id).collect())
    }

    /// Where a rollback leads: the last version that answered alone and is older than the newest one that answers. A
    /// version that was taken back is none of them, so that a second rollback does not lead to it.
    ///
    /// # Errors
    /// Where the versions cannot be read.
    pub fn before(&self) -> Result<Option<String>> {
        let versions = self.versions()?;
        let age = |version: &str| age(&versions, version);
        let newest = self.shares().iter().map(|share| age(&share.version)).min();
        let newest = newest.unwrap_or_default();
        let mut whole = self.deployments.iter().skip(1).filter_map(|shares| match &**shares {
            [only] => Some(only.version.as_str()),
            _ => None,
        });
        Ok(whole.find(|version| age(version) > newest).map(str::to_owned))
    }

    /// Whether a version answered before, and does not any more.
    pub fn was_taken_back(&self, version: &str) -> bool {
        let has = |shares: &[Share]| shares.iter().any(|share| share.version == version);
        !has(self.shares()) && self.deployments.iter().any(|shares| has(shares))
    }

    /// Whether these versions answer, each with its share, in any order.
    pub fn is_split(&self, shares: &[Share]) -> bool {
        let found = self.shares();
        found.len() == shares.len() && shares.iter().all(|share| found.contains(share))
    }

    /// Has these versions answer, and reads back that they do. Never forced.
    ///
    /// # Errors
    /// Where Cloudflare refuses it, such as after a change of secrets.
    pub fn deploy(&mut self, shares: &[Share], message: &str) -> Result<()> {
        let versions = shares
            .iter()
            .map(|share| json!({ "version_id": share.version, "percentage": share.percentage }));
        let body = json!({
            "strategy": "percentage",
            "versions": versions.collect::<Vec<_>>(),
            "annotations": { "workers/message": message },
        });
        let made = self.api.change("POST", &self.path("deployments"), &body);
        if let Err(error) = made {
            if is_refused(&error, |it| it.codes.contains(&SECRETS_CHANGED)) {
                return Err(error.context(
                    "nothing was deployed: secrets changed since that version. Deploy it anew with `deploy`, so \
                     that it has the secrets of today",
                ));
            }
            return Err(error);
        }
        self.deployments = self.read()?;
        if !self.is_split(shares) {
            bail!(
                "another deployment came in between: look at `npx wrangler deployments list --env {}`",
                self.stage.name
            );
        }
        Ok(())
    }

    /// Its settings: bindings and variables.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub fn settings(&self) -> Result<Value> {
        self.api.get(&self.path("settings"))
    }

    /// The addresses that it answers at: custom domains, then `workers.dev`.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub fn addresses(&self) -> Result<Vec<String>> {
        let mut found: Vec<String> =
            self.stage.domains().iter().map(|domain| format!("https://{domain}")).collect();
        let enabled = self.api.find(&self.path("subdomain"))?.unwrap_or_default();
        if enabled.get("enabled").and_then(Value::as_bool) == Some(true) {
            let account = self.api.find("workers/subdomain")?.unwrap_or_default();
            if let Some(name) = account.get("subdomain").and_then(Value::as_str) {
                found.push(format!("https://{}.{name}.workers.dev", self.stage.worker));
            }
        }
        Ok(found)
    }

    /// Those of them that lead here already: a custom domain is made at the end of a release, and until then there is
    /// none to try a version at. Where the domains cannot be read, all of them.
    ///
    /// # Errors
    /// As [`Self::addresses`].
    pub fn reachable(&self) -> Result<Vec<String>> {
        let all = self.addresses()?;
        let Ok(attached) = self.attached() else { return Ok(all) };
        let missing = |domain: &String| !attached.contains(domain);
        let missing = self.stage.domains().into_iter().filter(missing);
        let missing: Vec<_> = missing.map(|domain| format!("https://{domain}")).collect();
        Ok(all.into_iter().filter(|address| !missing.contains(address)).collect())
    }

    /// The custom domains of the stage that lead to its Worker.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub fn attached(&self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for domain in self.stage.domains() {
            let path = format!("workers/domains?hostname={domain}");
            let list = self.api.get(&path).context("the custom domains of the account")?;
            let list = list.as_array().cloned().unwrap_or_default();
            let leads_here =
                |one: &Value| one["hostname"] == *domain && one["service"] == *self.stage.worker;
            found.extend(list.iter().any(leads_here).then_some(domain));
        }
        Ok(found)
    }
}
