//! The account's data: what a fresh sandbox holds, and how each kind of object is shown.

mod account;
mod backup;
mod browser;
mod checkpoint;
mod diff;
mod dns;
mod edge;
mod event;
mod extras;
mod place;
mod restore;
mod shop;
mod site;
mod site_view;
mod stage;
mod status;
mod stock;
mod store;
mod team;
mod template;
mod ticket;
mod user;
mod wordpress;

use std::collections::BTreeMap;

use serde_json::Value;
use uuid::Uuid;

use crate::engine::reply::Reply;
use crate::sitebay::options::{Generation, Options};

pub(crate) use account::{Account, Key, PERMISSIONS};
pub(crate) use backup::{backup_files, backups, version};
pub(crate) use checkpoint::Checkpoint;
pub(crate) use diff::{Change, changes};
pub(crate) use dns::Record;
pub(crate) use edge::{External, Hostname, SWITCHES};
pub(crate) use event::Event;
pub(crate) use extras::Job;
pub(crate) use place::{Commit, Files, Place, Tables};
pub(crate) use restore::{Plan, Restore};
pub(crate) use shop::Shops;
pub(crate) use site::{NewSite, Site};
pub(crate) use stage::Stage;
pub(crate) use status::{Pending, Status, Work};
pub(crate) use stock::STOCK;
pub(crate) use store::Store;
pub(crate) use team::{Invite, Team};
pub(crate) use template::{TEMPLATES, template};
pub(crate) use ticket::{Ticket, TicketReply};
pub(crate) use user::{affiliate, owner, owner_id};
pub(crate) use wordpress::{
    Extension, add_post, install_plugin, option, plugins, post, posts, remove_post, set_option,
    set_post, switch_plugin, themes,
};

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
    /// The Shopify shops' themes.
    pub(crate) shops: Shops,
    /// The linked Shopify stores.
    pub(crate) stores: Vec<Store>,
    /// The user and the account's keys.
    pub(crate) account: Account,
    /// The tickets, newest first.
    pub(crate) tickets: Vec<Ticket>,
    /// The creations that came with an idempotency key.
    pub(crate) created: BTreeMap<String, Creation>,
}

/// A creation that must not be repeated.
#[derive(Debug)]
pub(crate) struct Creation {
    /// The request.
    pub(crate) body: Value,
    /// The site made for it.
    pub(crate) site: Uuid,
    /// The response, for when the site is gone again.
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
            shops: Shops::default(),
            stores: Store::samples(),
            account: Account::default(),
            tickets: Vec::new(),
            teams,
            created: BTreeMap::new(),
        }
    }

    /// The site of a name, ignoring case.
    pub(crate) fn site(&self, fqdn: &str) -> Result<&Site, Reply> {
        let fqdn = fqdn.to_lowercase();
        let found = self.sites.iter().find(|site| site.fqdn == fqdn);
        found.ok_or_else(no_site)
    }

    /// The site of a name, to change it.
    pub(crate) fn site_mut(&mut self, fqdn: &str) -> Result<&mut Site, Reply> {
        let fqdn = fqdn.to_lowercase();
        let found = self.sites.iter_mut().find(|site| site.fqdn == fqdn);
        found.ok_or_else(no_site)
    }

    /// The site of a name or the one whose stage has it, and whether it is the stage's.
    pub(crate) fn target(&self, fqdn: &str) -> Result<(&Site, bool), Reply> {
        let fqdn = fqdn.to_lowercase();
        if let Ok(site) = self.site(&fqdn) {
            return Ok((site, false));
        }
        let (subdomain, rest) = fqdn.split_once('.').ok_or_else(no_site)?;
        let site = self.site(rest)?;
        match &site.stage {
            Some(stage) if stage.subdomain == subdomain => Ok((site, true)),
            _ => Err(no_site()),
        }
    }

    /// Like [`target`](Self::target), to change it.
    pub(crate) fn target_mut(&mut self, fqdn: &str) -> Result<(&mut Site, bool), Reply> {
        let (site, stage) = self.target(fqdn)?;
        let fqdn = site.fqdn.clone();
        Ok((self.site_mut(&fqdn)?, stage))
    }

    /// Makes true what became due since the last look: on one site, or without a name on all.
    pub(crate) fn settle(&mut self, fqdn: &str) {
        if fqdn.is_empty() {
            self.sites.iter_mut().for_each(Site::settle);
        } else if let Ok((site, _)) = self.target_mut(fqdn) {
            site.settle();
        }
    }

    /// Marks a site as another than it was.
    pub(crate) fn touch(&mut self, fqdn: &str) {
        if let Ok((site, _)) = self.target_mut(fqdn) {
            site.events.touch();
        }
    }

    /// Brings everything under way to its end.
    pub(crate) fn finish(&mut self) {
        self.sites.iter_mut().for_each(Site::finish);
        let jobs = self.sites.iter_mut().flat_map(|site| site.extras.jobs.iter_mut());
        jobs.for_each(|job| job.done.finish());
    }

    /// The team of an id.
    pub(crate) fn team(&self, id: Uuid) -> Result<&Team, Reply> {
        let found = self.teams.iter().find(|team| team.id == id);
        found.ok_or_else(|| Reply::detail(404, "Team not found"))
    }

    /// The team of an id, to change it.
    pub(crate) fn team_mut(&mut self, id: Uuid) -> Result<&mut Team, Reply> {
        let found = self.teams.iter_mut().find(|team| team.id == id);
        found.ok_or_else(|| Reply::detail(404, "Team not found"))
    }

    /// Fails for a team that does not exist.
    pub(crate) fn require_team(&self, id: Uuid) -> Result<(), Reply> {
        self.team(id).map(|_| ())
    }

    /// Fails for a name that no site can have or that one already has.
    pub(crate) fn require_free(&self, fqdn: &str) -> Result<(), Reply> {
        let plain = |c: char| c.is_alphanumeric() || c == '-' || c == '.';
        if !fqdn.contains('.') || !fqdn.chars().all(plain) || fqdn.split('.').any(str::is_empty) {
            return Err(Reply::detail(400, "Invalid domain name"));
        }
        if self.site(fqdn).is_ok() {
            return Err(Reply::detail(400, "A site with this domain already exists"));
        }
        Ok(())
    }

    /// A site as the API shows it.
    pub(crate) fn show(&self, site: &Site) -> Value {
        let team = self.teams.iter().find(|team| team.id == site.team_id);
        site_view::site(site, team.map(Team::view).unwrap_or_default())
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

/// An id for a thing made up from another: the same every time, another for another number.
fn derived(id: Uuid, number: u128) -> Uuid {
    let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    let mixed = uuid::Builder::from_u128(id.as_u128() ^ spread);
    mixed.with_variant(uuid::Variant::RFC4122).with_version(uuid::Version::Random).into_uuid()
}
