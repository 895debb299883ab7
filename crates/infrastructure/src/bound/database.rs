//! Queries in a D1 database that is bound.

use serde_json::{Value, json};

use super::Ask;
use crate::{
    api::DatabaseError,
    host::Host,
    query::{Answer, AnswerError, Statement, only_reads},
};

/// Runs a statement, after the engine's plan of it showed that it only reads.
///
/// # Errors
/// Why there are no rows.
pub(crate) async fn query(
    host: &dyn Host,
    binding: &str,
    statement: &Statement,
) -> Result<Answer, DatabaseError> {
    let explain = statement.explain();
    let plan = host.ask(binding, Ask::rows(&explain, statement)).await?;
    if is_cut(&plan) || !only_reads(&opcodes(&plan)) {
        return Err(AnswerError::Writes.into());
    }
    let result = host.ask(binding, Ask::rows(&statement.sql, statement)).await?;
    let answer = Answer::read(&result.to_string(), statement.limits)?;
    Ok(Answer { truncated: answer.truncated || is_cut(&result), ..answer })
}

fn is_cut(result: &Value) -> bool {
    result.get("cut").and_then(Value::as_bool).unwrap_or_default()
}

/// The rows of a plan with their columns `opcode` and `p2`. A row without them is an opcode that nothing is known of.
fn opcodes(plan: &Value) -> Vec<Value> {
    let part = |name: &str| plan.get("results")?.get(name)?.as_array();
    let at = |name: &str| part("columns")?.iter().position(|column| column == name);
    let value = |row: &Value, at: Option<usize>| row.get(at?).cloned();
    let (opcode, p2) = (at("opcode"), at("p2"));
    let row = |row: &Value| json!({ "opcode": value(row, opcode), "p2": value(row, p2) });
    part("rows").into_iter().flatten().map(row).collect()
}
