//! Random bytes of the runtime, good for secrets.
//!
//! Invariant: every secret and every nonce is made of these. A UUID names something that may be seen;
//! 6 of its bits are fixed.

use std::cell::RefCell;

use uuid::{Builder, Uuid};
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::WorkerGlobalScope;

/// So many random bytes.
///
/// # Errors
/// Where the runtime has none.
pub fn bytes<const N: usize>() -> Result<[u8; N], JsValue> {
    let scope: WorkerGlobalScope = js_sys::global().unchecked_into();
    let mut bytes = [0; N];
    scope.crypto()?.get_random_values_with_u8_array(&mut bytes)?;
    Ok(bytes)
}

/// Bytes that are taken from the runtime at once for names: the call costs more than the bytes.
const TAKEN: usize = 1_024;

thread_local! {
    static LEFT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A random name for something that may be seen, such as a request in the log.
pub fn name() -> Uuid {
    let taken = LEFT.with_borrow_mut(|left| {
        if left.is_empty() {
            left.extend(bytes::<TAKEN>().ok()?);
        }
        let from = left.len().checked_sub(size_of::<Uuid>())?;
        let taken = left.get(from..)?.try_into().ok();
        left.truncate(from);
        taken
    });
    taken.map_or_else(Uuid::new_v4, |bytes| Builder::from_random_bytes(bytes).into_uuid())
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        path::{Path, PathBuf},
    };

    /// The files that make UUIDs, and what each names with them.
    const NAMES: [(&str, &str); 7] = [
        ("objects/sessions/mod.rs", "the incarnation of an object, in event ids"),
        ("objects/upstream.rs", "the life of an object, in the state of a parked call"),
        ("platform/workers.rs", "spans, and idempotency keys of requests to SiteBay"),
        ("stubs/hub.rs", "a result in its subject's hub"),
        ("stubs/tasks.rs", "a task, in its signed id"),
        ("stubs/upstream.rs", "the object of one call"),
        ("transports/endpoint.rs", "a session, in its signed id"),
    ];

    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }

    #[test]
    fn uuids_are_made_only_where_something_is_named_that_is_no_secret() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut files = Vec::new();
        sources(&root, &mut files);
        let makes_some = |file: &PathBuf| {
            let this_one = file.ends_with("platform/random.rs");
            !this_one && fs::read_to_string(file).unwrap().contains("Uuid::new_v4")
        };
        let mut found: Vec<String> = files
            .iter()
            .filter(|file| makes_some(file))
            .map(|file| file.strip_prefix(&root).unwrap().to_string_lossy().into_owned())
            .collect();
        found.sort_unstable();
        assert_eq!(found, NAMES.map(|(file, _)| file), "secrets come from `random::bytes`");
    }
}
