//! Rules for the tests themselves, checked in their sources and in `docs/TESTING.md`.

use std::{fs, path::PathBuf};

use xtask::paths;

/// No fixed wait takes longer, but in a test about real time.
const LONGEST_MS: u64 = 5_000;

/// A source file of this repository.
struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    /// The module that it is: the file's name, or the folder's for `mod.rs`.
    fn module(&self) -> &str {
        let own = self.path.file_stem().unwrap().to_str().unwrap();
        let parent = self.path.parent().filter(|_| own == "mod");
        parent.map_or(own, |folder| folder.file_name().unwrap().to_str().unwrap())
    }
}

/// The Rust sources below a folder of the repository; what is built or downloaded is none.
fn sources(below: &str) -> Vec<Source> {
    const NO_SOURCES: [&str; 4] = ["target", "node_modules", "build", ".tools"];
    let mut folders = vec![paths::root().join(below)];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if !NO_SOURCES.contains(&name.as_str()) && !name.starts_with(".git") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                sources.push(Source { path, text });
            }
        }
    }
    sources
}

/// A function as its source shows it.
#[derive(Debug, Default)]
struct Function {
    name: String,
    /// Its doc comment and its attributes.
    head: String,
    /// Line numbers and lines, from its first to the one before the next function's head.
    lines: Vec<(usize, String)>,
}

impl Function {
    fn is_test(&self) -> bool {
        ["#[test]", "#[tokio::test]", "#[tokio::test("].iter().any(|mark| self.head.contains(mark))
    }

    fn is_long(&self) -> bool {
        self.head.contains(concat!("#[", "ignore"))
    }

    /// Whether its doc comment says that it is about real time.
    fn is_about_real_time(&self) -> bool {
        let mut docs = self.head.lines().filter(|line| line.starts_with("///"));
        docs.any(|line| line.to_lowercase().contains("real time"))
    }
}

/// The functions of a text, in their order.
fn functions(text: &str) -> Vec<Function> {
    let mut found: Vec<Function> = Vec::new();
    let mut head = String::new();
    for (place, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        if trimmed.starts_with("///") || trimmed.starts_with("#[") {
            head.push_str(trimmed);
            head.push('\n');
            continue;
        }
        if let Some(name) = function_name(trimmed) {
            let head = std::mem::take(&mut head);
            found.push(Function { name: name.to_owned(), head, lines: Vec::new() });
        } else if trimmed.ends_with(['}', ';']) {
            head.clear();
        }
        if let Some(function) = found.last_mut() {
            function.lines.push((place + 1, line.to_owned()));
        }
    }
    found
}

/// The name in a line that begins a function.
fn function_name(line: &str) -> Option<&str> {
    let mut rest = line;
    for word in ["pub(crate) ", "pub(super) ", "pub ", "const ", "async "] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    let rest = rest.strip_prefix("fn ")?;
    rest.split(['(', '<']).next()
}

/// A duration in a source, in milliseconds. Returns `None` if the line has none.
fn milliseconds(expression: &str, text: &str) -> Option<u64> {
    for (unit, factor) in [("from_secs(", 1_000), ("from_millis(", 1)] {
        if let Some((_, rest)) = expression.split_once(unit) {
            let number = rest.split(')').next()?.replace('_', "");
            return number.parse::<u64>().ok().map(|number| number * factor);
        }
    }
    let name = expression.split([')', '.']).next()?.trim();
    let is_constant = name.len() > 1 && name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    let (_, value) =
        text.split_once(&format!("const {name}: Duration = ")).filter(|_| is_constant)?;
    milliseconds(value.lines().next()?, "")
}

/// Whether the comment directly above a line says why real time passes.
fn has_reason(function: &Function, line: usize) -> bool {
    let above = function.lines.iter().rev().skip_while(|(place, _)| *place >= line);
    let mut comments = above.map(|(_, text)| text.trim()).take_while(|text| text.starts_with("//"));
    comments.any(|text| text.starts_with("// Real time: "))
}

/// The problems with the waits in a text.
fn faulty_waits(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for function in functions(text) {
        for (place, line) in &function.lines {
            let code = line.split("//").next().unwrap_or_default();
            let waits = code.split_once("sleep(").map(|(_, duration)| duration);
            if waits.is_none() && !code.contains("elapsed()") {
                continue;
            }
            if !has_reason(&function, *place) {
                faults.push(format!("{place}: no `// Real time: why` above: {}", line.trim()));
            }
            let wait = waits.and_then(|duration| milliseconds(duration, text));
            let long = wait.is_some_and(|wait| wait > LONGEST_MS);
            if long && !function.is_about_real_time() {
                let name = &function.name;
                faults.push(format!("{place}: {name} waits longer than {LONGEST_MS} ms"));
            }
        }
    }
    faults
}

#[test]
fn no_test_waits_for_a_fixed_time_without_a_reason_or_longer_than_five_seconds() {
    let mut faults = Vec::new();
    for source in sources("tests") {
        // The one place that waits for all others, and this one.
        if ["wait", "suite"].contains(&source.module()) {
            continue;
        }
        let path = source.path.strip_prefix(paths::root()).unwrap().display().to_string();
        faults.extend(faulty_waits(&source.text).iter().map(|fault| format!("{path}:{fault}")));
    }
    assert!(faults.is_empty(), "wait with support::wait:\n{}", faults.join("\n"));
}

#[test]
fn a_wait_without_a_reason_and_one_that_is_too_long_are_found() {
    let text = "
const LONG: Duration = Duration::from_secs(6);

/// A test.
async fn first() {
    sleep(Duration::from_millis(20)).await;
    // Real time: nothing tells.
    sleep(Duration::from_secs(5)).await;
    // Real time: nothing tells,
    // and nothing will.
    tokio::time::sleep(LONG).await;
    assert!(began.elapsed() < LONG);
}

/// About real time.
async fn second() {
    // Real time: the runtime's own.
    sleep(LONG).await;
}
";
    let faults = faulty_waits(text);
    let places: Vec<&str> = faults.iter().filter_map(|fault| fault.split(':').next()).collect();
    assert_eq!(places, ["6", "11", "12"], "{faults:#?}");
}

/// A row of a table that says which test guards a statement.
#[derive(Debug)]
struct Guarded {
    statement: String,
    tests: Vec<String>,
    tier: String,
}

/// The tables of `docs/TESTING.md`: rows of a statement, tests in backticks, and a tier.
fn guarded(text: &str) -> Vec<Guarded> {
    let rows =
        text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| Statement"));
    let cells =
        rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect::<Vec<_>>());
    let rows = cells.filter(|cells| cells.len() == 3);
    rows.map(|cells| Guarded {
        statement: cells[0].to_owned(),
        tests: cells[1].split('`').skip(1).step_by(2).map(str::to_owned).collect(),
        tier: cells[2].trim_matches([' ', '|']).to_owned(),
    })
    .collect()
}

/// The tier of a test or of a command, given the tests by `module::name` and whether they are long.
/// None: there is none of that name.
fn tier(test: &str, tests: &[(String, bool)]) -> Option<&'static str> {
    if test == "cargo xtask test --long" {
        return Some("long");
    }
    if test.starts_with("cargo xtask ") {
        let gate = fs::read_to_string(paths::root().join(".ci/run")).unwrap();
        return Some(if gate.lines().any(|line| line == test) { "gate" } else { "hand" });
    }
    let (_, is_long) = tests.iter().find(|(name, _)| name == test)?;
    Some(if *is_long { "long" } else { "short" })
}

/// The problems of a row.
fn wrong_row(row: &Guarded, tests: &[(String, bool)]) -> Vec<String> {
    let mut wrong = Vec::new();
    if row.tests.is_empty() {
        wrong.push(format!("{}: names no test", row.statement));
    }
    for test in &row.tests {
        match tier(test, tests) {
            None => wrong.push(format!("there is no test {test}")),
            Some(tier) if tier != row.tier => {
                wrong.push(format!("{test} is of the tier {tier}, not {}", row.tier));
            }
            Some(_) => {}
        }
    }
    wrong
}

#[test]
fn every_statement_names_tests_that_are_there_and_their_tier() {
    let mut tests = Vec::new();
    for source in sources("") {
        let named = functions(&source.text).into_iter().filter(Function::is_test);
        tests.extend(
            named.map(|test| (format!("{}::{}", source.module(), test.name), test.is_long())),
        );
    }
    let rows = guarded(&fs::read_to_string(paths::root().join("docs/TESTING.md")).unwrap());
    assert!(rows.len() > 50, "the table is read: {} rows", rows.len());
    let wrong: Vec<String> = rows.iter().flat_map(|row| wrong_row(row, &tests)).collect();
    assert!(wrong.is_empty(), "docs/TESTING.md:\n{}", wrong.join("\n"));
}

#[test]
fn a_row_without_a_test_or_with_another_tier_is_found() {
    let text = "
| Statement | Test | Tier |
|---|---|---|
| It works. | `a::works` | short |
| It lasts. | `a::works`, `a::lasts` | long |
| It is there. | `a::is_there` | short |
| Nobody knows. | by hand | short |
| It is fast. | `cargo xtask bench --guard` | gate |
| It is faster. | `cargo xtask bench` | gate |
";
    let tests = [("a::works".to_owned(), false), ("a::lasts".to_owned(), true)];
    let rows = guarded(text);
    assert_eq!(rows.len(), 6, "{rows:#?}");
    let wrong: Vec<String> = rows.iter().flat_map(|row| wrong_row(row, &tests)).collect();
    let expected = [
        "a::works is of the tier short, not long",
        "there is no test a::is_there",
        "Nobody knows.: names no test",
        "cargo xtask bench is of the tier hand, not gate",
    ];
    assert_eq!(wrong, expected);
}

/// Flags of the compiler and the optimizer that change what the program says or does.
const FLAGS: [&str; 6] = [
    "fmt-debug",
    "location-detail",
    "panic-in-drop",
    "optimize_for_size",
    "low-memory-unused",
    "ignore-implicit-traps",
];

#[test]
fn the_build_has_no_flag_that_changes_what_the_program_says() {
    let mut texts: Vec<(PathBuf, String)> =
        sources("xtask").into_iter().map(|source| (source.path, source.text)).collect();
    for name in ["Cargo.toml", "wrangler.toml", ".cargo/config.toml"] {
        let path = paths::root().join(name);
        texts.push((path.clone(), fs::read_to_string(path).unwrap_or_default()));
    }
    for (path, text) in texts {
        let found: Vec<&&str> = FLAGS.iter().filter(|flag| text.contains(**flag)).collect();
        assert!(found.is_empty(), "{}: {found:?}", path.display());
    }
}

/// Whether a text lets a port go that it was given as a free one, and names it to another program: by then a connection
/// of anything on this machine may have it.
fn lets_a_port_go(text: &str) -> bool {
    let joined: String = text.split_whitespace().collect();
    let mut bound = joined.split("Listener::bind(").skip(1);
    bound.any(|rest| {
        let statement = rest.split(';').next().unwrap_or_default();
        statement.contains(".local_addr()")
    })
}

#[test]
fn a_port_for_another_program_comes_from_outside_the_dynamic_range() {
    let texts = sources("");
    let found: Vec<_> = texts.iter().filter(|source| lets_a_port_go(&source.text)).collect();
    let found: Vec<_> = found.iter().map(|source| source.path.display().to_string()).collect();
    assert!(found.is_empty(), "xtask::ports::free() gives one: {found:#?}");
    assert!(lets_a_port_go(concat!("TcpListener", "::bind(\"x\")?\n    .local_addr()?.port();")));
    assert!(!lets_a_port_go("let held = TcpListener::bind(\"x\")?; held.local_addr()"));
}
