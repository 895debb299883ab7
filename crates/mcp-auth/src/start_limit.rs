//! A bound on what strangers can begin at the same time, such as fetches of one document.
//!
//! A request that waits for another one is killed by the runtime, so that requests which need the same
//! document each fetch it. Starts are counted, not ends: a request may be ended without a trace.

/// Starts in one window. Many requests of a busy isolate may need a document when it begins.
const MAX_STARTS: u32 = 16;
/// Seconds of a window.
const WINDOW: u64 = 5;

/// The starts of the current window.
#[derive(Debug, Default)]
pub struct StartLimit {
    window: u64,
    count: u32,
}

impl StartLimit {
    /// Counts a start. False: there were too many in these seconds.
    pub fn begin(&mut self, now_s: u64) -> bool {
        let window = now_s / WINDOW;
        if window != self.window {
            (self.window, self.count) = (window, 0);
        }
        self.count = self.count.saturating_add(1);
        self.count <= MAX_STARTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_begin_in_each_window_and_no_more() {
        let mut starts = StartLimit::default();
        for now in [1_000, 1_005, 900] {
            let begun = (0..100).filter(|_| starts.begin(now)).count();
            assert_eq!(begun, MAX_STARTS as usize, "{now}");
            assert!(!starts.begin(now + WINDOW - 1));
        }
    }
}
