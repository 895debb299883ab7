//! Where the time of a call goes: the engine's own profile (`--prof`) of the thread that answers, while it is under load.
//!
//! The engine notes every millisecond what that thread does: WebAssembly, JavaScript and the engine's own code, the runtime's
//! functions that these call, or the collector. What the runtime does outside of it, as reading sockets, is in the processor's
//! time of the whole process only.

use std::{cmp::Reverse, collections::BTreeMap, fmt::Write as _, time::Duration};

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

/// How many functions are shown of each.
const SHOWN: usize = 80;

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

/// Shows which functions take the time of a call. Those of WebAssembly have names where the bundle was built with
/// `BUNDLE_NAMES=1`.
///
/// # Errors
/// Where the Worker does not answer as it should.
pub async fn functions() -> Result<()> {
    let built = Built::guarded()?;
    for figure in [Figure::Stateless16, Figure::Call16] {
        for who in [Ours, Floor] {
            let profile = profile(&built, figure, who).await?;
            let [wasm, ..] = profile.kinds;
            println!(
                "{}: {}: {wasm:.1} of {:.0} us in WebAssembly",
                figure.name(),
                who.name(),
                profile.all
            );
            println!("  with what the runtime does for it | alone | with all that it calls");
            for (name, [own, alone, all]) in profile.functions.iter().take(SHOWN) {
                println!("{own:6.2} {alone:6.2} {all:6.2}  {name}");
            }
        }
    }
    Ok(())
}

/// Microseconds for each request.
struct Profile {
    all: f64,
    kinds: [f64; KINDS.len()],
    /// Names and microseconds, the most first: with what the runtime does for them, without, and with all that they call.
    functions: Vec<(String, [f64; 3])>,
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
    let micros = |count: usize| count as f64 * 1_000.0 * scale / requests;
    let mut functions: Vec<_> = samples.functions(window as u64).into_iter().collect();
    functions.sort_by_key(|(_, [own, ..])| Reverse(*own));
    let functions =
        functions.into_iter().map(|(name, counts)| (name.to_owned(), counts.map(micros)));
    Ok(Profile {
        all: taken.as_secs_f64() * 1e6 / requests,
        kinds: within.map(micros),
        functions: functions.collect(),
    })
}

/// What the engine wrote.
#[derive(Default)]
struct Samples {
    /// Code by its first address: its end, whether it is WebAssembly, and its name.
    code: BTreeMap<u64, (u64, bool, String)>,
    /// When, where, and in which state of the engine.
    ticks: Vec<(u64, u64, u8)>,
    /// The callers of each of them, the innermost first.
    stacks: Vec<Vec<u64>>,
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
                let name = fields.next().unwrap_or_default().to_owned();
                self.code.insert(first, (first.saturating_add(bytes), is_wasm, name));
            }
            "tick" => {
                let (at, when) = (address(fields.next()?)?, fields.next()?.parse().ok()?);
                self.ticks.push((when, at, fields.nth(2)?.parse().ok()?));
                self.stacks.push(stack(at, fields));
            }
            _ => {}
        }
        Some(())
    }

    /// Samples of the last microseconds, by kind.
    fn last(&self, micros: u64) -> [usize; KINDS.len()] {
        let mut counts = [0; KINDS.len()];
        for (_, at, state) in self.within(micros) {
            counts[self.kind(*at, *state)] += 1;
        }
        counts
    }

    /// Samples of the last microseconds by function, as [`Profile::functions`] has them.
    fn functions(&self, micros: u64) -> BTreeMap<&str, [usize; 3]> {
        let mut counts: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
        let within = self.within(micros);
        let stacks = self.stacks.iter().skip(self.ticks.len() - within.len());
        for ((_, at, _), stack) in within.iter().zip(stacks) {
            let inner = self.function(*at);
            let callers = stack.iter().filter_map(|at| self.function(*at));
            let mut on_stack: Vec<&str> = inner.into_iter().chain(callers).collect();
            if let Some(first) = on_stack.first() {
                let [own, alone, _] = counts.entry(first).or_default();
                *own += 1;
                *alone += usize::from(inner.is_some());
            }
            on_stack.sort_unstable();
            on_stack.dedup();
            for name in on_stack {
                counts.entry(name).or_default()[2] += 1;
            }
        }
        counts
    }

    /// The name of the code at an address, where it is not the runtime's.
    fn function(&self, at: u64) -> Option<&str> {
        let (_, (end, _, name)) = self.code.range(..=at).next_back()?;
        (at < *end).then_some(name.as_str())
    }

    fn within(&self, micros: u64) -> &[(u64, u64, u8)] {
        let end = self.ticks.last().map_or(0, |(when, ..)| *when);
        let begin = end.saturating_sub(micros.saturating_sub(LOST_MICROS));
        let before = self.ticks.partition_point(|(when, ..)| *when <= begin);
        self.ticks.get(before..).unwrap_or_default()
    }

    fn kind(&self, at: u64, state: u8) -> usize {
        // The engine's state 1 is a collection.
        if state == 1 {
            return 3;
        }
        match self.code.range(..=at).next_back() {
            Some((_, (end, is_wasm, _))) if at < *end => usize::from(!is_wasm),
            _ => 2,
        }
    }
}

/// The callers of a sample: each address as it is, or as its distance to the one before it.
fn stack<'a>(at: u64, fields: impl Iterator<Item = &'a str>) -> Vec<u64> {
    let mut last = at;
    let mut stack = Vec::new();
    for field in fields {
        let (sign, digits) = field.split_at_checked(1).unwrap_or_default();
        let digits = if matches!(sign, "+" | "-") { digits } else { field };
        let Ok(number) = u64::from_str_radix(digits.trim_start_matches("0x"), 16) else { continue };
        last = match sign {
            "+" => last.wrapping_add(number),
            "-" => last.wrapping_sub(number),
            _ => number,
        };
        stack.push(last);
    }
    stack
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
             tick,0x1080,2000000,0,0x0,0,0x1,+0x1080\n\
             tick,0x2004,2000001,0,0x0,0\n\
             tick,0x2010,2000002,0,0x0,0,-0xf90\n\
             tick,0x1080,2000003,0,0x0,1\n\
             tick,0x10",
        );
        assert_eq!(samples.last(1_500_000), [1, 1, 1, 1]);
        let functions = BTreeMap::from([("wasm-function[7]", [3, 2, 3]), ("StringAdd", [1, 1, 1])]);
        assert_eq!(samples.functions(1_500_000), functions);
    }
}
