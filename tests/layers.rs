//! The layers of `src/`: a module uses those below it, never one above. Those of `crates/` are held by the
//! compiler, which knows no circle between crates.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The modules of `src/`, from the entry down. Those of one line do not use one another.
const LAYERS: [&[&str]; 12] = [
    &["routes"],
    &["admin", "pages", "discovery"],
    &["transports", "health", "backend", "scheduled"],
    &["admission"],
    &["challenge", "objects"],
    &["body", "stubs"],
    &["error"],
    &["response"],
    &["state"],
    &["config"],
    &["platform"],
    &["wiring"],
];

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

/// The modules of this crate that a text names, by `crate::name` or in `use crate::{name, …}`.
fn named(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        // Not the end of another word, such as `$crate`.
        if text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &text[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(tree) => names.extend(first_of_each(tree)),
            None => names.extend(word(rest)),
        }
    }
    names
}

/// The first words of the branches of a tree of imports.
fn first_of_each(tree: &str) -> Vec<String> {
    let (mut depth, mut begins, mut found) = (0_i32, true, Vec::new());
    for (at, c) in tree.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => begins = true,
            c if begins && !c.is_whitespace() => {
                begins = false;
                found.extend(word(&tree[at..]));
            }
            _ => {}
        }
    }
    found
}

fn word(text: &str) -> Option<String> {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    (end > 0).then(|| text[..end].to_owned())
}

#[test]
fn no_module_of_the_worker_uses_one_above_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut files, mut faults) = (Vec::new(), Vec::new());
    sources(&root, &mut files);
    for file in &files {
        let path = file.strip_prefix(&root).unwrap();
        let module = path.components().next().unwrap().as_os_str().to_string_lossy();
        let module = module.trim_end_matches(".rs");
        if module == "lib" {
            continue;
        }
        let own = layer(module).unwrap_or_else(|| panic!("src/{module} has no layer"));
        let text = fs::read_to_string(file).unwrap();
        // Tests may look at what is above.
        let text = text.split("#[cfg(test)]").next().unwrap();
        for name in named(text).iter().filter(|name| *name != module) {
            if layer(name).is_some_and(|other| other <= own) {
                faults.push(format!("src/{} uses {name}", path.display()));
            }
        }
    }
    assert!(files.len() > 60, "{}", files.len());
    assert!(faults.is_empty(), "an arrow goes back up:\n{}", faults.join("\n"));
}

#[test]
fn every_way_of_naming_a_module_is_found() {
    let text = "use crate::{\n    a::{b, c},\n    d,\n};\nuse crate::e::f;\nfn g() { crate::h::i() } $crate::no";
    let names: Vec<String> = named(text).into_iter().collect();
    assert_eq!(names, ["a", "d", "e", "h", "no"]);
}

#[test]
fn a_crate_that_is_pure_does_not_see_workers() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates");
    let mut checked = 0;
    for entry in fs::read_dir(crates).unwrap() {
        let manifest = entry.unwrap().path().join("Cargo.toml");
        let Ok(text) = fs::read_to_string(&manifest) else { continue };
        for banned in ["worker", "wasm-bindgen", "js-sys", "web-sys"] {
            let uses = text.lines().any(|line| line.starts_with(banned));
            assert!(!uses, "{}: {banned}", manifest.display());
        }
        checked += 1;
    }
    assert!(checked >= 7, "{checked}");
}

#[test]
fn the_architecture_names_every_module_of_the_worker() {
    let text = include_str!("../docs/ARCHITECTURE.md");
    for module in LAYERS.concat() {
        let names = [format!("`src/{module}.rs`"), format!("`src/{module}/`")];
        assert!(names.iter().any(|name| text.contains(name)), "docs/ARCHITECTURE.md: src/{module}");
    }
}
