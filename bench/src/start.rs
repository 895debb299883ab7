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
    workerd::{Front, Process, Worker},
};

/// Starts of each contestant, in turn.
const STARTS: usize = 25;
const TRACE: &[&str] = &["--trace-wasm-compilation-times"];

/// One start: milliseconds to the first answer, and of processor's time.
type Start = (f64, f64);

/// One line of the table.
struct Row {
    name: &'static str,
    worker: Worker,
    first_request: Vec<u8>,
    kilobytes: u64,
    starts: Vec<Start>,
}

impl Row {
    fn of(built: &Built, who: Contestant) -> Result<Self> {
        Ok(Self {
            name: who.name(),
            worker: built.deployed(who),
            first_request: Figure::first_request(who),
            kilobytes: built.size(who)?.0 / 1024,
            starts: Vec::new(),
        })
    }

    /// Our bundle is loaded, and nothing in it is called.
    fn loaded_only(built: &Built) -> Result<Self> {
        let row = Self::of(built, Quiet)?;
        let worker = Worker { front: Front::Idle, ..row.worker };
        Ok(Self { name: "sitebay-mcp, loaded and not called", worker, ..row })
    }

    async fn start(&self) -> Result<Start> {
        let began = std::time::Instant::now();
        let process = Process::start(&self.worker).await?;
        Connection::open(process.port).await?.ask(&self.first_request).await?;
        let took = began.elapsed().as_secs_f64() * 1_000.0;
        let processor =
            process.processor().context("the system does not tell the processor's time")?;
        Ok((took, processor.as_secs_f64() * 1_000.0))
    }

    /// What the runtime compiles until the first answer.
    async fn compiled(&self) -> Result<Compiled> {
        let worker = Worker { v8: TRACE, ..self.worker.clone() };
        let process = Process::start(&worker).await?;
        Connection::open(process.port).await?.ask(&self.first_request).await?;
        Ok(read(&process.log()))
    }
}

/// Measures and renders the page.
///
/// # Errors
/// Where a contestant does not start.
pub async fn page() -> Result<String> {
    let built = Built::guarded()?;
    let of = |who| Row::of(&built, who);
    let mut rows = [of(Ours)?, of(Quiet)?, Row::loaded_only(&built)?, of(Classes)?, of(Floor)?];
    for _ in 0..STARTS {
        for row in &mut rows {
            let start = row.start().await.context(row.name)?;
            row.starts.push(start);
        }
    }
    let mut page = String::from(
        "# The start\n\nWritten by `cargo xtask bench --start`: from the start of `workerd` to its first answer, medians of ",
    );
    let _ = writeln!(page, "{STARTS} starts in turn.\n");
    page.push_str("|  | first answer, ms | processor, ms | functions compiled | their WebAssembly, KiB | compiling, ms | bundle, KiB |\n| --- | --- | --- | --- | --- | --- | --- |\n");
    for row in &mut rows {
        let (answer, processor) = medians(&mut row.starts);
        let Compiled { functions, bytes, micros } = row.compiled().await?;
        let _ = writeln!(
            page,
            "| {} | {answer:.1} | {processor:.1} | {functions} | {} | {:.1} | {} |",
            row.name,
            bytes / 1024,
            micros as f64 / 1_000.0,
            row.kilobytes
        );
    }
    page.push_str(
        "\nThe third row loads our module and answers in JavaScript: its distance to the floor is what the runtime takes to read and \
         validate the larger module. The second row adds the functions on the way of the first request, which are compiled when they are \
         called first. The first row adds the limit: the first request of a caller also asks its quota object, which the local runtime makes \
         a file for.\n",
    );
    Ok(page)
}

fn medians(starts: &mut [Start]) -> Start {
    let middle = starts.len() / 2;
    starts.sort_by(|one, other| one.0.total_cmp(&other.0));
    let answer = starts[middle].0;
    starts.sort_by(|one, other| one.1.total_cmp(&other.1));
    (answer, starts[middle].1)
}

/// The functions that the runtime compiled until the first response.
#[derive(Debug, Default, PartialEq)]
struct Compiled {
    functions: u64,
    bytes: u64,
    micros: u64,
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
