//! A SiteBay that answers 429 and 5xx, slowly, with pages instead of JSON, or not at all: every call
//! ends in an answer, and no change is sent twice.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::Result;
use sandbox::Fault;
use tokio::{task::JoinSet, time::sleep};

use super::{
    Found, Size,
    host::{Host, PATIENCE, is_answer, response, session},
};
use crate::{http::Connection, messages::Caller};

const CALLERS: usize = 12;
/// How long one kind of fault lasts.
const EACH: Duration = Duration::from_millis(1_500);

/// The results of one caller.
#[derive(Default)]
struct Part {
    good: usize,
    errors: usize,
    changes: usize,
    longest: Duration,
    lost: Vec<String>,
}

pub(super) async fn run(bundle: PathBuf, size: Size) -> Result<Found> {
    let host = Host::start(bundle, &[]).await?;
    let time = size.of(Duration::from_secs(12), Duration::from_secs(150));
    let until = Instant::now() + time;
    let mut callers = JoinSet::new();
    for number in 0..CALLERS {
        callers.spawn(calls(host.port, session(host.port).await?, number, until));
    }
    let mut kinds = 0;
    while Instant::now() < until {
        let fault = fault(kinds);
        if let Some(sandbox) = host.server.sandbox() {
            // One applies to a handful of requests, so that some are answered in between.
            sandbox.inject(Fault { times: Some(10), ..fault });
        }
        kinds += 1;
        sleep(EACH).await;
    }
    let mut sum = Part::default();
    while let Some(part) = callers.join_next().await {
        let part = part??;
        sum.good += part.good;
        sum.errors += part.errors;
        sum.changes += part.changes;
        sum.longest = sum.longest.max(part.longest);
        sum.lost.extend(part.lost);
    }
    Ok(found(&host, sum, kinds, time))
}

fn found(host: &Host, sum: Part, kinds: usize, time: Duration) -> Found {
    let mut found = Found { lost: sum.lost, ..Found::default() };
    found.did(format!(
        "{kinds} faults of ten requests each, in {} s: 429, 500, 502 with a page, 503, 504, 2 s late, cut \
         before and behind the change, half an answer",
        time.as_secs()
    ));
    found.did(format!(
        "{} calls ended in a result and {} in an error of the tool, after {:.1} s at most",
        sum.good,
        sum.errors,
        sum.longest.as_secs_f64()
    ));
    let requests = host.server.sandbox().map(sandbox::Sandbox::requests).unwrap_or_default();
    let sent = requests.iter().filter(|request| request.method == "PATCH").count();
    found.did(format!("{} changes asked for, {sent} sent", sum.changes));
    found.check(sent <= sum.changes, || format!("{sent} changes sent for {}", sum.changes));
    found
}

/// The faults in turn.
fn fault(number: usize) -> Fault {
    let status = |status| Fault { status: Some(status), ..Fault::default() };
    let page = || Some("<html><h1>Down for maintenance</h1></html>".to_owned());
    match number % 9 {
        0 => Fault { retry_after: Some("1".to_owned()), ..status(429) },
        1 => status(500),
        2 => Fault { body: page(), content_type: Some("text/html".to_owned()), ..status(502) },
        3 => status(503),
        4 => Fault { delay_ms: Some(2_000), ..Fault::default() },
        5 => Fault { cut: true, ..Fault::default() },
        6 => Fault { cut: true, after: true, ..Fault::default() },
        7 => Fault { body: Some("{\"id\":".to_owned()), ..Fault::default() },
        _ => status(504),
    }
}

/// Reads and changes in one session.
async fn calls(port: u16, session: String, number: usize, until: Instant) -> Result<Part> {
    let (caller, mut part) = (Caller::at("/mcp"), Part::default());
    let site = r#"{"fqdn":"site-1.example.com"}"#;
    let change = r#"{"fqdn":"site-1.example.com","http_auth_enabled":true}"#;
    let kinds =
        [("sitebay_get_site", site), ("sitebay_list_sites", "{}"), ("sitebay_update_site", change)];
    let mut connection = Connection::open(port).await?;
    for (name, arguments) in kinds.iter().cycle().skip(number) {
        let began = Instant::now();
        if began > until {
            break;
        }
        part.changes += usize::from(*name == "sitebay_update_site");
        connection.ask(&caller.tool(&session, name, arguments)).await?;
        let took = began.elapsed();
        part.longest = part.longest.max(took);
        let answer = response(&connection.text())?;
        match answer.pointer("/result/isError") {
            None if answer.get("result").is_some() => part.good += 1,
            Some(_) if is_answer(&answer) => part.errors += 1,
            _ => part.lost.push(format!("{name} ended in {answer}")),
        }
        if took > PATIENCE {
            part.lost.push(format!("{name} took {took:?}"));
        }
        sleep(Duration::from_millis(30)).await;
    }
    Ok(part)
}
