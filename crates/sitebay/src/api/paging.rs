//! Reads whole lists, page by page.
//!
//! The service's envelope is `{limit, offset, count, results, next, previous}`; `page`/`size`
//! query parameters are known from its documentation; `{items, total}` and a bare array are
//! understood too. Invariant: at most [`MAX_PAGES`] pages and [`MAX_ITEMS`] items are read,
//! nothing outside the configured address is asked, and a list that is not whole says so.

use std::time::Duration;

use serde_json::{Map, Value};

use catalogue::Listing;

use super::{client::Client, error::ApiError, request::Request};
use mcp_platform::url::Url;

const MAX_PAGES: u32 = 50;
/// More would not fit into a result: sites weigh 3 KB each.
const MAX_ITEMS: usize = 2_500;
/// With less time left than this, a lost answer is the deadline's doing.
const LAST_MOMENT: Duration = Duration::from_millis(500);

/// Whether the service says that there are more items.
fn is_short(listing: &Listing) -> bool {
    listing.total.is_some_and(|total| total > listing.items.len() as u64)
}

/// One page of a list.
struct Page {
    items: Vec<Value>,
    total: Option<u64>,
    limit: Option<u64>,
    next: Option<String>,
    /// A bare array has no further pages.
    is_whole: bool,
}

impl Page {
    fn read(json: Value) -> Option<Self> {
        match json {
            Value::Array(items) => {
                Some(Self { items, total: None, limit: None, next: None, is_whole: true })
            }
            Value::Object(mut map) => {
                let Value::Array(items) = map.remove("results").or_else(|| map.remove("items"))?
                else {
                    return None;
                };
                let number = |key: &str| map.get(key).and_then(Value::as_u64);
                Some(Self {
                    items,
                    total: number("count").or_else(|| number("total")),
                    limit: number("limit").or_else(|| number("size")),
                    next: map.get("next").and_then(Value::as_str).map(str::to_owned),
                    is_whole: false,
                })
            }
            _ => None,
        }
    }
}

impl Client<'_> {
    /// Reads a list; `noun` names its items in progress reports, if there are any.
    pub async fn list(&self, first: Url, noun: Option<&str>) -> Result<Listing, ApiError> {
        let mut reader = Reader::new(first);
        while let Some(url) = reader.to_read.take() {
            let page = match self.send(&Request::get(url.clone())).await {
                Ok(answer) => reader.accept(answer.status, answer.json)?,
                Err(error) if reader.pages > 0 && self.is_late(&error) => {
                    reader.listing.truncated = true;
                    break;
                }
                Err(error) => return Err(error),
            };
            reader.to_read = reader.after(self, &url, &page);
            if let Some(noun) = noun {
                reader.report(self, noun);
            }
        }
        Ok(reader.finish())
    }

    /// Reads the one page of this number, from 1, at an address that names it.
    pub async fn page(&self, url: Url, number: u64) -> Result<Listing, ApiError> {
        let answer = self.send(&Request::get(url.clone())).await?;
        let offset = answer.json.get("offset").and_then(Value::as_u64);
        let mut reader = Reader::new(url);
        let page = reader.accept(answer.status, answer.json)?;
        let before = number.saturating_sub(1).saturating_mul(reader.size);
        if offset.is_some_and(|offset| offset != before) {
            let excerpt = "another page than the one asked for; read the whole list".into();
            return Err(ApiError::Unreadable { status: answer.status, excerpt });
        }
        let mut listing = reader.finish();
        let read = before.saturating_add(listing.items.len() as u64);
        listing.truncated = page.next.is_some() || listing.total.is_some_and(|total| total > read);
        Ok(listing)
    }

    /// Whether a request failed only because the call's time ran out.
    fn is_late(&self, error: &ApiError) -> bool {
        matches!(error, ApiError::OutOfTime | ApiError::NoAnswer { .. })
            && self.left() < LAST_MOMENT
    }
}

struct Reader {
    first: Url,
    to_read: Option<Url>,
    listing: Listing,
    /// Keys only: a set of its own would add a second kind of tree to the module.
    seen: Map<String, Value>,
    asked: Map<String, Value>,
    pages: u32,
    size: u64,
    /// The last page brought something new.
    grew: bool,
}

impl Reader {
    fn new(first: Url) -> Self {
        Self {
            to_read: Some(first.clone()),
            first,
            listing: Listing::default(),
            seen: Map::new(),
            asked: Map::new(),
            pages: 0,
            size: 0,
            grew: false,
        }
    }

    /// Adds a page's new items and returns the page without them.
    fn accept(&mut self, status: u16, json: Value) -> Result<Page, ApiError> {
        let excerpt = || "JSON, but not a list".to_owned();
        let mut page =
            Page::read(json).ok_or_else(|| ApiError::Unreadable { status, excerpt: excerpt() })?;
        self.pages = self.pages.saturating_add(1);
        if self.pages == 1 {
            self.size = page.limit.unwrap_or(page.items.len() as u64);
        }
        self.listing.total = page.total.or(self.listing.total);
        let before = self.listing.items.len();
        for item in page.items.drain(..) {
            if self.seen.insert(identity(&item), Value::Null).is_none() {
                self.listing.items.push(item);
            }
        }
        self.grew = self.listing.items.len() > before;
        Ok(page)
    }

    /// The address of the next page, if there is one to read.
    fn after(&mut self, client: &Client<'_>, current: &Url, page: &Page) -> Option<Url> {
        let more = page.next.is_some() || is_short(&self.listing);
        if page.is_whole || !more {
            return None;
        }
        self.listing.truncated = true;
        let full = self.pages >= MAX_PAGES || self.listing.items.len() >= MAX_ITEMS;
        if full || !self.grew {
            return None;
        }
        self.asked.insert(current.href.clone(), Value::Null);
        let linked = page.next.as_deref().and_then(|next| current.join(next));
        let url = linked.filter(|url| client.owns(url)).or_else(|| self.numbered())?;
        let is_new = self.asked.insert(url.href.clone(), Value::Null).is_none();
        self.listing.truncated = !is_new;
        is_new.then_some(url)
    }

    /// The next page by number.
    fn numbered(&self) -> Option<Url> {
        let read = self.listing.items.len() as u64;
        let page = read.checked_div(self.size)?.saturating_add(1);
        self.first.with_query(&[("page", page.to_string()), ("size", self.size.to_string())])
    }

    fn report(&self, client: &Client<'_>, noun: &str) {
        if self.pages > 1 || self.to_read.is_some() {
            let read = self.listing.items.len();
            let total = self.listing.total.map(|total| total as f64);
            client.ctx.progress(read as f64, total, Some(&format!("{read} {noun} read")));
        }
    }

    fn finish(mut self) -> Listing {
        let cut = self.listing.items.len() > MAX_ITEMS;
        self.listing.items.truncate(MAX_ITEMS);
        self.listing.truncated |= cut || (is_short(&self.listing) && self.pages > 0);
        self.listing
    }
}

/// The key by which an item is recognised on two pages.
fn identity(item: &Value) -> String {
    match item.get("id") {
        Some(id @ (Value::String(_) | Value::Number(_))) => id.to_string(),
        _ => item.to_string(),
    }
}

#[cfg(test)]
#[path = "paging_tests.rs"]
mod tests;
