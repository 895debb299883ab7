//! Test support: request headers.

use std::{borrow::Cow, collections::BTreeMap};

use crate::stateless::headers::HeaderSource;

/// Headers by lower-case name.
#[derive(Default, Clone)]
pub(crate) struct Headers(BTreeMap<String, String>);

impl Headers {
    /// The headers of these pairs.
    pub(crate) fn of(pairs: &[(&str, &str)]) -> Self {
        let lower = |(name, value): &(&str, &str)| (name.to_lowercase(), (*value).to_owned());
        Self(pairs.iter().map(lower).collect())
    }
}

impl HeaderSource for Headers {
    fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        self.0.get(&name.to_lowercase()).map(|value| value.as_str().into())
    }
}
