//! The version of this Worker that runs, by the binding of its metadata.

use js_sys::Reflect;
use worker::Env;

/// The binding.
const METADATA: &str = "CF_VERSION_METADATA";

/// Its id at Cloudflare. None: it is not bound, or not deployed there.
pub fn id(env: &Env) -> Option<String> {
    let metadata = Reflect::get(env.as_ref(), &METADATA.into()).ok()?;
    let id = Reflect::get(&metadata, &"id".into()).ok()?.as_string()?;
    (!id.is_empty()).then_some(id)
}
