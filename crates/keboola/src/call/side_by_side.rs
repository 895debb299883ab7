//! Reads that are under way at the same time.

use futures_util::{StreamExt as _, stream};

use super::ending::ShortCircuit;

/// Requests that one call has under way at a time.
const AT_ONCE: usize = 6;

/// Carries out reads side by side, a few at a time; the outcomes in the order of the items.
pub(crate) async fn all<T, R>(
    items: impl IntoIterator<Item = T>,
    each: impl AsyncFn(T) -> Result<R, ShortCircuit>,
) -> Result<Vec<R>, ShortCircuit> {
    let each = &each;
    let mut work =
        stream::iter(items).map(|item| async move { each(item).await }).buffered(AT_ONCE);
    let mut done = Vec::new();
    while let Some(outcome) = work.next().await {
        done.push(outcome?);
    }
    Ok(done)
}
