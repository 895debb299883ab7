//! Metadata of buckets, tables, columns and configurations.

use serde_json::{Value, json};

use crate::moment;

pub(crate) const DESCRIPTION: &str = "KBC.description";
pub(crate) const SHARED_DESCRIPTION: &str = "KBC.sharedDescription";
pub(crate) const PROJECT_DESCRIPTION: &str = "KBC.projectDescription";
pub(crate) const BRANCH: &str = "KBC.createdBy.branch.id";
pub(crate) const FOLDER: &str = "KBC.configuration.folderName";

/// The value of a key in a list of metadata. Where several providers set it, the one named first
/// counts, else the latest. None: it is not set, or empty.
pub(crate) fn property<'a>(
    metadata: Option<&'a Value>,
    key: &str,
    provider: Option<&str>,
) -> Option<&'a str> {
    let of = |item: &&Value| item.get("key").and_then(Value::as_str) == Some(key);
    let found: Vec<&Value> = metadata?.as_array()?.iter().filter(of).collect();
    let by = |item: &&&Value| provider.is_some_and(|name| text(item, "provider") == Some(name));
    let when = |item: &&&Value| text(item, "timestamp").and_then(moment::parse).unwrap_or(i64::MIN);
    let chosen = found.iter().filter(by).max_by_key(when).or(found.iter().max_by_key(when))?;
    text(chosen, "value").filter(|value| !value.is_empty())
}

fn text<'a>(item: &'a Value, name: &str) -> Option<&'a str> {
    item.get(name)?.as_str()
}

/// The configuration that made something (`createdBy`) or changed it last (`lastUpdatedBy`).
pub(crate) fn reference(metadata: Option<&Value>, what: &str) -> Value {
    let keys = ["component", "configuration", "configurationRow"]
        .map(|part| format!("KBC.{what}.{part}.id"));
    let value = |at: usize| keys.get(at).and_then(|key| property(metadata, key, None));
    let (Some(component), Some(configuration)) = (value(0), value(1)) else {
        return Value::Null;
    };
    let items = metadata.and_then(Value::as_array).into_iter().flatten();
    let of = |item: &&Value| text(item, "key").is_some_and(|key| keys.iter().any(|k| k == key));
    let stamps = items.filter(of).filter_map(|item| text(item, "timestamp"));
    json!({
        "component_id": component,
        "configuration_id": configuration,
        "configuration_row_id": value(2),
        "configuration_name": null,
        "used_in": null,
        "timestamp": moment::latest(stamps),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_that_of_the_preferred_provider_then_the_latest() {
        let metadata = json!([
            {"key": "k", "value": "old", "provider": "user", "timestamp": "2026-01-01T00:00:00+0100"},
            {"key": "k", "value": "new", "provider": "system", "timestamp": "2026-02-01T00:00:00+0100"},
            {"key": "e", "value": ""},
        ]);
        assert_eq!(property(Some(&metadata), "k", None), Some("new"));
        assert_eq!(property(Some(&metadata), "k", Some("user")), Some("old"));
        assert_eq!(property(Some(&metadata), "k", Some("nobody")), Some("new"));
        assert_eq!(property(Some(&metadata), "e", None), None);
        assert_eq!(property(Some(&json!({})), "k", None), None);
        assert_eq!(property(None, "k", None), None);
    }

    #[test]
    fn what_made_something_needs_component_and_configuration() {
        let metadata = json!([
            {"key": "KBC.createdBy.component.id", "value": "c", "timestamp": "2026-01-01T00:00:00Z"},
            {"key": "KBC.createdBy.configuration.id", "value": "7", "timestamp": "2026-01-02T00:00:00Z"},
            {"key": "KBC.lastUpdatedBy.component.id", "value": "c"},
        ]);
        let made = reference(Some(&metadata), "createdBy");
        assert_eq!(made["configuration_id"], "7");
        assert_eq!(made["timestamp"], "2026-01-02T00:00:00Z");
        assert_eq!(reference(Some(&metadata), "lastUpdatedBy"), Value::Null);
    }
}
