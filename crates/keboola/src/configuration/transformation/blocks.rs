//! The parameters of a transformation: blocks of codes, each a script.
//!
//! Storage keeps a script as a list of statements; a person and a model see it as one text, with ids `b0` and
//! `b0.c0` by position. Invariant: what is not changed is written back as it was read: statements of other
//! codes, and members that this server does not know.

use serde_json::{Map, Value, json};
use thiserror::Error;

use super::statements::{MAX_SQL_CHARACTERS, TooMuchSql, join, split};
use crate::configuration::{normalise, printable::described};

/// The parameters of a transformation.
#[derive(Debug, Clone, PartialEq)]
pub struct Blocks {
    pub(super) blocks: Vec<Block>,
    others: Map<String, Value>,
}

/// A block.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    pub(super) id: Option<String>,
    pub(super) name: String,
    pub(super) codes: Vec<Code>,
    others: Map<String, Value>,
}

/// A code in a block.
#[derive(Debug, Clone, PartialEq)]
pub struct Code {
    pub(super) id: Option<String>,
    pub(super) name: String,
    script: String,
    /// The statements as they are stored; none once the script was changed.
    stored: Option<Value>,
    others: Map<String, Value>,
}

/// Parameters that are not those of a transformation.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("parameters of a transformation: expected {expected} at {at}, found {found}")]
pub struct BlocksError {
    /// What should be there.
    pub expected: &'static str,
    /// The path.
    pub at: String,
    /// What is there.
    pub found: String,
}

impl Blocks {
    /// Reads the parameters of a stored configuration, and numbers blocks and codes.
    pub fn of(parameters: &Value) -> Result<Self, BlocksError> {
        let mut others = members(parameters, "parameters")?;
        let blocks = items(others.remove("blocks"), "blocks")?;
        let read = |(at, block): (usize, Value)| Block::of(&block, &format!("blocks[{at}]"));
        let mut read = Self {
            blocks: blocks.into_iter().enumerate().map(read).collect::<Result<_, _>>()?,
            others,
        };
        read.number();
        Ok(read)
    }

    /// One block with these codes.
    pub(super) fn single(block: Block) -> Self {
        Self { blocks: vec![block], others: Map::new() }
    }

    /// The blocks with their ids, as they are shown: each script as one text.
    pub fn simplified(&self) -> Value {
        let code = |code: &Code| json!({ "id": code.id, "name": code.name, "script": code.script });
        let block = |block: &Block| {
            let codes: Vec<Value> = block.codes.iter().map(code).collect();
            json!({ "id": block.id, "name": block.name, "codes": codes })
        };
        json!({ "blocks": self.blocks.iter().map(block).collect::<Vec<Value>>() })
    }

    /// The parameters as Storage keeps them: each script in statements.
    pub fn into_parameters(self) -> Result<Value, TooMuchSql> {
        let codes = self.blocks.iter().flat_map(|block| &block.codes);
        let characters: usize = codes.map(|code| code.script.chars().count()).sum();
        if characters > MAX_SQL_CHARACTERS {
            return Err(TooMuchSql(characters));
        }
        let mut parameters = self.others;
        parameters
            .insert("blocks".to_owned(), self.blocks.into_iter().map(Block::into_value).collect());
        Ok(Value::Object(parameters))
    }

    /// Gives blocks and codes the ids of their positions.
    pub(super) fn number(&mut self) {
        for (at, block) in self.blocks.iter_mut().enumerate() {
            let id = format!("b{at}");
            for (at, code) in block.codes.iter_mut().enumerate() {
                code.id = Some(format!("{id}.c{at}"));
            }
            block.id = Some(id);
        }
    }
}

impl Block {
    /// A block that is not stored yet.
    pub(super) fn new(name: String, codes: Vec<Code>) -> Self {
        Self { id: None, name, codes, others: Map::new() }
    }

    fn of(block: &Value, at: &str) -> Result<Self, BlocksError> {
        let mut others = members(block, at)?;
        let name = text(others.remove("name"), &format!("{at}.name"))?;
        let codes = items(others.remove("codes"), &format!("{at}.codes"))?;
        let read = |(index, code): (usize, Value)| Code::of(&code, &format!("{at}.codes[{index}]"));
        let codes = codes.into_iter().enumerate().map(read).collect::<Result<_, _>>()?;
        Ok(Self { id: None, name, codes, others })
    }

    fn into_value(self) -> Value {
        let mut block = self.others;
        block.insert("name".to_owned(), self.name.into());
        block.insert("codes".to_owned(), self.codes.into_iter().map(Code::into_value).collect());
        Value::Object(block)
    }
}

impl Code {
    /// A code that is not stored yet.
    pub(super) fn new(name: String, script: String) -> Self {
        Self { id: None, name, script, stored: None, others: Map::new() }
    }

    fn of(code: &Value, at: &str) -> Result<Self, BlocksError> {
        let mut others = members(code, at)?;
        let name = text(others.remove("name"), &format!("{at}.name"))?;
        let stored = others.remove("script").unwrap_or_else(|| json!([]));
        let at = format!("{at}.script");
        let script = match &stored {
            Value::String(script) => script.clone(),
            Value::Array(statements) if statements.iter().all(Value::is_string) => {
                join(statements.iter().filter_map(Value::as_str))
            }
            other => return Err(unexpected("an array of statements", &at, other)),
        };
        Ok(Self { id: None, name, script, stored: Some(stored), others })
    }

    /// The script as one text.
    pub(super) fn script(&self) -> &str {
        &self.script
    }

    pub(super) fn set_script(&mut self, script: String) {
        self.script = script;
        self.stored = None;
    }

    fn into_value(self) -> Value {
        let mut code = self.others;
        let script = self.stored.unwrap_or_else(|| split(&self.script).into());
        code.insert("name".to_owned(), self.name.into());
        code.insert("script".to_owned(), script);
        Value::Object(code)
    }
}

fn members(value: &Value, at: &str) -> Result<Map<String, Value>, BlocksError> {
    normalise::into_object(value.clone()).ok_or_else(|| unexpected("an object", at, value))
}

fn items(value: Option<Value>, at: &str) -> Result<Vec<Value>, BlocksError> {
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => Ok(items),
        Some(other) => Err(unexpected("an array", at, &other)),
    }
}

fn text(value: Option<Value>, at: &str) -> Result<String, BlocksError> {
    match value {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text),
        Some(other) => Err(unexpected("a string", at, &other)),
    }
}

fn unexpected(expected: &'static str, at: &str, found: &Value) -> BlocksError {
    BlocksError { expected, at: at.to_owned(), found: described(found) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn scripts_are_one_text_with_ids_by_position() {
        let stored = json!({ "blocks": [
            { "name": "one", "codes": [{ "name": "a", "script": ["SELECT 1;", " SELECT 2; "] }] },
            { "name": "two", "codes": [{ "name": "b", "script": [] }, { "name": "c", "script": ["x"] }] },
        ] });
        let expected = json!({ "blocks": [
            { "id": "b0", "name": "one", "codes": [
                { "id": "b0.c0", "name": "a", "script": "SELECT 1;\n\nSELECT 2;\n\n" },
            ] },
            { "id": "b1", "name": "two", "codes": [
                { "id": "b1.c0", "name": "b", "script": "" }, { "id": "b1.c1", "name": "c", "script": "x\n\n" },
            ] },
        ] });
        assert_eq!(Blocks::of(&stored).unwrap().simplified(), expected);
    }

    #[test]
    fn what_is_not_changed_is_written_back_as_it_was() {
        let stored = json!({
            "query_timeout": 60,
            "blocks": [{ "name": "b", "color": 1, "codes": [
                { "name": "c", "id": "x", "script": ["SELECT 1; SELECT 2", "-- no statement", ""] },
                { "name": "d", "script": "SELECT 1" },
            ] }],
        });
        assert_eq!(Blocks::of(&stored).unwrap().into_parameters(), Ok(stored));
    }

    #[test]
    fn empty_parameters_have_no_blocks() {
        for parameters in [json!([]), json!({}), json!(null), json!({ "blocks": [] })] {
            let read = Blocks::of(&parameters).unwrap();
            assert_eq!(read.into_parameters(), Ok(json!({ "blocks": [] })));
        }
    }

    #[test]
    fn other_parameters_are_refused_with_the_place() {
        for (parameters, error) in [
            (json!(1), "expected an object at parameters, found the number 1"),
            (json!({ "blocks": {} }), "expected an array at blocks, found an empty object"),
            (json!({ "blocks": [1] }), "expected an object at blocks[0], found the number 1"),
            (
                json!({ "blocks": [{ "name": 1 }] }),
                "expected a string at blocks[0].name, found the number 1",
            ),
            (
                json!({ "blocks": [{ "codes": [{ "script": [1] }] }] }),
                "expected an array of statements at blocks[0].codes[0].script, found an array of 1 items",
            ),
        ] {
            let refused = Blocks::of(&parameters).unwrap_err().to_string();
            assert_eq!(refused, format!("parameters of a transformation: {error}"));
        }
    }

    #[test]
    fn the_sql_of_all_codes_together_is_bounded() {
        let half = "ž".repeat(MAX_SQL_CHARACTERS / 2);
        let blocks = |last: &str| {
            let codes = vec![
                Code::new("a".to_owned(), half.clone()),
                Code::new("b".to_owned(), half.clone()),
                Code::new("c".to_owned(), last.to_owned()),
            ];
            Blocks::single(Block::new("b".to_owned(), codes)).into_parameters()
        };
        assert!(blocks("").is_ok());
        assert_eq!(blocks("x"), Err(TooMuchSql(MAX_SQL_CHARACTERS + 1)));
    }

    proptest! {
        #[test]
        fn any_transformation_is_written_back_as_it_was(
            blocks in prop::collection::vec(prop::collection::vec(prop::collection::vec(".{0,12}", 0..3), 0..3), 0..3),
        ) {
            let codes = |codes: &Vec<Vec<String>>| -> Vec<Value> {
                codes.iter().map(|script| json!({ "name": "c", "script": script })).collect()
            };
            let blocks: Vec<Value> =
                blocks.iter().map(|block| json!({ "name": "b", "codes": codes(block) })).collect();
            let stored = json!({ "blocks": blocks });
            prop_assert_eq!(Blocks::of(&stored).unwrap().into_parameters(), Ok(stored));
        }
    }
}
