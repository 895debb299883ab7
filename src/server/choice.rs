//! Which tools a caller wants to see: toolsets, and whether only those that read.
//!
//! Invariant: a choice is a few bits, so that a session's id carries it. Where nobody chose, it is the
//! default set.

use thiserror::Error;

use crate::{
    access::scope::Scopes,
    toolsets::sitebay::{self, Definition, Effect},
};

/// A choice of tools.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Choice {
    /// One bit for each toolset, in catalogue order. None: the default set.
    pub sets: Option<u32>,
    /// Only tools that read; others are refused even by name.
    pub read_only: bool,
    /// Also operations that SiteBay retired.
    pub legacy: bool,
}

/// A toolset that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("there is no toolset `{0}`; there are: all, default, {known}", known = sitebay::toolsets().join(", "))]
pub struct UnknownToolset(pub String);

impl Choice {
    /// Reads names of toolsets, separated by commas; `all` and `default` stand for many.
    ///
    /// # Errors
    /// Where one of them does not exist.
    pub fn parse(names: &str) -> Result<Self, UnknownToolset> {
        let mut choice = Self::default();
        let names = names.split([',', ' ']).map(str::trim).filter(|name| !name.is_empty());
        for name in names {
            let name = name.to_ascii_lowercase();
            let bits = match name.as_str() {
                "default" => 0,
                "all" => u32::MAX,
                _ => bit(&name).ok_or(UnknownToolset(name))?,
            };
            choice.sets = match (choice.sets, bits) {
                // The default set has tools of many toolsets, and no bit of its own.
                (sets, 0) => sets,
                (sets, bits) => Some(sets.unwrap_or_default() | bits),
            };
        }
        Ok(choice)
    }

    /// The text that a session's id carries.
    pub fn to_claim(self) -> String {
        let sets = self.sets.map_or_else(|| "default".to_owned(), |sets| format!("{sets:x}"));
        if self.read_only { format!("{sets}-ro") } else { sets }
    }

    /// Reads it back. What cannot be read is no choice.
    pub fn from_claim(claim: &str) -> Self {
        let (sets, read_only) = match claim.strip_suffix("-ro") {
            Some(sets) => (sets, true),
            None => (claim, false),
        };
        Self { sets: u32::from_str_radix(sets, 16).ok(), read_only, legacy: false }
    }

    /// Whether a tool is offered.
    pub fn offers(&self, tool: &Definition) -> bool {
        let chosen = match self.sets {
            None => tool.default,
            Some(sets) => bit(tool.toolset).is_some_and(|bit| sets & bit != 0),
        };
        chosen && (self.legacy || !tool.hidden) && self.allows(tool.effect)
    }

    /// The same, as somebody with these scopes may use it.
    #[must_use]
    pub fn within(self, scopes: Scopes) -> Self {
        Self { read_only: self.read_only || !scopes.has(Scopes::WRITE), ..self }
    }

    /// Whether a tool of this effect may be called.
    pub fn allows(&self, effect: Effect) -> bool {
        !self.read_only || effect == Effect::Read
    }
}

fn bit(toolset: &str) -> Option<u32> {
    let place = sitebay::toolsets().iter().position(|known| *known == toolset)?;
    1_u32.checked_shl(u32::try_from(place).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(choice: Choice) -> Vec<&'static str> {
        sitebay::definitions().filter(|tool| choice.offers(tool)).map(|tool| tool.name).collect()
    }

    #[test]
    fn a_choice_comes_back_from_its_claim() {
        for names in ["", "all", "sites", "sites, DNS", "default"] {
            for read_only in [false, true] {
                let choice = Choice { read_only, ..Choice::parse(names).unwrap() };
                assert!(choice.to_claim().len() <= 16);
                assert_eq!(Choice::from_claim(&choice.to_claim()), choice, "{names}");
            }
        }
        assert_eq!(Choice::from_claim("nonsense"), Choice::default());
    }

    #[test]
    fn toolsets_are_offered_whole_and_without_what_was_retired() {
        let all = offered(Choice::parse("all").unwrap());
        let with_legacy = offered(Choice { legacy: true, ..Choice::parse("all").unwrap() });
        assert!(all.len() < with_legacy.len());
        assert_eq!(with_legacy.len(), sitebay::definitions().count());
        let dns = offered(Choice::parse("dns").unwrap());
        assert!(dns.contains(&"sitebay_get_dns_records") && dns.len() < 10, "{dns:?}");
        assert!(offered(Choice::default()).contains(&"sitebay_list_sites"));
    }

    #[test]
    fn reading_only_leaves_out_what_changes_something() {
        let choice = Choice { read_only: true, ..Choice::parse("all").unwrap() };
        assert!(!offered(choice).contains(&"sitebay_delete_site"));
        assert!(!choice.allows(Effect::Write) && choice.allows(Effect::Read));
    }

    #[test]
    fn who_may_only_read_is_offered_what_reads() {
        let all = Choice::parse("all").unwrap();
        assert_eq!(all.within(Scopes::WRITE), all);
        assert!(all.within(Scopes::READ).read_only);
    }

    #[test]
    fn an_unknown_toolset_is_named_with_those_there_are() {
        let error = Choice::parse("sites,moon").unwrap_err().to_string();
        assert!(error.contains("`moon`") && error.contains("dns"), "{error}");
    }
}
