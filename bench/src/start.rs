//! Where the time of a start goes: from the start of the process to its first answer.
//!
//! The parts come from contestants that differ in one thing, and from the runtime's own trace of what it
//! compiles (`--trace-wasm-compilation-times`). WebAssembly is compiled function by function at the first
//! call, so that the first request pays for every function on its way.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};

use crate::{
    contestant::{
        Built,
        Contestant::{self, Classes, Floor, Ours, Quiet},
    },
    figure::Figure,
    http::Connection,
    workerd::{Process, Worker},
};

/// Starts of each contestant, in turn.
const STARTS: usize = 25;
const TRACE: &[&str] = &["--trace-wasm-compilation-times"];

/// One start: milliseconds to the first answer, and of processor's time.
type Start = (f64, f64);

/// Measures and renders the page.
///
/// # Errors
/// Where a contestant does not start.
pub async fn page() -> Result<String> {
    let built = Built::guarded()?;
    let who = [Ours, Quiet, Classes, Floor];
    let mut starts = who.map(|_| Vec::new());
    for _ in 0..STARTS {
        for (one, starts) in who.iter().zip(&mut starts) {
            starts.push(start(&built, *one).await?);
        }
    }
    let mut page = String::from(
        "# The start\n\nWritten by `cargo xtask bench --start`: from the start of `workerd` to its first answer, medians of ",
    );
    let _ = writeln!(page, "{STARTS} starts in turn.\n");
    page.push_str("|  | first answer, ms | processor, ms | functions compiled | their WebAssembly, KiB | compiling, ms | bundle, KiB |\n| --- | --- | --- | --- | --- | --- | --- |\n");
    for (one, starts) in who.iter().zip(&mut starts) {
        let (answer, processor) = medians(starts);
        let Compiled { functions, bytes, micros } = compiled(&built, *one).await?;
        let (raw, _) = built.size(*one)?;
        let _ = writeln!(
            page,
            "| {} | {answer:.1} | {processor:.1} | {functions} | {} | {:.1} | {} |",
            one.name(),
            bytes / 1024,
            micros as f64 / 1_000.0,
            raw / 1024
        );
    }
    page.push_str(
        "\nThe first request of a deployment with a limit also asks the caller's quota object, which the local runtime makes a file for: \
         the second row has no limit. The rest of the difference is the larger module, which the runtime validates as a whole, and the functions \
         on the way of the first request.\n",
    );
    Ok(page)
}

async fn start(built: &Built, who: Contestant) -> Result<Start> {
    let began = std::time::Instant::now();
    let process = Process::start(&built.deployed(who)).await?;
    Connection::open(process.port).await?.ask(&Figure::first_request(who)).await?;
    let took = began.elapsed().as_secs_f64() * 1_000.0;
    let processor = process.processor().context("the system does not tell the processor's time")?;
    Ok((took, processor.as_secs_f64() * 1_000.0))
}

fn medians(starts: &mut [Start]) -> Start {
    let middle = starts.len() / 2;
    starts.sort_by(|one, other| one.0.total_cmp(&other.0));
    let answer = starts[middle].0;
    starts.sort_by(|one, other| one.1.total_cmp(&other.1));
    (answer, starts[middle].1)
}

/// What the runtime compiled until the first answer.
#[derive(Debug, Default, PartialEq)]
struct Compiled {
    functions: u64,
    bytes: u64,
    micros: u64,
}

async fn compiled(built: &Built, who: Contestant) -> Result<Compiled> {
    let worker = Worker { v8: TRACE, ..built.deployed(who) };
    let process = Process::start(&worker).await?;
    Connection::open(process.port).await?.ask(&Figure::first_request(who)).await?;
    Ok(read(&process.log()))
}

/// Reads lines such as `Compiled function 0x1#5 using Liftoff, took 54 μs and 31064 bytes; bodysize 803 codesize 3380`.
fn read(log: &str) -> Compiled {
    let mut found = Compiled::default();
    for line in log.lines().filter(|line| line.starts_with("Compiled function")) {
        let after = |word: &str| {
            let (_, rest) = line.split_once(word)?;
            rest.split_whitespace().next()?.parse::<u64>().ok()
        };
        found.functions += 1;
        found.micros += after("took ").unwrap_or_default();
        found.bytes += after("bodysize ").unwrap_or_default();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_compiled_is_read_from_the_trace() {
        let log = "a line\nCompiled function 0x1#5 using Liftoff, took 54 μs and 31064 bytes; bodysize 803 codesize 3380\n\
                   Compiled function 0x1#6 using Liftoff, took 6 μs and 1 bytes; bodysize 7 codesize 8\n";
        assert_eq!(read(log), Compiled { functions: 2, bytes: 810, micros: 60 });
    }
}
