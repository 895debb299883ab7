//! Random bytes of the runtime, good for secrets.

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
