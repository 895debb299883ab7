//! The results of a run as a table, and below it a line for everything that is not as it should be.

use std::fmt::Write as _;

use super::results::{Counts, Scenario, Status};

/// Renders a run. One that has no scenario is one line.
pub(super) fn render(title: &str, scenarios: &[Scenario]) -> String {
    if scenarios.is_empty() {
        return format!("\n{title}: not part of this version\n");
    }
    let names = scenarios.iter().map(|scenario| scenario.name.len() + 2);
    let width = names.chain([title.len()]).max().unwrap_or_default();
    let mut text = format!("\n{title:width$}  passed  failed  warnings  skipped\n");
    for scenario in scenarios {
        let counts = Counts::of(std::slice::from_ref(scenario));
        row(&mut text, &format!("  {}", scenario.name), width, counts);
    }
    row(&mut text, "total", width, Counts::of(scenarios));
    for scenario in scenarios {
        remarks(&mut text, title, scenario);
    }
    text
}

fn row(text: &mut String, name: &str, width: usize, counts: Counts) {
    let Counts { passed, failed, warnings, skipped } = counts;
    let _ = writeln!(text, "{name:width$}  {passed:6}  {failed:6}  {warnings:8}  {skipped:7}");
}

fn remarks(text: &mut String, title: &str, scenario: &Scenario) {
    for check in &scenario.checks {
        let word = match check.status {
            Status::Failure => "FAILED",
            Status::Warning => "warning",
            Status::Skipped => "skipped",
            Status::Success | Status::Info => continue,
        };
        let _ = writeln!(
            text,
            "{word}: {title}: {}: {}: {}",
            scenario.name,
            check.id,
            short(&check.reason())
        );
    }
}

/// At most as long as a reader follows in a log.
fn short(reason: &str) -> String {
    const LENGTH: usize = 300;
    match reason.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}…", &reason[..end]),
        None => reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::results::Check, *};

    fn check(status: Status, message: &str) -> Check {
        let error_message = Some(message.to_owned());
        Check { id: "check-id".into(), status, description: String::new(), error_message }
    }

    #[test]
    fn a_table_counts_and_says_why() {
        let scenarios = [
            Scenario { name: "ping".into(), checks: vec![check(Status::Success, "")] },
            Scenario {
                name: "tools-list".into(),
                checks: vec![check(Status::Failure, "no tools"), check(Status::Skipped, "later")],
            },
        ];
        let expected = "\n\
            a run         passed  failed  warnings  skipped\n  \
            ping             1       0         0        0\n  \
            tools-list       0       1         0        1\n\
            total              1       1         0        1\n\
            FAILED: a run: tools-list: check-id: no tools\n\
            skipped: a run: tools-list: check-id: later\n";
        assert_eq!(render("a run", &scenarios), expected);
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        assert_eq!(short(&"ü".repeat(400)), format!("{}…", "ü".repeat(300)));
    }
}
