//! What a call changes, in words for the audit: `keboola/PROJECT/BRANCH/THING`.
//!
//! Invariant: ids stand in it and nothing else of the arguments; it is short, on one line, and the same for the
//! same things.

use serde_json::Value;

/// Characters of an id.
const LONGEST_ID: usize = 100;
/// Ids that are written out.
const MOST_IDS: usize = 8;

/// The whole of it. A project that is not known is left out.
pub(crate) fn whole(project: Option<&str>, branch: &str, thing: &str) -> String {
    let parts = ["keboola", project.unwrap_or_default(), branch, thing];
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("/")
}

/// The branch that a call asks for; empty where it asks for none.
pub(crate) fn asked_branch<'a>(argument: impl Fn(&str) -> Option<&'a Value>) -> String {
    argument("branch_id").map(id).unwrap_or_default()
}

/// The things that arguments name: items, a job, or a configuration with the rows that it is about.
/// `component` stands in where the tool has one of its own.
pub(crate) fn thing<'a>(
    argument: impl Fn(&str) -> Option<&'a Value>,
    component: Option<&str>,
) -> String {
    let one = |name: &str| argument(name).map(id).filter(|id| !id.is_empty());
    if let Some(updates) = argument("updates").and_then(Value::as_array) {
        return listed(updates.iter().filter_map(|update| update.get("item_id")).map(id));
    }
    if let Some(job) = one("job_id") {
        return format!("job/{job}");
    }
    let component = one("component_id").or_else(|| component.map(str::to_owned));
    let rows = argument("configuration_row_ids").and_then(Value::as_array);
    let rows = rows.map(|rows| listed(rows.iter().map(id))).filter(|rows| !rows.is_empty());
    let row = one("configuration_row_id").or(rows);
    let parts = [component, one("configuration_id"), row];
    let configuration = parts.into_iter().flatten().collect::<Vec<_>>().join("/");
    match configuration.is_empty() {
        true => one("table_id").unwrap_or_default(),
        false => configuration,
    }
}

/// Ids in a list, each once, with the number of those that are left out.
fn listed(ids: impl Iterator<Item = String>) -> String {
    let mut all: Vec<String> = ids.filter(|id| !id.is_empty()).collect();
    all.sort();
    all.dedup();
    let more = all.len().saturating_sub(MOST_IDS);
    all.truncate(MOST_IDS);
    let text = all.join(",");
    if more == 0 { text } else { format!("{text} and {more} more") }
}

/// An id on one line, cut.
fn id(value: &Value) -> String {
    let text = crate::api::plain(value);
    let shown: String = text.trim().chars().filter(|c| !c.is_control()).collect();
    crate::api::cut(&shown, LONGEST_ID)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(arguments: &Value) -> String {
        thing(|name| arguments.get(name), Some("own"))
    }

    #[test]
    fn ids_are_named_and_nothing_else() {
        for (arguments, expected) in [
            (json!({"component_id": "ex", "configuration_id": "7", "name": "n"}), "ex/7"),
            (json!({"configuration_id": "7"}), "own/7"),
            (
                json!({"component_id": "ex", "configuration_id": "7", "configuration_row_id": "r"}),
                "ex/7/r",
            ),
            (
                json!({"component_id": "ex", "configuration_id": "7", "configuration_row_ids": ["b", "a", "a"]}),
                "ex/7/a,b",
            ),
            (json!({"job_id": 12}), "job/12"),
            (
                json!({"updates": [{"item_id": "in.c-a.t", "description": "secret"}, {"item_id": "in.c-a"}]}),
                "in.c-a,in.c-a.t",
            ),
            (
                json!({"component_id": "e\nx", "configuration_id": "y".repeat(101)}),
                &format!("ex/{}…", "y".repeat(100)),
            ),
        ] {
            assert_eq!(of(&arguments), expected);
        }
        let many: Vec<Value> = (10..30).map(|n| json!({"item_id": n.to_string()})).collect();
        assert_eq!(of(&json!({"updates": many})), "10,11,12,13,14,15,16,17 and 12 more");
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        assert_eq!(whole(Some("58"), "main", "ex/7"), "keboola/58/main/ex/7");
        assert_eq!(whole(None, "", "ex/7"), "keboola/ex/7");
        assert_eq!(whole(Some("58"), "9", ""), "keboola/58/9");
    }
}
