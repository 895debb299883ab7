//! Test support: raw and arbitrary values, and the examples of the
//! specification.

use std::{env, fs, path::PathBuf};

use proptest::{
    collection::{btree_map, vec},
    prelude::{Just, Strategy, any, prop_oneof},
};
use serde_json::{Value, json};

pub(crate) use test_support::json::{ANY_TEXT, raw};

/// Any JSON value of a few levels.
pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ANY_TEXT.prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(ANY_TEXT, inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

/// The examples that the specification gives for its types.
pub(crate) struct Examples(PathBuf);

impl Examples {
    /// The examples, for a test that needs them. Where there is no copy of them it counts as
    /// skipped.
    pub(crate) fn or_skip(test: &str) -> Option<Self> {
        let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/facts");
        let facts = env::var_os("SHARED_FACTS").map_or(default, PathBuf::from);
        let folder = facts.join("schema/2026-07-28/examples");
        if folder.is_dir() {
            return Some(Self(folder));
        }
        test_support::skips::skip(
            test,
            "there are no examples of the specification (SHARED_FACTS)",
        );
        None
    }

    /// Those of a type, by file name.
    pub(crate) fn of(&self, name: &str) -> Vec<(String, Value)> {
        let read = |entry: fs::DirEntry| {
            let text = fs::read_to_string(entry.path()).unwrap();
            (entry.file_name().into_string().unwrap(), serde_json::from_str(&text).unwrap())
        };
        fs::read_dir(self.0.join(name)).expect(name).map(|entry| read(entry.unwrap())).collect()
    }
}
