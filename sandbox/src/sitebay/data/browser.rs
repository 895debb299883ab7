//! The browser that shows a site.

use std::collections::BTreeMap;

use crate::engine::clock::{self, Time};

/// A browser: where it is, what was filled in, and what its console says.
#[derive(Debug, Default)]
pub(crate) struct Browser {
    /// The page shown; none while the browser is closed.
    pub(crate) path: Option<String>,
    /// The values of the page's fields, by selector.
    pub(crate) fields: BTreeMap<String, String>,
    /// The console's messages, with their levels.
    pub(crate) console: Vec<(Time, &'static str, String)>,
}

impl Browser {
    /// Shows a page. Fields are those of a page, so they are empty again.
    pub(crate) fn open(&mut self, path: &str) {
        self.path = Some(path.to_owned());
        self.fields.clear();
        self.console.push((clock::now(), "info", format!("Navigated to {path}")));
    }

    /// The page shown, the first one where there was none yet.
    pub(crate) fn page(&mut self) -> String {
        if self.path.is_none() {
            self.open("/");
        }
        self.path.clone().unwrap_or_default()
    }
}
