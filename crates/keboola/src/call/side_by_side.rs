//! Reads that are under way at the same time.

use futures_util::{StreamExt as _, stream};

use super::ending::ShortCircuit;

/// Requests that one call has under way at a time.
const AT_ONCE: usize = 6;

/// The same of reads within a [`Budget`](super::Budget): each may have a large answer.
const LARGE_AT_ONCE: usize = 2;

/// Carries out reads side by side, a few at a time; the outcomes in the order of the items.
pub(crate) async fn all<T, R>(
    items: impl IntoIterator<Item = T>,
    each: impl AsyncFn(T) -> Result<R, ShortCircuit>,
) -> Result<Vec<R>, ShortCircuit> {
    at_once(AT_ONCE, items, each).await
}

/// The same with reads within a budget.
pub(crate) async fn all_large<T, R>(
    items: impl IntoIterator<Item = T>,
    each: impl AsyncFn(T) -> Result<R, ShortCircuit>,
) -> Result<Vec<R>, ShortCircuit> {
    at_once(LARGE_AT_ONCE, items, each).await
}

async fn at_once<T, R>(
    most: usize,
    items: impl IntoIterator<Item = T>,
    each: impl AsyncFn(T) -> Result<R, ShortCircuit>,
) -> Result<Vec<R>, ShortCircuit> {
    let each = &each;
    let mut work = stream::iter(items).map(|item| async move { each(item).await }).buffered(most);
    let mut done = Vec::new();
    while let Some(outcome) = work.next().await {
        done.push(outcome?);
    }
    Ok(done)
}
