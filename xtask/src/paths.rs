//! Where things are in the checkout.

use std::path::{Path, PathBuf};

/// The root of the checkout.
pub fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// Native tools that set-up installs.
pub fn tools() -> PathBuf {
    root().join(".tools")
}

/// An executable of a npm package of `package.json`.
pub fn npm_bin(name: &str) -> PathBuf {
    root().join("node_modules/.bin").join(name)
}

/// The `workerd` binary itself, without the Node launcher around it.
pub fn workerd() -> PathBuf {
    let platform = match (std::env::consts::OS, std::env::consts::ARCH) {
        ("macos", "aarch64") => "workerd-darwin-arm64",
        ("macos", _) => "workerd-darwin-64",
        ("linux", "aarch64") => "workerd-linux-arm64",
        _ => "workerd-linux-64",
    };
    root().join("node_modules/@cloudflare").join(platform).join("bin/workerd")
}
