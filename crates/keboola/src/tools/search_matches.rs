//! Patterns, and the places in a configuration where they occur.

use std::ops::ControlFlow::{self, Break, Continue};

use serde_json::{Value, json};

use crate::{
    api::cut,
    configuration::parameter_path::{ParameterPath, PathError, Step},
};

/// Places of one configuration that are named.
pub(super) const MOST_PLACES: usize = 100;
/// Patterns that are named at one place.
const MOST_NAMED: usize = 20;
/// Characters of a path, a pattern or a name, where it is one of many.
pub(super) const LONGEST: usize = 300;

/// What is looked for, in small letters.
pub(super) struct Patterns(Vec<(String, String)>);

impl Patterns {
    /// Patterns without those that are blank.
    pub(super) fn new(texts: &[String]) -> Self {
        let texts = texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
        Self(texts.map(|text| (text.to_owned(), text.to_lowercase())).collect())
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As they were given.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(given, _)| given.as_str())
    }

    /// Whether one of them occurs in one of these texts.
    pub(super) fn occur<'a>(&self, texts: impl Iterator<Item = &'a str>) -> bool {
        texts.map(str::to_lowercase).any(|text| self.0.iter().any(|(_, p)| text.contains(p)))
    }

    /// The places where they occur in a value, with the patterns of each place: the first [`MOST_PLACES`].
    pub(super) fn places(&self, value: &Value, scopes: &[Scope]) -> Vec<Value> {
        let mut found = Vec::new();
        let mut look = |at: &At<'_>, text: &str| {
            let text = text.to_lowercase();
            let here = self.0.iter().filter(|(_, p)| text.contains(p));
            let here: Vec<String> =
                here.take(MOST_NAMED).map(|(given, _)| cut(given, LONGEST)).collect();
            if !here.is_empty() {
                found.push(json!({ "scope": at.text(), "patterns": here }));
            }
            if found.len() < MOST_PLACES { Continue(()) } else { Break(()) }
        };
        if scopes.is_empty() {
            // Where it broke off, enough was found.
            let _ = strings(value, &At::Path(""), &mut look);
        }
        for scope in scopes {
            if scope.each(value, &mut |at, below| strings(below, at, &mut look)).is_break() {
                break;
            }
        }
        found
    }
}

/// Where a value stands. It is made into a text only where that is wanted: a key may have any length.
pub(super) enum At<'a> {
    /// At this path.
    Path(&'a str),
    /// The value of a key.
    Key(&'a Self, &'a str),
    /// An item of an array.
    Item(&'a Self, usize),
}

impl At<'_> {
    /// The path, of at most [`LONGEST`] characters.
    pub(super) fn text(&self) -> String {
        let mut path = Vec::new();
        self.add_to(&mut path);
        cut(&path.into_iter().collect::<String>(), LONGEST)
    }

    /// Adds the characters to those in front, up to one more than are shown.
    fn add_to(&self, path: &mut Vec<char>) {
        let add = |path: &mut Vec<char>, part: &str| {
            let room = LONGEST.saturating_add(1).saturating_sub(path.len());
            path.extend(part.chars().take(room));
        };
        match self {
            Self::Path(text) => add(path, text),
            Self::Key(above, key) => {
                above.add_to(path);
                if !path.is_empty() {
                    add(path, ".");
                }
                add(path, key);
            }
            Self::Item(above, place) => {
                above.add_to(path);
                add(path, &format!("[{place}]"));
            }
        }
    }
}

/// A part of configurations to look in.
pub(super) struct Scope(ParameterPath);

impl Scope {
    /// Reads a path such as `parameters.tables[*]`.
    pub(super) fn parse(text: &str) -> Result<Self, PathError> {
        ParameterPath::parse(text).map(Self)
    }

    fn each(&self, value: &Value, visit: Visit<'_, Value>) -> ControlFlow<()> {
        follow(value, &At::Path(""), self.0.steps(), visit)
    }
}

/// What is called with things and where they stand, until it breaks off.
type Visit<'v, T> = &'v mut dyn FnMut(&At<'_>, &T) -> ControlFlow<()>;

fn follow(value: &Value, at: &At<'_>, steps: &[Step], visit: Visit<'_, Value>) -> ControlFlow<()> {
    let Some((step, rest)) = steps.split_first() else { return visit(at, value) };
    match (step, value) {
        (Step::Key(key), Value::Object(map)) => match map.get(key) {
            Some(inner) => follow(inner, &At::Key(at, key), rest, visit),
            None => Continue(()),
        },
        (step, Value::Array(items)) => {
            for (place, item) in items.iter().enumerate() {
                let from_end = items.len().saturating_sub(place);
                let is_meant = match step {
                    Step::Every => true,
                    Step::Index(index) => *index == place,
                    Step::FromEnd(index) => *index == from_end,
                    Step::Key(_) => false,
                };
                if is_meant {
                    follow(item, &At::Item(at, place), rest, visit)?;
                }
            }
            Continue(())
        }
        _ => Continue(()),
    }
}

/// Calls a function with every text and number in a value and where it stands, until that breaks off. Values of
/// secret keys are left out.
pub(super) fn strings(value: &Value, at: &At<'_>, visit: Visit<'_, str>) -> ControlFlow<()> {
    match value {
        Value::String(text) => visit(at, text),
        Value::Number(number) => visit(at, &number.to_string()),
        Value::Array(items) => {
            let mut items = items.iter().enumerate();
            items.try_for_each(|(place, item)| strings(item, &At::Item(at, place), visit))
        }
        Value::Object(map) => {
            let mut known = map.iter().filter(|(key, _)| !key.starts_with('#'));
            known.try_for_each(|(key, inner)| strings(inner, &At::Key(at, key), visit))
        }
        Value::Null | Value::Bool(_) => Continue(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(texts: &[&str]) -> Patterns {
        Patterns::new(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_place_is_the_path_of_a_text() {
        let value = json!({"parameters": {"db": {"host": "DB.example", "#password": "db"}, "ports": [1, 5432]}});
        let found = patterns(&["db", "54", " "]).places(&value, &[]);
        assert_eq!(
            found,
            [
                json!({"scope": "parameters.db.host", "patterns": ["db"]}),
                json!({"scope": "parameters.ports[1]", "patterns": ["54"]}),
            ]
        );
    }

    #[test]
    fn only_so_many_places_are_named() {
        let value = json!(vec!["hit"; 2 * MOST_PLACES]);
        assert_eq!(patterns(&["hit"]).places(&value, &[]).len(), MOST_PLACES);
    }

    #[test]
    fn a_long_key_and_many_patterns_are_not_copied_to_each_place() {
        let key = "k".repeat(1024 * 1024);
        let value = json!({ key: vec!["hit"; MOST_PLACES] });
        let many = vec!["hit"; 1_000];
        let found = patterns(&many).places(&value, &[]);
        assert_eq!(found.len(), MOST_PLACES);
        assert!(json!(found).to_string().len() < 100_000);
        let path = found[0]["scope"].as_str().unwrap();
        assert!(path.chars().count() == LONGEST + 1 && path.ends_with("k…"), "{path}");
    }

    #[test]
    fn the_walk_ends_with_the_limit() {
        let value = json!([["a", "b"], ["c"]]);
        let mut seen = Vec::new();
        let ended = strings(&value, &At::Path("x"), &mut |at, text| {
            seen.push((at.text(), text.to_owned()));
            if text == "b" { Break(()) } else { Continue(()) }
        });
        assert!(ended.is_break());
        assert_eq!(seen, [("x[0][0]".into(), "a".into()), ("x[0][1]".into(), "b".into())]);
        let value = json!({"a": vec!["hit"; 2 * MOST_PLACES], "b": "hit"});
        let scopes = ["a", "b"].map(|scope| Scope::parse(scope).unwrap());
        assert_eq!(patterns(&["hit"]).places(&value, &scopes).len(), MOST_PLACES);
    }

    #[test]
    fn a_scope_is_looked_in_alone() {
        let value = json!({"a": {"x": "hit"}, "b": [{"x": "hit"}, {"x": "no"}, {"x": "hit"}]});
        let at = |scope: &str| {
            let scope = Scope::parse(scope).unwrap();
            let found = patterns(&["hit"]).places(&value, &[scope]);
            found
                .iter()
                .map(|place| place["scope"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(at("a"), ["a.x"]);
        assert_eq!(at("$.b[*]"), ["b[0].x", "b[2].x"]);
        assert_eq!(at("b[-1]"), ["b[2].x"]);
        assert!(at("a.b.c").is_empty());
        assert!(Scope::parse("a..b").is_err());
    }
}
