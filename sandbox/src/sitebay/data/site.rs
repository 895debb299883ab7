//! Sites.

use std::time::Duration;

use uuid::Uuid;

use super::browser::Browser;
use super::checkpoint::Checkpoint;
use super::dns::Record;
use super::edge::{Cloudflare, External, Hostname};
use super::event::Events;
use super::extras::Extras;
use super::place::Place;
use super::restore::Restore;
use super::sample_id;
use super::stage::Stage;
use super::status::{Busy, Pending, Status, Work};
use crate::engine::clock::{self, Time};
use crate::engine::reply::Reply;

/// A site.
#[derive(Debug)]
pub(crate) struct Site {
    /// Its id.
    pub(crate) id: Uuid,
    /// Its domain name, in lower case.
    pub(crate) fqdn: String,
    /// The team it belongs to.
    pub(crate) team_id: Uuid,
    /// The repository it is connected to.
    pub(crate) git_url: Option<String>,
    /// The last commit taken from there.
    pub(crate) git_hash: Option<String>,
    /// Whether visitors are asked for a password.
    pub(crate) http_auth_enabled: bool,
    /// Whether it is on the free plan.
    pub(crate) is_free: bool,
    /// Its content.
    pub(crate) live: Place,
    /// Its stage.
    pub(crate) stage: Option<Box<Stage>>,
    /// Stages it once had, newest first.
    pub(crate) archives: Vec<Stage>,
    /// Its restores, newest first.
    pub(crate) restores: Vec<Restore>,
    /// Its checkpoints, newest first.
    pub(crate) checkpoints: Vec<Checkpoint>,
    /// Its further names.
    pub(crate) hostnames: Vec<Hostname>,
    /// Its paths to elsewhere.
    pub(crate) externals: Vec<External>,
    /// The cache in front of it.
    pub(crate) cloudflare: Cloudflare,
    /// The browser that shows it.
    pub(crate) browser: Browser,
    /// Its events.
    pub(crate) events: Events,
    /// Whether its domain is found to use the right name servers.
    pub(crate) name_servers: Pending,
    /// The data that only the later generation has.
    pub(crate) extras: Extras,
    /// When it was made.
    pub(crate) created_at: Time,
    records: Option<Vec<Record>>,
    asleep: bool,
    busy: Option<Busy>,
}

/// The parameters of a new site.
#[derive(Debug)]
pub(crate) struct NewSite {
    /// Its domain name.
    pub(crate) fqdn: String,
    /// The team it belongs to.
    pub(crate) team_id: Uuid,
    /// The repository it is connected to.
    pub(crate) git_url: Option<String>,
    /// Whether it is on the free plan.
    pub(crate) is_free: bool,
}

impl Site {
    /// A site of the sample data.
    pub(super) fn sample(number: u64, team_id: Uuid) -> Self {
        let new = NewSite {
            fqdn: format!("site-{number}.example.com"),
            team_id,
            git_url: None,
            is_free: false,
        };
        let mut site = Self::make(sample_id(0x0517, number), clock::sample(number), new);
        if number == 1 {
            let id = sample_id(0x57a6, 1);
            site.stage = Some(Box::new(Stage {
                id,
                subdomain: "stage".to_owned(),
                branch: None,
                created_at: site.created_at,
                place: Place::stock(id, site.created_at),
            }));
        }
        site
    }

    /// A new, idle site.
    pub(crate) fn create(new: NewSite) -> Self {
        Self::make(Uuid::new_v4(), clock::now(), new)
    }

    fn make(id: Uuid, created_at: Time, new: NewSite) -> Self {
        Self {
            id,
            fqdn: new.fqdn.to_lowercase(),
            team_id: new.team_id,
            git_url: new.git_url,
            git_hash: None,
            http_auth_enabled: false,
            is_free: new.is_free,
            live: Place::stock(id, created_at),
            stage: None,
            archives: Vec::new(),
            restores: Vec::new(),
            checkpoints: Vec::new(),
            hostnames: Vec::new(),
            externals: Vec::new(),
            cloudflare: Cloudflare::default(),
            browser: Browser::default(),
            events: Events::default(),
            name_servers: Pending::done(),
            extras: Extras::default(),
            created_at,
            records: None,
            asleep: false,
            busy: None,
        }
    }

    /// Starts work that keeps the site busy for a while.
    pub(crate) fn start(&mut self, status: Status, time: Duration, work: Work) {
        self.events.note("wordpress", "info", format!("{}: started", status.display()));
        self.busy = Some(Busy::start(status, time, work));
        self.settle();
    }

    /// Makes true what became due since the last look.
    pub(crate) fn settle(&mut self) {
        let Some(busy) = self.busy.take_if(|busy| busy.is_over()) else {
            return;
        };
        self.events.note("wordpress", "info", format!("{}: done", busy.status.display()));
        match busy.work {
            Work::Wait => {}
            Work::Fill { stage, content, message } => {
                if let Some(place) = self.place_mut(stage) {
                    place.fill(content, &message);
                }
            }
            Work::Commit => {
                if let Some(stage) = &self.stage {
                    self.live.fill(stage.place.content().clone(), "Commit the stage");
                }
            }
            Work::Refresh => {
                if let Some(stage) = &mut self.stage {
                    stage.place.fill(self.live.content().clone(), "Refresh from the live site");
                }
            }
            Work::DropStage => self.archives.extend(self.stage.take().map(|stage| *stage)),
            Work::Sleep => self.asleep = true,
        }
    }

    /// Brings everything under way to its end.
    pub(crate) fn finish(&mut self) {
        if let Some(busy) = &mut self.busy {
            busy.finish();
        }
        self.settle();
        self.restores.iter_mut().for_each(Restore::finish);
        self.hostnames.iter_mut().for_each(|hostname| hostname.checked.finish());
        self.name_servers.finish();
    }

    /// Wakes a site that sleeps.
    pub(crate) fn wake(&mut self) {
        self.asleep = false;
        self.events.note("wordpress", "info", "Woken".to_owned());
    }

    /// The site's current status.
    pub(crate) fn status(&self) -> Status {
        match &self.busy {
            Some(busy) if !busy.is_over() => busy.status,
            Some(Busy { work: Work::Sleep, .. }) => Status::Sleeping,
            _ if self.asleep => Status::Sleeping,
            _ => Status::Idle,
        }
    }

    /// How much of the work under way is done, in per cent.
    pub(crate) fn progress(&self) -> u64 {
        self.busy.as_ref().map_or(100, Busy::percent)
    }

    /// Fails while the site cannot be changed.
    pub(crate) fn require_idle(&self) -> Result<(), Reply> {
        let status = self.status();
        if status == Status::Idle {
            return Ok(());
        }
        let text = format!("Site is currently busy ({}). Please wait.", status.display());
        Err(Reply::detail(400, &text))
    }

    /// The site's stage, or the error for a site without one.
    pub(crate) fn require_stage(&self) -> Result<&Stage, Reply> {
        self.stage.as_deref().ok_or_else(|| Reply::detail(404, "Stage site not found"))
    }

    /// The content of the site or of its stage.
    pub(crate) fn place(&self, stage: bool) -> Result<&Place, Reply> {
        if stage { self.require_stage().map(|stage| &stage.place) } else { Ok(&self.live) }
    }

    /// The content of the site or of its stage, to change it.
    pub(crate) fn place_mut(&mut self, stage: bool) -> Option<&mut Place> {
        if stage {
            self.stage.as_deref_mut().map(|stage| &mut stage.place)
        } else {
            Some(&mut self.live)
        }
    }

    /// The site's DNS records.
    pub(crate) fn records(&self) -> Vec<Record> {
        self.records.clone().unwrap_or_else(|| Record::stock(self.id, &self.fqdn))
    }

    /// The site's DNS records, to change them.
    pub(crate) fn records_mut(&mut self) -> &mut Vec<Record> {
        self.records.get_or_insert_with(|| Record::stock(self.id, &self.fqdn))
    }

    /// The earliest moment the site can be put back to.
    pub(crate) fn min_restore_point(&self) -> Time {
        let month_ago = clock::minutes_before(clock::now(), 30 * 24 * 60);
        self.created_at.max(month_ago)
    }
}
