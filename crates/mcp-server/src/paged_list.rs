//! Lists as they are answered: pages of static text.
//!
//! Invariant: a page is put together once; answering a list that fits one page is a copy. Cursors are
//! opaque to clients and name the first item of their page (MCP `server/utilities/pagination`).

use mcp_protocol::{
    jsonrpc::{INVALID_PARAMS, RpcError},
    raw,
};

/// A list of definitions.
#[derive(Debug)]
pub struct PagedList {
    field: &'static str,
    items: Vec<String>,
    whole: String,
}

impl PagedList {
    /// A list from comma-separated JSON objects. `field` names it in its result.
    pub fn new(field: &'static str, parts: &[&str]) -> Self {
        let joined: Vec<&str> =
            parts.iter().filter(|part| !part.trim().is_empty()).copied().collect();
        let all = format!("[{}]", joined.join(","));
        let items = raw::elements(&all).unwrap_or_default();
        Self::of_items(field, items.into_iter().map(|item| item.get().to_owned()).collect())
    }

    /// A list of these items, each the text of a JSON object.
    pub fn of_items(field: &'static str, items: Vec<String>) -> Self {
        let whole = format!(r#"{{"{field}":[{}]}}"#, items.join(","));
        Self { field, items, whole }
    }

    /// Whether there is nothing to list.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The result with all items.
    pub fn whole(&self) -> &str {
        &self.whole
    }

    /// The items.
    pub fn items(&self) -> impl Iterator<Item = &str> {
        self.items.iter().map(String::as_str)
    }

    /// The result for a cursor; None where the whole list is one page.
    ///
    /// # Errors
    /// −32602 where no page of this list starts there.
    pub fn page(&self, cursor: Option<&str>, size: usize) -> Result<Option<String>, RpcError> {
        let size = size.max(1);
        let start = match cursor {
            None if self.items.len() <= size => return Ok(None),
            None => 0,
            Some(cursor) => self.start(cursor, size).ok_or_else(|| {
                RpcError::new(
                    INVALID_PARAMS,
                    format!(
                        "`cursor`: `{cursor}` is not a cursor of \
                                                       this list: leave it out to start at the \
                                                       beginning"
                    ),
                )
            })?,
        };
        let end = start.saturating_add(size);
        let items: Vec<&str> =
            self.items.iter().skip(start).take(size).map(String::as_str).collect();
        let next = if end < self.items.len() {
            format!(r#","nextCursor":"{}.{end}""#, self.field)
        } else {
            String::new()
        };
        Ok(Some(format!(r#"{{"{}":[{}]{next}}}"#, self.field, items.join(","))))
    }

    fn start(&self, cursor: &str, size: usize) -> Option<usize> {
        let (field, start) = cursor.split_once('.')?;
        let start: usize = start.parse().ok()?;
        let on_a_page = start.checked_rem(size) == Some(0) && start > 0;
        (field == self.field && on_a_page && start < self.items.len()).then_some(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing() -> PagedList {
        PagedList::new("tools", &[r#"{"name":"a"},{"name":"b"}"#, "", r#"{"name":"c"}"#])
    }

    #[test]
    fn a_list_that_fits_is_whole() {
        assert_eq!(listing().whole(), r#"{"tools":[{"name":"a"},{"name":"b"},{"name":"c"}]}"#);
        assert_eq!(listing().page(None, 3).unwrap(), None);
    }

    #[test]
    fn pages_lead_to_the_end() {
        let first = listing().page(None, 2).unwrap().unwrap();
        assert_eq!(first, r#"{"tools":[{"name":"a"},{"name":"b"}],"nextCursor":"tools.2"}"#);
        let last = listing().page(Some("tools.2"), 2).unwrap().unwrap();
        assert_eq!(last, r#"{"tools":[{"name":"c"}]}"#);
    }

    #[test]
    fn a_cursor_that_was_never_given_is_refused() {
        for cursor in ["", "x", "tools.1", "tools.4", "tools.-2", "prompts.2", "tools.0"] {
            assert!(listing().page(Some(cursor), 2).is_err(), "{cursor}");
        }
    }
}
