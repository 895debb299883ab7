//! Enough of GraphQL to read a query: fields with aliases, arguments, variables and what is selected.
//! Fragments and directives are refused.

use serde_json::{Map, Value};

/// A field of a selection.
#[derive(Debug, PartialEq)]
pub(super) struct Field {
    /// The name that the answer has it by.
    pub(super) alias: String,
    pub(super) name: String,
    pub(super) arguments: Map<String, Value>,
    pub(super) fields: Vec<Self>,
}

/// The fields of a query, its variables filled in.
pub(super) fn read(query: &str, variables: &Value) -> Result<Vec<Field>, String> {
    let tokens = tokens(query)?;
    let start = tokens.iter().position(|token| token == "{").ok_or("a selection is missing")?;
    let rest = tokens.into_iter().skip(start).collect::<Vec<_>>();
    let mut reader = Reader { tokens: rest, at: 0, variables, depth: 0 };
    reader.selection()
}

fn tokens(query: &str) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    let mut rest = query.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if first == '#' {
            rest = rest.split_once('\n').map_or("", |(_, after)| after).trim_start();
            continue;
        } else if first == '"' {
            let end =
                rest.get(1..).and_then(|inner| inner.find('"')).ok_or("a string has no end")?;
            end.saturating_add(2)
        } else if rest.starts_with("...") || first == '@' {
            return Err("fragments and directives are not supported".to_owned());
        } else if is_part(first) {
            rest.find(|c| !is_part(c)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (token, after) = rest.split_at_checked(length).ok_or("a token is broken")?;
        found.push(token.to_owned());
        rest = after.trim_start_matches([' ', '\n', '\r', '\t', ',']);
    }
    Ok(found)
}

/// Whether a character is of a name, a variable or a number.
fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_$.-".contains(c)
}

struct Reader<'a> {
    tokens: Vec<String>,
    at: usize,
    variables: &'a Value,
    depth: u32,
}

impl Reader<'_> {
    fn peek(&self) -> &str {
        self.tokens.get(self.at).map_or("", String::as_str)
    }

    fn take(&mut self) -> String {
        let token = self.peek().to_owned();
        self.at = self.at.saturating_add(1);
        token
    }

    fn expect(&mut self, wanted: &str) -> Result<(), String> {
        let token = self.take();
        if token == wanted { Ok(()) } else { Err(format!("expected {wanted}, found \"{token}\"")) }
    }

    fn name(&mut self) -> Result<String, String> {
        let token = self.take();
        let is_name = token.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if is_name { Ok(token) } else { Err(format!("expected a name, found \"{token}\"")) }
    }

    fn deeper(&mut self) -> Result<(), String> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > 50 { Err("the query is nested too deeply".to_owned()) } else { Ok(()) }
    }

    fn selection(&mut self) -> Result<Vec<Field>, String> {
        self.deeper()?;
        self.expect("{")?;
        let mut fields = Vec::new();
        while self.peek() != "}" {
            fields.push(self.field()?);
        }
        self.expect("}")?;
        self.depth = self.depth.saturating_sub(1);
        Ok(fields)
    }

    fn field(&mut self) -> Result<Field, String> {
        let alias = self.name()?;
        let name = if self.peek() == ":" {
            self.take();
            self.name()?
        } else {
            alias.clone()
        };
        let arguments = if self.peek() == "(" { self.object("(", ")")? } else { Map::new() };
        let fields = if self.peek() == "{" { self.selection()? } else { Vec::new() };
        Ok(Field { alias, name, arguments, fields })
    }

    fn object(&mut self, open: &str, close: &str) -> Result<Map<String, Value>, String> {
        self.expect(open)?;
        let mut found = Map::new();
        while self.peek() != close {
            let name = self.name()?;
            self.expect(":")?;
            found.insert(name, self.value()?);
        }
        self.expect(close)?;
        Ok(found)
    }

    fn value(&mut self) -> Result<Value, String> {
        match self.peek() {
            "{" => {
                self.deeper()?;
                let object = self.object("{", "}")?;
                self.depth = self.depth.saturating_sub(1);
                return Ok(Value::Object(object));
            }
            "[" => return self.list(),
            _ => {}
        }
        let token = self.take();
        if let Some(name) = token.strip_prefix('$') {
            return Ok(self.variables.get(name).cloned().unwrap_or_default());
        }
        if let Some(text) = token.strip_prefix('"') {
            return Ok(Value::from(text.trim_end_matches('"')));
        }
        if token.is_empty() || token.starts_with(|c: char| "{}[]():".contains(c)) {
            return Err(format!("expected a value, found \"{token}\""));
        }
        Ok(serde_json::from_str(&token).unwrap_or(Value::from(token)))
    }

    fn list(&mut self) -> Result<Value, String> {
        self.deeper()?;
        self.expect("[")?;
        let mut items = Vec::new();
        while self.peek() != "]" {
            items.push(self.value()?);
        }
        self.expect("]")?;
        self.depth = self.depth.saturating_sub(1);
        Ok(Value::Array(items))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::read;

    #[test]
    fn fields_have_aliases_arguments_and_variables() {
        let query = r#"query Q($tag: string!) { viewer { accounts(filter: {accountTag: $tag}) {
            reads: kvGroups(limit: 10, orderBy: [date_ASC], filter: {a: "x y", b: 1.5}) { sum { n } }
        } } }"#;
        let found = read(query, &json!({ "tag": "t" })).unwrap();
        let accounts = &found[0].fields[0];
        assert_eq!(accounts.arguments["filter"], json!({ "accountTag": "t" }));
        let reads = &accounts.fields[0];
        assert_eq!((reads.alias.as_str(), reads.name.as_str()), ("reads", "kvGroups"));
        assert_eq!(reads.arguments["filter"], json!({ "a": "x y", "b": 1.5 }));
        assert_eq!(reads.arguments["orderBy"], json!(["date_ASC"]));
        assert_eq!(reads.fields[0].fields[0].name, "n");
    }

    #[test]
    fn broken_queries_are_errors() {
        for query in ["", "{", "{ a(", "{ a(b:) }", "{ a { } ", "{ ...f }", "{ a(b: \"c) }"] {
            assert!(read(query, &json!({})).is_err(), "{query}");
        }
        let deep = "{a".repeat(200);
        assert!(read(&deep, &json!({})).is_err());
    }
}
