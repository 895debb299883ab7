//! `parameter_updates` of update_sql_transformation: blocks, codes and scripts by their ids.
//!
//! Ids are those from before the call until its end: a block that the call adds has none, and none moves.
//! Invariant: all updates take effect, or none.

use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use super::{
    blocks::{Block, Blocks, BlocksError, Code},
    statements::{MAX_SQL_CHARACTERS, TooMuchSql},
};
use crate::configuration::printable::{described, quoted};

/// The most updates of one call.
const MAX_UPDATES: usize = 200;

/// The characters of a script that are shown in the answer.
const SNIPPET: usize = 150;

/// The most bytes of the blocks that are shown in the answer.
const MAX_STRUCTURE: usize = 20_000;

/// One update.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are the tool's arguments")]
pub enum TransformationUpdate {
    /// Adds a block.
    AddBlock {
        block: BlockInput,
        #[serde(default)]
        position: Position,
    },
    /// Removes a block with its codes.
    RemoveBlock { block_id: String },
    /// Gives a block another name.
    RenameBlock { block_id: String, block_name: String },
    /// Adds a code to a block.
    AddCode {
        block_id: String,
        code: CodeInput,
        #[serde(default)]
        position: Position,
    },
    /// Removes a code.
    RemoveCode { block_id: String, code_id: String },
    /// Gives a code another name.
    RenameCode { block_id: String, code_id: String, code_name: String },
    /// Replaces the script of a code.
    SetCode { block_id: String, code_id: String, script: String },
    /// Adds SQL to the script of a code.
    AddScript {
        block_id: String,
        code_id: String,
        script: String,
        #[serde(default)]
        position: Position,
    },
    /// Replaces a text in one code, in the codes of a block, or in all.
    StrReplace {
        #[serde(default)]
        block_id: Option<String>,
        #[serde(default)]
        code_id: Option<String>,
        search_for: String,
        replace_with: String,
    },
}

/// Where something is added.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Position {
    /// Before all others.
    Start,
    /// After all others.
    #[default]
    End,
}

/// A block to add.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the fields are the tool's arguments")]
pub struct BlockInput {
    pub name: String,
    pub codes: Vec<CodeInput>,
}

/// A code to add.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the fields are the tool's arguments")]
pub struct CodeInput {
    pub name: String,
    pub script: String,
}

/// Parameters after the updates.
#[derive(Debug, Clone, PartialEq)]
pub struct Updated {
    /// The parameters to store.
    pub parameters: Value,
    /// What was changed; with the blocks and their ids where these have changed.
    pub change_summary: String,
}

/// Why the updates were refused; nothing was changed then.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum OperationError {
    /// The list or an update in it has another form.
    #[error("parameter_updates{}: {problem}", index.map(|at| format!("[{at}]")).unwrap_or_default())]
    Form { index: Option<usize>, problem: String },
    /// An update cannot be made.
    #[error("parameter_updates[{index}] ({op}): {problem}")]
    Refused { index: usize, op: &'static str, problem: String },
    /// The stored parameters are not those of a transformation.
    #[error(transparent)]
    Blocks(#[from] BlocksError),
    /// The result has too much SQL.
    #[error(transparent)]
    TooMuch(#[from] TooMuchSql),
}

/// Reads the argument `parameter_updates`.
pub fn read(argument: &Value) -> Result<Vec<TransformationUpdate>, OperationError> {
    let form = |index, problem| OperationError::Form { index, problem };
    let Value::Array(items) = argument else {
        return Err(form(
            None,
            format!("expected an array of updates, found {}", described(argument)),
        ));
    };
    if items.len() > MAX_UPDATES {
        let problem = format!("expected at most {MAX_UPDATES} updates, found {}", items.len());
        return Err(form(None, problem));
    }
    let read = |(index, item): (usize, &Value)| {
        let update = TransformationUpdate::deserialize(item);
        update.map_err(|error| form(Some(index), error.to_string()))
    };
    items.iter().enumerate().map(read).collect()
}

/// The parameters of a transformation after all updates, one after the other.
pub fn apply(
    parameters: &Value,
    updates: &[TransformationUpdate],
) -> Result<Updated, OperationError> {
    let mut blocks = Blocks::of(parameters)?;
    let mut messages = Vec::new();
    for (index, update) in updates.iter().enumerate() {
        let refused = |problem| OperationError::Refused { index, op: update.op(), problem };
        messages.push(blocks.update(update).map_err(refused)?);
    }
    if updates.iter().any(TransformationUpdate::moves_ids) {
        blocks.number();
        messages.push(blocks.structure());
    }
    let change_summary = messages.join("\n");
    Ok(Updated { parameters: blocks.into_parameters()?, change_summary })
}

impl TransformationUpdate {
    /// The name of the operation.
    pub fn op(&self) -> &'static str {
        match self {
            Self::AddBlock { .. } => "add_block",
            Self::RemoveBlock { .. } => "remove_block",
            Self::RenameBlock { .. } => "rename_block",
            Self::AddCode { .. } => "add_code",
            Self::RemoveCode { .. } => "remove_code",
            Self::RenameCode { .. } => "rename_code",
            Self::SetCode { .. } => "set_code",
            Self::AddScript { .. } => "add_script",
            Self::StrReplace { .. } => "str_replace",
        }
    }

    /// Whether blocks or codes have other ids after it.
    fn moves_ids(&self) -> bool {
        matches!(
            self,
            Self::AddBlock { .. }
                | Self::RemoveBlock { .. }
                | Self::AddCode { .. }
                | Self::RemoveCode { .. }
        )
    }
}

impl Blocks {
    /// Makes one update, and says what it did.
    fn update(&mut self, update: &TransformationUpdate) -> Result<String, String> {
        use TransformationUpdate as Update;
        match update {
            Update::AddBlock { block, position } => {
                let added = Block::try_from(block)?;
                insert(&mut self.blocks, added, *position);
                Ok(format!("Added the block {}.", quoted(&block.name, 80)))
            }
            Update::RemoveBlock { block_id } => {
                let place = self.place(block_id)?;
                let removed = self.blocks.remove(place);
                Ok(format!("Removed the block {}.", quoted(&removed.name, 80)))
            }
            Update::RenameBlock { block_id, block_name } => {
                named(block_name, "block_name")?;
                block_name.clone_into(&mut self.block(block_id)?.name);
                Ok(format!("Renamed the block {block_id} to {}.", quoted(block_name, 80)))
            }
            Update::AddCode { block_id, code, position } => {
                let added = Code::try_from(code)?;
                insert(&mut self.block(block_id)?.codes, added, *position);
                Ok(format!("Added the code {} to the block {block_id}.", quoted(&code.name, 80)))
            }
            Update::RemoveCode { block_id, code_id } => {
                let block = self.block(block_id)?;
                let place = block.place(code_id)?;
                let removed = block.codes.remove(place);
                Ok(format!(
                    "Removed the code {} from the block {block_id}.",
                    quoted(&removed.name, 80)
                ))
            }
            Update::RenameCode { block_id, code_id, code_name } => {
                named(code_name, "code_name")?;
                code_name.clone_into(&mut self.code(block_id, code_id)?.name);
                Ok(format!("Renamed the code {code_id} to {}.", quoted(code_name, 80)))
            }
            Update::SetCode { block_id, code_id, script } => {
                named(script, "script")?;
                self.code(block_id, code_id)?.set_script(script.clone());
                Ok(format!("Replaced the script of the code {code_id}."))
            }
            Update::AddScript { block_id, code_id, script, position } => {
                named(script, "script")?;
                self.code(block_id, code_id)?.add_script(script, *position);
                Ok(format!("Added SQL to the code {code_id}."))
            }
            Update::StrReplace { block_id, code_id, search_for, replace_with } => {
                let scope = (block_id.as_deref(), code_id.as_deref());
                self.str_replace(scope, search_for, replace_with)
            }
        }
    }

    fn str_replace(
        &mut self,
        scope: (Option<&str>, Option<&str>),
        search_for: &str,
        replace_with: &str,
    ) -> Result<String, String> {
        let search = || quoted(search_for, 60);
        if search_for.is_empty() {
            return Err("search_for is empty: expected the text to replace".to_owned());
        }
        if search_for == replace_with {
            return Err(format!("search_for and replace_with are the same: {}", search()));
        }
        let place = match scope {
            (None, None) => "the transformation".to_owned(),
            (Some(block), None) => format!("the block {block}"),
            (Some(_), Some(code)) => format!("the code {code}"),
            (None, Some(_)) => return Err("code_id: expected block_id beside it".to_owned()),
        };
        let mut codes: Vec<&mut Code> = match scope {
            (Some(block), Some(code)) => vec![self.code(block, code)?],
            (Some(block), None) => self.block(block)?.codes.iter_mut().collect(),
            _ => self.blocks.iter_mut().flat_map(|block| &mut block.codes).collect(),
        };
        let count: usize = codes.iter().map(|code| code.script().matches(search_for).count()).sum();
        if count == 0 {
            return Err(format!("the text {} was not found in {place}", search()));
        }
        // More than a transformation takes is not even built.
        let added = replace_with.len().saturating_sub(search_for.len()).saturating_mul(count);
        if added > MAX_SQL_CHARACTERS.saturating_mul(4) {
            return Err(TooMuchSql(added).to_string());
        }
        for code in codes.iter_mut().filter(|code| code.script().contains(search_for)) {
            let script = code.script().replace(search_for, replace_with);
            code.set_script(script);
        }
        let times = if count == 1 { "once".to_owned() } else { format!("{count} times") };
        Ok(format!("Replaced {} {times} in {place}.", search()))
    }

    fn place(&self, block_id: &str) -> Result<usize, String> {
        let found = self.blocks.iter().position(|block| block.id.as_deref() == Some(block_id));
        let known = || listed(self.blocks.iter().map(|block| block.id.as_deref()));
        found.ok_or_else(|| format!("there is no block {}: {}", quoted(block_id, 40), known()))
    }

    fn block(&mut self, block_id: &str) -> Result<&mut Block, String> {
        let place = self.place(block_id)?;
        self.blocks.get_mut(place).ok_or_else(|| "there is no such block".to_owned())
    }

    fn code(&mut self, block_id: &str, code_id: &str) -> Result<&mut Code, String> {
        let block = self.block(block_id)?;
        let place = block.place(code_id)?;
        block.codes.get_mut(place).ok_or_else(|| "there is no such code".to_owned())
    }

    /// The blocks with their ids, and the beginning of each script.
    fn structure(&self) -> String {
        let mut text = "The blocks and codes have these ids now:".to_owned();
        if self.blocks.is_empty() {
            return "The transformation has no blocks now.".to_owned();
        }
        for block in &self.blocks {
            let id = block.id.as_deref().unwrap_or_default();
            text.push_str(&format!("\n- block {id}: {}", quoted(&block.name, 80)));
            for code in &block.codes {
                let id = code.id.as_deref().unwrap_or_default();
                let script = quoted(code.script().trim(), SNIPPET);
                text.push_str(&format!("\n  - code {id}: {}: {script}", quoted(&code.name, 80)));
            }
            if text.len() > MAX_STRUCTURE {
                text.push_str("\n- … read the configuration for the other ids");
                break;
            }
        }
        text
    }
}

impl Block {
    fn place(&self, code_id: &str) -> Result<usize, String> {
        let found = self.codes.iter().position(|code| code.id.as_deref() == Some(code_id));
        let known = || listed(self.codes.iter().map(|code| code.id.as_deref()));
        let block = self.id.as_deref().unwrap_or_default();
        found.ok_or_else(|| {
            format!("there is no code {} in the block {block}: {}", quoted(code_id, 40), known())
        })
    }
}

impl Code {
    /// Adds SQL on lines of its own, so that a comment at the end of the other does not swallow it.
    fn add_script(&mut self, script: &str, position: Position) {
        let both = match position {
            _ if self.script().trim().is_empty() => script.to_owned(),
            Position::Start => format!("{}\n\n{}", script.trim_end(), self.script()),
            Position::End => format!("{}\n\n{script}", self.script().trim_end()),
        };
        self.set_script(both);
    }
}

impl TryFrom<&BlockInput> for Block {
    type Error = String;

    fn try_from(block: &BlockInput) -> Result<Self, String> {
        named(&block.name, "block.name")?;
        let codes = block.codes.iter().map(Code::try_from).collect::<Result<_, _>>()?;
        Ok(Self::new(block.name.clone(), codes))
    }
}

impl TryFrom<&CodeInput> for Code {
    type Error = String;

    fn try_from(code: &CodeInput) -> Result<Self, String> {
        named(&code.name, "code.name")?;
        Ok(Self::new(code.name.clone(), code.script.clone()))
    }
}

fn insert<T>(list: &mut Vec<T>, item: T, position: Position) {
    match position {
        Position::Start => list.insert(0, item),
        Position::End => list.push(item),
    }
}

fn named(text: &str, argument: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err(format!("{argument}: expected a text that is not empty"));
    }
    Ok(())
}

fn listed<'i>(ids: impl Iterator<Item = Option<&'i str>>) -> String {
    let ids: Vec<&str> = ids.flatten().take(20).collect();
    if ids.is_empty() {
        "there are none".to_owned()
    } else {
        format!("expected one of {}", ids.join(", "))
    }
}

#[cfg(test)]
#[path = "operations_tests.rs"]
mod tests;
