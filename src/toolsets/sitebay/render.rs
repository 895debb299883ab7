//! Short texts for answers: the labelled fields of a shape.
//!
//! Invariant: the text says nothing that the data does not, and says when it is not everything.

use serde_json::{Map, Value};

use super::catalogue::{Field, Shape};
use crate::sitebay::cut;

/// Longest value that is shown, in characters.
const SHOWN: usize = 300;
/// Longest piece of an answer that is shown as it came, in characters.
const JSON_SHOWN: usize = 20_000;

type Record = Map<String, Value>;

/// What one of a shape is called.
pub(crate) fn name(shape: &Shape) -> String {
    shape.name.replace('_', " ")
}

/// One record: its heading, then a line per labelled field.
pub(crate) fn record(shape: &Shape, record: &Record) -> String {
    let mut lines: Vec<String> = heading(shape, record).into_iter().collect();
    let fields = labelled(shape, record);
    lines.extend(fields.map(|(label, value)| format!("- {label}: {value}")));
    lines.join("\n")
}

/// A list: how many, then a line per record.
pub(crate) fn list(
    shape: &Shape,
    plural: &str,
    records: &[Record],
    total: Option<u64>,
    truncated: bool,
) -> String {
    let mut lines = vec![count(shape, plural, records.len())];
    lines.extend(records.iter().map(|record| format!("- {}", line(shape, record))));
    if truncated {
        let all = total.map(|total| format!(" of {total}")).unwrap_or_default();
        let read = records.len();
        lines.push(format!("The list was cut: {read}{all} {plural} are shown, there are more."));
    }
    lines.join("\n")
}

fn count(shape: &Shape, plural: &str, count: usize) -> String {
    match count {
        0 => format!("No {plural}."),
        1 => format!("1 {}:", name(shape)),
        _ => format!("{count} {plural}:"),
    }
}

fn line(shape: &Shape, record: &Record) -> String {
    let heading = heading(shape, record).unwrap_or_else(|| "(no name)".into());
    let fields: Vec<String> =
        labelled(shape, record).map(|(label, value)| format!("{label} {value}")).collect();
    if fields.is_empty() { heading } else { format!("{heading}: {}", fields.join("; ")) }
}

fn heading(shape: &Shape, record: &Record) -> Option<String> {
    shown(record.get(shape.heading?)?)
}

fn labelled<'a>(
    shape: &'a Shape,
    record: &'a Record,
) -> impl Iterator<Item = (&'static str, String)> + 'a {
    let field = |field: &'a Field| Some((field.label?, shown(record.get(field.name)?)?));
    shape.fields.iter().filter_map(field)
}

/// A value for a reader; None for nothing.
fn shown(value: &Value) -> Option<String> {
    let text = match value {
        Value::Null => return None,
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        Value::Array(items) => items.iter().filter_map(shown).collect::<Vec<_>>().join(", "),
        Value::Object(map) => shown(map.get("fqdn").or_else(|| map.get("name"))?)?,
    };
    (!text.is_empty()).then(|| cut(&text, SHOWN))
}

/// JSON for a reader, cut at a sensible length.
pub(crate) fn json(value: &Value) -> String {
    long(&format!("{value:#}"))
}

/// A text for a reader, cut at a sensible length.
pub(crate) fn long(text: &str) -> String {
    let short = cut(text, JSON_SHOWN);
    if short.len() == text.len() {
        return short;
    }
    format!("{short}\n(cut after {JSON_SHOWN} characters; the structured result has all of it)")
}
