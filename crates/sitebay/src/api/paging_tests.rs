//! Lists against a scripted service: links, page numbers, repeats, bounds.

use std::{ops::Range, rc::Rc};

use serde_json::json;

use super::*;
use mcp_server::testing::{FakePlatform, ScriptedResponse, broken, json, text};

fn items(range: Range<u64>) -> Vec<Value> {
    range.map(|id| json!({"id": id})).collect()
}

fn page(range: Range<u64>, count: u64, next: Option<&str>) -> Value {
    json!({"limit": 2, "offset": range.start, "count": count, "results": items(range.clone()),
        "next": next, "previous": null})
}

fn list(fake: &Rc<FakePlatform>) -> Result<Listing, ApiError> {
    let ctx = fake.context();
    let client = Client::new(&ctx)?;
    let url = client.address("/site/", &[("team_id", "t".to_owned())])?;
    pollster::block_on(client.list(url, Some("sites")))
}

fn read(script: impl IntoIterator<Item = ScriptedResponse>) -> (Rc<FakePlatform>, Listing) {
    let fake = FakePlatform::new(script);
    let listing = list(&fake).unwrap();
    (fake, listing)
}

fn whole(total: impl Into<Option<u64>>, count: u64) -> Listing {
    Listing { items: items(0..count), total: total.into(), truncated: false }
}

#[test]
fn links_are_followed_to_the_end() {
    let (fake, listing) = read([
        json(200, page(0..2, 5, Some("https://my.sitebay.test/f/api/v1/site/?offset=2"))),
        json(200, page(2..4, 5, Some("/f/api/v1/site/?offset=4"))),
        json(200, page(4..5, 5, None)),
    ]);
    assert_eq!(
        fake.lines(),
        ["Get /site/?team_id=t", "Get /site/?offset=2", "Get /site/?offset=4"]
    );
    assert_eq!(listing, whole(5, 5));
    assert_eq!(
        fake.reports(),
        ["2/Some(5.0) 2 sites read", "4/Some(5.0) 4 sites read", "5/Some(5.0) 5 sites read"]
    );
}

#[test]
fn a_link_elsewhere_is_replaced_by_page_numbers() {
    for next in [
        "https://evil.test/f/api/v1/site/?offset=2",
        "http://my.sitebay.test/f/api/v1/site/?offset=2",
        "https://my.sitebay.test/f/api/v1x/site/",
        "/admin/",
        "/f/api/v1/../../x",
    ] {
        let script = [json(200, page(0..2, 4, Some(next))), json(200, page(2..4, 4, None))];
        let (fake, listing) = read(script);
        assert_eq!(fake.lines()[1], "Get /site/?team_id=t&page=2&size=2", "{next}");
        assert_eq!(listing, whole(4, 4));
    }
}

#[test]
fn missing_links_are_replaced_by_page_numbers() {
    let (fake, listing) = read([
        json(200, page(0..2, 5, None)),
        json(200, page(2..4, 5, None)),
        json(200, json!({"items": items(4..5), "total": 5, "size": 2})),
    ]);
    assert_eq!(fake.lines()[2], "Get /site/?team_id=t&page=3&size=2");
    assert_eq!(listing, whole(5, 5));
}

#[test]
fn a_page_that_repeats_or_is_empty_ends_the_list_and_says_so() {
    for again in [page(0..2, 120, None), page(0..0, 120, None)] {
        let (fake, listing) = read([json(200, page(0..2, 120, None)), json(200, again)]);
        assert_eq!(fake.requests().len(), 2);
        assert!(listing.truncated);
        assert_eq!(listing.items, items(0..2));
        assert_eq!(listing.total, Some(120));
    }
    let (fake, listing) = read((0..9).map(|at| {
        let next = format!("/f/api/v1/site/?offset={at}");
        json(200, json!({"results": items(0..2), "next": next}))
    }));
    assert_eq!((fake.requests().len(), listing.truncated), (2, true));
    let own = Some("/f/api/v1/site/?team_id=t");
    let (fake, listing) = read([json(200, json!({"results": items(0..2), "next": own}))]);
    assert_eq!((fake.requests().len(), listing.truncated), (1, true));
}

#[test]
fn an_array_is_one_page_and_an_empty_list_is_whole() {
    let (fake, listing) = read([json(200, json!(items(0..3)))]);
    assert_eq!(listing, whole(None, 3));
    assert!(fake.reports().is_empty());
    let (_, listing) = read([json(200, page(0..0, 0, None))]);
    assert_eq!(listing, whole(0, 0));
}

#[test]
fn an_endless_list_ends_at_the_bounds() {
    let endless = (0..100).map(|at| {
        let next = format!("/f/api/v1/site/?offset={at}");
        json(200, json!({"results": items(at * 10..(at + 1) * 10), "next": next}))
    });
    let (fake, listing) = read(endless);
    assert_eq!(fake.requests().len(), 50);
    assert_eq!((listing.items.len(), listing.truncated), (500, true));
    let (_, listing) = read([json(200, json!(items(0..6_000)))]);
    assert_eq!((listing.items.len(), listing.truncated), (2_500, true));
}

#[test]
fn the_deadline_cuts_a_long_list_and_keeps_what_was_read() {
    let slow = (0..9).map(|at| {
        let next = format!("/f/api/v1/site/?offset={at}");
        json(200, json!({"results": items(at..at + 1), "next": next})).after(9)
    });
    let (fake, listing) = read(slow);
    assert_eq!((listing.items.len(), listing.truncated), (2, true));
    assert!(fake.elapsed().as_secs() <= 25);
}

#[test]
fn a_failure_in_the_middle_is_a_failure() {
    let first = || json(200, page(0..2, 4, None));
    let fake = FakePlatform::new([first(), text(500, "")]);
    assert!(matches!(list(&fake), Err(ApiError::Refused { status: 500, .. })));
    let fake = FakePlatform::new([first(), broken(), broken(), broken(), broken()]);
    assert!(matches!(list(&fake), Err(ApiError::NoAnswer { .. })));
    let fake = FakePlatform::new([json(200, json!({"detail": "a page"}))]);
    assert!(matches!(list(&fake), Err(ApiError::Unreadable { .. })));
}
