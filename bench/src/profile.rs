//! Where the time of a call goes: the engine's own profile (`--prof`) of the thread that answers, while it is under load.
//!
//! The engine notes every millisecond what that thread does: WebAssembly, JavaScript and the engine's own code, the runtime's
//! functions that these call, or the collector. What the runtime does outside of it, as reading sockets, is in the processor's
//! time of the whole process only.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use anyhow::{Context as _, Result};
use xtask::exec::say;

use crate::{
    behind,
    contestant::{
        Built,
        Contestant::{self, Floor, Gateway, Ours, Reading},
    },
    figure::Figure,
    load,
    workerd::{Process, Worker},
};

/// The file in the folder of the process.
const LOG: &str = "v8.log";
const FLAGS: &[&str] = &["--prof", "--no-logfile-per-isolate", "--logfile=v8.log"];
/// Until all functions on the way are compiled by the optimizing compiler.
const WARM: Duration = Duration::from_secs(4);
const TIME: Duration = Duration::from_secs(6);
/// What the profile may lose of its end, because it is written in blocks.
const LOST_MICROS: u64 = 500_000;

/// Who is profiled with what.
const PROFILED: [(Figure, &[Contestant]); 3] = [
    (Figure::Call16, &[Ours, Floor]),
    (Figure::Stateless16, &[Ours, Floor]),
    (Figure::Behind16, &[Gateway, Reading, Floor]),
];

/// Kinds of what the thread does, in the order of the table.
const KINDS: [&str; 4] =
    ["WebAssembly", "JavaScript and the engine", "functions of the runtime", "collector"];

/// Profiles and renders the page.
///
/// # Errors
/// Where a contestant does not answer as it should.
pub async fn page() -> Result<String> {
    let built = Built::guarded()?;
    let upstream = behind::upstream(&built).await?;
    let built = built.relaying(upstream.port, 0);
    let mut page = String::from(
        "# The profile\n\nWritten by `cargo xtask bench --profile`: microseconds for each request at 16 connections, as the engine's own \
         sampling profile has them once all functions are compiled (`--prof`, one sample in a millisecond, which slows all of them \
         down a little).\n\n|  |  | all of `workerd` | ",
    );
    let _ = writeln!(page, "{} |\n|{}", KINDS.join(" | "), " --- |".repeat(KINDS.len() + 3));
    for (figure, all) in PROFILED {
        for who in all {
            say(&format!("profile: {}: {}", figure.name(), who.name()));
            let profile = profile(&built, figure, *who).await.with_context(|| who.name())?;
            let _ = write!(page, "| {} | {} | {:.0} |", figure.name(), who.name(), profile.all);
            for micros in profile.kinds {
                let _ = write!(page, " {micros:.0} |");
            }
            page.push('\n');
        }
    }
    page.push_str(
        "\nThe difference between the first column and the sum of the others is what the runtime does outside of the thread's JavaScript: \
         sockets, HTTP, and the way between them and the isolate. `cargo xtask bench` has the rates.\n",
    );
    Ok(page)
}

/// Microseconds for each request.
struct Profile {
    all: f64,
    kinds: [f64; KINDS.len()],
}

async fn profile(built: &Built, figure: Figure, who: Contestant) -> Result<Profile> {
    let work = figure.work(who).context("it has no such feature")?;
    let process = Process::start(&Worker { v8: FLAGS, ..built.worker(who) }).await?;
    load::run(process.port, &work, figure.connections(), WARM).await?;
    let before = process.processor().context("the system does not tell the processor's time")?;
    let load = load::run(process.port, &work, figure.connections(), TIME).await?;
    let taken = process.processor().context("it ended")?.saturating_sub(before);
    let requests = load.rate * TIME.as_secs_f64();
    let samples = Samples::read(&process.file(LOG)?);
    let window = TIME.as_micros() as f64;
    let within = samples.last(window as u64);
    let scale = window / (window - LOST_MICROS as f64);
    Ok(Profile {
        all: taken.as_secs_f64() * 1e6 / requests,
        kinds: within.map(|count| count as f64 * 1_000.0 * scale / requests),
    })
}

/// What the engine wrote.
#[derive(Default)]
struct Samples {
    /// Code by its first address: its end, and whether it is WebAssembly.
    code: BTreeMap<u64, (u64, bool)>,
    /// When, where, and in which state of the engine.
    ticks: Vec<(u64, u64, u8)>,
}

impl Samples {
    fn read(log: &str) -> Self {
        let mut samples = Self::default();
        for line in log.lines() {
            // Lines of other kinds, and one that was cut off, are passed over.
            let _ = samples.note(line);
        }
        samples
    }

    /// `code-creation,TYPE,KIND,MICROS,ADDRESS,BYTES,NAME,…` and `tick,ADDRESS,MICROS,EXTERNAL,ADDRESS,STATE,…`
    fn note(&mut self, line: &str) -> Option<()> {
        let mut fields = line.split(',');
        let address = |text: &str| u64::from_str_radix(text.trim_start_matches("0x"), 16).ok();
        match fields.next()? {
            "code-creation" => {
                // WebAssembly is of the kind 5, whether or not its functions have names.
                let is_wasm = (fields.next()?, fields.next()?) == ("JS", "5");
                let (first, bytes) =
                    (address(fields.nth(1)?)?, fields.next()?.parse::<u64>().ok()?);
                self.code.insert(first, (first.saturating_add(bytes), is_wasm));
            }
            "tick" => {
                let (at, when) = (address(fields.next()?)?, fields.next()?.parse().ok()?);
                self.ticks.push((when, at, fields.nth(2)?.parse().ok()?));
            }
            _ => {}
        }
        Some(())
    }

    /// Samples of the last microseconds, by kind.
    fn last(&self, micros: u64) -> [usize; KINDS.len()] {
        let end = self.ticks.last().map_or(0, |(when, ..)| *when);
        let begin = end.saturating_sub(micros.saturating_sub(LOST_MICROS));
        let mut counts = [0; KINDS.len()];
        for (_, at, state) in self.ticks.iter().filter(|(when, ..)| *when > begin) {
            counts[self.kind(*at, *state)] += 1;
        }
        counts
    }

    fn kind(&self, at: u64, state: u8) -> usize {
        // The engine's state 1 is a collection.
        if state == 1 {
            return 3;
        }
        match self.code.range(..=at).next_back() {
            Some((_, (end, is_wasm))) if at < *end => usize::from(!is_wasm),
            _ => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_told_apart_by_address_and_state() {
        let samples = Samples::read(
            "v8-version,1\n\
             code-creation,JS,5,10,0x1000,256,wasm-function[7],0x70,\n\
             code-creation,Builtin,3,11,0x2000,16,StringAdd\n\
             tick,0x1080,900000,0,0x0,0\n\
             tick,0x1080,2000000,0,0x0,0,0x1\n\
             tick,0x2004,2000001,0,0x0,0\n\
             tick,0x2010,2000002,0,0x0,0\n\
             tick,0x1080,2000003,0,0x0,1\n\
             tick,0x10",
        );
        assert_eq!(samples.last(1_500_000), [1, 1, 1, 1]);
    }
}
