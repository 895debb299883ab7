//! The checked arguments of a call.
//!
//! Invariant: every value fits its parameter and is in normal form, defaults are filled in, and
//! all problems of a call are reported at once.

use serde_json::{Value, value::RawValue};

use crate::{
    kinds::{self, OwnKind},
    operation::{Operation, Parameter},
    service::Service,
};
use mcp_auth::secret::Secret;
use mcp_server::arguments::{Problems, Schema};

/// The arguments of a call by their parameters' names.
#[derive(Debug, Clone, Default)]
pub struct Arguments(Vec<(&'static str, Value)>);

impl Arguments {
    /// Checks what a client sent.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn check<S: Service>(
        operation: &'static Operation<S>,
        raw: Option<&RawValue>,
    ) -> Result<Self, Problems> {
        let mut checked = schema(operation).check(raw)?;
        let names = operation.parameters.iter().map(|parameter| parameter.name);
        Ok(Self(names.filter_map(|name| Some((name, checked.remove(name)?))).collect()))
    }

    /// A value, if it was given or has a default.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// A string value.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// Whether a flag is true.
    pub fn flag(&self, name: &str) -> bool {
        self.get(name) == Some(&Value::Bool(true))
    }

    /// Puts a value in place of what the caller gave.
    pub fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        self.0.retain(|(known, _)| *known != name);
        self.0.push((name, value.into()));
    }

    /// The values of secret parameters.
    pub fn secrets<S: Service>(&self, operation: &Operation<S>) -> Vec<Secret> {
        let secret = operation.parameters.iter().filter(|parameter| parameter.secret);
        secret.filter_map(|parameter| self.text(parameter.name)).map(Secret::new).collect()
    }
}

/// The input schema of an operation, as it is listed; read once per isolate.
fn schema<S: Service>(operation: &'static Operation<S>) -> &'static Schema {
    operation.schema.0.get_or_init(|| {
        let mut schema = Schema::of_definition(operation.definition);
        refine(&mut schema, operation.parameters);
        schema
    })
}

/// Says what the catalogue knows and a schema cannot say.
fn refine<K: OwnKind>(schema: &mut Schema, parameters: &'static [Parameter<K>]) {
    for parameter in parameters {
        let Some(property) = schema.property(parameter.name) else {
            continue;
        };
        if kinds::is_text(&parameter.kind) {
            property.read_texts_by(parameter);
        }
        if parameter.secret {
            property.keep_secret();
        }
        if let Some(items) = property.item() {
            refine(items, parameter.items);
        }
    }
}
