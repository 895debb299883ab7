//! How long an upstream may take.

use std::time::Duration;

use mcp_client::endpoint::Timeouts;
use mcp_protocol::{object::Object as Written, raw};

use super::object::{Faults, Object};

/// The shortest of all, in seconds.
const LEAST: f64 = 0.05;

/// Reads `timeouts`: seconds, with a fraction where need be; the usual ones where they are absent.
pub(super) fn read(of: &Object<'_>, usual: Timeouts, faults: &mut Faults) -> Timeouts {
    let Some(all) = of.object("timeouts", faults) else {
        return usual;
    };
    all.allow_only(&["headers", "idle", "whole", "lists"], faults);
    let mut seconds = |name: &str, most: f64, usual: Duration| {
        let expected = format!("seconds from {LEAST} to {most}");
        let fits = |seconds: &f64| (LEAST..=most).contains(seconds);
        let read = all.read(name, &expected, faults, |raw| {
            let is_number = !raw.get().starts_with(['"', '[', '{']);
            is_number.then(|| raw::float(raw)).flatten().filter(fits)
        });
        read.map_or(usual, Duration::from_secs_f64)
    };
    Timeouts {
        headers: seconds("headers", 60.0, usual.headers),
        idle: seconds("idle", 600.0, usual.idle),
        whole: seconds("whole", 3_600.0, usual.whole),
        lists: seconds("lists", 30.0, usual.lists),
    }
}

/// The text that is read back.
pub(super) fn to_json(timeouts: &Timeouts) -> String {
    Written::new()
        .float("headers", timeouts.headers.as_secs_f64())
        .float("idle", timeouts.idle.as_secs_f64())
        .float("whole", timeouts.whole.as_secs_f64())
        .float("lists", timeouts.lists.as_secs_f64())
        .end()
}
