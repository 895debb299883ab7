//! What version 0.1.0 stored and gave out, kept in `tests/fixtures-0.1.0`: later versions must read it.
//!
//! Invariant: a file there is never changed. `UPDATE_FIXTURES=1 cargo test --lib` writes those that are
//! missing, from what the present code writes.

use std::{fs, path::Path};

/// What 0.1.0 wrote under this name, where the present code writes `written`.
pub(crate) fn of_0_1_0(name: &str, written: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures-0.1.0");
    let path = folder.join(format!("{name}.txt"));
    if !path.exists() && std::env::var_os("UPDATE_FIXTURES").is_some() {
        fs::create_dir_all(&folder).unwrap();
        fs::write(&path, written).unwrap();
    }
    fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!("{}: {error}; UPDATE_FIXTURES=1 writes what is missing", path.display())
    })
}
