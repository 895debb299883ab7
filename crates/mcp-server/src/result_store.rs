//! Results that are too large for one response: stored for a while, and read page by page.
//!
//! Invariant: nothing is cut silently. What is left out of a result is on the shelf, and the result
//! says where; where nothing can be kept, it says what is missing.

use futures_util::future::LocalBoxFuture;
use serde_json::Value;

use crate::{
    context::Context,
    result_size::too_large,
    truncate::{shrink, weight_of},
};
use mcp_protocol::{
    bytes::cut_text,
    content::{CallToolResult, ContentBlock, ResourceContents},
};

/// Bytes of a result that are sent in one answer. Most clients cut earlier.
const MAX_ANSWER: usize = 1024 * 1024;
/// Bytes of a resource that are sent in one answer.
const MAX_CONTENTS: usize = 256 * 1024;
/// Bytes of one page: what a model reads in one go.
pub const PAGE: usize = 64 * 1024;
/// Bytes that are kept of one result.
pub const MAX_KEPT: usize = 16 * 1024 * 1024;
/// Bytes of text that are shown of a result that is kept.
const SHOWN: usize = 16 * 1024;
/// The URI of a kept result, before its id and a slash and a page.
pub const RESULT: &str = "sitebay://result/";

/// Where results are kept.
pub trait ResultStore {
    /// Keeps a text in pages; its id. None: it cannot be kept now.
    fn keep(&self, text: String) -> LocalBoxFuture<'static, Option<String>>;

    /// A page of a text, from 1, and how many there are. None: it is not there.
    fn page(&self, id: &str, page: usize) -> LocalBoxFuture<'static, Option<(String, usize)>>;
}

/// Truncates a result that is too large for a response, and stores it whole.
pub async fn fit(ctx: &Context, result: CallToolResult) -> CallToolResult {
    let weight = result.content.iter().map(weight).sum::<usize>();
    let data = result.structured_content.as_ref().map_or(0, weight_of);
    if weight.saturating_add(data) <= MAX_ANSWER {
        return result;
    }
    let whole = whole(&result);
    let size = whole.len();
    if size > MAX_KEPT {
        return too_large(size);
    }
    let pages = pages(&whole).count();
    let kept = match &ctx.result_store {
        Some(result_store) => result_store.keep(whole).await,
        None => None,
    };
    cut(result, size, pages, kept)
}

/// The beginning of a result, and where the rest is.
fn cut(result: CallToolResult, size: usize, pages: usize, kept: Option<String>) -> CallToolResult {
    let mut content = Vec::new();
    let rest = match &kept {
        Some(id) => format!(
            "This is the beginning: the whole result has {size} bytes and is kept for an hour in {pages} \
             pages, from {RESULT}{id}/1 to {RESULT}{id}/{pages}."
        ),
        None => format!(
            "This is the beginning: the whole result has {size} bytes, and cannot be kept. Ask for less: a \
             filter, a smaller range, fewer items."
        ),
    };
    for block in result.content {
        match block {
            ContentBlock::Text { text } => {
                content.push(ContentBlock::text(format!("{rest}\n\n{}", ends(&text))));
            }
            other => content.push(other),
        }
    }
    if let Some(id) = kept {
        let (uri, mime_type) = (format!("{RESULT}{id}/1"), Some("text/plain".to_owned()));
        content.push(ContentBlock::ResourceLink {
            uri,
            name: "the whole result".to_owned(),
            mime_type,
        });
    }
    let structured_content = result.structured_content.map(|mut data| {
        shrink(&mut data, MAX_ANSWER / 2);
        if let Value::Object(map) = &mut data {
            let warning = Value::from(rest);
            match map.get_mut("warnings") {
                Some(Value::Array(warnings)) => warnings.push(warning),
                _ => drop(map.insert("warnings".to_owned(), Value::Array(vec![warning]))),
            }
        }
        data
    });
    CallToolResult { content, structured_content, structured_text: None, is_error: result.is_error }
}

/// The beginning of a text, and its last line, which may say how to go on.
fn ends(text: &str) -> String {
    let shown = cut_text(text, SHOWN);
    if shown.len() == text.len() {
        return shown.to_owned();
    }
    let last = text.trim_end().rsplit('\n').next().unwrap_or_default();
    format!("{shown}\n(and so on)\n{}", cut_text(last, SHOWN))
}

/// All of a result for a reader.
fn whole(result: &CallToolResult) -> String {
    let only = |data: &Value| match data.as_object().map(|map| (map.len(), map.values().next())) {
        Some((1, Some(Value::String(text)))) => text.clone(),
        _ => format!("{data:#}"),
    };
    if let Some(data) = &result.structured_content {
        return only(data);
    }
    let texts = result.content.iter().filter_map(|block| match block {
        ContentBlock::Text { text } => Some(text.as_str()),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}

/// A text in pages, which end with a line where there are lines.
pub fn pages(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let most = cut_text(rest, PAGE);
        if most.is_empty() {
            return None;
        }
        let whole = most.len() == rest.len();
        let line = most.rfind('\n').filter(|_| !whole).map(|at| at.saturating_add(1));
        let (page, after) = rest.split_at_checked(line.unwrap_or(most.len()))?;
        rest = after;
        Some(page)
    })
}

/// A page of a kept result as a resource. None: there is no such page.
pub async fn read(ctx: &Context, uri: &str) -> Option<ResourceContents> {
    let (id, page) = uri.strip_prefix(RESULT)?.split_once('/')?;
    let number: usize = page.parse().ok().filter(|page| *page > 0)?;
    let (text, pages) = ctx.result_store.as_ref()?.page(id, number).await?;
    let next = match number < pages {
        true => format!("; the next is {RESULT}{id}/{}", number.saturating_add(1)),
        false => String::new(),
    };
    let text = format!("{text}\n(page {number} of {pages}{next})");
    Some(ResourceContents::text(uri, "text/plain", text))
}

/// The contents of a resource that are not too large for an answer.
pub async fn fit_contents(ctx: &Context, contents: ResourceContents) -> ResourceContents {
    use mcp_protocol::content::ResourceBody;
    let ResourceBody::Text(text) = &contents.body else {
        return contents;
    };
    let (size, result_store) = match &ctx.result_store {
        Some(result_store) if text.len() > MAX_CONTENTS && text.len() <= MAX_KEPT => {
            (text.len(), result_store)
        }
        _ => return contents,
    };
    let Some(id) = result_store.keep(text.clone()).await else {
        return contents;
    };
    let (first, count) = (pages(text).next().unwrap_or_default(), pages(text).count());
    let text = format!(
        "{first}\n(page 1 of {count}, {size} bytes in all; the next is {RESULT}{id}/2, kept for an hour)"
    );
    ResourceContents::text(&contents.uri, "text/plain", text)
}

fn weight(block: &ContentBlock) -> usize {
    match block {
        ContentBlock::Text { text } => text.len(),
        // Images and audio have limits of their own.
        ContentBlock::Image { .. } | ContentBlock::Audio { .. } => 0,
        ContentBlock::Resource { .. } | ContentBlock::ResourceLink { .. } => 100,
    }
}

#[cfg(test)]
#[path = "result_store_tests.rs"]
mod tests;
