//! What is done to one resource, and what stands in the way.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use super::observed::{Contents, Unseen};
use crate::manifest::Kind;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// It is made.
    Create,
    /// It is there, and is recorded from now on. Nothing is sent.
    Adopt,
    /// Its settings are changed.
    Update,
    /// It is as it should be.
    Keep,
    /// It comes with the upload of the Worker, which is done elsewhere.
    Await,
    /// It is deleted.
    Delete,
    /// Its record is dropped, and it stays at Cloudflare.
    Retain,
    /// Its record is dropped: it is gone already.
    Forget,
}

impl Verb {
    /// Its sign in the text of a plan.
    pub const fn sign(self) -> char {
        match self {
            Self::Create => '+',
            Self::Adopt => '&',
            Self::Update => '~',
            Self::Keep => '=',
            Self::Await => '.',
            Self::Delete => '-',
            Self::Retain => '^',
            Self::Forget => 'x',
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Adopt => "adopt",
            Self::Update => "update",
            Self::Keep => "keep",
            Self::Await => "await",
            Self::Delete => "delete",
            Self::Retain => "retain",
            Self::Forget => "forget",
        }
    }

    /// Whether it changes anything: an account or a record.
    pub const fn changes(self) -> bool {
        !matches!(self, Self::Keep | Self::Await)
    }
}

/// A setting that is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The setting.
    pub setting: String,
    /// Its value now. None: it has none.
    pub from: Option<String>,
    /// Its value then.
    pub to: String,
}

/// What is done to one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// What is done.
    pub verb: Verb,
    /// The resource's name in the manifest.
    pub resource: String,
    /// Its kind.
    pub kind: Kind,
    /// Its name at Cloudflare.
    pub name: String,
    /// Its id at Cloudflare, if it is there. It never leaves the server.
    pub id: Option<String>,
    /// When it was made, where Cloudflare says so.
    #[serde(default)]
    pub made_ms: Option<u64>,
    /// The settings that it shall have.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    /// The settings that are changed.
    #[serde(default)]
    pub changes: Vec<Change>,
    /// What is lost with it.
    #[serde(default)]
    pub contents: Contents,
    /// It is emptied before it is deleted.
    #[serde(default)]
    pub empties: bool,
    /// It is to stay when its stage is destroyed.
    #[serde(default)]
    pub is_retained: bool,
}

impl Action {
    /// An action without settings and contents.
    pub(super) fn new(verb: Verb, resource: &str, kind: Kind, name: &str) -> Self {
        Self {
            verb,
            resource: resource.to_owned(),
            kind,
            name: name.to_owned(),
            id: None,
            made_ms: None,
            settings: BTreeMap::new(),
            changes: Vec::new(),
            contents: Contents::default(),
            empties: false,
            is_retained: false,
        }
    }

    /// Whether it loses data for good.
    pub fn is_irreversible(&self) -> bool {
        self.verb == Verb::Delete && self.kind.holds_data()
    }

    /// Whether this one must have succeeded first.
    pub fn needs(&self, other: &Self) -> bool {
        let deletes = other.verb == Verb::Delete;
        match (self.verb, self.kind) {
            // A Worker's routes of use go before it, and it goes before what it is bound to.
            (Verb::Delete, Kind::Worker) => {
                deletes && matches!(other.kind, Kind::Domain | Kind::Workflow)
            }
            (Verb::Delete, Kind::D1 | Kind::R2 | Kind::Kv | Kind::Queue) => {
                deletes && other.kind == Kind::Worker
            }
            (Verb::Create | Verb::Update, Kind::Workflow | Kind::Domain) => {
                other.kind == Kind::Worker && !deletes
            }
            _ => false,
        }
    }
}

/// A difference between the records and the account that this server did not make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Drift {
    /// A recorded resource is gone.
    Missing {
        /// Its name in the manifest.
        resource: String,
    },
    /// A setting is another one than was recorded.
    Changed {
        /// Its name in the manifest.
        resource: String,
        /// The setting.
        setting: String,
        /// Its value now.
        found: Option<String>,
    },
    /// A recorded resource has another name.
    Renamed {
        /// Its name in the manifest.
        resource: String,
        /// Its name now.
        found: String,
    },
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { resource } => write!(f, "{resource} is gone"),
            Self::Changed { resource, setting, found: Some(found) } => {
                write!(f, "{resource}: {setting} is {found} by now")
            }
            Self::Changed { resource, setting, found: None } => {
                write!(f, "{resource}: {setting} is not set any more")
            }
            Self::Renamed { resource, found } => write!(f, "{resource} is called {found} by now"),
        }
    }
}

/// Why a plan cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Obstacle {
    /// It could only be replaced.
    Replace {
        /// Its name in the manifest.
        resource: String,
        /// What cannot be changed.
        what: String,
    },
    /// A resource of this name is there, and this server did not make it.
    Foreign {
        /// Its name in the manifest.
        resource: String,
        /// Its name at Cloudflare.
        name: String,
    },
    /// Several resources have the name.
    Ambiguous {
        /// Its name in the manifest.
        resource: String,
        /// The name.
        name: String,
    },
    /// A bucket has objects in it, and was not named to be emptied.
    NotEmpty {
        /// Its name in the manifest.
        resource: String,
        /// How many. None: it is not known.
        count: Option<u64>,
    },
    /// Others would break.
    Dependents {
        /// Its name in the manifest.
        resource: String,
        /// Who.
        by: Vec<String>,
    },
    /// It is the Worker that this server itself is.
    Own {
        /// Its name in the manifest.
        resource: String,
    },
    /// The manifest no longer has the stage, whose Worker serves a domain.
    Serving {
        /// Its name in the manifest.
        resource: String,
        /// The host name.
        name: String,
    },
    /// A kind cannot be seen.
    Unseen(Unseen),
    /// A name in `empty` is no bucket that would be deleted.
    NothingToEmpty {
        /// The name.
        resource: String,
    },
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replace { resource, what } => write!(
                f,
                "{resource}: {what} cannot be changed without making it anew, which would lose what is in it"
            ),
            Self::Foreign { resource, name } => write!(
                f,
                "{resource}: `{name}` is there and was not made by this server; `adopt: true` takes it over"
            ),
            Self::Ambiguous { resource, name } => {
                write!(f, "{resource}: several resources are called `{name}`")
            }
            Self::NotEmpty { resource, count: Some(count) } => write!(
                f,
                "{resource} has {count} objects in it; `empty: [\"{resource}\"]` deletes them"
            ),
            Self::NotEmpty { resource, count: None } => write!(
                f,
                "{resource} may have objects in it; `empty: [\"{resource}\"]` deletes them"
            ),
            Self::Dependents { resource, by } => {
                write!(f, "{resource} is used by {}", by.join(", "))
            }
            Self::Own { resource } => write!(
                f,
                "{resource} is this server itself: destroy its stage from the server of another stage"
            ),
            Self::Serving { resource, name } => write!(
                f,
                "{resource}: the manifest no longer has this stage, which serves `{name}`; describe it again before it is destroyed"
            ),
            Self::Unseen(unseen) => unseen.fmt(f),
            Self::NothingToEmpty { resource } => {
                write!(f, "`empty` names {resource}, which is no bucket that would be deleted")
            }
        }
    }
}
