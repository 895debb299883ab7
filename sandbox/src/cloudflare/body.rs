//! The fields of a JSON body.

use serde_json::{Map, Value};

use crate::cloudflare::ask::Ask;
use crate::cloudflare::problem::Problem;

/// The fields of a body, and the code that says that one does not fit.
#[derive(Debug)]
pub(crate) struct Body {
    fields: Map<String, Value>,
    code: u32,
}

impl Body {
    /// The object in a request's body; none at all is as good as an empty one.
    pub(crate) fn of(ask: &Ask<'_>) -> Result<Self, Problem> {
        let code = ask.invalid_code();
        if ask.call.body.is_empty() {
            return Ok(Self { fields: Map::new(), code });
        }
        match serde_json::from_slice(&ask.call.body) {
            Ok(Value::Object(fields)) => Ok(Self { fields, code }),
            Ok(_) => Err(Problem::new(400, code, "The body must be a JSON object")),
            Err(_) => Err(Problem::new(400, code, "The body is not valid JSON")),
        }
    }

    /// The same for an object inside another body.
    pub(crate) fn within(value: &Value, ask: &Ask<'_>) -> Result<Self, Problem> {
        let code = ask.invalid_code();
        match value {
            Value::Object(fields) => Ok(Self { fields: fields.clone(), code }),
            _ => Err(Problem::new(400, code, "Each item must be a JSON object")),
        }
    }

    /// A field, also one that is null.
    pub(crate) fn raw(&self, name: &str) -> Option<&Value> {
        self.fields.get(name)
    }

    /// A field that is there and not null.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.raw(name).filter(|value| !value.is_null())
    }

    /// A text that may be left out.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, Problem> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(self.wrong(name, "must be a string")),
        }
    }

    /// A text that is required and not empty.
    pub(crate) fn required(&self, name: &str) -> Result<String, Problem> {
        let text = self.text(name)?.filter(|text| !text.is_empty());
        text.ok_or_else(|| self.wrong(name, "is required"))
    }

    /// A yes or no that may be left out.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(self.wrong(name, "must be a boolean")),
        }
    }

    /// A list that may be left out.
    pub(crate) fn list(&self, name: &str) -> Result<Option<&Vec<Value>>, Problem> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(_) => Err(self.wrong(name, "must be an array")),
        }
    }

    /// A list of texts; an absent one is empty.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<String>, Problem> {
        let items = self.list(name)?.map(Vec::as_slice).unwrap_or_default().iter();
        let texts = items.map(|item| item.as_str().map(str::to_owned));
        texts.collect::<Option<_>>().ok_or_else(|| self.wrong(name, "must be an array of strings"))
    }

    /// An object that may be left out.
    pub(crate) fn object(&self, name: &str) -> Result<Option<Value>, Problem> {
        match self.get(name) {
            None => Ok(None),
            Some(value @ Value::Object(_)) => Ok(Some(value.clone())),
            Some(_) => Err(self.wrong(name, "must be an object")),
        }
    }

    /// The error of a field that does not fit.
    pub(crate) fn wrong(&self, name: &str, what: &str) -> Problem {
        Problem::new(400, self.code, format!("{name} {what}"))
    }
}
