//! Tests that cannot run on this machine say so here, and are counted as skipped, never as passed.

use std::{fs::OpenOptions, io::Write as _};

/// The environment variable that names the file of the skipped.
pub const FILE: &str = "SITEBAY_TEST_SKIPS";

/// Records that a test was skipped, and why.
pub fn skip(test: &str, why: &str) {
    eprintln!("skipped: {test}: {why}");
    let Ok(path) = std::env::var(FILE) else {
        return;
    };
    if let Ok(mut file) = OpenOptions::new().append(true).open(path) {
        let _ = writeln!(file, "{test}: {why}");
    }
}
