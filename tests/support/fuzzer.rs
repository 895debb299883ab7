//! Schemathesis: requests made of an OpenAPI document, right and wrong ones, and the answers checked
//! against it.

use std::{process::Stdio, time::Duration};

use tokio::process::Command;
use xtask::{paths, setup, skips::skip};

use super::process::succeeded_within;

const PATIENCE: Duration = Duration::from_secs(240);

/// Fuzzes what the document at this address describes, always in the same way, with so many examples
/// of each operation.
pub async fn fuzz(test: &str, document: &str, headers: &[(&str, &str)], examples: u32) {
    let Some(python) = setup::fuzzer().expect("the fuzzer installs") else {
        return skip(test, "there is no Python 3.11 or later with venv and pip");
    };
    // It leaves its notes where it runs.
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(python.with_file_name("st"));
    command.args(["run", document, "--seed", "7", "--no-color"]);
    command.args(["--max-examples", &examples.to_string()]);
    command.args(["--continue-on-failure", "--no-shrink"]);
    // Which URLs may be called is more than a schema can say.
    command.args(["--exclude-operation-id", "putUpstream"]);
    for (name, value) in headers {
        command.arg("-H").arg(format!("{name}: {value}"));
    }
    command.env("PYTHONPATH", paths::root().join("tests/clients"));
    command.env("SCHEMATHESIS_HOOKS", "fuzz_hooks").env("PYTHONIOENCODING", "utf-8");
    command.current_dir(folder.path()).stdin(Stdio::null()).kill_on_drop(true);
    let said = succeeded_within(PATIENCE, test, command).await;
    assert!(!said.contains("Rate limited"), "most of it was not tried:\n{said}");
}
