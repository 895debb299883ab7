//! `parameter_updates` of update_config and update_config_row: changes at paths of the parameters.
//!
//! Invariant: all updates of a call take effect, or none: the input is never changed.
//!
//! Where Keboola's own server writes something that was not meant, this refuses: a place in an array that does
//! not exist (there it becomes a key `a[5]`), parameters that are no object, and text replaced in a cipher. An
//! empty array in which a key is set becomes an object, because Storage returns empty objects as `[]`.

use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value};
use thiserror::Error;

use super::{
    parameter_path::{self, ParameterPath, PathError, Step, child, child_mut, place},
    printable::{described, quoted},
    secrets::is_cipher,
    size::{self, MAX_CONFIGURATION_BYTES, SizeError, json_bytes},
};

/// The most updates of one call.
pub const MAX_UPDATES: usize = 200;

/// One update.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are the tool's arguments")]
pub enum ParameterUpdate {
    /// Sets a value, and makes the objects above it where they are missing.
    Set { path: String, value: Value },
    /// Replaces a text in a string, or in each string of an array.
    StrReplace { path: String, search_for: String, replace_with: String },
    /// Removes a key or an item.
    Remove { path: String },
    /// Adds a value at the end of an array.
    ListAppend { path: String, value: Value },
}

/// Why an update was refused; nothing was changed then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateError {
    /// Its place in the list, from 0; none for a problem of the list as a whole.
    pub index: Option<usize>,
    /// Its operation and its path.
    pub subject: String,
    /// The reason.
    pub problem: Problem,
}

/// What was wrong with an update. Values of secret keys are not in it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum Problem {
    /// The list or an update in it has another form.
    #[error("{0}")]
    Form(String),
    /// The path cannot be read.
    #[error(transparent)]
    Path(#[from] PathError),
    /// Nothing is at the path.
    #[error("the path does not exist: {at} is {found}")]
    Missing { at: String, found: String },
    /// Something else is there.
    #[error("expected {expected} at {at}, found {found}")]
    Unexpected { expected: &'static str, at: String, found: String },
    /// `search_for` is empty.
    #[error("search_for is empty: expected the text to replace")]
    EmptySearch,
    /// Both texts are the same.
    #[error("search_for and replace_with are the same: {0}")]
    SameText(String),
    /// The text is not there.
    #[error("the text {search} was not found in {found}")]
    NotFound { search: String, found: String },
    /// A cipher is no text to edit.
    #[error(
        "the value is encrypted, so no text in it can be replaced: set the whole new value instead"
    )]
    Cipher,
    /// The parameters as a whole cannot be removed.
    #[error("expected a path below \"$\": the parameters as a whole cannot be removed")]
    Root,
    /// The result would be too large or too deep.
    #[error(transparent)]
    Size(#[from] SizeError),
}

impl fmt::Display for UpdateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("parameter_updates")?;
        if let Some(index) = self.index {
            write!(f, "[{index}]")?;
        }
        if !self.subject.is_empty() {
            write!(f, " ({})", self.subject)?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for UpdateError {}

/// Values are left out: they may be secrets.
impl fmt::Debug for ParameterUpdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.subject())
    }
}

impl ParameterUpdate {
    /// The name of the operation.
    pub fn op(&self) -> &'static str {
        match self {
            Self::Set { .. } => "set",
            Self::StrReplace { .. } => "str_replace",
            Self::Remove { .. } => "remove",
            Self::ListAppend { .. } => "list_append",
        }
    }

    /// The path as it was given.
    pub fn path(&self) -> &str {
        match self {
            Self::Set { path, .. }
            | Self::StrReplace { path, .. }
            | Self::Remove { path }
            | Self::ListAppend { path, .. } => path,
        }
    }

    fn subject(&self) -> String {
        format!("{} {}", self.op(), quoted(self.path(), 200))
    }
}

/// Reads the argument `parameter_updates`.
pub fn read(argument: &Value) -> Result<Vec<ParameterUpdate>, UpdateError> {
    let form = |index, problem: String| UpdateError {
        index,
        subject: String::new(),
        problem: Problem::Form(problem),
    };
    let Value::Array(items) = argument else {
        return Err(form(
            None,
            format!("expected an array of updates, found {}", described(argument)),
        ));
    };
    too_many(items.len())?;
    let read = |(index, item): (usize, &Value)| {
        ParameterUpdate::deserialize(item).map_err(|error| form(Some(index), error.to_string()))
    };
    items.iter().enumerate().map(read).collect()
}

/// The parameters after all updates, one after the other.
pub fn apply(parameters: &Value, updates: &[ParameterUpdate]) -> Result<Value, UpdateError> {
    too_many(updates.len())?;
    let mut parameters = match parameters {
        Value::Null => Value::Object(Map::new()),
        Value::Array(items) if items.is_empty() => Value::Object(Map::new()),
        given => given.clone(),
    };
    let mut budget = Budget { bytes: json_bytes(&parameters) };
    for (index, update) in updates.iter().enumerate() {
        let failed =
            |problem| UpdateError { index: Some(index), subject: update.subject(), problem };
        apply_one(&mut parameters, update, &mut budget).map_err(failed)?;
    }
    size::check(&parameters).map_err(|size| UpdateError {
        index: None,
        subject: String::new(),
        problem: size.into(),
    })?;
    Ok(parameters)
}

fn too_many(count: usize) -> Result<(), UpdateError> {
    if count <= MAX_UPDATES {
        return Ok(());
    }
    let problem = Problem::Form(format!("expected at most {MAX_UPDATES} updates, found {count}"));
    Err(UpdateError { index: None, subject: String::new(), problem })
}

/// Keeps the parameters from growing beyond what Storage takes, before they do.
struct Budget {
    /// At least the bytes that the parameters have as JSON.
    bytes: usize,
}

impl Budget {
    /// Refuses an update that writes this many bytes where they do not fit.
    fn grow(&mut self, parameters: &Value, written: usize) -> Result<(), Problem> {
        let mut after = self.bytes.saturating_add(written);
        if after > MAX_CONFIGURATION_BYTES {
            after = json_bytes(parameters).saturating_add(written);
        }
        // What the update takes away is not known here, so one that replaces almost all may pass.
        if after > MAX_CONFIGURATION_BYTES.saturating_mul(2) {
            return Err(SizeError::TooLarge(after).into());
        }
        self.bytes = after;
        Ok(())
    }
}

fn apply_one(
    parameters: &mut Value,
    update: &ParameterUpdate,
    budget: &mut Budget,
) -> Result<(), Problem> {
    let path = ParameterPath::parse(update.path())?;
    match update {
        ParameterUpdate::Set { value, .. } => set(parameters, &path, value, budget),
        ParameterUpdate::StrReplace { search_for, replace_with, .. } => {
            str_replace(parameters, &path, search_for, replace_with, budget)
        }
        ParameterUpdate::Remove { .. } => remove(parameters, &path),
        ParameterUpdate::ListAppend { value, .. } => list_append(parameters, &path, value, budget),
    }
}

fn set(
    parameters: &mut Value,
    path: &ParameterPath,
    value: &Value,
    budget: &mut Budget,
) -> Result<(), Problem> {
    if path.steps().is_empty() && !value.is_object() {
        return Err(unexpected("an object as the value", path, &[], value));
    }
    let places = path.each(parameters, &mut |_| {});
    budget.grow(parameters, json_bytes(value).saturating_mul(places.max(1)))?;
    if places == 0 {
        return create(parameters, path, value);
    }
    path.try_each_mut(parameters, &mut |slot| {
        *slot = value.clone();
        Ok(())
    })
}

/// Sets a value at a path at which nothing is yet.
fn create(parameters: &mut Value, path: &ParameterPath, value: &Value) -> Result<(), Problem> {
    // Only objects are made: places in arrays must be there.
    let is_place = |step: &Step| !matches!(step, Step::Key(_));
    let there = path.steps().iter().rposition(is_place).map_or(0, |last| last.saturating_add(1));
    let mut steps = path.steps().iter().take(there);
    if steps.try_fold(&*parameters, child).is_none() {
        return Err(not_there(path, parameters));
    }
    let mut current = parameters;
    for (at, step) in path.steps().iter().enumerate() {
        let above = path.steps().get(..at).unwrap_or_default();
        if let Step::Key(key) = step {
            if current.as_array().is_some_and(Vec::is_empty) {
                *current = Value::Object(Map::new());
            }
            current = match current {
                Value::Object(map) => map.entry(key).or_insert_with(|| Value::Object(Map::new())),
                other => return Err(unexpected("an object", path, above, other)),
            };
        } else {
            if child(current, step).is_none() {
                return Err(missing(path, above, current));
            }
            let Some(item) = child_mut(current, step) else { return Ok(()) };
            current = item;
        }
    }
    *current = value.clone();
    Ok(())
}

fn str_replace(
    parameters: &mut Value,
    path: &ParameterPath,
    search_for: &str,
    replace_with: &str,
    budget: &mut Budget,
) -> Result<(), Problem> {
    let shown = |text: &str| if path.is_secret() { SECRET.to_owned() } else { quoted(text, 60) };
    if search_for.is_empty() {
        return Err(Problem::EmptySearch);
    }
    if search_for == replace_with {
        return Err(Problem::SameText(shown(search_for)));
    }
    let mut texts = Vec::new();
    let mut problem = None;
    let places = path.each(parameters, &mut |value| match value {
        Value::String(text) => texts.push(text.as_str()),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            texts.extend(items.iter().filter_map(Value::as_str));
        }
        other => {
            problem = Some(unexpected("a string or an array of strings", path, path.steps(), other))
        }
    });
    if let Some(problem) = problem {
        return Err(problem);
    }
    if places == 0 {
        return Err(not_there(path, parameters));
    }
    if path.is_secret() && texts.iter().any(|text| is_cipher(text)) {
        return Err(Problem::Cipher);
    }
    let found: usize = texts.iter().map(|text| text.matches(search_for).count()).sum();
    if found == 0 {
        let found = texts.first().map_or_else(|| "no text".to_owned(), |text| shown(text));
        return Err(Problem::NotFound { search: shown(search_for), found });
    }
    let written = json_bytes(&Value::from(replace_with));
    budget.grow(parameters, written.saturating_mul(found))?;
    path.try_each_mut(parameters, &mut |value| {
        let replace = |value: &mut Value| {
            if let Value::String(text) = value {
                *text = text.replace(search_for, replace_with);
            }
        };
        match value {
            Value::Array(items) => items.iter_mut().for_each(replace),
            text => replace(text),
        }
        Ok(())
    })
}

fn remove(parameters: &mut Value, path: &ParameterPath) -> Result<(), Problem> {
    let Some((last, above)) = path.steps().split_last() else {
        return Err(Problem::Root);
    };
    if path.each(parameters, &mut |_| {}) == 0 {
        return Err(not_there(path, parameters));
    }
    parameter_path::try_each_mut(parameters, above, &mut |parent| {
        match (last, parent) {
            (Step::Key(key), Value::Object(map)) => drop(map.remove(key)),
            (Step::Every, Value::Array(items)) => items.clear(),
            (step, Value::Array(items)) => {
                if let Some(place) = place(step, items.len()) {
                    items.remove(place);
                }
            }
            _ => {}
        }
        Ok(())
    })
}

fn list_append(
    parameters: &mut Value,
    path: &ParameterPath,
    value: &Value,
    budget: &mut Budget,
) -> Result<(), Problem> {
    let places = path.each(parameters, &mut |_| {});
    if places == 0 {
        return Err(not_there(path, parameters));
    }
    budget.grow(parameters, json_bytes(value).saturating_mul(places))?;
    path.try_each_mut(parameters, &mut |list| match list {
        Value::Array(items) => {
            items.push(value.clone());
            Ok(())
        }
        other => Err(unexpected("an array", path, path.steps(), other)),
    })
}

/// What stands for a value below a secret key.
const SECRET: &str = "a secret";

fn unexpected(
    expected: &'static str,
    path: &ParameterPath,
    steps: &[Step],
    found: &Value,
) -> Problem {
    Problem::Unexpected { expected, at: located(steps), found: seen(path, found) }
}

/// That nothing is at a path, with the last place on the way that is there.
fn not_there(path: &ParameterPath, parameters: &Value) -> Problem {
    let mut current = parameters;
    for (at, step) in path.steps().iter().enumerate() {
        match child(current, step) {
            Some(next) => current = next,
            None => return missing(path, path.steps().get(..at).unwrap_or_default(), current),
        }
    }
    missing(path, path.steps(), current)
}

fn missing(path: &ParameterPath, above: &[Step], found: &Value) -> Problem {
    Problem::Missing { at: located(above), found: seen(path, found) }
}

fn located(steps: &[Step]) -> String {
    format!("\"{}\"", parameter_path::shown(steps))
}

/// A value for a message; a secret one only as such.
fn seen(path: &ParameterPath, value: &Value) -> String {
    match value {
        Value::String(_) | Value::Number(_) | Value::Bool(_) if path.is_secret() => {
            SECRET.to_owned()
        }
        other => described(other),
    }
}

#[cfg(test)]
#[path = "updates_tests.rs"]
mod tests;
