//! The object of a stage of a system on Cloudflare: its records, its lock, plans that can be applied, and the unlock of a
//! protected stage.
//!
//! Routes: [`StageRequest`], and [`UnlockRequest`] at [`UNLOCK`], which the admin API alone sends. State: the row `STAGE`, which
//! has no end: what was made at Cloudflare does not end by itself either.
//!
//! Invariant: an answer leaves after the state that it is about was stored. The state machine is
//! [`StageState`], which is tested on the host.

#![expect(missing_docs, reason = "`durable_object` makes methods without")]

use std::{cell::RefCell, rc::Rc};

use futures_util::FutureExt as _;
use infrastructure::state::{Answer, Request as StageRequest, StageState, UnlockRequest};
use worker::{Env, Error, Result, State};

use crate::{
    objects::{class::class, rows::Rows},
    platform::{
        http::{self, Request, Response},
        workers::WorkersPlatform,
    },
    stubs::stages::UNLOCK,
};
use mcp_platform::{Platform as _, record::Record as _};

const STAGE: &str = "stage";

class! {
    /// Keeps the records of one stage.
    StageAgent(requests)
}

struct Inner {
    rows: Rows,
    /// The name of the stage, which is the object's.
    name: String,
    known: RefCell<Option<StageState>>,
}

impl Inner {
    fn new(state: State, _env: Env) -> Self {
        let name = state.id().name().unwrap_or_default();
        Self { rows: Rows::in_table(Rc::new(state)), name, known: RefCell::default() }
    }

    async fn receive(self: Rc<Self>, request: Request) -> Result<Response> {
        let body = request.text().await?;
        let now_ms = WorkersPlatform.now_ms();
        if request.path() == UNLOCK {
            return match UnlockRequest::from_json(&body) {
                Some(asked) => self.answer(|state| state.unlock(asked, now_ms)).await,
                None => http::text(404, "not an unlock"),
            };
        }
        match StageRequest::from_json(&body) {
            Some(asked) => self.answer(|state| state.handle(asked, now_ms)).await,
            None => http::text(404, "not for a stage"),
        }
    }

    async fn answer(&self, answer: impl FnOnce(&mut StageState) -> Answer) -> Result<Response> {
        self.read().await?;
        // Nothing is awaited between reading the state and changing it.
        let (answer, changed) = {
            let mut known = self.known.borrow_mut();
            let state = known.get_or_insert_with(|| StageState::new(&self.name));
            let answer = answer(state);
            let changed = answer.has_changed().then(|| state.to_json());
            (answer, changed)
        };
        let stored = match changed {
            Some(text) => self.rows.write(STAGE, &text, u64::MAX).await,
            None => Ok(()),
        };
        if stored.is_err() {
            // What is not stored did not happen: it is read again.
            self.known.replace(None);
        }
        stored?;
        http::text(200, &answer.to_json())
    }

    async fn read(&self) -> Result<()> {
        if self.known.borrow().is_some() {
            return Ok(());
        }
        let row = self.rows.get(STAGE).await?;
        // Another request may have read it meanwhile, and changed it.
        if self.known.borrow().is_none() {
            let state = match &row {
                // A stage whose records cannot be read is not one of which nothing was made.
                Some(text) => StageState::from_json(text)
                    .ok_or_else(|| Error::RustError("the stage cannot be read".into()))?,
                None => StageState::new(&self.name),
            };
            self.known.replace(Some(state));
        }
        Ok(())
    }
}
