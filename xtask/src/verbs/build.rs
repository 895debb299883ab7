//! `cargo xtask build`.

use anyhow::{Result, bail};

use crate::bundle::{Flavour, build, gzip_size};

/// What the bundle may weigh, `gzip -9`: start-up time grows with it.
const MAX_GZIP: u64 = 560 * 1024;

pub(super) fn run() -> Result<()> {
    let bundle = build(Flavour::Production)?;
    let size = gzip_size(&bundle.folder)?;
    println!("bundle: {:.1} KiB gzip (JavaScript and WebAssembly)", size as f64 / 1024.0);
    if size > MAX_GZIP {
        bail!("the bundle is over {} KiB", MAX_GZIP / 1024);
    }
    Ok(())
}
