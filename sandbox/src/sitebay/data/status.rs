//! A site's status, and the work that is under way.

use std::time::{Duration, Instant};

use super::place::Content;

/// The status of a site, as far as the sandbox supports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// Nothing: it can be changed.
    Idle,
    /// Switched off until someone wakes it.
    Sleeping,
    /// Being switched off.
    EnteringSleep,
    /// Being set up.
    Creating,
    /// Being filled from elsewhere.
    Updating,
    /// Getting a stage.
    CreatingStage,
    /// Taking over what its stage has.
    CommittingStage,
    /// Giving its stage what it has itself.
    MergingStage,
    /// Losing its stage.
    DeletingStage,
    /// Trying out a restore.
    PreviewingRestore,
    /// Being put back to an earlier state.
    Restoring,
}

impl Status {
    /// The contract's word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Sleeping => "sleeping",
            Self::EnteringSleep => "entering_sleep",
            Self::Creating => "creating",
            Self::Updating => "updating",
            Self::CreatingStage => "creating_stage",
            Self::CommittingStage => "committing_stage",
            Self::MergingStage => "merging_stage",
            Self::DeletingStage => "deleting_stage",
            Self::PreviewingRestore => "previewing_restore",
            Self::Restoring => "restoring",
        }
    }

    /// The word for people.
    pub(crate) fn display(self) -> &'static str {
        match self {
            Self::Idle => "Idle",
            Self::Sleeping => "Sleeping",
            Self::EnteringSleep => "Entering sleep",
            Self::Creating => "Creating",
            Self::Updating => "Updating",
            Self::CreatingStage => "Creating stage",
            Self::CommittingStage => "Committing stage",
            Self::MergingStage => "Merging stage",
            Self::DeletingStage => "Deleting stage",
            Self::PreviewingRestore => "Previewing restore",
            Self::Restoring => "Restoring",
        }
    }
}

/// The result of a piece of work.
#[derive(Debug)]
pub(crate) enum Work {
    /// Nothing but the time it took.
    Wait,
    /// A site or its stage has other content.
    Fill {
        /// Whether it is the stage's.
        stage: bool,
        /// The new content.
        content: Content,
        /// Its message in the database's history.
        message: String,
    },
    /// The site has its stage's content.
    Commit,
    /// The stage has the site's content.
    Refresh,
    /// The stage is gone.
    DropStage,
    /// The site sleeps.
    Sleep,
}

/// Work under way.
#[derive(Debug)]
pub(super) struct Busy {
    /// The site's status meanwhile.
    pub(super) status: Status,
    /// The action at the end.
    pub(super) work: Work,
    since: Instant,
    until: Option<Instant>,
}

impl Busy {
    /// Starts now. A while too long for the clock is for ever.
    pub(super) fn start(status: Status, time: Duration, work: Work) -> Self {
        let since = Instant::now();
        Self { status, work, since, until: since.checked_add(time) }
    }

    /// Whether it is done.
    pub(super) fn is_over(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until)
    }

    /// Makes it done.
    pub(super) fn finish(&mut self) {
        self.until = Some(self.since);
    }

    /// How much of it is done, in per cent.
    pub(super) fn percent(&self) -> u64 {
        let Some(until) = self.until else {
            return 0;
        };
        let whole = until.saturating_duration_since(self.since).as_millis().max(1);
        let part = self.since.elapsed().as_millis().saturating_mul(100);
        let part = part.checked_div(whole).unwrap_or_default();
        u64::try_from(part.min(100)).unwrap_or(100)
    }
}

/// Something that comes true by itself after a while, such as the check of a new domain.
#[derive(Debug)]
pub(crate) struct Pending {
    until: Option<Instant>,
}

impl Pending {
    /// True after a while.
    pub(crate) fn after(time: Duration) -> Self {
        Self { until: Instant::now().checked_add(time) }
    }

    /// True from the start.
    pub(crate) fn done() -> Self {
        Self { until: Some(Instant::now()) }
    }

    /// Whether it is true by now.
    pub(crate) fn is_done(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until)
    }

    /// Makes it true.
    pub(crate) fn finish(&mut self) {
        *self = Self::done();
    }
}
