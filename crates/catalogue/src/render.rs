//! Short texts for answers: the labelled fields of a shape.
//!
//! Invariant: the text says nothing that the data does not, and says when it is not everything.

use serde_json::{Map, Value};

use crate::operation::{Field, Shape};
use mcp_protocol::object::quoted;

/// Longest value that is shown, in characters.
const SHOWN: usize = 300;
/// Longest piece of an answer that is shown as it came, in characters.
const JSON_SHOWN: usize = 20_000;

type Record = Map<String, Value>;

/// The name of one item of a shape.
pub fn name(shape: &Shape) -> String {
    shape.name.replace('_', " ")
}

/// One record: its heading, then a line per labelled field.
pub fn record(shape: &Shape, record: &Record) -> String {
    let mut lines: Vec<String> = heading(shape, record).into_iter().collect();
    let fields = labelled(shape, record);
    lines.extend(fields.map(|(label, value)| format!("- {label}: {value}")));
    lines.join("\n")
}

/// A list: how many, then a line per record.
pub fn list(
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

/// JSON for a reader, cut at a sensible length. Where it holds texts of many lines (a diff, a file, a
/// log), they stand there as they are.
pub fn json(value: &Value) -> String {
    if !holds_lines(value) {
        return long(&format!("{value:#}"));
    }
    let mut out = String::new();
    unfold(&mut out, "", value);
    long(out.trim())
}

/// Compact JSON without the fields that are null.
pub fn compact(record: &Record) -> String {
    let mut out = String::new();
    write_record(&mut out, record);
    out
}

fn write_record(out: &mut String, record: &Record) {
    out.push('{');
    let set = record.iter().filter(|(_, inner)| !inner.is_null());
    for (at, (name, inner)) in set.enumerate() {
        out.push_str(if at > 0 { "," } else { "" });
        out.push_str(&quoted(name));
        out.push(':');
        write_value(out, inner);
    }
    out.push('}');
}

fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::Object(map) => write_record(out, map),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                write_value(out, item);
            }
            out.push(']');
        }
        Value::String(text) => out.push_str(&quoted(text)),
        other => out.push_str(&other.to_string()),
    }
}

fn holds_lines(value: &Value) -> bool {
    match value {
        Value::String(text) => text.trim_end().contains('\n'),
        Value::Array(items) => items.iter().any(holds_lines),
        Value::Object(map) => map.values().any(holds_lines),
        _ => false,
    }
}

/// A line for each value, under its path.
fn unfold(out: &mut String, path: &str, value: &Value) {
    match value {
        Value::Null => {}
        Value::String(text) if text.contains('\n') => {
            out.push_str(&format!("\n{path}:\n{}\n\n", text.trim_end()));
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                unfold(out, &format!("{path}[{at}]"), item);
            }
        }
        Value::Object(map) => {
            let dot = if path.is_empty() { "" } else { "." };
            map.iter().for_each(|(name, inner)| unfold(out, &format!("{path}{dot}{name}"), inner));
        }
        Value::String(text) => out.push_str(&format!("{path}: {text}\n")),
        other => out.push_str(&format!("{path}: {other}\n")),
    }
}

/// The end of a text for a reader, from a line's beginning on. False: it is not all of it.
pub fn tail(text: &str) -> (&str, bool) {
    if text.len() <= JSON_SHOWN {
        return (text, true);
    }
    let from = text.len().saturating_sub(JSON_SHOWN);
    let line = |at: &usize| text.as_bytes().get(*at) == Some(&b'\n');
    let from = (from..text.len()).find(line).map_or(from, |at| at.saturating_add(1));
    let from = (from..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    (text.get(from..).unwrap_or_default(), false)
}

/// At most that many characters, with `…` where something is missing.
pub fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// A text for a reader, cut at a sensible length.
pub fn long(text: &str) -> String {
    let short = cut(text, JSON_SHOWN);
    if short.len() == text.len() {
        return short;
    }
    format!("{short}\n(cut after {JSON_SHOWN} characters; the structured result has all of it)")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_of_many_lines_stand_as_they_are() {
        let diff = "--- a.php\n+++ a.php\n-old\n+new";
        let text = json(&json!({"success": true, "files": [{"path": "a.php", "diff": diff}]}));
        assert!(text.contains(diff) && text.contains("success: true"), "{text}");
        assert!(text.contains("files[0].path: a.php"), "{text}");
        assert_eq!(json(&json!({"a": "b"})), "{\n  \"a\": \"b\"\n}");
    }

    #[test]
    fn compact_json_leaves_out_what_is_null() {
        for (value, text) in [
            (
                json!({"a": null, "b": {"c": null}, "d": [1, null, {"e": "\"ü\n"}]}),
                "{\"b\":{},\"d\":[1,null,{\"e\":\"\\\"ü\\n\"}]}",
            ),
            (json!({}), "{}"),
            (json!({"a": true, "z": 1.5, "l": []}), "{\"a\":true,\"l\":[],\"z\":1.5}"),
        ] {
            assert_eq!(compact(value.as_object().unwrap()), text);
        }
    }

    #[test]
    fn a_tail_begins_with_a_line() {
        assert_eq!(tail("short"), ("short", true));
        let long = "ü".repeat(7_000) + "\nlast " + &"x".repeat(9_000);
        let (end, whole) = tail(&long);
        assert!(!whole && end.starts_with("last "), "{end}");
        let long = "ü".repeat(30_000);
        let (end, _) = tail(&long);
        assert!(end.len() <= JSON_SHOWN && end.starts_with('ü'));
    }
}
