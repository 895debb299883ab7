//! Variables of a configuration: a configuration of `keboola.variables` of its own, with a row of default
//! values, and two ids in the configuration that uses them.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use thiserror::Error;

use super::printable::quoted;

/// The component of variables.
pub const COMPONENT_ID: &str = "keboola.variables";

/// The name of the row with the default values.
pub const DEFAULT_ROW: &str = "Default Values";

const VARIABLES_ID: &str = "variables_id";
const VALUES_ID: &str = "variables_values_id";

/// One variable, as the tools' argument `variables`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(default, rename = "type")]
    pub kind: VariableKind,
    /// Its value where a run gives none.
    #[serde(default)]
    pub default_value: Option<String>,
}

/// What kind of value a variable has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VariableKind {
    /// A text.
    #[default]
    String,
    /// The name of a value in the project's vault.
    Vault,
}

/// Why variables are refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum VariablesError {
    /// One has no name.
    #[error("variables[{0}]: expected a name")]
    NoName(usize),
    /// Two have the same name.
    #[error("variables[{0}]: expected each name once, found {name} again", name = quoted(.1, 60))]
    SameName(usize, String),
}

/// Refuses variables without a name, and two of the same name.
pub fn check(variables: &[Variable]) -> Result<(), VariablesError> {
    let mut names = BTreeSet::new();
    for (place, variable) in variables.iter().enumerate() {
        let name = variable.name.trim();
        if name.is_empty() {
            return Err(VariablesError::NoName(place));
        }
        if !names.insert(name) {
            return Err(VariablesError::SameName(place, name.to_owned()));
        }
    }
    Ok(())
}

/// The name of the configuration that defines the variables of another.
pub fn configuration_name(component_id: &str, configuration_id: &str) -> String {
    format!("Variables definition for {component_id}/{configuration_id}")
}

/// The configuration that defines variables.
pub fn definitions(variables: &[Variable]) -> Value {
    let definition = |variable: &Variable| {
        let kind = match variable.kind {
            VariableKind::String => "string",
            VariableKind::Vault => "vault",
        };
        json!({ "name": variable.name, "type": kind })
    };
    json!({ "variables": variables.iter().map(definition).collect::<Vec<Value>>() })
}

/// The configuration of the row of default values; none where no variable has one.
pub fn default_values(variables: &[Variable]) -> Option<Value> {
    let value = |variable: &Variable| {
        let default = variable.default_value.as_ref()?;
        Some(json!({ "name": variable.name, "value": default }))
    };
    let values: Vec<Value> = variables.iter().filter_map(value).collect();
    (!values.is_empty()).then(|| json!({ "values": values }))
}

/// The id of the configuration that defines the variables of this one.
pub fn linked(configuration: &Value) -> Option<&str> {
    configuration.get(VARIABLES_ID)?.as_str()
}

/// Makes a configuration use variables, with the row of default values where there is one.
pub fn link(configuration: &mut Map<String, Value>, variables_id: &str, row_id: Option<&str>) {
    configuration.insert(VARIABLES_ID.to_owned(), variables_id.into());
    match row_id {
        Some(row) => drop(configuration.insert(VALUES_ID.to_owned(), row.into())),
        None => drop(configuration.remove(VALUES_ID)),
    }
}

/// Makes a configuration use no variables. Says whether it used some.
pub fn unlink(configuration: &mut Map<String, Value>) -> bool {
    let variables = configuration.remove(VARIABLES_ID);
    let values = configuration.remove(VALUES_ID);
    variables.is_some() || values.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: Value) -> Vec<Variable> {
        serde_json::from_value(variables).unwrap()
    }

    #[test]
    fn definitions_and_default_values_are_separate() {
        let variables = read(json!([
            { "name": "from", "default_value": "2026-01-01" },
            { "name": "key", "type": "vault" },
        ]));
        assert_eq!(check(&variables), Ok(()));
        let expected = json!({ "variables": [
            { "name": "from", "type": "string" }, { "name": "key", "type": "vault" },
        ] });
        assert_eq!(definitions(&variables), expected);
        let expected = json!({ "values": [{ "name": "from", "value": "2026-01-01" }] });
        assert_eq!(default_values(&variables), Some(expected));
        assert_eq!(default_values(&read(json!([{ "name": "key" }]))), None);
    }

    #[test]
    fn names_are_given_once() {
        let same = read(json!([{ "name": "a" }, { "name": " a " }]));
        assert_eq!(
            check(&same).unwrap_err().to_string(),
            "variables[1]: expected each name once, found \"a\" again"
        );
        assert_eq!(check(&read(json!([{ "name": " " }]))), Err(VariablesError::NoName(0)));
    }

    #[test]
    fn a_configuration_is_linked_and_unlinked() {
        let mut configuration = Map::new();
        link(&mut configuration, "12", Some("34"));
        let value = Value::Object(configuration.clone());
        assert_eq!(value, json!({ "variables_id": "12", "variables_values_id": "34" }));
        assert_eq!(linked(&value), Some("12"));
        link(&mut configuration, "12", None);
        assert_eq!(Value::Object(configuration.clone()), json!({ "variables_id": "12" }));
        assert!(unlink(&mut configuration));
        assert!(!unlink(&mut configuration));
    }

    #[test]
    fn another_type_is_refused() {
        assert!(
            serde_json::from_value::<Variable>(json!({ "name": "a", "type": "number" })).is_err()
        );
    }
}
