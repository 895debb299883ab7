//! Lists in pages.
//!
//! The contract has an envelope but no parameters to page with, and the later generation's
//! documentation names `page` and `size`; both those and the envelope's own `limit` and
//! `offset` are understood. The links keep to the pair that was used.

use serde_json::{Value, json};

use crate::engine::call::Call;
use crate::engine::reply::Reply;
use crate::sitebay::PREFIX;
use crate::sitebay::ask::Ask;
use crate::sitebay::check::between;
use crate::sitebay::form::Form;

/// How many a page can have.
const MOST: i64 = 100;

/// One page of `items`, each shown by `view` only if it is on the page. How many a page has when the
/// caller does not say, the options do.
pub(crate) fn page<T>(
    ask: &Ask<'_>,
    path: &str,
    items: &[T],
    view: impl Fn(&T) -> Value,
) -> Result<Reply, Reply> {
    let (call, usual) = (ask.call, ask.options.page_size);
    let mut form = Form::query(call);
    let number = form.given("page", between(1, i64::from(u32::MAX)));
    let size = form.given("size", between(1, MOST));
    let limit = form.given("limit", between(1, MOST));
    let offset = form.given("offset", between(0, i64::from(u32::MAX)));
    form.finish()?;

    let by_offset = limit.is_some() || offset.is_some();
    let (limit, offset) = if by_offset {
        (limit.unwrap_or(usual), offset.unwrap_or(0))
    } else {
        let size = size.unwrap_or(usual);
        let before = number.unwrap_or(1).saturating_sub(1);
        (size, before.saturating_mul(size))
    };
    let link = |offset: usize| {
        let (first, second) = if by_offset {
            (("limit", limit), ("offset", offset))
        } else {
            let number = offset.checked_div(limit).unwrap_or(0).saturating_add(1);
            (("page", number), ("size", limit))
        };
        link(call, path, [first, second])
    };
    let end = offset.saturating_add(limit);
    let next = (end < items.len()).then(|| link(end));
    let previous = (offset > 0).then(|| link(offset.saturating_sub(limit)));
    let results: Vec<Value> = items.iter().skip(offset).take(limit).map(view).collect();
    Ok(Reply::ok(&json!({
        "limit": limit,
        "offset": offset,
        "count": items.len(),
        "results": results,
        "next": next,
        "previous": previous,
    })))
}

/// The address of another page, with the query's other parameters kept.
fn link(call: &Call, path: &str, place: [(&str, usize); 2]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in call.parameters() {
        if !["page", "size", "limit", "offset"].contains(&name.as_str()) {
            query.append_pair(&name, &value);
        }
    }
    for (name, value) in place {
        query.append_pair(name, &value.to_string());
    }
    format!("{}{PREFIX}{path}?{}", call.origin(), query.finish())
}
