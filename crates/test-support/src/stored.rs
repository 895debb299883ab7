//! The texts that version 0.1.0 stored, gave out and sent between Worker and objects, kept in
//! `tests/fixtures-0.1.0`: later versions must read them. Its README lists them.
//!
//! Invariant: a file there is never changed. `UPDATE_FIXTURES=1 cargo test --lib` writes the missing
//! ones, from what the present code writes.

use std::{fs, path::Path};

/// The text that 0.1.0 wrote under this name, which must be what the present code writes.
///
/// A version that writes another text reads the old one with [`read_0_1_0`].
pub fn of_0_1_0(name: &str, written: &str) -> String {
    let folder = folder();
    let path = folder.join(format!("{name}.txt"));
    if !path.exists() && std::env::var_os("UPDATE_FIXTURES").is_some() {
        fs::create_dir_all(&folder).unwrap();
        fs::write(&path, written).unwrap();
    }
    let stored = read_0_1_0(name);
    assert_eq!(stored, written, "{name}: the present code writes another text");
    stored
}

/// The text that 0.1.0 wrote under this name.
pub fn read_0_1_0(name: &str) -> String {
    let path = folder().join(format!("{name}.txt"));
    fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!("{}: {error}; UPDATE_FIXTURES=1 writes what is missing", path.display())
    })
}

/// Texts that 0.1.0 wrote, a line each, which must be what the present code writes.
pub fn lines_of_0_1_0(name: &str, written: &[String]) -> Vec<String> {
    assert!(written.iter().all(|line| !line.contains('\n')), "{name}: a text has several lines");
    of_0_1_0(name, &written.join("\n")).lines().map(str::to_owned).collect()
}

/// The text of a row that 0.1.0 wrote under this key until then, in seconds since 1970. The file has
/// the key in its first line and the stored row in the others.
pub fn row_of_0_1_0(name: &str, key: &str, until: u64) -> String {
    let stored = read_0_1_0(&format!("row-{name}"));
    let (known_key, row) = stored.split_once('\n').unwrap();
    // Its end, the number of further rows with the rest of the text, the text.
    let (head, text) = row.split_once(';').unwrap();
    assert_eq!((known_key, head), (key, &*format!("{until},0")), "{name}");
    text.to_owned()
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures-0.1.0")
}
