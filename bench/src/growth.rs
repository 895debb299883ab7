//! How figures grow with ten times the load or data.

use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::{
    contestant::{Built, Contestant},
    http::Connection,
    load::{expected, start},
    messages::{Caller, HELLO},
    timed::Spread,
    workerd::Process,
};

/// One measure of growth.
#[derive(Debug, Clone)]
pub struct Growth {
    /// The measured quantity.
    pub what: &'static str,
    /// For how many of what.
    pub of: String,
    /// The time, in milliseconds.
    pub took: Spread,
    /// More about it.
    pub note: String,
}

/// How often each is measured.
const TIMES: usize = 50;

/// Measures calls among sessions, streams that are read on among stored ones, and lists of tools.
///
/// # Errors
/// Where an answer is wrong.
pub async fn run(built: &Built, most: usize) -> Result<Vec<Growth>> {
    let process = Process::start(&built.worker(Contestant::Quiet)).await?;
    let mut connection = Connection::open(process.port).await?;
    let mut growth = Vec::new();
    let counts: Vec<usize> =
        [1, 10, 100, 1_000, 10_000].into_iter().filter(|count| *count <= most).collect();
    sessions(&mut connection, &counts, &mut growth).await?;
    stored(&mut connection, &counts, &mut growth).await?;
    for choice in ["sites", "default", "all"] {
        growth.push(tools(&mut connection, choice).await?);
    }
    Ok(growth)
}

/// A call in the first of many sessions, all of them in memory.
async fn sessions(
    connection: &mut Connection,
    counts: &[usize],
    growth: &mut Vec<Growth>,
) -> Result<()> {
    let caller = Caller::at("/mcp");
    let first = start(connection, &caller, &caller).await?;
    let mut open = 1;
    for count in counts {
        while open < *count {
            start(connection, &caller, &caller).await?;
            open += 1;
        }
        let took = repeated(connection, &caller.call(&first), HELLO).await?;
        let of = format!("{count} sessions open");
        growth.push(Growth { what: "session `tools/call`", of, took, note: String::new() });
    }
    Ok(())
}

/// A call, and a stream that is read on, in a session that keeps the ends of many streams.
async fn stored(
    connection: &mut Connection,
    counts: &[usize],
    growth: &mut Vec<Growth>,
) -> Result<()> {
    let caller = Caller::at("/mcp");
    let session = start(connection, &caller, &caller).await?;
    let streamed = caller.streamed(&session, "slow", r#"{"ms":0,"steps":1}"#);
    let mut last = String::new();
    let mut kept = 0;
    for count in counts.iter().filter(|count| **count <= 1_000) {
        while kept < *count {
            expected(connection, &streamed, b"done").await?;
            last = last_id(&connection.text()).context("a stream without an id")?;
            kept += 1;
        }
        let of = format!("{count} stored answers");
        let resumed = caller.stream(&session, Some(&last));
        let took = repeated(connection, &caller.call(&session), HELLO).await?;
        let what = "session `tools/call`";
        growth.push(Growth { what, of: of.clone(), took, note: String::new() });
        let took = repeated(connection, &resumed, b"done").await?;
        growth.push(Growth { what: "a stream read on", of, took, note: String::new() });
    }
    Ok(())
}

async fn tools(connection: &mut Connection, choice: &str) -> Result<Growth> {
    let caller = Caller::at(&format!("/mcp?toolsets={choice}"));
    let request = caller.stateless("tools/list", None, "");
    let took = repeated(connection, &request, b"\"tools\"").await?;
    let count = connection.text().matches("\"inputSchema\"").count();
    let note = format!("{:.1} KiB", connection.body.len() as f64 / 1_024.0);
    let of = format!("{count} tools (`{choice}`)");
    Ok(Growth { what: "`tools/list`", of, took, note })
}

async fn repeated(connection: &mut Connection, request: &[u8], expect: &[u8]) -> Result<Spread> {
    let mut took = Vec::new();
    for _ in 0..TIMES {
        let began = Instant::now();
        expected(connection, request, expect).await?;
        took.push(began.elapsed().as_secs_f64() * 1_000.0);
    }
    Ok(Spread::of(took))
}

/// The id of the last event but one: what comes after it is the answer.
fn last_id(text: &str) -> Option<String> {
    let ids: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("id:")).collect();
    Some(ids.first()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_read_on_from_its_first_event() {
        assert_eq!(last_id("id: a\ndata: 1\n\nid: b\ndata: 2\n\n"), Some("a".to_owned()));
        assert_eq!(last_id("data: 1\n\n"), None);
    }
}
