//! Patterns, and the places in a configuration where they occur.

use serde_json::{Value, json};

use crate::configuration::parameter_path::{ParameterPath, PathError, Step};

/// Places of one configuration that are named.
pub(super) const MOST_PLACES: usize = 100;

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

    /// The places where they occur in a value, with the patterns of each place.
    pub(super) fn places(&self, value: &Value, scopes: &[Scope]) -> Vec<Value> {
        let mut found = Vec::new();
        let mut look = |path: &str, text: &str| {
            let text = text.to_lowercase();
            let here: Vec<&str> = self
                .0
                .iter()
                .filter(|(_, p)| text.contains(p))
                .map(|(given, _)| &**given)
                .collect();
            if !here.is_empty() && found.len() < MOST_PLACES {
                found.push(json!({ "scope": path, "patterns": here }));
            }
        };
        if scopes.is_empty() {
            strings(value, "", &mut look);
        }
        for scope in scopes {
            scope.each(value, &mut |path, below| strings(below, path, &mut look));
        }
        found
    }
}

/// A part of configurations to look in.
pub(super) struct Scope(ParameterPath);

impl Scope {
    /// Reads a path such as `parameters.tables[*]`.
    pub(super) fn parse(text: &str) -> Result<Self, PathError> {
        ParameterPath::parse(text).map(Self)
    }

    fn each(&self, value: &Value, visit: &mut dyn FnMut(&str, &Value)) {
        follow(value, String::new(), self.0.steps(), visit);
    }
}

fn follow(value: &Value, at: String, steps: &[Step], visit: &mut dyn FnMut(&str, &Value)) {
    let Some((step, rest)) = steps.split_first() else {
        visit(&at, value);
        return;
    };
    match (step, value) {
        (Step::Key(key), Value::Object(map)) => {
            if let Some(inner) = map.get(key) {
                follow(inner, below(&at, key), rest, visit);
            }
        }
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
                    follow(item, format!("{at}[{place}]"), rest, visit);
                }
            }
        }
        _ => {}
    }
}

fn below(at: &str, key: &str) -> String {
    if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") }
}

/// Calls a function with every text and number in a value and the path at which it stands. Values of
/// secret keys are left out.
pub(super) fn strings(value: &Value, at: &str, visit: &mut dyn FnMut(&str, &str)) {
    match value {
        Value::String(text) => visit(at, text),
        Value::Number(number) => visit(at, &number.to_string()),
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                strings(item, &format!("{at}[{place}]"), visit);
            }
        }
        Value::Object(map) => {
            for (key, inner) in map.iter().filter(|(key, _)| !key.starts_with('#')) {
                strings(inner, &below(at, key), visit);
            }
        }
        Value::Null | Value::Bool(_) => {}
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
