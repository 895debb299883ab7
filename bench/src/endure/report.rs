//! `ENDURANCE.md`: what each run did, and what it lost.

use std::fmt::Write as _;

use super::Ended;
use crate::machine::Machine;

/// The whole page.
#[must_use]
pub fn page(ended: &[Ended]) -> String {
    let machine = Machine::here();
    let mut text = format!(
        "# Endurance\n\n\
         Written by `cargo xtask endure`: bounded runs of faults and load against the built Worker on plain \
         `workerd`. Lost is a call without an answer or with a wrong one, a stream that hangs, a change that \
         was made twice, memory or rows that stay. The heap of JavaScript is capped at 64 MB, so that memory that \
         stays is lost and not just not collected. `cargo xtask test` runs short versions of all of them.\n\n\
         {}, {}; {}\n\n\
         | run | took | lost |\n| --- | --- | --- |\n",
        machine.processor, machine.system, machine.versions
    );
    for one in ended {
        let lost = match one.found.lost.len() {
            0 => "nothing".to_owned(),
            count => format!("**{count}**"),
        };
        let _ = writeln!(text, "| {} | {} s | {lost} |", one.run.name(), one.took.as_secs());
    }
    for one in ended {
        let _ = writeln!(text, "\n## {}\n", one.run.name());
        for did in &one.found.did {
            let _ = writeln!(text, "- {did}");
        }
        for lost in one.found.lost.iter().take(20) {
            let _ = writeln!(text, "- **lost**: {lost}");
        }
    }
    text
}
