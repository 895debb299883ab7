//! Invalid arguments: each is refused by name, and SiteBay receives no request.

use futures_util::{StreamExt as _, stream};
use sandbox::Generation;
use serde_json::{Value, json};

use super::{row::Row, rows::rows, setup::Setup, wrong};

/// Calls under way at once.
const AT_ONCE: usize = 8;

/// A call that is to be refused, and the word that names what is wrong with it.
struct Wrong {
    tool: String,
    arguments: Value,
    named: String,
}

impl Wrong {
    async fn refused(self, setup: &Setup) {
        let answer = setup.client.call(&self.tool, self.arguments.clone()).await;
        let (result, text) = (answer.result(), answer.tool_text());
        assert_eq!(result["isError"], true, "{} {}: {result}", self.tool, self.arguments);
        let named = format!("- {}", self.named);
        let names = |line: &&str| {
            line.strip_prefix(&named).is_some_and(|rest| rest.starts_with([':', '[']))
        };
        let line = text.lines().find(names);
        let line = line.unwrap_or_else(|| panic!("{} is not named: {text}", self.named));
        assert!(text.contains("nothing was done"), "{text}");
        assert!(line.chars().count() < 500, "{line}");
        assert!(!text.contains("secret-"), "{text}");
    }
}

/// Calls all of them, for one tool after the other.
async fn refused(setup: &Setup, calls: impl Fn(&Value, &Row) -> Vec<Wrong>) {
    let rows = rows();
    for tool in setup.tools().await {
        let row = rows.iter().find(|row| tool["name"] == row.tool).unwrap();
        let row = row.clone().with_id("6f1c2b1e-8f0a-4c57-9d0e-0a9b8c7d6e5f");
        let calls = calls(&tool, &row);
        let calls = stream::iter(calls).for_each_concurrent(AT_ONCE, |call| call.refused(setup));
        calls.await;
        let received = setup.sandbox().requests();
        assert!(received.is_empty(), "{}: {received:?}", row.tool);
    }
}

/// The row's call with another value; without one, without the parameter.
fn with(row: &Row, name: &str, value: Option<Value>) -> Wrong {
    let mut arguments = row.arguments.clone();
    let fields = arguments.as_object_mut().unwrap();
    match value {
        Some(value) => fields.insert(name.to_owned(), value),
        None => fields.remove(name),
    };
    Wrong { tool: row.tool.to_owned(), arguments, named: name.to_owned() }
}

fn properties(tool: &Value) -> Vec<(&str, &Value)> {
    let properties = tool["inputSchema"]["properties"].as_object().unwrap();
    properties.iter().map(|(name, schema)| (name.as_str(), schema)).collect()
}

#[tokio::test]
async fn a_value_that_does_not_fit_is_refused_by_the_name_of_its_parameter() {
    let setup = Setup::new(Generation::March).await;
    refused(&setup, |tool, row| {
        let mut calls = Vec::new();
        for (name, schema) in properties(tool) {
            let values = wrong::values(row.tool, name, schema);
            assert!(values.len() >= 4, "{name}");
            calls.extend(values.into_iter().map(|value| with(row, name, Some(value))));
        }
        calls
    })
    .await;
}

#[tokio::test]
async fn what_is_missing_or_unknown_is_named() {
    let setup = Setup::new(Generation::March).await;
    refused(&setup, |tool, row| {
        let mut calls = vec![with(row, "nothing_of_the_kind", Some(json!(1)))];
        for name in tool["inputSchema"]["required"].as_array().into_iter().flatten() {
            let name = name.as_str().unwrap();
            calls.push(with(row, name, None));
            calls.push(with(row, name, Some(Value::Null)));
        }
        for (name, _) in properties(tool) {
            calls.push(with(row, &format!("{name}_"), Some(json!("a"))));
            calls.push(with(row, &name.to_ascii_uppercase(), Some(json!("a"))));
        }
        for arguments in [json!([1]), json!("fqdn"), json!(7), json!(true)] {
            calls.push(Wrong {
                tool: row.tool.to_owned(),
                arguments,
                named: "arguments".to_owned(),
            });
        }
        calls
    })
    .await;
}

#[tokio::test]
async fn blocks_may_have_six_or_seven_brackets_and_windows_line_ends() {
    let setup = Setup::new(Generation::March).await;
    let mut tried = 0;
    for (brackets, end) in [(6, "\n"), (7, "\n"), (6, "\r\n"), (7, "\r\n")] {
        let block = block(brackets, end);
        for row in rows() {
            let mut arguments = row.arguments.clone();
            if put(&mut arguments, &block) {
                let (answer, received) = setup.call(row.tool, arguments).await;
                assert_eq!(received.len(), 1, "{}: {answer:?}", row.tool);
                tried += 1;
            }
        }
    }
    assert_eq!(tried, 6 * 4);
}

fn block(brackets: usize, end: &str) -> String {
    let marker = |mark: &str| mark.repeat(brackets);
    let (first, last) = (marker("<") + " SEARCH", marker(">") + " REPLACE");
    [&first, "old", &marker("="), "new", &last].join(end)
}

/// Puts the block where arguments have one; whether they have.
fn put(arguments: &mut Value, block: &str) -> bool {
    match arguments {
        Value::Array(items) => items.iter_mut().any(|item| put(item, block)),
        Value::Object(fields) => fields.iter_mut().any(|(name, value)| {
            if name.ends_with("search_replace_blocks") {
                *value = json!(block);
                return true;
            }
            put(value, block)
        }),
        _ => false,
    }
}
