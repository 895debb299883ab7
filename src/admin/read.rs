//! The reading half of the admin API: the audit, and the usage of a subject.

use crate::stubs::audit::Filter;
use mcp_auth::quota::{WINDOW, WindowCount};
use mcp_platform::url::query_value;
use mcp_protocol::{
    fields::fields,
    object::{Object, array},
    raw,
};
use mcp_server::hub::Watcher;

/// Entries on a page by default.
const PAGE: u64 = 100;
/// Entries that a page may have.
const MAX_PAGE: u64 = 500;
/// The largest number that JavaScript counts exactly: no entry has it.
const LAST: u64 = (1 << 53) - 1;

/// Reads the query of a request for the audit.
///
/// # Errors
/// The problem, in words.
pub(super) fn filter(url: &str) -> Result<Filter, &'static str> {
    let number = |name: &str| query_value(url, name).map(|text| text.parse().ok());
    let before = number("before").unwrap_or(Some(LAST)).filter(|before| *before <= LAST);
    let limit = number("limit").unwrap_or(Some(PAGE));
    Ok(Filter {
        before: before.ok_or("`before`: expected the number of an entry")?,
        fields: ["subject", "action", "site", "outcome"]
            .map(|name| query_value(url, name).unwrap_or_default()),
        limit: limit
            .filter(|limit| (1..=MAX_PAGE).contains(limit))
            .ok_or("`limit`: expected 1 to 500")?,
    })
}

/// A page of the audit, and where the next one begins.
pub(super) fn entries(rows: &str, limit: u64) -> String {
    let all = raw::elements(rows).unwrap_or_default();
    let is_full = u64::try_from(all.len()).is_ok_and(|count| count >= limit);
    let last = all.last().filter(|_| is_full).and_then(|row| fields(row.get(), ["id"]).ok());
    let next = last.and_then(|[id]| id).map_or("null", |id| id.get());
    Object::new().raw("entries", rows).raw("next", next).end()
}

/// The usage of a subject's window, and how many SiteBay tokens of its callers work.
pub(super) fn quota(count: WindowCount, limit: Option<u32>, tokens: usize) -> String {
    let left = limit.map(|limit| limit.saturating_sub(count.leased));
    let or_null = |number: Option<u32>| number.map_or("null".to_owned(), |n| n.to_string());
    Object::new()
        .raw("limit", &or_null(limit))
        .raw("remaining", &or_null(left))
        .number("leased", count.leased.into())
        .number("reset", count.began.saturating_add(WINDOW))
        .number("acceptedTokens", u64::try_from(tokens).unwrap_or_default())
        .end()
}

/// The session objects that hold a stream or something stored.
pub(super) fn sessions(watchers: &[Watcher]) -> String {
    let one = |watcher: &Watcher| {
        Object::new().text("object", &watcher.object).number("until", watcher.until).end()
    };
    let all: Vec<String> = watchers.iter().map(one).collect();
    Object::new().raw("sessions", &array(&all)).end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_says_what_is_wanted() {
        let all = filter("https://x/admin/audit").unwrap();
        assert_eq!((all.before, all.limit), (LAST, 100));
        let some =
            filter("https://x/admin/audit?before=7&limit=500&site=a.org&outcome=done").unwrap();
        assert_eq!((some.before, some.limit), (7, 500));
        assert_eq!(some.fields, ["", "", "a.org", "done"]);
        for wrong in ["limit=0", "limit=501", "limit=x", "before=-1", "before=99999999999999999"] {
            assert!(filter(&format!("https://x/?{wrong}")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn session_objects_are_listed_with_their_end() {
        let watcher = |object: &str, until| Watcher { object: object.into(), until };
        let listed = sessions(&[watcher("one", 7), watcher("two", 8)]);
        let expected = r#"{"sessions":[{"object":"one","until":7},{"object":"two","until":8}]}"#;
        assert_eq!(listed, expected);
    }

    #[test]
    fn a_full_page_says_where_the_next_begins() {
        let rows = r#"[{"id":9,"a":1},{"id":7}]"#;
        assert_eq!(entries(rows, 2), format!(r#"{{"entries":{rows},"next":7}}"#));
        assert_eq!(entries(rows, 3), format!(r#"{{"entries":{rows},"next":null}}"#));
        assert_eq!(entries("[]", 3), r#"{"entries":[],"next":null}"#);
    }
}
