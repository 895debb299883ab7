//! One page of the objects in a bucket that is bound.

use serde_json::Value;

use super::Ask;
use crate::{
    api::{ObjectPage, ObjectQuery},
    host::{BindingError, Host},
};

/// Lists objects.
///
/// # Errors
/// Why they cannot be had.
pub(crate) async fn object_page(
    host: &dyn Host,
    binding: &str,
    asked: ObjectQuery<'_>,
) -> Result<ObjectPage, BindingError> {
    let ObjectQuery { prefix, delimiter, limit, cursor, .. } = asked;
    let page = host.ask(binding, Ask::Objects { prefix, delimiter, limit, cursor }).await?;
    let Some(objects) = page.get("objects").and_then(Value::as_array) else {
        return Err(BindingError::Failed("its answer has no objects".to_owned()));
    };
    let next = page.get("cursor").and_then(Value::as_str).filter(|next| !next.is_empty());
    if next.is_some() && next == cursor {
        return Err(BindingError::Failed("its list does not end".to_owned()));
    }
    let prefixes = page.get("prefixes").and_then(Value::as_array).into_iter().flatten();
    Ok(ObjectPage {
        objects: objects.clone(),
        prefixes: prefixes.filter_map(Value::as_str).map(str::to_owned).collect(),
        cursor: next.map(str::to_owned),
    })
}
