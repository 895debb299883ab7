//! Which part of an object is wanted.

use std::ops::Range;

use serde_json::Value;

use crate::bindings::r2::number;
use crate::bindings::r2::problem::Problem;
use crate::engine::json::Fields as _;

/// The part of an object of this size that a get wants.
pub(super) fn wanted(parameters: &Value, size: usize) -> Result<Range<usize>, Problem> {
    if let Some(header) = parameters.field("rangeHeader").as_str() {
        // One that is none, or several, is ignored.
        return Ok(of_header(header, size).unwrap_or(0..size));
    }
    let range = parameters.field("range");
    if range.is_null() {
        return Ok(0..size);
    }
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    let suffix = number(range.field("suffix"));
    if suffix.is_some_and(|suffix| suffix <= 0) {
        return Err(Problem::range());
    }
    let (offset, length) = match suffix.map(|suffix| suffix.min(size)) {
        Some(suffix) => (size.saturating_sub(suffix), suffix),
        None => {
            let offset = number(range.field("offset")).unwrap_or_default();
            let rest = size.saturating_sub(offset);
            (offset, number(range.field("length")).unwrap_or(rest))
        }
    };
    if offset < 0 || offset > size || length <= 0 {
        return Err(Problem::range());
    }
    let end = offset.saturating_add(length).min(size);
    let at = |place: i64| usize::try_from(place).unwrap_or_default();
    Ok(at(offset)..at(end))
}

/// A `Range` header with one range that the object has.
fn of_header(header: &str, size: usize) -> Option<Range<usize>> {
    let (first, last) = header.trim().strip_prefix("bytes=")?.trim().split_once('-')?;
    let whole = |text: &str| text.trim().parse::<usize>().ok();
    let (first, end) = match (first.trim(), last.trim()) {
        ("", last) => (size.saturating_sub(whole(last)?), size),
        (first, "") => (whole(first)?, size),
        (first, last) => (whole(first)?, whole(last)?.saturating_add(1).min(size)),
    };
    (first < end).then_some(first..end)
}
