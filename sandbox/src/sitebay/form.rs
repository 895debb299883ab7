//! Reading a body or a query field by field, gathering every problem before giving up.

use serde_json::{Map, Value, json};

use crate::engine::call::Call;
use crate::engine::json::Fields as _;
use crate::engine::reply::Reply;
use crate::sitebay::check::{Checked, Problem, list, string};

/// The fields of a body or a query, and what was wrong with them so far.
#[derive(Debug)]
pub(crate) struct Form {
    /// The prefix of a field's name in a problem's location.
    place: Vec<Value>,
    /// Whether a missing field is shown with the object it is missing from.
    shows_object: bool,
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

    /// A body without fields.
    pub(crate) fn empty() -> Self {
        Self::new("body", Map::new())
    }

    fn new(place: &'static str, fields: Map<String, Value>) -> Self {
        let shows_object = place == "body";
        Self { place: vec![place.into()], shows_object, fields, errors: Vec::new() }
    }

    /// Whether a field is there at all.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// A list that must be there, each entry read as an object of its own.
    pub(crate) fn each<T>(&mut self, name: &str, read: impl Fn(&mut Self) -> T) -> Vec<T> {
        let entries = self.required(name, list);
        let mut found = Vec::new();
        for (index, entry) in entries.into_iter().enumerate() {
            let mut place = self.place.clone();
            place.extend([Value::from(name), Value::from(index)]);
            let Value::Object(fields) = entry else {
                self.errors.push(json!({
                    "loc": place,
                    "msg": "Input should be a valid dictionary or object to extract fields from",
                    "type": "model_attributes_type",
                    "input": entry,
                }));
                continue;
            };
            let mut form = Self { place, shows_object: true, fields, errors: Vec::new() };
            found.push(read(&mut form));
            self.errors.append(&mut form.errors);
        }
        found
    }

    /// Whether a field is null.
    pub(crate) fn is_null(&self, name: &str) -> bool {
        self.fields.get(name) == Some(&Value::Null)
    }

    /// A list of texts that may be left out or be null, either of which is as good as an empty one.
    pub(crate) fn texts_if_any(&mut self, name: &str) -> Vec<String> {
        if self.has(name) && !self.is_null(name) { self.texts(name) } else { Vec::new() }
    }

    /// A list of texts that must be there.
    pub(crate) fn texts(&mut self, name: &str) -> Vec<String> {
        let entries = self.required(name, list);
        let mut found = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            match string(entry) {
                Ok(text) => found.push(text),
                Err(problem) => {
                    let mut place = self.place.clone();
                    place.extend([Value::from(name), Value::from(index)]);
                    self.errors.push(error(place, problem, entry.clone()));
                }
            }
        }
        found
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
        let input =
            if self.shows_object { Value::Object(self.fields.clone()) } else { Value::Null };
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

    /// All fields as they are.
    pub(crate) fn all(self) -> Map<String, Value> {
        self.fields
    }

    /// Fails with all problems found, if any.
    pub(crate) fn finish(self) -> Result<(), Reply> {
        if self.errors.is_empty() { Ok(()) } else { Err(Reply::unprocessable(self.errors)) }
    }

    fn complain(&mut self, name: &str, problem: Problem, input: Value) {
        let mut place = self.place.clone();
        place.push(name.into());
        self.errors.push(error(place, problem, input));
    }
}

fn error(place: Vec<Value>, problem: Problem, input: Value) -> Value {
    let mut error = json!({
        "loc": place,
        "msg": problem.message,
        "type": problem.kind,
        "input": input,
    });
    if let Some(context) = problem.context {
        error.set("ctx", context);
    }
    error
}
