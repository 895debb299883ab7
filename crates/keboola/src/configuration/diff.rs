//! What an update changes, as short text for a consent form and for the answer's `change_summary`.
//!
//! Invariant: no secret is in a [`Diff`], neither in plain text nor as cipher, and its text has only
//! characters that are seen, on a bounded number of lines.

use std::fmt::Write as _;

use serde_json::Value;

use super::{parameter_path::push_key, printable, secrets::is_secret_key};

/// The most changes that are kept; further ones are only counted.
const MAX_CHANGES: usize = 200;

/// The most characters of a value that are shown.
const MAX_VALUE: usize = 120;

/// The characters that are shown before the place where two long texts differ.
const CONTEXT: usize = 16;

/// The most bytes of a path that is shown.
const MAX_PATH: usize = 200;

/// The changes between two values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff {
    changes: Vec<Change>,
    count: usize,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The path, such as `parameters.tables[0].name`.
    pub path: String,
    /// What happens there.
    pub kind: ChangeKind,
}

/// What happens to a value; values as they are shown, none for secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "old and new are the values")]
pub enum ChangeKind {
    /// It is new.
    Added { new: Option<String> },
    /// It goes away.
    Removed { old: Option<String> },
    /// It becomes another.
    Changed { values: Option<(String, String)> },
}

/// How much a text of changes may hold.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most lines.
    pub lines: usize,
    /// The most bytes.
    pub bytes: usize,
}

/// What fits into a consent form.
pub const CONSENT: Limits = Limits { lines: 20, bytes: 2000 };

impl Diff {
    /// Compares two values, such as a configuration before and after, together with its name and description.
    pub fn of(old: &Value, new: &Value) -> Self {
        let mut diff = Self::default();
        diff.compare(&mut String::new(), false, old, new);
        diff
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The number of changes.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The changes, the first 200 of them.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// One change on each line, within limits; the last line counts those that did not fit.
    pub fn text(&self, limits: Limits) -> String {
        if self.is_empty() {
            return "nothing changes".to_owned();
        }
        // Room for the last line.
        let bytes = limits.bytes.saturating_sub(40);
        let mut text = String::new();
        let mut shown = 0_usize;
        for change in &self.changes {
            let line = change.line();
            let is_last_line = shown.saturating_add(1) >= limits.lines && self.count > limits.lines;
            if is_last_line || text.len().saturating_add(line.len()) >= bytes {
                break;
            }
            text.push_str(&line);
            text.push('\n');
            shown = shown.saturating_add(1);
        }
        let left = self.count.saturating_sub(shown);
        let noun = if left == 1 { "change" } else { "changes" };
        match left {
            0 => {
                text.pop();
                text
            }
            _ if shown == 0 => format!("{left} {noun}"),
            _ => format!("{text}… and {left} more {noun}"),
        }
    }

    /// The changes in one sentence: how many of each kind, and where.
    pub fn summary(&self) -> String {
        let (mut changed, mut added, mut removed) = (Vec::new(), Vec::new(), Vec::new());
        for change in &self.changes {
            let kind = match change.kind {
                ChangeKind::Changed { .. } => &mut changed,
                ChangeKind::Added { .. } => &mut added,
                ChangeKind::Removed { .. } => &mut removed,
            };
            kind.push(change.path.as_str());
        }
        let mut parts = Vec::new();
        for (verb, paths) in [("changed", changed), ("added", added), ("removed", removed)] {
            if let Some(named) = paths.get(..paths.len().min(5)).filter(|named| !named.is_empty()) {
                let more = if paths.len() > named.len() { ", …" } else { "" };
                parts.push(format!("{verb} {} ({}{more})", paths.len(), named.join(", ")));
            }
        }
        match self.count.saturating_sub(self.changes.len()) {
            0 if parts.is_empty() => return "Nothing changed.".to_owned(),
            0 => {}
            more => parts.push(format!("and {more} more changes")),
        }
        let mut sentence = parts.join("; ");
        if let Some(first) = sentence.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        sentence + "."
    }

    fn compare(&mut self, path: &mut String, is_secret: bool, old: &Value, new: &Value) {
        if old == new || (is_empty_container(old) && is_empty_container(new)) {
            return;
        }
        match (old, new) {
            _ if is_secret => self.push(path, ChangeKind::Changed { values: None }),
            (Value::Object(_), Value::Object(_)) => self.compare_objects(path, old, new),
            (Value::Array(old), Value::Array(new)) => self.compare_arrays(path, old, new),
            (Value::String(old), Value::String(new)) => {
                self.push(path, ChangeKind::Changed { values: Some(texts(old, new)) });
            }
            _ => self.push(path, ChangeKind::Changed { values: Some((shown(old), shown(new))) }),
        }
    }

    fn compare_objects(&mut self, path: &mut String, old: &Value, new: &Value) {
        let (Value::Object(old), Value::Object(new)) = (old, new) else { return };
        let length = path.len();
        for (key, was) in old {
            push_key(path, key);
            let is_secret = is_secret_key(key);
            match new.get(key) {
                Some(is) => self.compare(path, is_secret, was, is),
                None => {
                    let old = (!is_secret).then(|| shown(was));
                    self.push(path, ChangeKind::Removed { old });
                }
            }
            path.truncate(length);
        }
        for (key, is) in new.iter().filter(|(key, _)| !old.contains_key(*key)) {
            push_key(path, key);
            let new = (!is_secret_key(key)).then(|| shown(is));
            self.push(path, ChangeKind::Added { new });
            path.truncate(length);
        }
    }

    /// Arrays are compared item by item between what is the same at both ends.
    fn compare_arrays(&mut self, path: &mut String, old: &[Value], new: &[Value]) {
        let before = old.iter().zip(new).take_while(|(old, new)| old == new).count();
        let (old, new) =
            (old.get(before..).unwrap_or_default(), new.get(before..).unwrap_or_default());
        let after =
            old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count();
        let old = old.get(..old.len().saturating_sub(after)).unwrap_or_default();
        let new = new.get(..new.len().saturating_sub(after)).unwrap_or_default();
        let length = path.len();
        for at in 0..old.len().max(new.len()) {
            let _ = write!(path, "[{}]", before.saturating_add(at));
            match (old.get(at), new.get(at)) {
                (Some(old), Some(new)) => self.compare(path, false, old, new),
                (Some(old), None) => self.push(path, ChangeKind::Removed { old: Some(shown(old)) }),
                (None, Some(new)) => self.push(path, ChangeKind::Added { new: Some(shown(new)) }),
                (None, None) => {}
            }
            path.truncate(length);
        }
    }

    fn push(&mut self, path: &str, kind: ChangeKind) {
        self.count = self.count.saturating_add(1);
        if self.changes.len() < MAX_CHANGES {
            self.changes.push(Change { path: located(path), kind });
        }
    }
}

impl Change {
    /// The change on one line.
    pub fn line(&self) -> String {
        let path = &self.path;
        match &self.kind {
            ChangeKind::Added { new: Some(new) } => format!("{path}: added {new}"),
            ChangeKind::Added { new: None } => format!("{path}: secret added"),
            ChangeKind::Removed { old: Some(old) } => format!("{path}: removed {old}"),
            ChangeKind::Removed { old: None } => format!("{path}: secret removed"),
            ChangeKind::Changed { values: Some((old, new)) } => format!("{path}: {old} → {new}"),
            ChangeKind::Changed { values: None } => format!("{path}: secret changed"),
        }
    }
}

/// Whether a value is an empty object or an empty array, between which Keboola makes no difference.
fn is_empty_container(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

fn located(path: &str) -> String {
    if path.is_empty() {
        return "$".to_owned();
    }
    let mut end = path.len().min(MAX_PATH);
    while !path.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    let cut = if end < path.len() { "…" } else { "" };
    format!("{}{cut}", path.get(..end).unwrap_or_default())
}

fn shown(value: &Value) -> String {
    printable::json(value, MAX_VALUE)
}

/// Two texts, long ones from shortly before the place where they differ.
fn texts(old: &str, new: &str) -> (String, String) {
    let is_short = |text: &str| text.chars().nth(MAX_VALUE.saturating_sub(2)).is_none();
    if is_short(old) && is_short(new) {
        return (printable::quoted(old, MAX_VALUE), printable::quoted(new, MAX_VALUE));
    }
    let same = old.chars().zip(new.chars()).take_while(|(old, new)| old == new).count();
    let start = same.saturating_sub(CONTEXT);
    let from = |text: &str| {
        let skipped = text.char_indices().nth(start).map_or(text.len(), |(at, _)| at);
        let rest = printable::quoted(text.get(skipped..).unwrap_or_default(), MAX_VALUE);
        if start > 0 { format!("…{rest}") } else { rest }
    };
    (from(old), from(new))
}

#[cfg(test)]
#[path = "diff_tests.rs"]
mod tests;
