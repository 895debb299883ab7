//! Everything that is bound, by its name.

use std::collections::BTreeMap;

use crate::bindings::analytics::Datasets;
use crate::bindings::assets::Site;
use crate::bindings::d1::Database;
use crate::bindings::kv::Namespace;
use crate::bindings::options::Options;
use crate::bindings::r2::Bucket;
use crate::engine::clock::{Clock, Time};

/// The moment a clock that stands still starts at: 2026-11-20T12:00:00Z.
const START: i64 = 1_795_176_000;

/// Everything that is bound, and the clock.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) options: Options,
    pub(crate) clock: Clock,
    pub(crate) namespaces: BTreeMap<String, Namespace>,
    pub(crate) databases: BTreeMap<String, Database>,
    pub(crate) buckets: BTreeMap<String, Bucket>,
    pub(crate) datasets: Datasets,
    pub(crate) sites: BTreeMap<String, Site>,
}

impl World {
    /// The initial data; the error is a text.
    pub(crate) fn new(options: &Options) -> Result<Self, String> {
        let start = Time::from_timestamp(START, 0).unwrap_or_default();
        let mut world = Self {
            options: options.clone(),
            clock: if options.frozen { Clock::standing(start) } else { Clock::running() },
            namespaces: BTreeMap::new(),
            databases: BTreeMap::new(),
            buckets: BTreeMap::new(),
            datasets: Datasets::open()?,
            sites: BTreeMap::new(),
        };
        for (name, sql) in &options.migrations {
            let migrated = world.database(name)?.rows(sql);
            migrated.map_err(|text| format!("database {name}: {text}"))?;
        }
        for (name, folder) in &options.assets {
            let site =
                Site::of(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
            world.sites.insert(name.clone(), site);
        }
        Ok(world)
    }

    /// The database of a name, which is made where there is none.
    pub(crate) fn database(&mut self, name: &str) -> Result<&mut Database, String> {
        if !self.databases.contains_key(name) {
            self.databases.insert(name.to_owned(), Database::open()?);
        }
        self.databases.get_mut(name).ok_or_else(|| format!("there is no database {name}"))
    }
}
