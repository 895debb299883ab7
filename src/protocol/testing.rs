//! What tests of the protocol share: raw values, and the examples of the specification.

use std::{env, fs, path::PathBuf};

use serde_json::{Value, value::RawValue};

/// A raw JSON value.
pub(crate) fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.into()).expect(json)
}

/// The examples that the specification gives for a type, by file name. Empty, and counted as
/// skipped, where there is no copy of them.
pub(crate) fn examples(of: &str) -> Vec<(String, Value)> {
    let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/facts");
    let facts = env::var_os("SHARED_FACTS").map_or(default, PathBuf::from);
    let Ok(folder) = fs::read_dir(facts.join("schema/2026-07-28/examples").join(of)) else {
        xtask::skips::skip(of, "there are no examples of the specification (SHARED_FACTS)");
        return Vec::new();
    };
    let read = |entry: fs::DirEntry| {
        let text = fs::read_to_string(entry.path()).unwrap();
        (entry.file_name().into_string().unwrap(), serde_json::from_str(&text).unwrap())
    };
    folder.map(|entry| read(entry.unwrap())).collect()
}
