//! The account's data: what a fresh sandbox holds, and how each kind of object is shown.

mod backup;
mod files;
mod restore;
mod site;
mod team;
mod template;
mod user;

use std::collections::BTreeMap;

use serde_json::Value;
use uuid::Uuid;

use crate::options::{Generation, Options};
use crate::reply::Reply;

pub(crate) use backup::backups;
pub(crate) use files::stock;
pub(crate) use restore::{Plan, Restore};
pub(crate) use site::{NewSite, Site, Status};
pub(crate) use team::Team;
pub(crate) use template::{TEMPLATES, template};
pub(crate) use user::affiliate;

/// How many users the account has referred.
pub(crate) const AFFILIATES: [u64; 2] = [1, 2];

/// Everything the API shows and changes.
#[derive(Debug)]
pub(crate) struct World {
    /// The generation spoken at the moment.
    pub(crate) generation: Generation,
    /// The teams; the first is the default one.
    pub(crate) teams: Vec<Team>,
    /// The sites, oldest first.
    pub(crate) sites: Vec<Site>,
    /// The creations that came with an idempotency key.
    pub(crate) created: BTreeMap<String, Creation>,
}

/// A creation that must not be repeated.
#[derive(Debug)]
pub(crate) struct Creation {
    /// What was asked for.
    pub(crate) body: Value,
    /// The site made for it.
    pub(crate) site: Uuid,
    /// What was answered, for when the site is gone again.
    pub(crate) answer: Value,
}

impl World {
    /// The initial data: the sites are dealt out to the two teams in turn, beginning with the
    /// default team, and the first site has a stage.
    pub(crate) fn new(options: &Options) -> Self {
        let teams = vec![Team::sample(1, "My team", true), Team::sample(2, "Client work", false)];
        let team_ids = teams.iter().map(|team| team.id).cycle();
        let sites = (1u64..).zip(team_ids).take(options.sites);
        Self {
            generation: options.generation,
            sites: sites.map(|(n, team)| Site::sample(n, team)).collect(),
            teams,
            created: BTreeMap::new(),
        }
    }

    /// The site of a name, whatever the case it is written in.
    pub(crate) fn site(&self, fqdn: &str) -> Result<&Site, Reply> {
        let found = self.sites.iter().find(|site| site.is_named(fqdn));
        found.ok_or_else(no_site)
    }

    /// The site of a name, to change it.
    pub(crate) fn site_mut(&mut self, fqdn: &str) -> Result<&mut Site, Reply> {
        let found = self.sites.iter_mut().find(|site| site.is_named(fqdn));
        found.ok_or_else(no_site)
    }

    /// Fails for a team that does not exist.
    pub(crate) fn require_team(&self, id: Uuid) -> Result<(), Reply> {
        if self.teams.iter().any(|team| team.id == id) {
            Ok(())
        } else {
            Err(Reply::detail(404, "Team not found"))
        }
    }

    /// Fails for a name that no site can have or that one already has.
    pub(crate) fn require_free(&self, fqdn: &str) -> Result<(), Reply> {
        let plain = |c: char| c.is_alphanumeric() || c == '-' || c == '.';
        if !fqdn.contains('.') || !fqdn.chars().all(plain) || fqdn.split('.').any(str::is_empty) {
            return Err(Reply::detail(400, "Invalid domain name"));
        }
        if self.sites.iter().any(|site| site.is_named(fqdn)) {
            return Err(Reply::detail(400, "A site with this domain already exists"));
        }
        Ok(())
    }

    /// A site as the API shows it.
    pub(crate) fn show(&self, site: &Site) -> Value {
        let team = self.teams.iter().find(|team| team.id == site.team_id);
        site.view(team.map(Team::view).unwrap_or_default())
    }
}

fn no_site() -> Reply {
    Reply::detail(404, "Site not found")
}

/// An id for sample data: the same in every run, and of version 4 as the contract has it.
fn sample_id(kind: u32, number: u64) -> Uuid {
    let kind = u128::from(kind) << 96;
    let number = u128::from(number) & 0xffff_ffff_ffff;
    Uuid::from_u128(kind | 0x0000_4000_8000_0000_0000_0000 | number)
}
