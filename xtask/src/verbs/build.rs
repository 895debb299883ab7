//! `cargo xtask build`.

use anyhow::Result;

use crate::bundle::{Flavour, build, gzip_size, raw_size};

pub(super) fn run() -> Result<()> {
    let bundle = build(Flavour::Production)?;
    let kib = |bytes: u64| bytes as f64 / 1024.0;
    let (raw, gzip) = (raw_size(&bundle.folder), gzip_size(&bundle.folder)?);
    println!("bundle: {:.1} KiB, {:.1} KiB gzip (JavaScript and WebAssembly)", kib(raw), kib(gzip));
    Ok(())
}
