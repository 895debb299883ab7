//! The names in the documents: every file, module and symbol that a document names is there.
//!
//! A span of code is looked up by its form. `a::b` is a symbol in a module of `src/`, of a crate or of
//! `tests/`; `Type::name` is a method, a variant or a field; `ctx.name` is one of a tool's context; `src/a.rs`
//! is a file; any other name of several words, such as `TypeName` or `field_name`, is a word of the sources. A symbol
//! before a link must be defined in the very file that the link leads to.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Names that Cloudflare, Keboola and queries have, and no source.
const OTHERS: [&str; 7] = [
    "KBC_STORAGE_API_URL",
    "_sample_interval",
    "exceededCpu",
    "exceededMemory",
    // `keboola_get_events` at its own door.
    "get_events",
    "p95_ms",
    "scriptThrewException",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files below a folder whose names end like this.
fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, ending, found);
        } else if path.extension().is_some_and(|end| end == ending) {
            found.push(path);
        }
    }
}

/// A Rust source.
struct Module {
    file: PathBuf,
    text: String,
    items: BTreeSet<String>,
}

/// The modules of the repository by their paths, such as `mcp_server::dispatch`.
fn modules() -> BTreeMap<String, Module> {
    let mut roots = vec![(root().join("src"), String::new())];
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let name = path.file_name().unwrap().to_str().unwrap().replace('-', "_");
            roots.push((path.join("src"), name));
        }
    }
    for name in ["xtask", "sandbox", "bench"] {
        roots.push((root().join(name).join("src"), name.to_owned()));
    }
    roots.push((root().join("tests"), String::new()));
    let mut modules = BTreeMap::new();
    for (folder, name) in roots {
        let mut found = Vec::new();
        files(&folder, "rs", &mut found);
        for file in found {
            let text = fs::read_to_string(&file).unwrap();
            let items = items(&text);
            let path = module_path(&name, file.strip_prefix(&folder).unwrap());
            // A file of tests may have the name of a crate, which was read before.
            modules.entry(path).or_insert(Module { file, text, items });
        }
    }
    modules
}

/// The path of the module in this file of a crate.
fn module_path(name: &str, file: &Path) -> String {
    let file = file.with_extension("");
    let parts = file.iter().map(|part| part.to_str().unwrap());
    let parts = parts.filter(|part| !["lib", "main", "mod"].contains(part));
    let name = Some(name).filter(|name| !name.is_empty());
    let path = name.into_iter().chain(parts).collect::<Vec<_>>().join("::");
    // The entry of the Worker.
    if path.is_empty() { "sitebay_mcp".to_owned() } else { path }
}

/// The first word of a text, if it begins with one.
fn word(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    text.get(..end).filter(|word| !word.is_empty())
}

/// A line without visibility and modifiers.
fn bare(line: &str) -> &str {
    let mut rest = line.trim_start();
    loop {
        let short = if let Some(inner) = rest.strip_prefix("pub(") {
            inner.split_once(") ").map_or(rest, |(_, rest)| rest)
        } else {
            let modifiers = ["pub ", "async ", "default ", "unsafe "];
            let found = modifiers.iter().find_map(|modifier| rest.strip_prefix(modifier));
            // `const fn` is a function, `const NAME` is not.
            found
                .or_else(|| rest.strip_prefix("const ").filter(|rest| rest.starts_with("fn ")))
                .unwrap_or(rest)
        };
        if short == rest {
            return rest;
        }
        rest = short;
    }
}

/// The name that a line defines.
fn defined(line: &str) -> Option<&str> {
    let kinds = [
        "fn ",
        "struct ",
        "enum ",
        "trait ",
        "const ",
        "static ",
        "type ",
        "mod ",
        "macro_rules! ",
    ];
    kinds.iter().find_map(|kind| word(line.strip_prefix(kind)?))
}

/// The type of an `impl`, given what follows that word.
fn implemented(rest: &str) -> Option<&str> {
    let rest = match rest.strip_prefix('<') {
        Some(generics) => {
            let mut depth = 1;
            let end = generics.find(|c: char| {
                depth += match c {
                    '<' => 1,
                    '>' => -1,
                    _ => 0,
                };
                depth == 0
            })?;
            generics[end + 1..].trim_start()
        }
        None => rest.trim_start(),
    };
    let of = rest.split_once(" for ").map_or(rest, |(_, of)| of);
    word(of.rsplit("::").next()?.trim_start_matches(['&', '\'']))
}

/// What a source defines, as its formatting shows it: items by their names, methods, variants and fields
/// behind the name of their type.
fn items(text: &str) -> BTreeSet<String> {
    let mut items = BTreeSet::new();
    // The type or module that is open, how far it is indented, and whether its lines are its parts.
    let mut open: Option<(String, usize, bool)> = None;
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        let rest = bare(line);
        if let Some((name, at, has_parts)) = &open {
            if indent == *at && rest.starts_with(['}', ')']) {
                open = None;
                continue;
            }
            if indent == at + 4 {
                let part = || word(rest).filter(|_| *has_parts && !rest.starts_with("//"));
                if let Some(part) = defined(rest).or_else(part) {
                    items.insert(format!("{name}::{part}"));
                }
            }
            continue;
        }
        if indent > 0 {
            continue;
        }
        let head = rest.strip_prefix("impl").filter(|rest| rest.starts_with([' ', '<']));
        let name = match head {
            Some(head) => implemented(head),
            None => defined(rest),
        };
        let Some(name) = name else { continue };
        // The file of a module has the name, not the line that declares it.
        if rest.starts_with("mod ") && rest.ends_with(';') {
            continue;
        }
        items.insert(name.to_owned());
        let is_container =
            ["struct ", "enum ", "trait ", "mod "].iter().any(|k| rest.starts_with(k));
        if (head.is_some() || is_container) && !line.trim_end().ends_with([';', '}']) {
            let has_parts = rest.starts_with("struct ") || rest.starts_with("enum ");
            open = Some((name.to_owned(), indent, has_parts));
        }
    }
    items
}

/// Whether a module hands this name on from another.
fn re_exports(module: &Module, name: &str) -> bool {
    let uses = module.text.split("pub use ").skip(1).filter_map(|rest| rest.split(';').next());
    uses.flat_map(|tree| tree.split(|c: char| !c.is_alphanumeric() && c != '_'))
        .any(|word| word == name)
}

/// The names of the crates that this repository uses and does not have.
fn foreign() -> BTreeSet<String> {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let packages = lock.split("[[package]]").filter(|package| package.contains("\nsource = "));
    let names = packages.filter_map(|package| package.split("name = \"").nth(1)?.split('"').next());
    names.map(|name| name.replace('-', "_")).chain(["std".to_owned()]).collect()
}

/// The words of all sources, but for this file.
fn words() -> BTreeSet<String> {
    let mut paths = vec![root().join("wrangler.toml"), root().join("package.json")];
    for folder in ["src", "crates", "xtask", "sandbox", "tests", "bench/src", "migrations"] {
        for ending in ["rs", "js", "mjs", "ts", "json", "toml", "sql", "txt"] {
            files(&root().join(folder), ending, &mut paths);
        }
    }
    let mut words = BTreeSet::new();
    for path in paths.iter().filter(|path| !path.ends_with("references.rs")) {
        // What is no text has no words.
        let text = fs::read_to_string(path).unwrap_or_default();
        let parts = text.split(|c: char| !c.is_alphanumeric() && c != '_');
        words.extend(parts.filter(|part| is_compound(part)).map(str::to_owned));
    }
    words
}

/// Whether a text is a name of several words.
fn is_compound(text: &str) -> bool {
    let is_name = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let mut pairs = text.chars().zip(text.chars().skip(1));
    is_name
        && (text.contains('_')
            || pairs.any(|(one, next)| one.is_lowercase() && next.is_uppercase()))
}

struct Known {
    modules: BTreeMap<String, Module>,
    foreign: BTreeSet<String>,
    words: BTreeSet<String>,
}

impl Known {
    fn read() -> Self {
        Self { modules: modules(), foreign: foreign(), words: words() }
    }

    /// Whether a path such as `mcp_server::dispatch::dispatch` is that of a module or of something in one.
    fn has(&self, path: &str) -> bool {
        if self.modules.contains_key(path) {
            return true;
        }
        let first = path.split("::").next().unwrap_or_default();
        if self.foreign.contains(first) {
            return true;
        }
        if first.starts_with(|c: char| c.is_uppercase()) {
            return self.modules.values().any(|module| module.items.contains(path));
        }
        path.match_indices("::").any(|(at, _)| {
            let item = &path[at + 2..];
            self.modules.get(&path[..at]).is_some_and(|module| {
                module.items.contains(item) || re_exports(module, item.split("::").next().unwrap())
            })
        })
    }

    /// Whether a path names this very file, or something that is defined in it.
    fn is_in(&self, path: &str, file: &Path) -> bool {
        let is_file = |name: &str| self.modules.get(name).filter(|module| module.file == file);
        is_file(path).is_some()
            || path.match_indices("::").any(|(at, _)| {
                is_file(&path[..at]).is_some_and(|module| module.items.contains(&path[at + 2..]))
            })
    }
}

/// A span of code in a document, and the target of the link that it is the text of.
struct Span<'a> {
    code: &'a str,
    link: Option<&'a str>,
}

/// The spans of code outside of blocks, but for the tests in the tables of `docs/TESTING.md`, which
/// `tests/suite.rs` looks up.
fn spans(text: &str) -> Vec<Span<'_>> {
    let is_row = |line: &str| {
        ["short", "long", "gate", "hand"].iter().any(|tier| line.ends_with(&format!("| {tier} |")))
    };
    let lines = text.split("```").step_by(2).flat_map(str::lines).filter(|line| !is_row(line));
    let mut spans = Vec::new();
    for line in lines {
        let mut rest = line;
        while let Some((code, after)) = rest.split_once('`').and_then(|(_, r)| r.split_once('`')) {
            let link = after.strip_prefix("](").and_then(|link| link.split(')').next());
            spans.push(Span { code, link });
            rest = after;
        }
    }
    spans
}

/// What a span says that is wrong.
fn fault(span: &Span<'_>, document: &Path, known: &Known) -> Option<String> {
    let code = span.code;
    let name = code.split('(').next().unwrap_or_default();
    let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    if name.contains("::") && name.chars().all(is_name) && !name.starts_with(':') {
        return match span.link {
            Some(link) => {
                let target = document.parent().unwrap().join(link.split('#').next().unwrap());
                let target = target.canonicalize().unwrap_or_default();
                let is_there = known.is_in(name, &target);
                (!is_there).then(|| format!("`{code}` is not defined in {link}"))
            }
            None => (!known.has(name)).then(|| format!("there is no `{code}`")),
        };
    }
    if let Some(member) = code.strip_prefix("ctx.").and_then(word) {
        let context = format!("Context::{member}");
        return (!known.has(&context)).then(|| format!("a tool's context has no `{code}`"));
    }
    if is_compound(code) && !known.words.contains(code) && !OTHERS.contains(&code) {
        return Some(format!("no source has `{code}`"));
    }
    if let Some(path) = path_of(code)
        && !root().join(&path).exists()
    {
        return Some(format!("there is no `{path}`"));
    }
    None
}

/// The path in the repository that a span is, as far as it has no placeholder.
fn path_of(code: &str) -> Option<String> {
    let folders =
        ["src", "crates", "tests", "docs", "xtask", "sandbox", "bench", "fuzz", ".ci", ".cargo"];
    let (first, _) = code.split_once('/')?;
    let is_path = |c: char| c.is_alphanumeric() || "_-./*".contains(c);
    if !folders.contains(&first) || !code.chars().all(is_path) {
        return None;
    }
    let is_placeholder = |part: &&str| part.contains('*') || part.starts_with("NAME");
    let parts: Vec<&str> = code.split('/').take_while(|part| !is_placeholder(part)).collect();
    Some(parts.join("/"))
}

/// The documents, with their paths.
fn documents() -> Vec<(PathBuf, String)> {
    let mut paths = Vec::new();
    files(&root().join("docs"), "md", &mut paths);
    let others = ["README.md", "CONTRIBUTING.md", "crates/README.md"];
    paths.extend(others.map(|name| root().join(name)));
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn every_file_and_symbol_that_the_documents_name_is_there() {
    let (known, mut checked, mut faults) = (Known::read(), 0, Vec::new());
    for (path, text) in documents() {
        for span in spans(&text) {
            checked += 1;
            if let Some(fault) = fault(&span, &path, &known) {
                let path = path.strip_prefix(root()).unwrap().display();
                faults.push(format!("{path}: {fault}"));
            }
        }
    }
    assert!(checked > 1_000, "{checked} spans of code were found");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The walkthroughs of `docs/ARCHITECTURE.md`: numbered steps, each of which links a symbol.
#[test]
fn every_step_of_the_walkthroughs_links_a_symbol() {
    let path = root().join("docs/ARCHITECTURE.md");
    let text = fs::read_to_string(&path).unwrap();
    let known = Known::read();
    let walkthroughs: Vec<&str> = text.split("\n### Walkthrough: ").skip(1).collect();
    assert_eq!(walkthroughs.len(), 4);
    for walkthrough in walkthroughs {
        let walkthrough = walkthrough.split("\n#").next().unwrap();
        let steps: Vec<&str> = walkthrough
            .lines()
            .filter(|line| line.starts_with(|c: char| c.is_ascii_digit()))
            .collect();
        assert!(steps.len() >= 8, "{walkthrough}");
        for step in steps {
            let linked = spans(step).into_iter().find(|span| span.link.is_some());
            let linked = linked.unwrap_or_else(|| panic!("no link to a symbol: {step}"));
            assert!(linked.code.contains("::"), "{step}");
            assert_eq!(fault(&linked, &path, &known), None, "{step}");
        }
    }
}

#[test]
fn definitions_of_every_kind_are_found() {
    let text = "
mod zero;
pub(crate) const fn one() {}
static TWO: u8 = 2;
macro_rules! three {
    () => {};
}
impl<'a, T: Into<Vec<u8>>> Trait for Four<'a, T> {
    type Item = u8;
    pub async fn five(&self) {
        let six = 6;
    }
}
pub enum Seven {
    /// Eight.
    Eight(u8),
    Nine,
}
#[cfg(test)]
mod tests {
    fn ten() {}
}
struct Eleven {
    pub twelve: u8,
}
";
    let found: Vec<String> = items(text).into_iter().collect();
    let expected = [
        "Eleven",
        "Eleven::twelve",
        "Four",
        "Four::Item",
        "Four::five",
        "Seven",
        "Seven::Eight",
        "Seven::Nine",
        "TWO",
        "one",
        "tests",
        "tests::ten",
        "three",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_name_that_is_gone_and_one_that_is_elsewhere_are_found() {
    let (known, document) = (Known::read(), root().join("docs/ARCHITECTURE.md"));
    let text = "`mcp_server::dispatch::dispatch`, [`mcp_server::dispatch::dispatch`](../crates/mcp-server/src/dispatch.rs), \
                `ctx.begin()`, `Context::begin`, `src/lib.rs`, `worker::Delay`, `crates/sitebay/catalogue/*.toml`, `SessionAgent`\n\
                `mcp_server::dispatch::dispatched`, [`mcp_server::dispatch::dispatch`](../src/lib.rs), `ctx.begins()`, \
                `Context::begins`, `src/library.rs`, `server::dispatch`, `SessionsAgent`\n";
    let faults: Vec<Option<String>> =
        spans(text).iter().map(|span| fault(span, &document, &known)).collect();
    assert_eq!(faults.len(), 15);
    assert!(faults[..8].iter().all(Option::is_none), "{faults:#?}");
    assert!(faults[8..].iter().all(Option::is_some), "{faults:#?}");
}
