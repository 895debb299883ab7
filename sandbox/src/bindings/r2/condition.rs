//! Conditions of gets and puts, which follow RFC 9110, section 13.

use serde_json::Value;

use crate::bindings::r2::number;
use crate::bindings::r2::object::Object;
use crate::engine::json::Fields as _;

/// Whether conditions hold for an object, or for its absence.
pub(super) fn holds(condition: &Value, object: Option<&Object>) -> bool {
    let matches = list(condition.field("etagMatches"));
    let differs = list(condition.field("etagDoesNotMatch"));
    let (before, after) = (condition.field("uploadedBefore"), condition.field("uploadedAfter"));
    let Some(object) = object else {
        return matches.is_none() && after.is_null();
    };
    let step = if condition.field("secondsGranularity") == &Value::Bool(true) { 1000 } else { 1 };
    let floor = |time: i64| time.saturating_sub(time.rem_euclid(step));
    let moment = |time: &Value| number(time).map(floor);
    let uploaded = floor(object.uploaded);
    let is_same = matches.is_none_or(|etags| includes(etags, object, false));
    let is_other = differs.is_none_or(|etags| !includes(etags, object, true));
    let is_later = moment(after).is_none_or(|time| time < uploaded);
    let is_earlier = moment(before).is_none_or(|time| uploaded < time);
    // An etag that was asked for, and fits, outweighs a date.
    is_same && is_other && (is_later || differs.is_some()) && (is_earlier || matches.is_some())
}

fn list(etags: &Value) -> Option<&[Value]> {
    etags.as_array().map(Vec::as_slice).filter(|etags| !etags.is_empty())
}

fn includes(etags: &[Value], object: &Object, weakly: bool) -> bool {
    etags.iter().any(|etag| match etag.field("type").as_str() {
        Some("wildcard") => true,
        Some("weak") => weakly && etag.field("value") == object.etag.as_str(),
        _ => etag.field("value") == object.etag.as_str(),
    })
}
