//! Exports that libraries bring along and that nobody calls: without them `wasm-opt` drops the code
//! behind them. Source: WebAssembly Core Specification 2.0 §5.5 "Modules".

use anyhow::{Context as _, Result};

/// Bytes of the magic number and the version.
const PREAMBLE: usize = 8;
const EXPORT_SECTION: u8 = 7;

/// Classes of `worker` and `wasm-streams` that this Worker never makes.
const UNUSED: [&str; 6] = [
    "containerstartupoptions",
    "intounderlyingbytesource",
    "intounderlyingsink",
    "intounderlyingsource",
    "minifyconfig",
    "r2range",
];

/// The module without the exports of unused classes.
pub fn without_unused(module: &[u8]) -> Result<Vec<u8>> {
    let (preamble, sections) = module.split_at_checked(PREAMBLE).context("not a module")?;
    let mut kept = preamble.to_vec();
    let mut rest = Reader(sections);
    while !rest.0.is_empty() {
        let kind = rest.byte()?;
        let content = rest.prefixed()?;
        kept.push(kind);
        match kind {
            EXPORT_SECTION => push_prefixed(&mut kept, &used(Reader(content))?),
            _ => push_prefixed(&mut kept, content),
        }
    }
    Ok(kept)
}

/// The export section without those of unused classes.
fn used(mut section: Reader<'_>) -> Result<Vec<u8>> {
    let (mut count, mut exports) = (0, Vec::new());
    for _ in 0..section.number()? {
        let name = section.prefixed()?;
        let (kind, index) = (section.byte()?, section.number()?);
        let text = std::str::from_utf8(name)?;
        if !UNUSED.iter().any(|class| text.contains(class)) {
            count += 1;
            push_prefixed(&mut exports, name);
            exports.push(kind);
            push_number(&mut exports, index);
        }
    }
    let mut section = Vec::new();
    push_number(&mut section, count);
    section.extend(exports);
    Ok(section)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).context("the module is cut off")?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8> {
        Ok(*self.bytes(1)?.first().context("the module is cut off")?)
    }

    /// LEB128.
    fn number(&mut self) -> Result<usize> {
        let mut number = 0;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            number |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        Ok(number)
    }

    fn prefixed(&mut self) -> Result<&'a [u8]> {
        let length = self.number()?;
        self.bytes(length)
    }
}

fn push_number(to: &mut Vec<u8>, mut number: usize) {
    while number > 0x7f {
        to.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

fn push_prefixed(to: &mut Vec<u8>, bytes: &[u8]) {
    push_number(to, bytes.len());
    to.extend(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exports_of_unused_classes_go() {
        let module = |exports: &[&str]| {
            let mut section = vec![exports.len() as u8];
            for name in exports {
                push_prefixed(&mut section, name.as_bytes());
                section.extend([0, 5]);
            }
            let mut module = b"\0asm\x01\0\0\0\x01\x01\0\x07".to_vec();
            push_prefixed(&mut module, &section);
            module.extend([10, 1, 0]);
            module
        };
        let (all, some) = (["fetch", "__wbg_r2range_free", "init"], ["fetch", "init"]);
        assert_eq!(without_unused(&module(&all)).unwrap(), module(&some));
        assert!(without_unused(b"\0asm").is_err());
    }
}
