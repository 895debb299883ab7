//! Lists with all their pages.
//!
//! Invariant: an item is the text that was sent. Whatever is left out is said in a warning that names it.
//!
//! A list has 5,000 items, 50 pages and 8 MiB at most: 3,000 tools with schemas of 2 KiB fit.

use std::{collections::BTreeSet, time::Duration};

use futures_util::future::LocalBoxFuture;
use serde_json::value::RawValue;

use mcp_protocol::{
    characters::is_plain, fields::fields, jsonrpc::METHOD_NOT_FOUND, list_kind::ListKind,
    object::Object, raw,
};

use crate::{
    connection::Connection,
    error::UpstreamError,
    request::{Patience, Request},
    stateless::{Outcome, outcome},
};

/// Bytes of a cursor.
const MAX_CURSOR: usize = 64 << 10;
/// Characters of a name in a warning.
const MAX_NAME: usize = 128;
/// The longest that a list says it may be kept.
const LONGEST_TTL: Duration = Duration::from_secs(24 * 60 * 60);

/// The most that a list may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// Items.
    pub items: usize,
    /// Pages.
    pub pages: usize,
    /// Bytes of all items.
    pub bytes: usize,
}

impl Default for Caps {
    fn default() -> Self {
        Self { items: 5_000, pages: 50, bytes: 8 << 20 }
    }
}

/// How long a list may be kept, and for whom (2026-07-28).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hint {
    /// How long: the least of all pages, at most a day; nothing where a page says nothing sensible.
    pub ttl: Duration,
    /// Whether every page says that the list is the same for everybody.
    pub public: bool,
}

/// A list.
#[derive(Debug, Clone, Default)]
pub struct Listed {
    /// The items, in their order, unread. Each is an object.
    pub items: Vec<Box<RawValue>>,
    /// The hint; None for a list without pages.
    pub hint: Option<Hint>,
    /// What was left out, in words.
    pub warnings: Vec<String>,
}

/// Where the pages come from.
pub trait Pages {
    /// Asks for one page.
    fn page(
        &self,
        method: &'static str,
        params: Option<String>,
    ) -> LocalBoxFuture<'_, Result<Box<RawValue>, UpstreamError>>;
}

impl Pages for Connection {
    fn page(
        &self,
        method: &'static str,
        params: Option<String>,
    ) -> LocalBoxFuture<'_, Result<Box<RawValue>, UpstreamError>> {
        Box::pin(async move {
            let request =
                Request { patience: Patience::List, ..Request::new(method, params.as_deref()) };
            let result = self.request(request).result().await?;
            match outcome(method, &result)? {
                Outcome::Complete => Ok(result),
                _ => Err(UpstreamError::bad_answer("a list is not complete", b"")),
            }
        })
    }
}

/// A list with all its pages, within the deadline for lists. An upstream without the method has an empty list.
///
/// # Errors
/// Where a page fails; a list of which a part is missing is worse than the one before.
pub async fn list(
    connection: &Connection,
    kind: ListKind,
    caps: Caps,
) -> Result<Listed, UpstreamError> {
    let upstream = connection.upstream();
    let mut deadline = upstream.deadline(None, Some(upstream.endpoint().timeouts.lists));
    deadline.wait(list_from(connection, kind, caps)).await?
}

/// The same without a deadline, from anywhere.
///
/// # Errors
/// As [`list`].
pub async fn list_from(
    pages: &impl Pages,
    kind: ListKind,
    caps: Caps,
) -> Result<Listed, UpstreamError> {
    let mut listing = Listing::new(kind, caps);
    let mut cursor: Option<String> = None;
    loop {
        let params = cursor.as_deref().map(|cursor| Object::new().text("cursor", cursor).end());
        match pages.page(kind.method(), params).await {
            Ok(result) => cursor = listing.accept(&result)?,
            Err(UpstreamError::Rpc(failure)) if is_unknown(failure.code) && cursor.is_none() => {
                return Ok(listing.listed);
            }
            Err(error) => return Err(error),
        }
        if cursor.is_none() {
            return Ok(listing.listed);
        }
    }
}

fn is_unknown(code: i64) -> bool {
    code == i64::from(METHOD_NOT_FOUND)
}

/// A list in the making.
struct Listing {
    kind: ListKind,
    caps: Caps,
    listed: Listed,
    pages: usize,
    bytes: usize,
    cursors: BTreeSet<String>,
}

impl Listing {
    fn new(kind: ListKind, caps: Caps) -> Self {
        let cursors = BTreeSet::new();
        Self { kind, caps, listed: Listed::default(), pages: 0, bytes: 0, cursors }
    }

    /// Takes a page; returns the cursor of the next one that is to be asked for.
    fn accept(&mut self, result: &RawValue) -> Result<Option<String>, UpstreamError> {
        let bad = |why| UpstreamError::bad_answer(why, result.get().as_bytes());
        let names = [self.kind.field(), "nextCursor", "ttlMs", "cacheScope"];
        let found = fields(result.get(), names).map_err(|_| bad("a field is there twice"))?;
        let [items, cursor, ttl, scope] = found;
        let items = items.ok_or_else(|| bad("the list is missing"))?;
        let items = raw::elements(items.get()).map_err(|_| bad("the list is no array"))?;
        self.pages = self.pages.saturating_add(1);
        self.note_hint(ttl, scope);
        if self.take(&items) {
            return Ok(None);
        }
        Ok(self.next(cursor))
    }

    /// Takes items; true where one was left out.
    fn take(&mut self, items: &[&RawValue]) -> bool {
        for item in items {
            if !raw::is_object(item) {
                self.warn("an entry that is no object was left out".to_owned());
                continue;
            }
            let bytes = self.bytes.saturating_add(item.get().len());
            let (items, pages) = (self.listed.items.len(), self.pages);
            let why = match self.caps {
                caps if pages > caps.pages => format!("{} pages", caps.pages),
                caps if items >= caps.items => format!("{} entries", caps.items),
                caps if bytes > caps.bytes => format!("{} bytes", caps.bytes),
                _ => {
                    self.bytes = bytes;
                    self.listed.items.push((*item).to_owned());
                    continue;
                }
            };
            let name = self.name(item);
            let method = self.kind.method();
            self.warn(format!(
                "{method}: `{name}` and all after it were left out: more than {why}"
            ));
            return true;
        }
        false
    }

    fn name(&self, item: &RawValue) -> String {
        let name = fields(item.get(), [self.kind.key()]).ok().and_then(|[name]| name);
        let name = name.and_then(raw::string).unwrap_or_default();
        name.chars().filter(|c| is_plain(*c)).take(MAX_NAME).collect()
    }

    fn next(&mut self, cursor: Option<&RawValue>) -> Option<String> {
        // Some servers end a list with an empty cursor.
        let cursor = cursor.and_then(raw::string).filter(|cursor| !cursor.is_empty())?;
        // One page more than allowed is read for the name of its first item.
        let stop = match () {
            () if cursor.len() > MAX_CURSOR => "its cursor is too long",
            () if self.pages > self.caps.pages => "it has too many pages",
            () if !self.cursors.insert(cursor.clone()) => "its cursor came twice",
            () => return Some(cursor),
        };
        let last = self.listed.items.last().map(|item| self.name(item)).unwrap_or_default();
        let method = self.kind.method();
        self.warn(format!("{method}: whatever comes after `{last}` was left out: {stop}"));
        None
    }

    fn note_hint(&mut self, ttl: Option<&RawValue>, scope: Option<&RawValue>) {
        let ttl = ttl.and_then(raw::whole_number).unwrap_or_default();
        let ttl = Duration::from_millis(ttl).min(LONGEST_TTL);
        let public = scope.and_then(raw::text).as_deref() == Some("public");
        let before = self.listed.hint.unwrap_or(Hint { ttl, public });
        self.listed.hint = Some(Hint { ttl: ttl.min(before.ttl), public: public && before.public });
    }

    fn warn(&mut self, warning: String) {
        if !self.listed.warnings.contains(&warning) {
            self.listed.warnings.push(warning);
        }
    }
}
