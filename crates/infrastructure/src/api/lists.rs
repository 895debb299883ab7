//! Lists in pages and with cursors.
//!
//! Invariant: a list is whole, or an error. One that repeats a page or a cursor, or does not end, is an error.

use serde_json::Value;

use super::{
    client::{Client, Path},
    envelope::Envelope,
    error::ApiError,
};

/// Items on one page.
const PER_PAGE: usize = 100;
/// Pages of one list.
const MOST_PAGES: usize = 100;

impl Client<'_> {
    /// Every item of a list with `page` and `per_page`. A page that is not full is the last one unless it says that there are
    /// more: Cloudflare may give fewer on a page than are asked for. An empty one is the last, whatever totals say.
    pub(super) async fn pages(
        &self,
        path: &Path,
        what: &'static str,
        filter: &[(&str, String)],
    ) -> Result<Vec<Value>, ApiError> {
        let mut items: Vec<Value> = Vec::new();
        let mut last: Vec<Value> = Vec::new();
        for page in 1..=MOST_PAGES {
            let mut query = filter.to_vec();
            query.push(("page", page.to_string()));
            query.push(("per_page", PER_PAGE.to_string()));
            let Envelope { result: Value::Array(found), info } = self.get(path, &query).await?
            else {
                return Err(ApiError::Incomplete(what));
            };
            if !found.is_empty() && found == last {
                return Err(ApiError::Endless(what));
            }
            items.extend(found.iter().cloned());
            let is_short = found.len() < PER_PAGE && !has_more(&info, page, items.len());
            let is_last = found.is_empty() || is_short;
            if is_last {
                return Ok(items);
            }
            last = found;
        }
        Err(ApiError::Endless(what))
    }

    /// Every item of a list with a cursor, at most so many pages. `items` finds them in a result. The flag says whether it is whole.
    pub(super) async fn cursors(
        &self,
        path: &Path,
        what: &'static str,
        filter: &[(&str, String)],
        most_pages: usize,
        items: impl Fn(Value) -> Option<Vec<Value>>,
    ) -> Result<(Vec<Value>, bool), ApiError> {
        let mut all = Vec::new();
        let mut seen: Vec<String> = Vec::new();
        for _ in 0..most_pages {
            let mut query = filter.to_vec();
            query.extend(seen.last().map(|cursor| ("cursor", cursor.clone())));
            let envelope = self.get(path, &query).await?;
            all.extend(items(envelope.result).ok_or(ApiError::Incomplete(what))?);
            let Some(cursor) = cursor(&envelope.info, what)? else { return Ok((all, true)) };
            if seen.contains(&cursor) {
                return Err(ApiError::Endless(what));
            }
            seen.push(cursor);
        }
        Ok((all, false))
    }
}

/// The id of the only item with this name. None: there is none.
pub(super) fn id_of_the_only(
    items: &[Value],
    (field, name): (&str, &str),
    id: &str,
) -> Result<Option<String>, ApiError> {
    let has_name = |item: &&Value| item.get(field).and_then(Value::as_str) == Some(name);
    let mut found = items.iter().filter(has_name);
    let Some(only) = found.next() else { return Ok(None) };
    if found.next().is_some() {
        return Err(ApiError::Ambiguous(name.to_owned()));
    }
    let id = only.get(id).and_then(Value::as_str).ok_or(ApiError::Incomplete("id"))?;
    Ok(Some(id.to_owned()))
}

/// Whether what is said of a page says that the list has more than so many items, or pages.
pub(super) fn has_more(info: &Value, page: usize, items: usize) -> bool {
    let number = |name: &str| usize::try_from(info.get(name)?.as_u64()?).ok();
    number("total_count").is_some_and(|total| total > items)
        || number("total_pages").is_some_and(|total| total > page)
}

/// The cursor of the next page. An empty one, or `is_truncated` that is false, is the end.
///
/// # Errors
/// Where the list goes on and no cursor says from where.
pub(super) fn cursor(info: &Value, what: &'static str) -> Result<Option<String>, ApiError> {
    let is_truncated = match info.get("is_truncated") {
        Some(Value::Bool(truncated)) => Some(*truncated),
        Some(Value::String(truncated)) => truncated.parse().ok(),
        _ => None,
    };
    let after = || info.get("cursors")?.get("after");
    let cursor = info.get("cursor").or_else(after).and_then(Value::as_str).unwrap_or_default();
    match (is_truncated, cursor) {
        (Some(true), "") => Err(ApiError::Endless(what)),
        (Some(false), _) | (None, "") => Ok(None),
        (_, cursor) => Ok(Some(cursor.to_owned())),
    }
}
