//! Lists in pages of a limit and an offset.

/// The items of one page.
pub(crate) fn page<T>(items: impl IntoIterator<Item = T>, limit: usize, offset: usize) -> Vec<T> {
    items.into_iter().skip(offset).take(limit).collect()
}
