//! Reading a body or a query field by field, gathering every problem before giving up.

use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::check::{Checked, Problem};
use crate::reply::Reply;

/// The fields of a body or a query, and what was wrong with them so far.
#[derive(Debug)]
pub(crate) struct Form {
    place: &'static str,
    fields: Map<String, Value>,
    errors: Vec<Value>,
}

impl Form {
    /// Reads a JSON object from the body.
    pub(crate) fn body(call: &Call) -> Result<Self, Reply> {
        let fail = |error: Value| Err(Reply::unprocessable(vec![error]));
        if call.body.is_empty() {
            return fail(json!({
                "loc": ["body"], "msg": "Field required", "type": "missing", "input": null
            }));
        }
        let no_object = |input: Value| {
            json!({
                "loc": ["body"],
                "msg": "Input should be a valid dictionary or object to extract fields from",
                "type": "model_attributes_type",
                "input": input,
            })
        };
        // The framework hands a body that is not declared as JSON on as it is.
        let kind = call.header("content-type").unwrap_or("application/json");
        if !kind.to_ascii_lowercase().contains("json") {
            return fail(no_object(String::from_utf8_lossy(&call.body).into()));
        }
        match serde_json::from_slice(&call.body) {
            Ok(Value::Object(fields)) => Ok(Self::new("body", fields)),
            Ok(other) => fail(no_object(other)),
            Err(error) => fail(json!({
                "loc": ["body", error.column()],
                "msg": "JSON decode error",
                "type": "json_invalid",
                "input": {},
                "ctx": { "error": error.to_string() },
            })),
        }
    }

    /// Reads the query; of a repeated parameter the last counts.
    pub(crate) fn query(call: &Call) -> Self {
        let fields = call.parameters().into_iter();
        let fields = fields.map(|(name, value)| (name, Value::from(value)));
        Self::new("query", fields.collect())
    }

    /// Takes parameters from the path.
    pub(crate) fn path(name: &str, value: &str) -> Self {
        let fields = [(name.to_owned(), Value::from(value))];
        Self::new("path", fields.into_iter().collect())
    }

    fn new(place: &'static str, fields: Map<String, Value>) -> Self {
        Self { place, fields, errors: Vec::new() }
    }

    /// A field that must be there. What is returned for one that is wrong is never used, as
    /// [`finish`](Self::finish) then fails.
    pub(crate) fn required<T: Default>(
        &mut self,
        name: &str,
        check: impl Fn(&Value) -> Checked<T>,
    ) -> T {
        if self.fields.contains_key(name) {
            return self.given(name, check).unwrap_or_default();
        }
        let input = match self.place {
            "body" => Value::Object(self.fields.clone()),
            _ => Value::Null,
        };
        let missing =
            Problem { kind: "missing", message: "Field required".to_owned(), context: None };
        self.complain(name, missing, input);
        T::default()
    }

    /// A field that may be left out, but not be null.
    pub(crate) fn given<T>(
        &mut self,
        name: &str,
        check: impl Fn(&Value) -> Checked<T>,
    ) -> Option<T> {
        let value = self.fields.get(name)?;
        match check(value) {
            Ok(value) => Some(value),
            Err(problem) => {
                let input = value.clone();
                self.complain(name, problem, input);
                None
            }
        }
    }

    /// A field that may be left out or be null, where the two mean the same.
    pub(crate) fn optional<T>(
        &mut self,
        name: &str,
        check: impl Fn(&Value) -> Checked<T>,
    ) -> Option<T> {
        self.nullable(name, check).flatten()
    }

    /// A field that may be left out or be null, where the two differ.
    pub(crate) fn nullable<T>(
        &mut self,
        name: &str,
        check: impl Fn(&Value) -> Checked<T>,
    ) -> Option<Option<T>> {
        match self.fields.get(name)? {
            Value::Null => Some(None),
            _ => self.given(name, check).map(Some),
        }
    }

    /// Complains about every field that is not named.
    pub(crate) fn nothing_but(&mut self, names: &[&str]) {
        let extra = self.fields.iter();
        let extra = extra.filter(|(name, _)| !names.contains(&name.as_str()));
        let extra: Vec<_> = extra.map(|(name, v)| (name.clone(), v.clone())).collect();
        for (name, input) in extra {
            let problem = Problem {
                kind: "extra_forbidden",
                message: "Extra inputs are not permitted".to_owned(),
                context: None,
            };
            self.complain(&name, problem, input);
        }
    }

    /// Fails with all problems found, if any.
    pub(crate) fn finish(self) -> Result<(), Reply> {
        if self.errors.is_empty() { Ok(()) } else { Err(Reply::unprocessable(self.errors)) }
    }

    fn complain(&mut self, name: &str, problem: Problem, input: Value) {
        let mut error = json!({
            "loc": [self.place, name],
            "msg": problem.message,
            "type": problem.kind,
            "input": input,
        });
        if let Some(context) = problem.context {
            error["ctx"] = context;
        }
        self.errors.push(error);
    }
}
