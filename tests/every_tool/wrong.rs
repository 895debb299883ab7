//! Values that do not fit a parameter, from what its schema says, and from its name where schemas
//! cannot say it.

use serde_json::{Value, json};

const HOSTS: [&str; 10] = [
    "https://a.example.com",
    "a.example.com:8080",
    "a.example.com/wp-admin",
    "a.example.com?b=c",
    "ada@a.example.com",
    "../team",
    "a b.example.com",
    "a%2fb.example.com",
    "127.0.0.1",
    "localhost",
];
const CLIMBING: [&str; 9] = [
    "../wp-config.php",
    "wp-content/../wp-config.php",
    "wp-content/themes/../../wp-config.php",
    "themes/../../../etc/passwd",
    "wp-content/..",
    "/etc/passwd",
    "/bitnami/wordpress/wp-config.php",
    "wp-content\\..\\wp-config.php",
    "wp-content/a\u{0}.php",
];
const BLOCKS: [&str; 9] = [
    "",
    "new text",
    "<<<<< SEARCH\na\n=====\nb\n>>>>> REPLACE",
    "<<<<<<<< SEARCH\na\n========\nb\n>>>>>>>> REPLACE",
    "<<<<<<< SEARCH\na\n>>>>>>> REPLACE",
    "<<<<<<< SEARCH\na\n=======\nb",
    "<<<<<<< SEARCH\na",
    ">>>>>>> REPLACE\na\n=======\nb\n<<<<<<< SEARCH",
    "<<<<<<< SEARCH a ======= b >>>>>>> REPLACE",
];
const UUIDS: [&str; 6] = [
    "1",
    "6f1c2b1e8f0a4c579d0e0a9b8c7d6e5f",
    "6f1c2b1e-8f0a-4c57-9d0e-0a9b8c7d6e5",
    "6f1c2b1e-8f0a-4c57-9d0e-0a9b8c7d6e5g",
    "{6f1c2b1e-8f0a-4c57-9d0e-0a9b8c7d6e5f}",
    "6f1c2b1e-8f0a-4c57-9d0e-0a9b8c7d6e5f/../..",
];
const TIMES: [&str; 7] = [
    "yesterday",
    "20.11.2026 08:00",
    "2026-11-20",
    "2026-11-20T08:00:00",
    "2026-02-30T08:00:00Z",
    "2026-11-20T25:00:00Z",
    "1795161600",
];
const DATES: [&str; 5] =
    ["tomorrow", "20.11.2026", "2026-02-30", "2026-13-01", "2026-11-20T08:00:00Z"];
const EMAILS: [&str; 6] =
    ["ada", "ada@example", "@example.com", "a b@example.com", "a@b@example.com", "ada@"];
const URL_PATHS: [&str; 4] = ["wp-admin", "https://a.example.com/", "//a.example.com/", "/a\nb"];
const JSON_TEXTS: [&str; 4] = ["{", "[]", "7", "{\"a\":1} b"];

/// Invalid values of a parameter of this tool.
pub fn values(tool: &str, name: &str, schema: &Value) -> Vec<Value> {
    match schema["type"].as_str().unwrap() {
        "string" => texts(tool, name, schema),
        "integer" => numbers(schema),
        "boolean" => vec![json!("true"), json!("yes"), json!(1), json!(0), json!([]), json!({})],
        "array" => lists(tool, schema),
        "object" => vec![json!("{}"), json!(7), json!(true), json!([{}])],
        other => panic!("{tool}: {name} is of the type {other}"),
    }
}

fn texts(tool: &str, name: &str, schema: &Value) -> Vec<Value> {
    let of_other_type = [json!(7), json!(1.5), json!(true), json!(["a"]), json!({ "a": "b" })];
    let mut wrong = of_other_type.to_vec();
    wrong.extend(of_format(tool, name, schema).iter().map(|text| json!(text)));
    if let Some(most) = schema["maxLength"].as_u64() {
        wrong.push(json!("a".repeat(usize::try_from(most).unwrap() + 1)));
    }
    if schema["minLength"].as_u64().is_some() {
        wrong.push(json!(""));
    }
    if schema["enum"].is_array() {
        wrong.extend([json!("nothing of the kind"), json!("get;post")]);
    }
    wrong
}

fn of_format(tool: &str, name: &str, schema: &Value) -> &'static [&'static str] {
    match (schema["format"].as_str(), name) {
        (Some("uuid"), _) => &UUIDS,
        (Some("date-time"), _) => &TIMES,
        (Some("date"), _) => &DATES,
        (Some("email"), _) => &EMAILS,
        _ if schema["pattern"] == "^/" => &URL_PATHS,
        (_, "fqdn" | "new_fqdn" | "hostname" | "external_name") => &HOSTS,
        (_, "file_path") => &CLIMBING,
        (_, "path") if tool == "sitebay_file_tree" => &CLIMBING,
        (_, "query_params_json") => &JSON_TEXTS,
        _ if name.ends_with("search_replace_blocks") => &BLOCKS,
        _ => &[],
    }
}

fn numbers(schema: &Value) -> Vec<Value> {
    let mut wrong =
        vec![json!("5"), json!(1.5), json!(true), json!([1]), json!({}), json!(1e300), json!(-7)];
    if let Some(least) = schema["minimum"].as_i64() {
        wrong.push(json!(least - 1));
    }
    if let Some(most) = schema["maximum"].as_i64() {
        wrong.extend([json!(most + 1), json!(i64::MAX)]);
    }
    wrong
}

fn lists(tool: &str, schema: &Value) -> Vec<Value> {
    let mut wrong = vec![json!("a"), json!({}), json!(7), json!([7]), json!([null]), json!([[]])];
    if schema["minItems"].as_u64().is_some() {
        wrong.push(json!([]));
    }
    if schema["items"]["type"] == "object" {
        wrong.extend(objects(tool, &schema["items"]));
    }
    wrong
}

/// Lists of objects of which each has one thing wrong.
fn objects(tool: &str, schema: &Value) -> Vec<Value> {
    let right = json!({
        "file_path": "wp-content/a.php",
        "key": "sections/hero.liquid",
        "search_replace_blocks": "<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE",
    });
    let properties = schema["properties"].as_object().unwrap();
    let right: Value = properties.keys().map(|name| (name.clone(), right[name].clone())).collect();
    let mut more = right.clone();
    more["nothing_of_the_kind"] = json!(1);
    let mut wrong = vec![json!(["a"]), json!([right, {}]), json!([more])];
    for (name, schema) in properties {
        let mut less = right.clone();
        less.as_object_mut().unwrap().remove(name);
        wrong.push(json!([less]));
        for value in values(tool, name, schema) {
            let mut one = right.clone();
            one[name] = value;
            wrong.push(json!([right, one]));
        }
    }
    wrong
}
