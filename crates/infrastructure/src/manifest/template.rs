//! Names with the placeholders `{app}` and `{stage}`.
//!
//! Invariant: a name follows from the manifest and the stage alone, so that what was lost from the records is found
//! again by its name.

/// A name with at most one `{stage}` in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    before: String,
    /// What follows `{stage}`. None: the name has none.
    after: Option<String>,
}

impl Template {
    /// Reads a name.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(text: &str, app: &str) -> Result<Self, String> {
        let text = text.replace("{app}", app);
        let (before, after) = match text.split_once("{stage}") {
            Some((before, after)) => (before.to_owned(), Some(after.to_owned())),
            None => (text, None),
        };
        let rest = after.as_deref().unwrap_or_default();
        if rest.contains("{stage}") {
            return Err("`{stage}` comes twice".into());
        }
        if before.contains(['{', '}']) || rest.contains(['{', '}']) {
            return Err("the only placeholders are `{app}` and `{stage}`".into());
        }
        Ok(Self { before, after })
    }

    pub(super) const fn has_stage(&self) -> bool {
        self.after.is_some()
    }

    /// The name in a stage.
    pub(super) fn name(&self, stage: &str) -> String {
        match &self.after {
            Some(after) => format!("{}{stage}{after}", self.before),
            None => self.before.clone(),
        }
    }

    /// The stage whose name this would be.
    pub(super) fn stage_of<'a>(&self, name: &'a str) -> Option<&'a str> {
        name.strip_prefix(self.before.as_str())?.strip_suffix(self.after.as_deref()?)
    }
}
