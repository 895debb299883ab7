//! The object that counts a subject's requests, in parts that it leases to isolates. That of an
//! account also keeps which SiteBay tokens of its callers were accepted.
//!
//! Routes: [`QuotaRequest`]. State: the rows `COUNT` and `TOKENS`.
//!
//! Invariant: a lease is written down before it is given, so that an object which forgot everything
//! else gives no unit twice; the output gate holds the answer until it is stored.

#![expect(missing_docs, reason = "`durable_object` makes methods without")]

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use futures_util::FutureExt as _;
use worker::{Env, Result, State};

use crate::{
    objects::{class::class, rows::Rows},
    platform::{
        clock::now_s,
        http::{self, Request, Response},
        object,
    },
};
use mcp_auth::{
    accepted_tokens::AcceptedTokens,
    quota::{Lease, LeaseRequest, LeaseSize, WindowCount},
    quota_request::{QuotaRequest, QuotaResponse},
    subject::Subject,
};
use mcp_platform::record::Record as _;

const COUNT: &str = "count";
/// How long the row of a window is kept after its end, in seconds: one alarm clears many windows.
const KEPT_FOR: u64 = 3_600;
const TOKENS: &str = "tokens";
/// How long the list is kept after its last change or use, in seconds. A use renews it where less than
/// half of that is left. Its tokens are on it again after their next call that works.
const TOKENS_KEPT_FOR: u64 = 30 * 24 * 3_600;

class! {
    /// Counts the requests of one subject.
    QuotaAgent(requests, alarm)
}

struct Inner {
    rows: Rows,
    count: Cell<Option<WindowCount>>,
    tokens: RefCell<Option<AcceptedTokens>>,
    /// When the row of the list ends, in seconds since 1970.
    tokens_end: Cell<u64>,
}

impl Inner {
    fn new(state: State, _env: Env) -> Self {
        let rows = Rows::key_value(Rc::new(state));
        let (count, tokens, tokens_end) = (Cell::new(None), RefCell::default(), Cell::new(0));
        Self { rows, count, tokens, tokens_end }
    }

    async fn receive(self: Rc<Self>, request: Request) -> Result<Response> {
        match object::asked::<QuotaRequest>(&request).await? {
            Some((ask, form)) => object::answered::<QuotaRequest>(&self.answer(ask).await?, form),
            None => http::text(404, "not for a quota"),
        }
    }

    /// The alarm: the end of rows.
    async fn due(self: Rc<Self>) -> Result<()> {
        self.rows.clear(&|_| 0).await
    }

    async fn answer(&self, ask: QuotaRequest) -> Result<QuotaResponse> {
        Ok(match ask {
            QuotaRequest::Lease(wanted) => {
                QuotaResponse::Lease(self.lease(LeaseSize::Usual, wanted).await?)
            }
            QuotaRequest::LeaseOne(wanted) => {
                QuotaResponse::Lease(self.lease(LeaseSize::One, wanted).await?)
            }
            QuotaRequest::Count => QuotaResponse::Count(self.kept().await?.at(now_s())),
            QuotaRequest::AcceptedTokens => QuotaResponse::AcceptedTokens(self.list().await?),
            QuotaRequest::IsAccepted { subject } => {
                QuotaResponse::IsAccepted(self.is_accepted(subject).await?)
            }
            QuotaRequest::Accept { subject } => {
                self.accept(subject).await?;
                QuotaResponse::Done
            }
        })
    }

    async fn lease(&self, part: LeaseSize, wanted: LeaseRequest) -> Result<Lease> {
        let kept = self.kept().await?;
        // Nothing is awaited between reading the count and changing it.
        let mut count = self.count.get().unwrap_or(kept);
        // An object's clock stands still where the machine's goes back, a new request's does not.
        let lease = count.lease(part, wanted.limit, now_s().min(wanted.now_s));
        self.count.set(Some(count));
        if lease.units > 0 {
            let until = lease.ends.saturating_add(KEPT_FOR);
            self.rows.put(COUNT, &count.to_json(), until).await?;
        }
        Ok(lease)
    }

    /// The list of accepted tokens.
    async fn list(&self) -> Result<AcceptedTokens> {
        self.read_tokens().await?;
        let list = self.with_tokens(|tokens| tokens.clone());
        self.renew().await;
        Ok(list)
    }

    /// Adds a subject to the list.
    async fn accept(&self, subject: Subject) -> Result<()> {
        self.read_tokens().await?;
        match self.with_tokens(|tokens| tokens.add(subject)) {
            true => self.write_tokens().await?,
            false => self.renew().await,
        }
        Ok(())
    }

    /// Whether a subject is on the list.
    async fn is_accepted(&self, subject: Subject) -> Result<bool> {
        self.read_tokens().await?;
        let is_known = self.with_tokens(|tokens| tokens.is_used(subject));
        if is_known {
            self.renew().await;
        }
        Ok(is_known)
    }

    async fn read_tokens(&self) -> Result<()> {
        if self.tokens.borrow().is_some() {
            return Ok(());
        }
        let (end, row) = self.rows.get_with_end(TOKENS).await?.unwrap_or_default();
        // Another request may have read it meanwhile, and added to it.
        if self.tokens.borrow().is_none() {
            self.tokens.replace(Some(AcceptedTokens::from_json(&row).unwrap_or_default()));
            self.tokens_end.set(end);
        }
        Ok(())
    }

    fn with_tokens<T>(&self, f: impl FnOnce(&mut AcceptedTokens) -> T) -> T {
        f(self.tokens.borrow_mut().get_or_insert_default())
    }

    /// Keeps a list that is in use. Where that fails, the next use tries again.
    async fn renew(&self) {
        let left = self.tokens_end.get().saturating_sub(now_s());
        let is_needed = left < TOKENS_KEPT_FOR / 2 && self.with_tokens(|tokens| tokens.count() > 0);
        if is_needed && let Err(error) = self.write_tokens().await {
            log::error!("the list of accepted tokens could not be renewed: {error}");
        }
    }

    async fn write_tokens(&self) -> Result<()> {
        let (text, before) = (self.with_tokens(|tokens| tokens.to_json()), self.tokens_end.get());
        let end = now_s().saturating_add(TOKENS_KEPT_FOR);
        // Set at once, so that requests at the same time renew it once.
        self.tokens_end.set(end);
        let written = self.rows.put(TOKENS, &text, end).await;
        if written.is_err() {
            self.tokens_end.set(before);
        }
        written
    }

    async fn kept(&self) -> Result<WindowCount> {
        if let Some(count) = self.count.get() {
            return Ok(count);
        }
        let row = self.rows.get(COUNT).await?;
        Ok(row.as_deref().and_then(WindowCount::from_json).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_support::stored::row_of_0_1_0;

    #[test]
    fn rows_of_quotas_of_0_1_0_are_read() {
        let count = WindowCount { began: 1_799_999_940, leased: 30 };
        let stored = row_of_0_1_0("quota-count", COUNT, 1_800_003_600);
        assert_eq!(WindowCount::from_json(&stored), Some(count));
        let mut tokens = AcceptedTokens::default();
        assert!(tokens.add(Subject([7; 16])) && tokens.add(Subject([0xfe; 16])));
        let stored = row_of_0_1_0("quota-tokens", TOKENS, 1_802_592_000);
        assert_eq!(AcceptedTokens::from_json(&stored), Some(tokens));
    }
}
