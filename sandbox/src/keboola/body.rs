//! The fields of a JSON body.

use serde_json::{Map, Value};

use crate::engine::call::Call;
use crate::keboola::problem::Problem;

/// The fields of a body.
#[derive(Debug, Default)]
pub(crate) struct Body {
    fields: Map<String, Value>,
}

impl Body {
    /// The object in the body; none at all is as good as an empty one.
    pub(crate) fn of(call: &Call) -> Result<Self, Problem> {
        if call.body.is_empty() {
            return Ok(Self::default());
        }
        match serde_json::from_slice(&call.body) {
            Ok(Value::Object(fields)) => Ok(Self { fields }),
            // PHP's clients write an empty object so.
            Ok(Value::Array(items)) if items.is_empty() => Ok(Self::default()),
            Ok(_) => Err(Problem::invalid("The body must be a JSON object")),
            Err(_) => Err(Problem::invalid("The body is not valid JSON")),
        }
    }

    /// A field that is there and not null.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    /// A text that may be left out. Numbers count as their digits: ids come as both.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, Problem> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(wrong(name, "a string")),
        }
    }

    /// A text that is required and not empty.
    pub(crate) fn required(&self, name: &str) -> Result<String, Problem> {
        let text = self.text(name)?.filter(|text| !text.is_empty());
        text.ok_or_else(|| Problem::invalid(format!("Missing required parameter \"{name}\"")))
    }

    /// A yes or no that may be left out.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(Value::Number(number)) if number.as_u64().is_some_and(|n| n < 2) => {
                Ok(Some(number.as_u64() == Some(1)))
            }
            Some(_) => Err(wrong(name, "a boolean")),
        }
    }

    /// A whole number that may be left out.
    pub(crate) fn whole(&self, name: &str) -> Result<Option<u64>, Problem> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => value.as_u64().map(Some).ok_or_else(|| wrong(name, "an integer")),
        }
    }

    /// An object that may be left out; an empty list counts as one.
    pub(crate) fn object(&self, name: &str) -> Result<Option<Value>, Problem> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Array(items)) if items.is_empty() => Ok(Some(Value::Object(Map::new()))),
            Some(value @ Value::Object(_)) => Ok(Some(value.clone())),
            Some(_) => Err(wrong(name, "an object")),
        }
    }

    /// A list that may be left out.
    pub(crate) fn list(&self, name: &str) -> Result<Option<Vec<Value>>, Problem> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items.clone())),
            Some(_) => Err(wrong(name, "an array")),
        }
    }

    /// A list of texts; an absent one is empty.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<String>, Problem> {
        let items = self.list(name)?.unwrap_or_default().into_iter();
        let texts = items.map(|item| match item {
            Value::String(text) => Ok(text),
            Value::Number(number) => Ok(number.to_string()),
            _ => Err(wrong(name, "an array of strings")),
        });
        texts.collect()
    }

    /// The whole body.
    pub(crate) fn whole_value(self) -> Value {
        Value::Object(self.fields)
    }
}

fn wrong(name: &str, kind: &str) -> Problem {
    Problem::invalid(format!("Parameter \"{name}\" must be {kind}"))
}
