use std::{cell::RefCell, rc::Rc};

use futures_util::{FutureExt as _, future::ready};
use pollster::block_on;
use serde_json::json;

use super::*;
use crate::testing::FakePlatform;

#[derive(Default)]
struct OneText(RefCell<String>);

impl ResultStore for OneText {
    fn keep(&self, text: String) -> LocalBoxFuture<'static, Option<String>> {
        *self.0.borrow_mut() = text;
        ready(Some("id".to_owned())).boxed_local()
    }

    fn page(&self, id: &str, page: usize) -> LocalBoxFuture<'static, Option<(String, usize)>> {
        let text = self.0.borrow();
        let count = pages(&text).count();
        let at = page.checked_sub(1).filter(|_| id == "id");
        let found = at.and_then(|at| pages(&text).nth(at));
        ready(found.map(|text| (text.to_owned(), count))).boxed_local()
    }
}

fn with_shelf() -> Context {
    Context { result_store: Some(Rc::new(OneText::default())), ..FakePlatform::new([]).context() }
}

fn large() -> CallToolResult {
    let sites: Vec<Value> = (0..10_000)
        .map(|n| json!({"fqdn": format!("site-{n}.org"), "note": "x".repeat(200)}))
        .collect();
    let data = json!({"count": 10_000, "truncated": false, "sites": sites});
    CallToolResult::structured(
        data,
        "10000 sites:\n".to_owned() + &"- a site\n".repeat(10_000) + "Read on.",
    )
}

#[test]
fn a_large_result_is_kept_whole_and_says_where() {
    let ctx = with_shelf();
    let result = block_on(fit(&ctx, large()));
    assert!(result.to_json().len() <= MAX_ANSWER);
    let data = result.structured_content.unwrap();
    assert_eq!(data["truncated"], true);
    assert!(
        data["warnings"][0].as_str().unwrap().contains("sitebay://result/id/1"),
        "{}",
        data["warnings"]
    );
    let ContentBlock::Text { text } = &result.content[0] else { panic!("not a text") };
    assert!(text.len() < 40_000 && text.ends_with("Read on."), "{}", &text[..200]);
    assert!(
        matches!(&result.content[1], ContentBlock::ResourceLink { uri, .. } if uri == "sitebay://result/id/1")
    );
    let mut whole = String::new();
    let mut page = 1;
    while let Some(contents) = block_on(read(&ctx, &format!("sitebay://result/id/{page}"))) {
        let mcp_protocol::content::ResourceBody::Text(text) = contents.body else {
            panic!("not a text")
        };
        assert!(text.len() <= PAGE + 200);
        whole.push_str(text.rsplit_once("\n(page").unwrap().0);
        page += 1;
    }
    let all: Value = serde_json::from_str(&whole).unwrap();
    assert_eq!(all["sites"].as_array().unwrap().len(), 10_000);
}

#[test]
fn without_a_shelf_the_result_says_what_is_missing() {
    let ctx = FakePlatform::new([]).context();
    let result = block_on(fit(&ctx, large()));
    let text = result.to_json();
    assert!(text.len() <= MAX_ANSWER && text.contains("cannot be kept"), "{}", &text[..300]);
}

#[test]
fn what_is_small_is_as_it_was() {
    let result = CallToolResult::structured(json!({"a": 1}), "one");
    assert_eq!(block_on(fit(&with_shelf(), result.clone())), result);
}

#[test]
fn no_page_is_read_that_is_not_there() {
    let ctx = with_shelf();
    for uri in ["sitebay://result/id/0", "sitebay://result/id/1", "sitebay://result/id", "x"] {
        assert!(block_on(read(&ctx, uri)).is_none(), "{uri}");
    }
}

#[test]
fn pages_make_the_whole() {
    for text in [String::new(), "x".repeat(PAGE * 2 + 7), "line\n".repeat(40_000)] {
        assert_eq!(pages(&text).collect::<String>(), text);
        assert!(pages(&text).all(|page| page.len() <= PAGE));
    }
}
