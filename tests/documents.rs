//! The documents: their links lead somewhere, and the README stays short and agrees with the server.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use sitebay_mcp::pages::landing as page;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The documents for readers, with their paths.
fn documents() -> Vec<(PathBuf, String)> {
    let docs = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let docs = docs.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    let others = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "crates/README.md"];
    let top = others.map(|name| root().join(name));
    docs.chain(top).map(|path| (path.clone(), read(&path))).collect()
}

/// A document without its blocks and spans of code.
fn prose(text: &str) -> String {
    let blocks = text.split("```").step_by(2);
    blocks.map(|block| block.split('`').step_by(2).collect::<String>()).collect()
}

/// The anchor that GitHub gives a heading: https://docs.github.com/en/get-started/writing-on-github.
fn anchor(heading: &str) -> String {
    let kept = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    heading.trim().to_lowercase().replace(' ', "-").chars().filter(|c| kept(*c)).collect()
}

fn anchors(text: &str) -> BTreeSet<String> {
    let outside = text.split("```").step_by(2).flat_map(str::lines);
    outside
        .filter(|line| line.starts_with('#'))
        .map(|line| anchor(line.trim_start_matches('#')))
        .collect()
}

/// The targets of the links in a document.
fn links(text: &str) -> Vec<&str> {
    let outside = text.split("```").step_by(2);
    let targets = outside.flat_map(|block| block.split("](").skip(1));
    targets.filter_map(|rest| rest.split(')').next()).collect()
}

#[test]
fn every_link_of_the_documents_leads_to_a_file_and_a_heading() {
    let mut checked = 0;
    for (path, text) in documents() {
        for link in links(&text).into_iter().filter(|link| !link.contains("://")) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => path.clone(),
                file => path.parent().unwrap().join(file),
            };
            assert!(target.exists(), "{}: {link}", path.display());
            if !heading.is_empty() {
                let known = anchors(&read(&target));
                assert!(known.contains(heading), "{}: {link}: {known:?}", path.display());
            }
            checked += 1;
        }
    }
    assert!(checked > 50, "{checked} links were found");
}

#[test]
fn the_readme_has_fewer_than_900_words() {
    let words = read(&root().join("README.md")).split_whitespace().count();
    assert!(words < 900, "README.md has {words} words: move details to docs/");
}

/// The reference is written from the catalogue.
#[test]
fn the_numbers_of_tools_are_those_of_the_reference() {
    let reference = read(&root().join("docs/TOOLS_REFERENCE.md"));
    let rows = reference.lines().filter(|line| line.starts_with("| [") && line.contains("](#"));
    let counts: Vec<Vec<u32>> = rows
        .map(|row| row.split(" | ").filter_map(|cell| cell.trim().parse().ok()).collect())
        .collect();
    let sum = |column: usize| counts.iter().map(|row| row[column]).sum::<u32>();
    let (sets, tools, default) = (counts.len(), sum(0), sum(1));
    let says = |name: &str, text: &str| {
        let document = read(&root().join(name)).replace('\n', " ");
        assert!(document.contains(text), "{name}: {text}");
    };
    says(
        "README.md",
        &format!("**{tools} tools** ([reference](docs/TOOLS_REFERENCE.md)), {default} of them"),
    );
    says("docs/USING.md", &format!("{tools} operations in {sets} toolsets. {default} tools are"));
}

/// A reader who copies the commands gives no program more than it needs.
#[test]
fn every_command_of_the_documents_that_makes_a_key_makes_one_that_only_reads() {
    let mut commands = 0;
    for (path, text) in documents() {
        for line in text.lines().filter(|line| line.contains("/admin/keys -d '")) {
            let body = line.split("-d '").nth(1).and_then(|rest| rest.split('\'').next());
            let body: Value = serde_json::from_str(body.unwrap()).unwrap();
            assert_eq!(body["scopes"], serde_json::json!(["read"]), "{}: {line}", path.display());
            commands += 1;
        }
    }
    assert!(commands >= 2, "{commands}");
    let readme = read(&root().join("README.md"));
    let first = |text: &str| readme.find(text).unwrap_or_else(|| panic!("{text}"));
    assert!(first(r#""scopes": ["read"]"#) < first("## Connect your client"));
    assert!(!readme.contains("put MCP_API_KEY"), "one key with the scope `write` for everybody");
}

#[test]
fn the_readme_configures_cursor_as_the_page_of_the_server_does() {
    let text = read(&root().join("README.md"));
    let blocks = text.split("```json").skip(1).filter_map(|rest| rest.split("```").next());
    let blocks: Vec<Value> = blocks.map(|json| serde_json::from_str(json).unwrap()).collect();
    let page: Value = serde_json::from_str(&page::cursor("URL")).unwrap();
    assert!(blocks.contains(&page), "{page}");
}

/// Words that stand for a subject which the sentence should name; the catalogue's own page is not
/// covered.
#[test]
fn documents_name_their_subjects() {
    let covered = [
        "README",
        "CONTRIBUTING",
        "ACCESS",
        "ARCHITECTURE",
        "CONFIGURATION",
        "COST",
        "INTERNALS",
        "OAUTH",
        "OPERATIONS",
        "TOOLS",
        "USING",
    ];
    for (path, text) in documents() {
        let name = path.file_stem().unwrap().to_str().unwrap();
        if !covered.contains(&name) {
            continue;
        }
        let prose = prose(&text).to_lowercase();
        for word in
            ["whoever", "nobody", "whatever is", "somebody", "everybody", "told of", "is told"]
        {
            assert!(!prose.contains(word), "{}: {word}", path.display());
        }
    }
}

/// The files of the server's code but for fixtures, with their paths.
fn sources() -> Vec<(PathBuf, String)> {
    let mut folders = vec![root().join("src"), root().join("crates")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if !path.is_dir() {
                files.push((path.clone(), read(&path)));
            } else if !path.ends_with("fixtures") {
                folders.push(path);
            }
        }
    }
    files
}

/// Saved filters of operators look for these.
#[test]
fn the_server_logs_the_messages_that_the_alarms_name() {
    let operations = read(&root().join("docs/OPERATIONS.md"));
    let code: String = sources().into_iter().map(|(_, text)| text).collect();
    for message in [
        "the database failed",
        "of the audit are lost",
        "a task's run failed",
        "a request was lost",
    ] {
        assert!(operations.contains(message), "docs/OPERATIONS.md: {message}");
        assert!(code.contains(message), "src: {message}");
    }
    let (all, lost) = ("entries of the audit ", "entries of the audit are lost");
    assert_eq!(code.matches(all).count(), code.matches(lost).count(), "one filter finds both");
}

/// Whether a line has this word before another one, as prose has it and code has not.
fn says(line: &str, word: &str) -> bool {
    let mut rests = line.split(word).skip(1).filter_map(|rest| rest.strip_prefix(' '));
    rests.any(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()))
}

/// Everything in the code that is no comment.
#[test]
fn texts_for_clients_and_operators_name_their_subjects() {
    let mut lines = 0;
    for (path, text) in sources() {
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let text = line.split(" // ").next().unwrap().to_lowercase();
            for word in ["nobody", "whoever", "somebody", "everybody", "told of"] {
                assert!(!says(&text, word), "{}: {line}", path.display());
            }
            lines += 1;
        }
    }
    assert!(lines > 10_000, "{lines} lines were read");
}
