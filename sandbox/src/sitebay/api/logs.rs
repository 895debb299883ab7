//! Logs: what has happened to a site, among lines that come by themselves.
//!
//! The lines that come by themselves are made up from the clock, one every few seconds, so that
//! a log grows while it is watched and shows the same past each time.

use serde_json::{Value, json};

use crate::engine::clock::{self, Time};
use crate::engine::reply::Reply;
use crate::sitebay::ask::Ask;
use crate::sitebay::check::{between, one_of, string};
use crate::sitebay::data::{Site, World};
use crate::sitebay::route::{Outcome, Route, get};

pub(super) const ROUTES: &[Route] = &[
    get("/site/{fqdn}/logs", by_type),
    get("/site/{fqdn}/logs/containers", containers).since_october(),
    get("/site/{fqdn}/logs/{container_name}", by_container),
];

const LEVELS: &[&str] = &["error", "warning", "info", "debug"];
const CONTAINERS: &[&str] =
    &["wordpress", "mysql", "nginx", "redis", "git-sync", "backup", "monitor"];
/// The most lines that are made up.
const MOST: usize = 10_000;

struct Line {
    at: Time,
    level: &'static str,
    text: String,
}

/// The lines that come by themselves: every how many seconds, and which in turn.
fn usual(log: &str) -> Option<(i64, &'static [(&'static str, &'static str)])> {
    let lines: (i64, &[(&str, &str)]) = match log {
        "wordpress" => (
            5,
            &[
                ("info", "Cron: wp_version_check done"),
                ("debug", "Cache: 12 hits, 1 miss"),
                ("warning", "PHP Warning: Undefined variable $title in header.php on line 12"),
            ],
        ),
        "access" | "nginx" => (
            1,
            &[
                ("info", "198.51.100.7 \"GET / HTTP/2\" 200 5120"),
                ("info", "198.51.100.9 \"GET /post-1/ HTTP/2\" 200 4096"),
                ("warning", "203.0.113.5 \"POST /wp-login.php HTTP/1.1\" 401 312"),
            ],
        ),
        "error" | "php" => (
            30,
            &[
                ("error", "PHP Fatal error: Allowed memory size exhausted in gallery.php:88"),
                ("warning", "PHP Deprecated: Function utf8_encode() in import.php on line 3"),
            ],
        ),
        "mysql" => (20, &[("info", "Aborted connection 42"), ("warning", "Slow query: 1.4 s")]),
        "redis" | "backup" | "monitor" => (60, &[("info", "Everything is as it should be")]),
        "git-sync" => return Some((60, &[])),
        _ => return None,
    };
    Some(lines)
}

fn by_type(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.query();
    let log = form.given("log_type", string).unwrap_or_else(|| "wordpress".to_owned());
    let count = form.given("lines", between(0, i64::MAX)).unwrap_or(100);
    let level = form.given("level", one_of(LEVELS));
    form.finish()?;
    let site = world.site(ask.fqdn())?;
    let wanted = |line: &Line| level.as_ref().is_none_or(|level| level == line.level);
    let lines = lines(site, &log, count, wanted);
    let lines = lines.ok_or_else(|| Reply::detail(400, &format!("Unknown log type: {log}")))?;
    let logs = shown(&lines);
    Ok(Reply::ok(&json!({ "log_type": log, "lines": logs.len(), "logs": logs })))
}

fn by_container(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.query();
    let count = form.given("lines", between(0, i64::MAX)).unwrap_or(100);
    let since = form.given("since", string);
    form.finish()?;
    let since = match since {
        Some(text) => {
            let wrong = || Reply::detail(400, "since must be a timestamp or like 10m");
            Some(moment(&text).ok_or_else(wrong)?)
        }
        None => None,
    };
    let site = world.site(ask.fqdn())?;
    let name = ask.argument("container_name");
    let lines = if CONTAINERS.contains(&name) {
        lines(site, name, count, |line| since.is_none_or(|since| line.at >= since))
    } else {
        None
    };
    let lines = lines.ok_or_else(|| Reply::detail(404, "Container not found"))?;
    let logs = shown(&lines);
    Ok(Reply::ok(&json!({ "container": name, "lines": logs.len(), "logs": logs })))
}

fn containers(world: &mut World, ask: &Ask<'_>) -> Outcome {
    world.site(ask.fqdn())?;
    Ok(Reply::ok(&json!({ "containers": CONTAINERS })))
}

/// A log's last lines, oldest first; `None` for a log that does not exist.
fn lines(
    site: &Site,
    log: &str,
    count: usize,
    wanted: impl Fn(&Line) -> bool,
) -> Option<Vec<Line>> {
    let (every, texts) = usual(log)?;
    let now = clock::now().timestamp();
    let last = now.checked_div(every).unwrap_or_default();
    let number = |back: usize| last.saturating_sub(i64::try_from(back).unwrap_or(i64::MAX));
    let made_up = (0..MOST).map_while(|back| {
        let number = number(back);
        let at = Time::from_timestamp(number.saturating_mul(every), 0)?;
        let turn = usize::try_from(number).ok()?.checked_rem(texts.len())?;
        let (level, text) = texts.get(turn)?;
        (at >= site.created_at).then(|| Line { at, level, text: (*text).to_owned() })
    });
    let happened = site.events.all().iter().filter(|event| event.log == log);
    let happened =
        happened.map(|event| Line { at: event.at, level: event.level, text: event.text.clone() });
    let mut lines: Vec<Line> = made_up.filter(&wanted).take(count).collect();
    lines.extend(happened.filter(&wanted));
    lines.sort_by_key(|line| line.at);
    let older = lines.len().saturating_sub(count);
    lines.drain(..older);
    Some(lines)
}

fn shown(lines: &[Line]) -> Vec<Value> {
    let view = |line: &Line| {
        Value::from(format!("{} [{}] {}", clock::text(line.at), line.level, line.text))
    };
    lines.iter().map(view).collect()
}

/// A moment as text, as seconds since 1970, or as a while ago such as `10m`.
fn moment(text: &str) -> Option<Time> {
    if let Some(time) = clock::parse(text) {
        return Some(time);
    }
    if let Ok(seconds) = text.parse() {
        return Time::from_timestamp(seconds, 0);
    }
    let (count, seconds) = match text.chars().last()? {
        's' => (text.strip_suffix('s')?, 1),
        'm' => (text.strip_suffix('m')?, 60),
        'h' => (text.strip_suffix('h')?, 3_600),
        'd' => (text.strip_suffix('d')?, 86_400),
        _ => return None,
    };
    let ago = count.parse::<i64>().ok()?.checked_mul(seconds)?;
    Time::from_timestamp(clock::now().timestamp().checked_sub(ago)?, 0)
}
