//! The object that counts a subject's requests, in parts that it leases to isolates.
//!
//! Invariant: a lease is written down before it is given, so that an object which forgot everything
//! else gives no unit twice; the output gate holds the answer until it is stored.

use std::{cell::Cell, rc::Rc};

use futures_util::{FutureExt as _, future::LocalBoxFuture};
use worker::{Env, Result, State};

use crate::{
    access::quota::Count,
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

durable_object! {
    /// Counts the requests of one subject.
    QuotaAgent(Core)
}

struct Core {
    rows: Rows,
    count: Cell<Option<Count>>,
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
        Self { rows: Rows::new(Rc::new(state)), count: Cell::new(None) }
    }

    /// A lease where the body is a limit, else what was leased so far.
    async fn receive(self: Rc<Self>, request: Request) -> Result<Response> {
        let limit = request.text().await?.parse().ok();
        let kept = self.kept().await?;
        match limit {
            Some(limit) => self.lease(kept, limit).await,
            None => http::text(200, &kept.at(now_s()).to_text()),
        }
    }

    async fn lease(&self, kept: Count, limit: u32) -> Result<Response> {
        // Nothing is awaited between reading the count and changing it.
        let mut count = self.count.get().unwrap_or(kept);
        let lease = count.lease(limit, now_s());
        self.count.set(Some(count));
        if lease.units > 0 {
            let until = lease.ends.saturating_add(KEPT_FOR);
            self.rows.put(COUNT, &count.to_text(), until).await?;
        }
        http::text(200, &lease.to_text())
    }

    async fn kept(&self) -> Result<Count> {
        if let Some(count) = self.count.get() {
            return Ok(count);
        }
        let row = self.rows.get(COUNT).await?;
        Ok(row.as_deref().and_then(Count::read).unwrap_or_default())
    }
}
