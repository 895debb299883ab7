//! Authentication and write access.

use serde_json::json;

use crate::engine::call::Call;
use crate::engine::reply::Reply;

/// Requires a bearer token: the accepted one, or where none is set, any that is not empty.
pub(crate) fn identify(call: &Call, accepted: Option<&str>) -> Result<(), Reply> {
    let known = token(call).is_some_and(|token| accepted.is_none_or(|accepted| token == accepted));
    if known {
        return Ok(());
    }
    let body = json!({ "detail": "Unauthorized" });
    Err(Reply::json(401, &body).with("www-authenticate", "Bearer"))
}

/// Refuses changes to a token that may only read; such a one has `readonly` in it.
pub(crate) fn may_write(call: &Call) -> Result<(), Reply> {
    if token(call).is_some_and(|token| token.contains("readonly")) {
        return Err(Reply::detail(403, "This key may only read"));
    }
    Ok(())
}

fn token(call: &Call) -> Option<&str> {
    let (scheme, token) = call.header("authorization")?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}
