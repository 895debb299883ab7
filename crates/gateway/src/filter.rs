//! Which tools of an upstream are shown, under which name, and what effect they are taken to have.
//!
//! Invariant: a tool that is not shown cannot be called. What an upstream says of its own tools is a claim: the
//! configuration comes first, and a tool of which nothing is said is destructive.

use mcp_protocol::{fields::fields, raw};
use mcp_server::toolset::Effect;

/// Characters that a pattern may have.
const MAX_PATTERN: usize = 128;

/// A pattern of names: `*` stands for any run of characters, and every other character for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob(String);

impl Glob {
    /// Reads a pattern; None where it is empty, longer than 128 characters, or has control characters.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = !text.is_empty() && text.chars().count() <= MAX_PATTERN;
        (fits && !text.chars().any(char::is_control)).then(|| Self(text.to_owned()))
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Characters that stand for themselves.
    fn literals(&self) -> usize {
        self.0.chars().filter(|c| *c != '*').count()
    }

    /// Whether a name fits the pattern.
    pub fn matches(&self, name: &str) -> bool {
        let mut parts = self.0.split('*');
        let Some(rest) = name.strip_prefix(parts.next().unwrap_or_default()) else {
            return false;
        };
        let Some(last) = parts.next_back() else {
            return rest.is_empty();
        };
        let Some(mut rest) = rest.strip_suffix(last) else {
            return false;
        };
        // The leftmost place of each part leaves most for the others.
        for part in parts {
            match rest.split_once(part) {
                Some((_, after)) => rest = after,
                None => return false,
            }
        }
        true
    }

    /// Whether every name that fits the other pattern fits this one as well.
    pub fn covers(&self, other: &Self) -> bool {
        // Only a `*` of this pattern fits a `*` of the other, so that the other can be read as a name.
        self.matches(&other.0)
    }
}

/// The names of an upstream that are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Names that are shown. Empty: all of them.
    pub allow: Vec<Glob>,
    /// Names that are not, even where `allow` has them.
    pub deny: Vec<Glob>,
}

impl Filter {
    /// Whether a name, as the upstream has it, is shown.
    pub fn shows(&self, name: &str) -> bool {
        let allowed = self.allow.is_empty() || self.allow.iter().any(|glob| glob.matches(name));
        allowed && !self.deny.iter().any(|glob| glob.matches(name))
    }
}

/// The effect of a tool: what the pattern that says most of its name says, and of two such the graver one; else what
/// its annotations claim, else destructive. `definition` is the tool as its upstream sent it.
pub fn effect(configured: &[(Glob, Effect)], name: &str, definition: &str) -> Effect {
    let fitting = configured.iter().filter(|(glob, _)| glob.matches(name));
    let most = fitting.max_by_key(|(glob, effect)| (glob.literals(), gravity(*effect)));
    most.map_or_else(|| claimed(definition), |(_, effect)| *effect)
}

const fn gravity(effect: Effect) -> u8 {
    match effect {
        Effect::Read => 0,
        Effect::Write => 1,
        Effect::Destructive => 2,
    }
}

/// The effect that a tool's annotations claim (MCP `ToolAnnotations`).
fn claimed(definition: &str) -> Effect {
    let annotations =
        fields(definition, ["annotations"]).ok().and_then(|[annotations]| annotations);
    let hints = annotations.and_then(|annotations| {
        fields(annotations.get(), ["readOnlyHint", "destructiveHint"]).ok()
    });
    let [reads, destroys] = hints.unwrap_or_default().map(|hint| hint.and_then(raw::flag));
    match (reads, destroys) {
        (Some(true), Some(true)) => Effect::Destructive,
        (Some(true), _) => Effect::Read,
        (_, Some(false)) => Effect::Write,
        _ => Effect::Destructive,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn glob(text: &str) -> Glob {
        Glob::parse(text).unwrap()
    }

    #[test]
    fn a_star_stands_for_any_run_of_characters() {
        for (pattern, name) in [
            ("get_*", "get_"),
            ("get_*", "get_all"),
            ("*", ""),
            ("*", "anything"),
            ("a*c", "abc"),
            ("a*b*c", "abbc"),
            ("a**c", "ac"),
            ("*_admin", "users_admin"),
            ("[a]?", "[a]?"),
            ("*\u{fc}*", "m\u{fc}ller"),
        ] {
            assert!(glob(pattern).matches(name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("get_*", "get"),
            ("get", "get_all"),
            ("get_*", "GET_all"),
            ("ab*ba", "aba"),
            ("a*b*c", "acb"),
            ("a?c", "abc"),
            ("*x*", "abc"),
        ] {
            assert!(!glob(pattern).matches(name), "{pattern} {name}");
        }
        for text in ["", "a\nb", &"x".repeat(129)] {
            assert_eq!(Glob::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_is_denied_is_not_shown_and_without_a_list_all_else_is() {
        let filter = Filter { allow: vec![glob("get_*")], deny: vec![glob("*_secret")] };
        assert!(filter.shows("get_all"));
        assert!(!filter.shows("get_secret") && !filter.shows("set_all"));
        let open = Filter { allow: Vec::new(), ..filter };
        assert!(open.shows("set_all") && !open.shows("set_secret"));
    }

    #[test]
    fn the_configuration_says_the_effect_before_the_annotations_do() {
        let configured = [
            (glob("*"), Effect::Write),
            (glob("get_*"), Effect::Read),
            (glob("*_all"), Effect::Read),
            (glob("*_now"), Effect::Destructive),
        ];
        let claims = r#"{"annotations":{"readOnlyHint":true}}"#;
        assert_eq!(effect(&configured, "get_all", "{}"), Effect::Read);
        assert_eq!(effect(&configured, "drop", claims), Effect::Write);
        assert_eq!(effect(&configured, "get_now", claims), Effect::Destructive);
        for (definition, claimed) in [
            (claims, Effect::Read),
            (r#"{"annotations":{"destructiveHint":false}}"#, Effect::Write),
            (r#"{"annotations":{"readOnlyHint":false,"destructiveHint":false}}"#, Effect::Write),
            (
                r#"{"annotations":{"readOnlyHint":true,"destructiveHint":true}}"#,
                Effect::Destructive,
            ),
            (r#"{"annotations":{"readOnlyHint":false}}"#, Effect::Destructive),
            (r#"{"annotations":{"readOnlyHint":"true"}}"#, Effect::Destructive),
            (r#"{"annotations":{}}"#, Effect::Destructive),
            (r#"{"annotations":[]}"#, Effect::Destructive),
            ("{}", Effect::Destructive),
            ("[]", Effect::Destructive),
        ] {
            assert_eq!(effect(&[], "any", definition), claimed, "{definition}");
        }
    }

    proptest! {
        #[test]
        fn a_pattern_fits_what_it_was_made_from(parts in proptest::collection::vec("[ab]{0,3}", 1..5), runs in "[abc]{0,4}") {
            let name = parts.join(&runs);
            let pattern = parts.join("*");
            if let Some(glob) = Glob::parse(&pattern) {
                prop_assert!(glob.matches(&name), "{} {}", pattern, name);
            }
        }

        #[test]
        fn a_pattern_that_covers_another_fits_all_its_names(one in "[ab*]{1,4}", other in "[ab*]{1,4}", run in "[ab]{0,2}") {
            let name = other.replace('*', &run);
            if glob(&one).covers(&glob(&other)) {
                prop_assert!(glob(&one).matches(&name), "{} {} {}", one, other, name);
            }
        }
    }
}
