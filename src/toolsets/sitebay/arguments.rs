//! The checked arguments of a call.
//!
//! Invariant: every value fits its parameter and is in normal form, defaults are filled in, and
//! a call with anything wrong is told all of it at once.

use serde_json::{Map, Value, value::RawValue};

use super::{
    catalogue::{Empty, Operation, Parameter},
    kinds,
};
use crate::{
    access::secret::Secret,
    protocol::{content::ToolResult, raw},
};

/// Longest piece of a wrong value that is repeated to the caller, in characters.
const SHOWN: usize = 80;

/// The arguments of a call by their parameters' names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Arguments(Vec<(&'static str, Value)>);

/// What is wrong with a call's arguments, one line each.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problems(Vec<String>);

impl Problems {
    /// The answer to the call.
    pub(crate) fn into_result(self, operation: &Operation) -> ToolResult {
        let lines = self.0.join("\n");
        ToolResult::error(format!(
            "The arguments of {} are not valid; nothing was sent to SiteBay.\n{lines}",
            operation.name
        ))
    }
}

impl Arguments {
    /// Checks what a client sent.
    pub(crate) fn check(operation: &Operation, raw: Option<&RawValue>) -> Result<Self, Problems> {
        let given = object(raw)?;
        let mut problems: Vec<String> =
            given.keys().filter_map(|name| unknown(operation, name)).collect();
        let mut values = Vec::new();
        for parameter in operation.parameters {
            match value_of(parameter, given.get(parameter.name)) {
                Ok(Some(value)) => values.push((parameter.name, value)),
                Ok(None) => {}
                Err(problem) => problems.push(format!("- {}: {problem}", parameter.name)),
            }
        }
        if problems.is_empty() { Ok(Self(values)) } else { Err(Problems(problems)) }
    }

    /// A value, if it was given or has a default.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// A string value.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// Whether a flag is true.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.get(name) == Some(&Value::Bool(true))
    }

    /// Puts a value in place of what the caller gave.
    pub(crate) fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        self.0.retain(|(known, _)| *known != name);
        self.0.push((name, value.into()));
    }

    /// The values of secret parameters.
    pub(crate) fn secrets(&self, operation: &Operation) -> Vec<Secret> {
        let secret = operation.parameters.iter().filter(|parameter| parameter.secret);
        secret.filter_map(|parameter| self.text(parameter.name)).map(Secret::new).collect()
    }
}

fn object(raw: Option<&RawValue>) -> Result<Map<String, Value>, Problems> {
    let Some(raw) = raw else {
        return Ok(Map::new());
    };
    match raw::value(raw.get()) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(other) => Err(Problems(vec![format!(
            "- arguments: expected a JSON object, got {}",
            type_name(&other)
        )])),
        Err(_) => Err(Problems(vec!["- arguments: expected a JSON object".into()])),
    }
}

fn value_of(parameter: &Parameter, given: Option<&Value>) -> Result<Option<Value>, String> {
    let given = match (given, parameter.empty) {
        (Some(Value::Null), _) if !parameter.required => None,
        (Some(Value::String(text)), Empty::Absent) if text.trim().is_empty() => None,
        (Some(Value::String(text)), Empty::Null) if text.trim().is_empty() => {
            return Ok(Some(Value::Null));
        }
        (given, _) => given,
    };
    match given {
        Some(value) => kinds::accept(parameter, value)
            .map(Some)
            .map_err(|expected| format!("expected {expected}; got {}", shown(parameter, value))),
        None if parameter.required => {
            Err(format!("required: expected {}", kinds::expectation(parameter)))
        }
        None => Ok(default(parameter)),
    }
}

/// The default; an empty one that stands for nothing is nothing.
fn default(parameter: &Parameter) -> Option<Value> {
    let value = raw::value(parameter.default?).ok()?;
    let absent = parameter.empty == Empty::Absent && value.as_str() == Some("");
    (!absent).then_some(value)
}

fn unknown(operation: &Operation, name: &str) -> Option<String> {
    if operation.parameters.iter().any(|parameter| parameter.name == name) {
        return None;
    }
    let shown = crate::sitebay::cut(name, SHOWN);
    let near = nearest(operation, name);
    let known: Vec<&str> = operation.parameters.iter().map(|parameter| parameter.name).collect();
    Some(match near {
        Some(near) => format!("- {shown}: there is no such parameter; did you mean {near}?"),
        None if known.is_empty() => format!("- {shown}: this tool takes no parameters"),
        None => format!("- {shown}: there is no such parameter; there are {}", known.join(", ")),
    })
}

/// The known name with the fewest changes, if that is at most half of it.
fn nearest(operation: &Operation, name: &str) -> Option<&'static str> {
    let names = operation.parameters.iter().map(|parameter| parameter.name);
    let (changes, near) =
        names.map(|known| (distance(known, name), known)).min_by_key(|(changes, _)| *changes)?;
    (changes.saturating_mul(2) <= near.len()).then_some(near)
}

/// Levenshtein distance, row by row, of names cut to a sane length.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (at, left) in a.chars().take(64).enumerate() {
        let mut diagonal = at;
        let mut before = at.saturating_add(1);
        let mut next = vec![before];
        for (right, above) in b.iter().zip(row.iter().skip(1)) {
            let change = diagonal.saturating_add(usize::from(left != *right));
            before = change.min(above.saturating_add(1)).min(before.saturating_add(1));
            diagonal = *above;
            next.push(before);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// What came: its type, and for a string its beginning unless it is secret.
fn shown(parameter: &Parameter, value: &Value) -> String {
    match value {
        Value::String(text) if !parameter.secret => {
            format!("the string {:?}", crate::sitebay::cut(text, SHOWN))
        }
        Value::Number(number) if !parameter.secret => format!("the number {number}"),
        other => type_name(other).to_owned(),
    }
}

/// The JSON type of a value, with its article.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::toolsets::sitebay::catalogue;

    fn check(tool: &str, arguments: Value) -> Result<Arguments, Problems> {
        let raw = serde_json::value::to_raw_value(&arguments).unwrap();
        Arguments::check(catalogue::find(tool).unwrap(), Some(&raw))
    }

    fn problems(tool: &str, arguments: Value) -> Vec<String> {
        check(tool, arguments).unwrap_err().0
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let found = problems(
            "sitebay_backup_list_commits",
            json!({"fqnd": "a.org", "number_to_fetch": "5", "restore_point": "yesterday"}),
        );
        assert_eq!(
            found,
            [
                "- fqnd: there is no such parameter; did you mean fqdn?",
                "- fqdn: required: expected a host name such as www.example.org, without scheme, \
                 port, path or spaces",
                "- number_to_fetch: expected an integer from 1 to 100; got the string \"5\"",
                "- restore_point: expected an RFC 3339 date and time such as \
                 2026-11-20T08:00:00Z; got the string \"yesterday\"",
            ]
        );
    }

    #[test]
    fn a_secret_is_not_repeated_in_a_complaint() {
        let found = problems("sitebay_create_site", json!({"wordpress_password": 12_345_678}));
        let line = found.iter().find(|line| line.contains("wordpress_password")).unwrap();
        assert_eq!(line, "- wordpress_password: expected a string that is not empty; got a number");
    }

    #[test]
    fn null_and_nothing_are_the_same_for_an_optional_argument() {
        let arguments = check("sitebay_list_sites", json!({"team_id": null})).unwrap();
        assert_eq!(arguments.get("team_id"), None);
        let found = problems("sitebay_get_site", json!({"fqdn": null}));
        assert!(found[0].ends_with("got null"), "{found:?}");
    }

    #[test]
    fn defaults_are_filled_in_and_empty_ones_stay_away() {
        let arguments = check("sitebay_wordpress_proxy", json!({"fqdn": "A.org"})).unwrap();
        assert_eq!(arguments.text("fqdn"), Some("a.org"));
        assert_eq!(arguments.text("path"), Some("/wp-json/wp/v2/"));
        assert_eq!(arguments.text("method"), Some("get"));
        assert_eq!(arguments.get("query_params_json"), None);
    }

    #[test]
    fn an_unknown_name_without_a_neighbour_gets_the_list() {
        let found = problems("sitebay_account_affiliates", json!({"x": 1}));
        assert_eq!(found, ["- x: this tool takes no parameters"]);
        let found = problems("sitebay_get_site", json!({"fqdn": "a.org", "verbose": true}));
        assert_eq!(found, ["- verbose: there is no such parameter; there are fqdn, reveal"]);
    }

    #[test]
    fn arguments_that_are_no_object_are_refused() {
        for wrong in [json!([]), json!("x"), json!(1)] {
            let found = problems("sitebay_list_teams", wrong);
            assert!(found[0].starts_with("- arguments: expected a JSON object, got "), "{found:?}");
        }
    }
}
