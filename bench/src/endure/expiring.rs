//! Sessions that run out under load: answered until then, 404 ever after, and nothing else.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use tokio::task::JoinSet;

use super::{
    Found, Size,
    host::{Host, session},
};
use crate::{http::Connection, messages::Caller};

const CALLERS: usize = 16;
/// How long sessions last, in seconds.
const AGE: u64 = 2;

pub(super) async fn run(bundle: PathBuf, size: Size) -> Result<Found> {
    let host = Host::start(bundle, &[("SESSION_MAX_AGE", &AGE.to_string())]).await?;
    let rounds = size.of(1, 10);
    let (mut answered, mut refused) = (0, 0);
    for _ in 0..rounds {
        let mut callers = JoinSet::new();
        for _ in 0..CALLERS {
            callers.spawn(over_the_edge(host.port, session(host.port).await?));
        }
        while let Some(part) = callers.join_next().await {
            let (before, after) = part??;
            answered += before;
            refused += after;
        }
    }
    let mut found = Found::default();
    let sessions = rounds * CALLERS;
    found.did(format!("{sessions} sessions of {AGE} s, called without a pause over their end"));
    found.did(format!("{answered} calls answered before it, {refused} refused with 404 after it"));
    Ok(found)
}

/// Calls until a second after the session ran out: how many were answered, and refused.
async fn over_the_edge(port: u16, session: String) -> Result<(usize, usize)> {
    let request = Caller::at("/mcp").call(&session);
    let mut connection = Connection::open(port).await?;
    let (mut answered, mut refused) = (0, 0);
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(AGE + 2) {
        match connection.ask(&request).await?.status {
            200 if refused == 0 && connection.has("hello") => answered += 1,
            404 if answered > 0 => refused += 1,
            status => bail!("after {answered} answers and {refused} refusals came {status}"),
        }
    }
    match refused {
        0 => bail!("the session did not run out"),
        _ => Ok((answered, refused)),
    }
}
