//! The object that counts a subject's requests, in parts that it leases to isolates. That of an
//! account also keeps which SiteBay tokens of its callers were accepted.
//!
//! | path | body | answer |
//! |---|---|---|
//! | `/` | `Wanted` | `Lease` |
//! | `/` | empty | `Count` |
//! | `/accepted` | empty | `AcceptedTokens` |
//! | `/accepted` | a subject, to be added | empty |
//!
//! Invariant: a lease is written down before it is given, so that an object which forgot everything
//! else gives no unit twice; the output gate holds the answer until it is stored.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use futures_util::{FutureExt as _, future::LocalBoxFuture};
use worker::{Env, Result, State};

use crate::{
    access::{
        accepted::AcceptedTokens,
        principal::Subject,
        quota::{Count, Wanted},
    },
    agents::rows::{Rows, now_s},
    durable_object,
    runtime::{
        http::{self, Request, Response},
        object::Object,
    },
};

const COUNT: &str = "count";
/// How long the row of a window is kept after its end, in seconds: one alarm clears many windows.
const KEPT_FOR: u64 = 3_600;
/// The path of the list of accepted tokens.
pub const ACCEPTED: &str = "/accepted";
const TOKENS: &str = "tokens";
/// How long the list is kept after its last change, in seconds. Its tokens are on it again after
/// their next call that works.
const TOKENS_KEPT_FOR: u64 = 30 * 24 * 3_600;

durable_object! {
    /// Counts the requests of one subject.
    QuotaAgent(Core)
}

struct Core {
    rows: Rows,
    count: Cell<Option<Count>>,
    tokens: RefCell<Option<AcceptedTokens>>,
}

impl Object for Core {
    fn fetch(self: Rc<Self>, request: Request) -> LocalBoxFuture<'static, Result<Response>> {
        self.receive(request).boxed_local()
    }

    fn alarm(self: Rc<Self>) -> LocalBoxFuture<'static, Result<()>> {
        async move { self.rows.clear(&|_| 0).await }.boxed_local()
    }
}

impl Core {
    fn new(state: State, _env: Env) -> Self {
        let rows = Rows::new(Rc::new(state));
        Self { rows, count: Cell::new(None), tokens: RefCell::default() }
    }

    async fn receive(self: Rc<Self>, request: Request) -> Result<Response> {
        let body = request.text().await?;
        if request.path() == ACCEPTED {
            return self.accepted(Subject::read(&body)).await;
        }
        let wanted = Wanted::read(&body);
        let kept = self.kept().await?;
        match wanted {
            Some(wanted) => self.lease(kept, wanted).await,
            None => http::text(200, &kept.at(now_s()).to_text()),
        }
    }

    async fn lease(&self, kept: Count, wanted: Wanted) -> Result<Response> {
        // Nothing is awaited between reading the count and changing it.
        let mut count = self.count.get().unwrap_or(kept);
        // An object's clock stands still where the machine's goes back, a new request's does not.
        let lease = count.lease(wanted.limit, now_s().min(wanted.now_s));
        self.count.set(Some(count));
        if lease.units > 0 {
            let until = lease.ends.saturating_add(KEPT_FOR);
            self.rows.put(COUNT, &count.to_text(), until).await?;
        }
        http::text(200, &lease.to_text())
    }

    /// Adds a subject to the list of accepted tokens, or gives the list.
    async fn accepted(&self, added: Option<Subject>) -> Result<Response> {
        if self.tokens.borrow().is_none() {
            let row = self.rows.get(TOKENS).await?.unwrap_or_default();
            // Another request may have read it meanwhile, and added to it.
            self.tokens.borrow_mut().get_or_insert_with(|| AcceptedTokens::read(&row));
        }
        let text = {
            let mut tokens = self.tokens.borrow_mut();
            let tokens = tokens.get_or_insert_default();
            match added {
                Some(subject) if !tokens.add(subject) => return http::text(200, ""),
                _ => tokens.to_text(),
            }
        };
        if added.is_none() {
            return http::text(200, &text);
        }
        self.rows.put(TOKENS, &text, now_s().saturating_add(TOKENS_KEPT_FOR)).await?;
        http::text(200, "")
    }

    async fn kept(&self) -> Result<Count> {
        if let Some(count) = self.count.get() {
            return Ok(count);
        }
        let row = self.rows.get(COUNT).await?;
        Ok(row.as_deref().and_then(Count::read).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stored_fixtures::row_of_0_1_0;

    #[test]
    fn rows_of_quotas_are_read_as_they_were_written() {
        let count = Count { began: 1_799_999_940, leased: 30 };
        let stored = row_of_0_1_0("quota-count", COUNT, &count.to_text(), 1_800_003_600);
        assert_eq!(Count::read(&stored), Some(count));
        let mut tokens = AcceptedTokens::default();
        assert!(tokens.add(Subject([7; 16])) && tokens.add(Subject([0xfe; 16])));
        let stored = row_of_0_1_0("quota-tokens", TOKENS, &tokens.to_text(), 1_802_592_000);
        assert_eq!(AcceptedTokens::read(&stored), tokens);
    }
}
