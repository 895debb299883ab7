//! The ledger of a device: which commands it has begun, so that one that arrives again is not run again.
//!
//! Invariant: an agent stores the ledger *before* it acts and before it answers. At-least-once delivery and this ledger make
//! an effect at most once; a command whose agent ended in the middle is answered as interrupted, not run again.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::command::{CommandId, CommandResult, Outcome};

/// Commands that are remembered.
pub const MAX_COMMANDS: usize = 1_000;
/// How long a command is remembered, in milliseconds.
pub const REMEMBERED_MS: u64 = 7 * 24 * 3_600 * 1_000;

/// The commands of the last time, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    #[serde(default)]
    entries: VecDeque<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    id: CommandId,
    begun_ms: u64,
    /// None: it is being run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    result: Option<CommandResult>,
}

/// What to do with a command that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Store the ledger, then run it.
    Run,
    /// It is being run, and is answered then.
    Wait,
    /// Answer this.
    Answer(CommandResult),
}

impl Ledger {
    /// Notes that a command arrived. `now_ms`: milliseconds since the epoch.
    pub fn begin(&mut self, id: CommandId, now_ms: u64) -> Next {
        self.forget_old(now_ms);
        match self.entries.iter().find(|entry| entry.id == id) {
            Some(Entry { result: Some(result), .. }) => Next::Answer(result.clone()),
            Some(Entry { result: None, .. }) => Next::Wait,
            None => {
                if self.entries.len() >= MAX_COMMANDS {
                    self.entries.pop_front();
                }
                self.entries.push_back(Entry { id, begun_ms: now_ms, result: None });
                Next::Run
            }
        }
    }

    /// Notes what became of a command. Store the ledger before it is answered.
    pub fn finish(&mut self, result: CommandResult) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == result.id) {
            entry.result = Some(result);
        }
    }

    /// Ends what an agent that ended had begun: call it once on what was read from the disk. Returns the results, which
    /// have not been answered.
    pub fn interrupt(&mut self) -> Vec<CommandResult> {
        let running = self.entries.iter_mut().filter(|entry| entry.result.is_none());
        let ended = running.map(|entry| {
            let detail = "the agent ended before the command did".to_owned();
            let result = CommandResult { id: entry.id, outcome: Outcome::Interrupted, detail };
            entry.result.insert(result).clone()
        });
        ended.collect()
    }

    fn forget_old(&mut self, now_ms: u64) {
        let is_old = |entry: &Entry| now_ms.saturating_sub(entry.begun_ms) > REMEMBERED_MS;
        while self.entries.front().is_some_and(is_old) {
            self.entries.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u128) -> CommandId {
        CommandId::new(0, number)
    }

    fn done(number: u128) -> CommandResult {
        CommandResult { id: id(number), outcome: Outcome::Done, detail: "restarted".into() }
    }

    #[test]
    fn a_command_that_arrives_again_is_run_once_and_answered_alike() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.begin(id(1), 0), Next::Run);
        assert_eq!(ledger.begin(id(1), 1), Next::Wait);
        ledger.finish(done(1));
        for now_ms in [2, REMEMBERED_MS, 0] {
            assert_eq!(ledger.begin(id(1), now_ms), Next::Answer(done(1)));
        }
        assert_eq!(ledger.begin(id(2), 3), Next::Run);
    }

    #[test]
    fn a_command_whose_agent_ended_is_not_run_again() {
        let mut ledger = Ledger::default();
        ledger.begin(id(1), 0);
        ledger.finish(done(1));
        ledger.begin(id(2), 0);
        let stored = serde_json::to_string(&ledger).unwrap();
        let mut ledger: Ledger = serde_json::from_str(&stored).unwrap();
        let ended = ledger.interrupt();
        assert_eq!(
            ended.iter().map(|one| (one.id, one.outcome)).collect::<Vec<_>>(),
            [(id(2), Outcome::Interrupted)]
        );
        assert_eq!(ledger.begin(id(2), 1), Next::Answer(ended[0].clone()));
        assert_eq!(ledger.interrupt(), [], "once");
    }

    #[test]
    fn commands_are_forgotten_after_a_week_and_the_oldest_of_too_many() {
        let mut ledger = Ledger::default();
        ledger.begin(id(0), 0);
        assert_eq!(ledger.begin(id(0), REMEMBERED_MS), Next::Wait);
        assert_eq!(ledger.begin(id(0), REMEMBERED_MS + 1), Next::Run);
        for number in 1..=1_000 {
            ledger.begin(id(number), REMEMBERED_MS + 2);
        }
        assert_eq!(ledger.entries.len(), MAX_COMMANDS);
        for number in [1, 1_000] {
            assert_eq!(
                ledger.begin(id(number), REMEMBERED_MS + 3),
                Next::Wait,
                "looking forgets none"
            );
        }
        assert_eq!(ledger.begin(id(0), REMEMBERED_MS + 3), Next::Run);
    }
}
