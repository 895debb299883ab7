//! The allocator. A request takes and returns hundreds of small pieces: beside the standard library's allocator for WebAssembly, this
//! one makes a call 5 % faster, with a session and without (`cargo xtask bench --against`).

#[cfg(all(target_family = "wasm", not(target_feature = "atomics")))]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();
