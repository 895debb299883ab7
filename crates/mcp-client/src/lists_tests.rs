//! Lists from scripted pages.

#![expect(clippy::arithmetic_side_effects, reason = "pages are counted")]

use std::{cell::RefCell, time::Duration};

use futures_util::future::{LocalBoxFuture, ready};
use mcp_platform::testing::ScriptedStream;
use mcp_protocol::{list_kind::ListKind, version::Version};
use pollster::block_on;
use serde_json::value::RawValue;

use crate::{
    error::UpstreamError,
    lists::{Caps, Listed, Pages, list, list_from},
    testing::{answer, connection, machine, s},
};

/// Pages by their number; each names the next one.
struct Book<F: Fn(usize) -> String> {
    page: F,
    asked: RefCell<Vec<Option<String>>>,
}

impl<F: Fn(usize) -> String> Pages for Book<F> {
    fn page(
        &self,
        _method: &'static str,
        params: Option<String>,
    ) -> LocalBoxFuture<'_, Result<Box<RawValue>, UpstreamError>> {
        let number = self.asked.borrow().len();
        self.asked.borrow_mut().push(params);
        let result = RawValue::from_string((self.page)(number)).unwrap();
        Box::pin(ready(Ok(result)))
    }
}

/// A list of these pages, and how many were asked for.
fn listed(caps: Caps, page: impl Fn(usize) -> String) -> (Listed, usize) {
    let book = Book { page, asked: RefCell::default() };
    let listed = block_on(list_from(&book, ListKind::Tools, caps)).unwrap();
    let asked = book.asked.borrow().len();
    (listed, asked)
}

/// A page of tools that are numbered on.
fn tools(page: usize, size: usize, next: Option<&str>) -> String {
    let tools = (page * size..(page + 1) * size)
        .map(|n| format!(r#"{{"name":"t{n}","inputSchema":{{"type":"object"}},"x":{n}.0}}"#));
    let tools = tools.collect::<Vec<_>>().join(",");
    let next = next.map(|next| format!(r#","nextCursor":"{next}""#)).unwrap_or_default();
    format!(r#"{{"tools":[{tools}]{next}}}"#)
}

fn cursor(page: usize, pages: usize) -> Option<String> {
    (page + 1 < pages).then(|| format!("p{page}"))
}

#[test]
fn three_thousand_tools_in_thirty_pages_arrive() {
    let (listed, asked) =
        listed(Caps::default(), |page| tools(page, 100, cursor(page, 30).as_deref()));
    assert_eq!((listed.items.len(), asked), (3000, 30));
    assert_eq!(
        listed.items[2999].get(),
        r#"{"name":"t2999","inputSchema":{"type":"object"},"x":2999.0}"#
    );
    assert!(listed.warnings.is_empty(), "{:?}", listed.warnings);
}

#[test]
fn the_first_that_is_left_out_is_named() {
    let page = |page: usize| tools(page, 100, cursor(page, 30).as_deref());
    let items = Caps { items: 1000, ..Caps::default() };
    let (cut, asked) = listed(items, page);
    assert_eq!((cut.items.len(), asked), (1000, 11));
    assert_eq!(
        cut.warnings,
        ["tools/list: `t1000` and all after it were left out: more than 1000 entries"]
    );
    let (cut, asked) = listed(Caps { pages: 3, ..Caps::default() }, page);
    assert_eq!((cut.items.len(), asked), (300, 4));
    assert_eq!(
        cut.warnings,
        ["tools/list: `t300` and all after it were left out: more than 3 pages"]
    );
    let (cut, _) = listed(Caps { bytes: 5000, ..Caps::default() }, page);
    assert!(cut.items.len() < 100);
    assert!(cut.warnings[0].contains(&format!("`t{}`", cut.items.len())), "{:?}", cut.warnings);
    let (whole, _) = listed(Caps { items: 3000, pages: 30, ..Caps::default() }, page);
    assert!(whole.warnings.is_empty(), "{:?}", whole.warnings);
}

#[test]
fn a_warning_repeats_no_character_that_cannot_be_seen() {
    let page = |_: usize| {
        r#"{"tools":[{"name":"a"},{"name":"b\u001b\u202e\u200b\udb40\udd00c"}]}"#.to_owned()
    };
    let (cut, _) = listed(Caps { items: 1, ..Caps::default() }, page);
    let warning = "tools/list: `bc` and all after it were left out: more than 1 entries";
    assert_eq!(cut.warnings, [warning]);
}

#[test]
fn empty_pages_come_to_an_end() {
    let (cut, asked) = listed(Caps::default(), |page| tools(page, 0, Some(&format!("p{page}"))));
    assert_eq!((cut.items.len(), asked, cut.warnings.len()), (0, 51, 1));
}

#[test]
fn a_cursor_that_comes_again_ends_the_list() {
    let (cut, asked) = listed(Caps::default(), |page| tools(page, 2, Some("same")));
    assert_eq!((cut.items.len(), asked), (4, 2));
    assert!(
        cut.warnings[0].contains("`t3`") && cut.warnings[0].contains("twice"),
        "{:?}",
        cut.warnings
    );
    let (cut, asked) =
        listed(Caps::default(), |page| tools(page, 2, Some(["a", "b", "a"][page % 3])));
    assert_eq!((cut.items.len(), asked), (6, 3));
}

#[test]
fn an_empty_cursor_is_the_end_and_an_endless_one_too() {
    let (whole, asked) = listed(Caps::default(), |page| tools(page, 2, Some("")));
    assert_eq!((whole.items.len(), asked, whole.warnings.len()), (2, 1, 0));
    let long = "x".repeat(100_000);
    let (cut, asked) = listed(Caps::default(), |page| tools(page, 2, Some(&long)));
    assert_eq!((cut.items.len(), asked), (2, 1));
    assert!(cut.warnings[0].contains("too long") && cut.warnings[0].len() < 200);
}

#[test]
fn an_entry_that_is_no_object_is_left_out() {
    let (cut, _) = listed(Caps::default(), |_| r#"{"tools":[1,{"name":"a"},null,"x"]}"#.into());
    assert_eq!((cut.items.len(), cut.warnings.len()), (1, 1));
}

/// An empty page with a hint.
fn hinted(hints: &[&str], page: usize) -> String {
    let next = cursor(page, hints.len()).map(|next| format!(r#","nextCursor":"{next}""#));
    format!(r#"{{"tools":[]{}{}}}"#, hints[page], next.unwrap_or_default())
}

#[test]
fn a_hint_is_the_strictest_of_all_pages() {
    let public = r#","ttlMs":5000,"cacheScope":"public""#;
    for (hints, ms, shared) in [
        (&[public][..], 5000, true),
        (&[public, r#","ttlMs":1000,"cacheScope":"public""#], 1000, true),
        (&[public, r#","ttlMs":9000,"cacheScope":"private""#], 5000, false),
        (&[public, ""], 0, false),
        (&[r#","ttlMs":5000,"cacheScope":"private""#, public], 5000, false),
        (&[r#","ttlMs":-1,"cacheScope":"public""#], 0, true),
        (&[r#","ttlMs":"5","cacheScope":"other""#], 0, false),
        (&[r#","ttlMs":315360000000,"cacheScope":"public""#], 86_400_000, true),
        (&[""], 0, false),
    ] {
        let hint = listed(Caps::default(), |page| hinted(hints, page)).0.hint.unwrap();
        assert_eq!((hint.ttl, hint.public), (Duration::from_millis(ms), shared), "{hints:?}");
    }
}

#[test]
fn a_page_that_is_no_list_is_an_error() {
    for page in ["{}", r#"{"tools":{}}"#, r#"{"tools":null}"#, r#"{"tools":[],"tools":[]}"#] {
        let book = Book { page: |_| page.to_owned(), asked: RefCell::default() };
        let error = block_on(list_from(&book, ListKind::Tools, Caps::default())).unwrap_err();
        assert!(matches!(error, UpstreamError::BadAnswer { .. }), "{page}: {error:?}");
    }
}

fn over_http(
    version: Version,
    script: Vec<ScriptedStream>,
    kind: ListKind,
) -> (Result<Listed, UpstreamError>, Duration) {
    let platform = machine(script);
    let found = platform.run(list(&connection(&platform, version), kind, Caps::default()));
    (found, platform.elapsed())
}

#[test]
fn every_kind_is_listed_over_a_connection() {
    for kind in ListKind::ALL {
        let field = kind.field();
        let first = format!(r#"{{"{field}":[{{"a":1.0}}],"nextCursor":"ü\""}}"#);
        let second = format!(r#"{{"{field}":[{{"b":2}}]}}"#);
        let platform = machine([
            ScriptedStream::json(200, &answer(&first)),
            ScriptedStream::json(200, &answer(&second).replace(":7,", ":8,")),
        ]);
        let connection = connection(&platform, Version::V2025_11_25);
        let listed = platform.run(list(&connection, kind, Caps::default())).unwrap();
        assert_eq!(
            listed.items.iter().map(|item| item.get()).collect::<Vec<_>>(),
            [r#"{"a":1.0}"#, r#"{"b":2}"#]
        );
        let asked = platform.requests()[1].body.clone().unwrap();
        assert!(
            asked.ends_with(&format!(
                r#""method":"{}","params":{{"cursor":"ü\""}}}}"#,
                kind.method()
            )),
            "{asked}"
        );
    }
}

#[test]
fn a_list_has_five_seconds_in_all() {
    let page = answer(r#"{"tools":[],"nextCursor":"a"}"#);
    let slow = ScriptedStream::json(200, &page).after(s(4));
    for script in [vec![ScriptedStream::silent()], vec![slow, ScriptedStream::silent()]] {
        let (found, elapsed) = over_http(Version::V2026_07_28, script, ListKind::Tools);
        assert!(matches!(found, Err(UpstreamError::TimedOut { .. })), "{found:?}");
        assert_eq!(elapsed, s(5));
    }
}

#[test]
fn a_method_that_is_not_there_is_an_empty_list() {
    let unknown = r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32601,"message":"no"}}"#;
    let (found, _) = over_http(
        Version::V2025_11_25,
        vec![ScriptedStream::json(200, unknown)],
        ListKind::Prompts,
    );
    assert!(found.unwrap().items.is_empty());
    let failed = unknown.replace("-32601", "-32603");
    let (found, _) = over_http(
        Version::V2025_11_25,
        vec![ScriptedStream::json(200, &failed)],
        ListKind::Prompts,
    );
    assert!(matches!(found, Err(UpstreamError::Rpc(_))), "{found:?}");
}

#[test]
fn a_list_asks_no_questions() {
    let asks = answer(r#"{"resultType":"input_required","requestState":"x"}"#);
    let (found, _) =
        over_http(Version::V2026_07_28, vec![ScriptedStream::json(200, &asks)], ListKind::Tools);
    assert!(matches!(found, Err(UpstreamError::BadAnswer { .. })), "{found:?}");
}
