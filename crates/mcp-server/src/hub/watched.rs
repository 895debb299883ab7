//! The resources that a hub looks at.

use std::collections::BTreeSet;

use super::MAX_POLLED;
use crate::registry::Registry;

/// Resources that change by themselves: the first [`MAX_POLLED`] of all that are named, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watched(BTreeSet<String>);

impl Watched {
    /// Adds one, where it changes by itself and there is room before the others.
    pub fn add(&mut self, registry: &Registry, uri: &str) {
        if self.0.contains(uri) || !registry.is_watchable(uri) {
            return;
        }
        self.0.insert(uri.to_owned());
        if self.0.len() > MAX_POLLED {
            self.0.pop_last();
        }
    }

    /// In their order.
    pub fn into_uris(self) -> Vec<String> {
        self.0.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::LocalBoxFuture;

    use super::*;
    use crate::{
        context::Context,
        toolset::{Arguments, CallResult, Tool, Toolset},
    };

    /// Has sites, which change by themselves.
    struct Sites;

    impl Toolset for Sites {
        fn tools(&self) -> &[Tool] {
            &[]
        }

        fn call<'a>(
            &'a self,
            _: &'a Context,
            _: &'a Tool,
            _: Arguments<'a>,
        ) -> LocalBoxFuture<'a, CallResult> {
            unreachable!("it has no tools")
        }

        fn is_watchable(&self, uri: &str) -> bool {
            uri.starts_with("sitebay://site/")
        }
    }

    static REGISTRY: Registry = Registry::new(&[&Sites]);

    fn watched<'a>(uris: impl IntoIterator<Item = &'a String>) -> Vec<String> {
        let mut watched = Watched::default();
        uris.into_iter().for_each(|uri| watched.add(&REGISTRY, uri));
        watched.into_uris()
    }

    #[test]
    fn what_is_watched_is_bounded_and_the_same_in_parts_and_as_a_whole() {
        let uris: Vec<String> =
            (0..1_000).map(|one| format!("sitebay://site/{one:04}.example.com")).collect();
        let whole = watched(uris.iter().rev().chain(&uris));
        assert_eq!(whole, uris[..MAX_POLLED]);
        let (even, odd): (Vec<String>, Vec<String>) =
            uris.iter().cloned().partition(|uri| uri.len() % 2 == 0);
        let parts = [watched(&even), watched(&odd)].concat();
        assert_eq!(watched(&parts), whole);
    }

    #[test]
    fn what_does_not_change_by_itself_is_not_looked_at() {
        assert!(watched(&["test://a".to_owned(), String::new()]).is_empty());
    }
}
