//! Which tools a caller wants to see: toolsets, and whether only those that read.
//!
//! Invariant: a choice is a few bits, so that a session's id carries it. Where nobody chose, it is the
//! default set.

use thiserror::Error;

use crate::{
    access::scope::Scopes,
    toolsets::sitebay::{self, Definition, Effect},
};

/// The set where nobody chose: it has tools of many toolsets, and a bit of its own.
const DEFAULT: u32 = 1 << 31;
/// The tool that finds others, which may then be called or enabled.
const DYNAMIC: u32 = 1 << 30;

/// A choice of tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// One bit for each toolset, in catalogue order, and those of the default set and of the finder.
    pub sets: u32,
    /// Only tools that read; others are refused even by name.
    pub read_only: bool,
    /// Also operations that SiteBay retired.
    pub legacy: bool,
}

impl Default for Choice {
    fn default() -> Self {
        Self { sets: DEFAULT, read_only: false, legacy: false }
    }
}

/// A toolset that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
        "there is no toolset `{0}`; expected some of: all, default, dynamic, {known}"
    , known = sitebay::toolsets().join(", "))]
pub struct UnknownToolset(pub String);

impl Choice {
    /// Reads names of toolsets, separated by commas; `all` and `default` stand for many, `dynamic` for
    /// the tool that finds others.
    ///
    /// # Errors
    /// Where one of them does not exist.
    pub fn parse(names: &str) -> Result<Self, UnknownToolset> {
        let names = names.split([',', ' ']).map(str::trim).filter(|name| !name.is_empty());
        let mut sets = 0;
        for name in names {
            sets |= bits(name)?;
        }
        let sets = if sets == 0 { DEFAULT } else { sets };
        Ok(Self { sets, ..Self::default() })
    }

    /// The same with more toolsets, as [`bits`] names them.
    pub fn with(self, sets: u32) -> Self {
        Self { sets: self.sets | sets, ..self }
    }

    /// Whether the tool that finds others is offered.
    pub fn is_dynamic(&self) -> bool {
        self.sets & DYNAMIC != 0
    }

    /// The text that a session's id carries.
    pub fn to_claim(self) -> String {
        let end = if self.read_only { "-ro" } else { "" };
        format!("{:x}{end}", self.sets)
    }

    /// Reads it back. What cannot be read is no choice.
    pub fn from_claim(claim: &str) -> Self {
        let (sets, read_only) = match claim.strip_suffix("-ro") {
            Some(sets) => (sets, true),
            None => (claim, false),
        };
        let sets = u32::from_str_radix(sets, 16).unwrap_or(DEFAULT);
        Self { sets, read_only, legacy: false }
    }

    /// Whether a tool is offered.
    pub fn offers(&self, tool: &Definition) -> bool {
        let default = if tool.default { DEFAULT } else { 0 };
        let of = bit(tool.toolset).unwrap_or_default() | default;
        self.sets & of != 0 && self.may_offer(tool)
    }

    /// Whether a tool would be offered if its toolset were chosen.
    pub fn may_offer(&self, tool: &Definition) -> bool {
        (self.legacy || !tool.hidden) && self.allows(tool.effect)
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

/// The bits of a toolset, or of a name that stands for many.
///
/// # Errors
/// Where it does not exist.
pub fn bits(name: &str) -> Result<u32, UnknownToolset> {
    let name = name.to_ascii_lowercase();
    match name.as_str() {
        "default" => Ok(DEFAULT),
        "dynamic" => Ok(DYNAMIC),
        "all" => Ok(!DYNAMIC),
        _ => bit(&name).ok_or(UnknownToolset(name)),
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
        for names in ["", "all", "sites", "sites, DNS", "default", "dynamic", "dynamic,default"] {
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
        let both = offered(Choice::parse("default,dns").unwrap());
        assert!(both.contains(&"sitebay_list_sites") && both.len() > dns.len(), "{both:?}");
        assert!(both.contains(&"sitebay_delete_dns_record"));
    }

    #[test]
    fn a_dynamic_choice_begins_with_nothing_and_takes_toolsets_in() {
        let choice = Choice::parse("dynamic").unwrap();
        assert!(choice.is_dynamic() && offered(choice).is_empty());
        assert!(offered(choice.with(bits("dns").unwrap())).contains(&"sitebay_get_dns_records"));
        assert!(!Choice::parse("all").unwrap().is_dynamic());
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
