//! A body that comes piece by piece.

use std::{cell::Cell, panic::AssertUnwindSafe, rc::Rc};

use futures_util::{
    FutureExt as _, StreamExt as _,
    future::{AbortHandle, abortable},
    stream::LocalBoxStream,
};
use js_sys::Promise;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::future_to_promise;
use worker::Result;

#[wasm_bindgen(module = "/src/platform/http/glue.js")]
extern "C" {
    /// `ReadableStreamDefaultController`.
    pub type Controller;

    /// `ReadableStream`.
    pub type Flow;

    fn flow(source: Source) -> Flow;

    #[wasm_bindgen(catch)]
    fn enqueue(controller: &Controller, piece: &[u8]) -> std::result::Result<(), JsValue>;

    #[wasm_bindgen(catch)]
    fn close(controller: &Controller) -> std::result::Result<(), JsValue>;
}

/// The underlying source of a `ReadableStream`: the runtime pulls a chunk when there is room for it.
#[wasm_bindgen]
pub struct Source {
    pieces: Rc<Pieces>,
    /// Ends the wait for a piece.
    waits: Option<AbortHandle>,
}

/// None while the next piece is awaited, and after the last one.
type Pieces = Cell<Option<LocalBoxStream<'static, Result<Vec<u8>>>>>;

impl std::panic::RefUnwindSafe for Source {}
impl std::panic::UnwindSafe for Source {}

#[wasm_bindgen]
impl Source {
    /// Called by the runtime for each piece.
    pub fn pull(&mut self, controller: Controller) -> Promise {
        let (pulled, waits) = abortable(pull(self.pieces.clone(), controller));
        self.waits = Some(waits);
        let pulled = pulled.map(|pulled| match pulled {
            Ok(Err(error)) => Err(error.into()),
            _ => Ok(JsValue::NULL),
        });
        future_to_promise(AssertUnwindSafe(pulled.boxed_local()))
    }

    /// Called by the runtime when the reader cancels.
    pub fn cancel(self) {}
}

impl Drop for Source {
    fn drop(&mut self) {
        if let Some(waits) = self.waits.take() {
            waits.abort();
        }
    }
}

async fn pull(pieces: Rc<Pieces>, controller: Controller) -> Result<()> {
    let Some(mut rest) = pieces.take() else {
        return Ok(());
    };
    match rest.next().await {
        Some(piece) => {
            let piece = piece?;
            pieces.set(Some(rest));
            enqueue(&controller, &piece)?;
        }
        None => close(&controller)?,
    }
    Ok(())
}

/// A stream as the runtime has it.
pub(super) fn of(stream: LocalBoxStream<'static, Result<Vec<u8>>>) -> JsValue {
    let pieces = Rc::new(Cell::new(Some(stream)));
    flow(Source { pieces, waits: None }).into()
}
