//! Lists in pages: by number for most products, by cursor for R2, keys and objects.
//!
//! A cursor is opaque: the last item of the page before, and a digest of what was listed, so that one
//! of another list is refused. Inferred: that such a cursor is refused, and with which code.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::cloudflare::ask::Ask;
use crate::cloudflare::ids::digest;
use crate::cloudflare::problem::{Problem, success_page};
use crate::cloudflare::route::Outcome;

/// How a list by number says how many pages there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Totals {
    /// With `total_pages`.
    Pages,
    /// Without it, as D1 and Workflows.
    Count,
}

/// One page of a list, by `page` and `per_page`.
pub(crate) fn numbered(
    ask: &Ask<'_>,
    items: Vec<Value>,
    (usual, most): (usize, usize),
    totals: Totals,
) -> Outcome {
    let page = ask.whole("page", 1, (1, 1_000_000))?;
    let per_page = ask.whole("per_page", usual, (1, most))?;
    let total = items.len();
    let skipped = page.saturating_sub(1).saturating_mul(per_page);
    let shown: Vec<_> = items.into_iter().skip(skipped).take(per_page).collect();
    let mut info = json!({
        "page": page, "per_page": per_page, "count": shown.len(), "total_count": total,
    });
    if let (Totals::Pages, Value::Object(fields)) = (totals, &mut info) {
        fields.insert("total_pages".to_owned(), json!(total.div_ceil(per_page.max(1))));
    }
    Ok(success_page(Value::Array(shown), info))
}

/// A list by name, from which pages are cut.
#[derive(Debug)]
pub(crate) struct Cut<T> {
    /// The items of the page.
    pub(crate) items: Vec<T>,
    /// The cursor of the next page; `None` at the end.
    pub(crate) cursor: Option<String>,
}

/// The items after the cursor of a query, at most so many. `scope` says what is listed.
pub(crate) fn cut<T>(
    ask: &Ask<'_>,
    scope: &str,
    items: impl Iterator<Item = (String, T)>,
    most: usize,
) -> Result<Cut<T>, Problem> {
    let cursor = ask.param("cursor").filter(|cursor| !cursor.is_empty());
    let after = match &cursor {
        Some(cursor) => {
            Some(read(cursor, scope).ok_or_else(|| ask.invalid("The cursor is not valid"))?)
        }
        None => None,
    };
    let is_later = |name: &str| after.as_ref().is_none_or(|after| name > after.as_str());
    let mut rest = items.filter(|(name, _)| is_later(name)).peekable();
    let (mut found, mut last) = (Vec::new(), String::new());
    while found.len() < most
        && let Some((name, item)) = rest.next()
    {
        found.push(item);
        last = name;
    }
    let cursor = rest.peek().is_some().then(|| write(&last, scope));
    Ok(Cut { items: found, cursor })
}

fn write(last: &str, scope: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}{last}", digest(scope.as_bytes())))
}

fn read(cursor: &str, scope: &str) -> Option<String> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    text.strip_prefix(&digest(scope.as_bytes())).map(str::to_owned)
}
