//! Answers that SiteBay should never give.

use serde_json::{Map, Value, json};

use super::{schema, setup::TOKEN};

/// An answer, and words of which the tool's result has one.
#[derive(Debug, Clone)]
pub struct Odd {
    pub status: u16,
    pub body: String,
    pub kind: &'static str,
    pub latin1: bool,
    pub told: Vec<&'static str>,
}

impl Odd {
    /// Whether the text of an answer says what came.
    pub fn is_told(&self, text: &str) -> bool {
        self.told.is_empty() || self.told.iter().any(|words| text.contains(words))
    }
}

fn odd(status: u16, body: impl Into<String>, told: &[&'static str]) -> Odd {
    let (body, told) = (body.into(), told.to_vec());
    Odd { status, body, kind: "application/json", latin1: false, told }
}

/// All of them, for a tool with this output schema.
pub fn answers(output: &Value) -> Vec<Odd> {
    [not_json(), not_an_object(), errors(), of_the_schema(output)].concat()
}

fn not_json() -> Vec<Odd> {
    let page = format!(
        "<!DOCTYPE html><script>var t='{TOKEN}'</script><h1>Down for maintenance</h1><p>{TOKEN}"
    );
    let unreadable = "not the JSON expected";
    let html =
        |status, told: &[&'static str]| Odd { kind: "text/html", ..odd(status, &*page, told) };
    let nothing = ["null", "empty", "not a list", "printed nothing"];
    vec![
        html(200, &[unreadable]),
        html(403, &["403 Forbidden: Down for maintenance"]),
        html(500, &["500 Internal Server Error: Down for maintenance"]),
        odd(200, "", &nothing),
        odd(204, "", &nothing),
        odd(200, " \r\n", &nothing),
        odd(200, "null", &nothing),
        odd(
            200,
            format!("{{\"id\": \"{TOKEN}\", \"http_auth_password\": \"secret-a"),
            &[unreadable],
        ),
        odd(200, format!("{{}} {TOKEN}"), &[unreadable]),
        odd(200, "\u{feff}<p>", &[unreadable]),
        odd(200, "[".repeat(100_000), &[unreadable]),
        odd(200, "[".repeat(10_000) + &"]".repeat(10_000), &[unreadable]),
        Odd {
            latin1: true, ..odd(200, format!("{{\"name\": \"Grüße {TOKEN}\"}}"), &[unreadable])
        },
    ]
}

fn not_an_object() -> Vec<Odd> {
    let number = ["7", "a number", "not a list"];
    let text = ["plain words", "a string", "not a list"];
    let array = ["[]", "an array", "No "];
    vec![
        odd(200, "7", &number),
        odd(200, "true", &["true", "a boolean", "not a list"]),
        odd(200, "\"plain words\"", &text),
        odd(200, "[]", &array),
        odd(200, r#"[null, 7, "plain words", [], {}]"#, &["plain words", "an array", "a number"]),
        odd(200, format!("\"{TOKEN} plain words\""), &text),
    ]
}

/// Errors whose bodies are not what the API's framework makes of them.
fn errors() -> Vec<Odd> {
    let secret = json!({ "input": "secret-given-password", "http_auth_password": "secret-a" });
    let fields = json!({ "detail": [
        { "loc": ["body", "team_id"], "msg": "is odd", "input": secret, "ctx": secret },
        { "loc": "body", "msg": 7, "input": secret }, 7, null,
    ] });
    let whole = json!({ "detail": [
        { "loc": ["body", 0, null], "msg": "is odd", "input": secret, "ctx": secret },
    ] });
    let told =
        |status: u16| if status == 400 { "400 Bad Request" } else { "422 Unprocessable Content" };
    let error = |status, body: Value| odd(status, body.to_string(), &[told(status)]);
    vec![
        error(400, json!(null)),
        error(400, json!([])),
        error(400, json!({ "detail": 7 })),
        error(400, json!({ "detail": { "token": TOKEN, "wordpress_password": "secret-b" } })),
        error(400, json!({ "oh": [TOKEN, { "code_server_password": "secret-c" }] })),
        error(422, fields),
        error(422, whole),
    ]
}

/// Objects and lists with the fields of the schema: none, null, of another type, and more.
fn of_the_schema(output: &Value) -> Vec<Odd> {
    let record = schema::record(output);
    let each = |value: fn(&Value) -> Value| -> Value {
        let fields = record.as_object().into_iter().flatten();
        fields.map(|(name, schema)| (name.clone(), value(schema))).collect::<Map<_, _>>().into()
    };
    let mut more = each(schema::right);
    more["nothing_of_the_kind"] = json!({ "site": [{ "http_auth_password": "secret-a" }] });
    more["message"] = json!(format!("{TOKEN} was used"));
    more["code_server_password"] = json!("secret-b");
    more["wordpress_password"] = json!({ "now": "secret-c" });
    more["warnings"] = json!(7);
    // An id may be followed by reads.
    more["id"] = Value::Null;
    let records = [json!({}), each(|_| Value::Null), each(schema::wrong), more];
    let whole = |body: &Value| odd(200, body.to_string(), &[]);
    match schema::lists(output) {
        true => records.iter().flat_map(lists).map(|list| whole(&list)).collect(),
        false => records.iter().map(whole).collect(),
    }
}

/// Lists of a record, as the API might write them.
fn lists(record: &Value) -> Vec<Value> {
    let list = json!([record, record, 7, null]);
    vec![
        record.clone(),
        json!({ "results": list, "count": "many", "limit": 0, "next": 7, "offset": null }),
        json!({ "results": [record], "count": 1e300, "limit": 1, "next": "?page=0", "offset": 0 }),
        json!({ "items": list, "total": -1, "size": 1e300, "next": "http://127.0.0.1:9/" }),
        json!({ "results": null, "items": { "0": record } }),
        list,
    ]
}
