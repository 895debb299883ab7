//! Names of stages, and patterns such as `preview-*`.

use super::kind::is_plain;

/// Bytes that the name of a stage may have.
pub(super) const LONGEST: usize = 32;

/// Whether a text is the name of a stage: `^[a-z0-9][a-z0-9_-]{0,31}$`.
pub(super) fn is_stage_name(text: &str) -> bool {
    text.len() <= LONGEST && is_plain(text, true)
}

/// The name of one stage, or a pattern for many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(String);

impl Pattern {
    /// Reads a key of `stages`. A `*` stands at the end, for one character or more.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let is_right = match text.strip_suffix('*') {
            Some(before) => is_stage_name(before) && before.len() < LONGEST,
            None => is_stage_name(text),
        };
        is_right.then(|| Self(text.to_owned()))
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }

    pub(super) fn is_wild(&self) -> bool {
        self.0.ends_with('*')
    }

    /// Whether it stands for this stage.
    pub(super) fn matches(&self, stage: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(before) => {
                is_stage_name(stage) && stage.len() > before.len() && stage.starts_with(before)
            }
            None => self.0 == stage,
        }
    }

    /// The longest name that it stands for, or the only one.
    pub(super) fn longest(&self) -> String {
        match self.0.strip_suffix('*') {
            Some(before) => format!("{before:x<LONGEST$}"),
            None => self.0.clone(),
        }
    }

    /// Whether some stage may match both.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        match (self.0.strip_suffix('*'), other.0.strip_suffix('*')) {
            (Some(one), Some(two)) => one.starts_with(two) || two.starts_with(one),
            (Some(_), None) => self.matches(&other.0),
            (None, _) => other.matches(&self.0),
        }
    }
}
