//! Reads some things by their ids, of which a few may fail without the others.
//!
//! Invariant: a read of which nothing was found is a failure; otherwise each id is found, or named with
//! the reason why it is not.

use mcp_server::client_request::Stop;
use serde_json::{Value, json};

use crate::{
    api::ApiError,
    call::{ShortCircuit, all, failed, sentence},
};

/// Why one of them was not read.
#[derive(Debug)]
pub(super) enum Missed {
    /// It is not there, or not for this token.
    NotFound(String),
    /// The service failed; another try may succeed.
    Failed(String),
    /// The whole call goes on elsewhere, or later.
    Stop(Stop),
}

impl From<ApiError> for Missed {
    fn from(error: ApiError) -> Self {
        let why = sentence(&error);
        match (&error, error.status()) {
            (_, Some(408 | 429)) => Self::Failed(why),
            (ApiError::BadPath, _) | (_, Some(400..500)) => Self::NotFound(why),
            _ => Self::Failed(why),
        }
    }
}

impl From<ShortCircuit> for Missed {
    fn from(reason: ShortCircuit) -> Self {
        match reason {
            ShortCircuit::Failed(why) => Self::Failed(why),
            ShortCircuit::Stop(stop) => Self::Stop(stop),
        }
    }
}

/// What was read, and what was not.
#[derive(Debug)]
pub(super) struct Lookup {
    pub(super) found: Vec<Value>,
    not_found: Vec<Value>,
    errors: Vec<Value>,
}

impl Lookup {
    /// The answer of a tool, with what was found under this name.
    pub(super) fn into_answer(self, name: &str) -> Value {
        let listed = |items: Vec<Value>| if items.is_empty() { Value::Null } else { json!(items) };
        json!({
            "not_found": listed(self.not_found),
            "errors": listed(self.errors),
            name: self.found,
        })
    }
}

/// Reads each item. Its id is what `id` makes of it.
pub(super) async fn each<T: Clone>(
    items: Vec<T>,
    id: impl Fn(&T) -> String,
    read: impl AsyncFn(T) -> Result<Value, Missed>,
) -> Result<Lookup, ShortCircuit> {
    let read = &read;
    let outcomes = all(items.iter().cloned(), async |item: T| match read(item).await {
        Err(Missed::Stop(stop)) => Err(ShortCircuit::Stop(stop)),
        outcome => Ok(outcome),
    })
    .await?;
    let mut lookup = Lookup { found: Vec::new(), not_found: Vec::new(), errors: Vec::new() };
    let mut reasons = Vec::new();
    for (item, outcome) in items.iter().zip(outcomes) {
        let (list, why) = match outcome {
            Ok(view) => {
                lookup.found.push(view);
                continue;
            }
            Err(Missed::NotFound(why)) => (&mut lookup.not_found, why),
            Err(Missed::Failed(why)) => (&mut lookup.errors, why),
            Err(Missed::Stop(stop)) => return Err(stop.into()),
        };
        let id = id(item);
        list.push(json!({ "id": id, "reason": why }));
        reasons.push(format!("{id}: {why}"));
    }
    if lookup.found.is_empty() && !reasons.is_empty() {
        return failed(format!("Nothing was found.\n- {}", reasons.join("\n- ")));
    }
    Ok(lookup)
}
