//! `RESULTS.md`: the tables that a run ends in.

use std::fmt::Write as _;

use crate::{
    behind,
    contestant::Contestant::{
        self, Floor, Gateway, McpAgent, McpHandler, Ours, Quiet, Reading, Silent, Subject,
    },
    counts::Act,
    figure::Figure,
    memory::IDLE,
    results::Results,
    targets::{short, targets},
    timed::{Point, Ratio, Spread},
};

/// The whole page.
#[must_use]
pub fn page(results: &Results) -> String {
    let parts = [
        head(results),
        wanted(results),
        rates(results),
        latencies(results),
        passed_through(results),
        counted(results),
        fanouts(results),
        starts(results),
        memory(results),
        growth(results),
        HOW.to_owned(),
    ];
    parts.join("\n")
}

fn head(results: &Results) -> String {
    let machine = &results.machine;
    format!(
        "# Results\n\n\
         Written by `cargo xtask bench`: all of them on plain `workerd`, in {} rounds, each in new \
         processes. In a round each of them is under the load of a figure for {:.1} s until the engine has compiled what it runs; then they \
         take {} turns of {:.1} s each. A ratio is the median of the ratios of turns that follow each other, with the interval that has it \
         with a probability of 95 %. Only ratios within one run mean anything elsewhere.\n\n\
         ![Requests per second, the floor being 100 %](results.svg)\n\n\
         | | |\n|---|---|\n| processor | {} |\n| memory, system | {} |\n| load before the run | {} |\n\
         | versions | {} |\n",
        results.plan.rounds,
        results.plan.warm.as_secs_f64(),
        results.plan.turns,
        results.plan.time.as_secs_f64(),
        machine.processor,
        machine.system,
        machine.load,
        machine.versions,
    )
}

fn wanted(results: &Results) -> String {
    let mut text = table("Targets", &["", "wanted", "found", ""]);
    for target in targets(results) {
        let met = match target.met {
            Some(true) => "met",
            Some(false) => "**missed**",
            None => "not measured",
        };
        row(&mut text, [&target.what, &target.wanted, &target.found, met]);
    }
    text
}

/// The contestants with a column, the floor before the peers.
const COLUMNS: [Contestant; 7] = [Ours, Quiet, Subject, Floor, Silent, McpAgent, McpHandler];

fn rates(results: &Results) -> String {
    let names = COLUMNS.map(Contestant::name);
    let mut text = table("Each second", &[&[""], &names[..], &["of the floor"]].concat());
    for figure in Figure::ALL {
        let rate = |who| results.timed.of(figure, who, |point| point.load.rate);
        let cells = COLUMNS.map(|who| spread(rate(who)));
        let share = share(results, figure);
        row(&mut text, [&[figure.name().to_owned()], &cells[..], &[share]].concat());
    }
    text
}

/// This project's rate as a share of the floor's, where both were measured.
fn share(results: &Results, figure: Figure) -> String {
    let own = if figure == Figure::SubjectSession { Subject } else { Ours };
    percent(results.timed.ratio((figure, own), (figure, Floor)))
}

fn percent(ratio: Option<Ratio>) -> String {
    match ratio {
        Some(ratio) => format!(
            "{:.0} % ({:.0} – {:.0})",
            ratio.median * 100.0,
            ratio.low * 100.0,
            ratio.high * 100.0
        ),
        None => String::new(),
    }
}

fn latencies(results: &Results) -> String {
    let title =
        "Each of them: half and 99 of 100 within, in ms; the processor's time of `workerd`, in µs";
    let names = COLUMNS.map(Contestant::name);
    let mut text = table(title, &[&[""], &names[..]].concat());
    for figure in Figure::ALL {
        let cells = COLUMNS.map(|who| {
            let of = |value: fn(&Point) -> f64| results.timed.of(figure, who, value).median;
            let (p50, p99) = (of(|point| point.load.p50), of(|point| point.load.p99));
            match p50 {
                0.0 => String::new(),
                _ => format!("{} · {} · {:.0}", short(p50), short(p99), of(|p| p.processor_us)),
            }
        });
        row(&mut text, [&[figure.name().to_owned()], &cells[..]].concat());
    }
    text
}

/// Calls of a server behind this one.
fn passed_through(results: &Results) -> String {
    let names = behind::CONTESTANTS.map(Contestant::name);
    let title = "A server behind this one: each second · half and 99 of 100 within, in ms";
    let shares = ["of the floor", "of the floor that reads"];
    let mut text = table(title, &[&[""], &names[..], &shares[..]].concat());
    for figure in behind::FIGURES {
        let cells = behind::CONTESTANTS.map(|who| {
            let of = |value: fn(&Point) -> f64| short(results.behind.of(figure, who, value).median);
            let [rate, p50, p99] = [
                of(|point| point.load.rate),
                of(|point| point.load.p50),
                of(|point| point.load.p99),
            ];
            format!("{rate} · {p50} · {p99}")
        });
        let shares = [Floor, Reading]
            .map(|than| percent(results.behind.ratio((figure, Gateway), (figure, than))));
        row(&mut text, [&[figure.name().to_owned()], &cells[..], &shares[..]].concat());
    }
    text + "\nThe server behind is a bare Worker in a process of its own; both it and the gateways share the \
            machine's processors with the client. The floor passes each request to it with the body unread, and its answer \
            back. The one that reads does what no gateway between versions can leave out: it reads and parses both, and writes \
            the headers of the call anew; it has no deadline, no key, no limit and no list of tools. The \
            proxy is Python on one core, with FastMCP's `create_proxy`; of gateways it is the one that installs \
            from a package registry and speaks 2026-07-28 on both sides (agentgateway and ToolHive are not in any).\n"
}

const ACTS: [Act; 13] = [
    Act::Initialize,
    Act::Initialized,
    Act::Call,
    Act::First,
    Act::Session,
    Act::Stream,
    Act::Forged,
    Act::Foreign,
    Act::Expired,
    Act::Delete,
    Act::Ended,
    Act::Event,
    Act::Stateless,
];

fn counted(results: &Results) -> String {
    let columns = [Ours, Subject, McpAgent];
    let names = columns.map(Contestant::name);
    let title = "Requests to Durable Objects · rows written (SQL, keys and alarms)";
    let mut text = table(title, &[&[""], &names[..]].concat());
    for act in ACTS {
        let cells = columns.map(|who| match results.counts.cost(act, who) {
            None => String::new(),
            Some(cost) => format!("{} · {}", cost.requests + cost.alarms, cost.rows),
        });
        row(&mut text, [&[act.name().to_owned()], &cells[..]].concat());
    }
    let stored = columns.map(|who| match results.counts.stored.get(&who) {
        None => String::new(),
        Some(bytes) => format!("{bytes:.0}"),
    });
    row(&mut text, [&["bytes on disk of an abandoned session".to_owned()], &stored[..]].concat());
    text + "\nThe local runtime makes a file of 4,096 bytes for every object that was ever started, with or \
            without a row. Once in 30 s an isolate asks the subject's hub whether sessions were ended, and \
            once a minute or more often for a lease of its rate limit (here 100 a minute): in none of the other rows.\n"
}

fn fanouts(results: &Results) -> String {
    let mut text =
        table("One event until the last stream has it", &["", "streams", "ms", "µs each"]);
    for one in &results.fanouts {
        let each = one.last.median * 1_000.0 / one.count as f64;
        let cells = [one.streams.name().to_owned(), short(one.count as f64), spread(one.last)];
        row(&mut text, [&cells[..], &[short(each)]].concat());
    }
    text.replace(".00 |", " |")
}

fn starts(results: &Results) -> String {
    let title = "Process start → first answer, and the bundle";
    let mut text = table(title, &["", "ms", "KiB", "KiB, gzip"]);
    for (who, raw, gzip) in &results.sizes {
        let start = results.timed.starts.get(who).cloned().unwrap_or_default();
        let sizes = [raw, gzip].map(|bytes| short(*bytes as f64 / 1_024.0));
        row(&mut text, [&[who.name().to_owned(), spread(Spread::of(start))], &sizes[..]].concat());
    }
    text + "\nAs they are deployed, without fixture tools. The local runtime opens a database for each class of \
            objects when it starts, and syncs its file to the disk: the floor and `McpAgent` have one class, this project six.\n"
}

fn memory(results: &Results) -> String {
    let title = format!(
        "Memory of `workerd` in MB: sessions of one call, just used and left for {} s",
        IDLE.as_secs()
    );
    let columns = ["", "sessions", "before", "used", "left", "KB each, left", "stored, MB"];
    let mut text = table(&title, &columns);
    for one in &results.memories {
        let mega = |bytes: u64| short(bytes as f64 / 1e6);
        let each = one.idle.saturating_sub(one.before) as f64 / 1e3 / one.sessions.max(1) as f64;
        let sessions = short(one.sessions as f64);
        let cells = [mega(one.before), mega(one.open), mega(one.idle), short(each)];
        let names = [one.who.name().to_owned(), sessions];
        row(&mut text, [&names[..], &cells[..], &[mega(one.stored)]].concat());
    }
    text
}

fn growth(results: &Results) -> String {
    let mut text = table("What grows", &["", "of", "ms", ""]);
    for one in &results.growth {
        let took = format!(
            "{} ({} – {})",
            short(one.took.median),
            short(one.took.least),
            short(one.took.most)
        );
        row(&mut text, [one.what, &one.of, &took, &one.note]);
    }
    text
}

const HOW: &str = "\n## How it is measured\n\n\
    The load comes from a Rust client on the same machine (`bench/src/load.rs`): connections that are kept, each \
    asking again when it was answered; every answer is looked at, and a wrong one fails the run. In a round, each \
    figure is measured for one contestant right after the other. A figure is the median of the rounds, with the least \
    and the most in brackets; a ratio is the median of the ratios of each round, with its 95 % interval (sign test).\n\n\
    `sitebay-mcp` is the default deployment: it checks a key, counts against a limit (which is never reached), and \
    writes a line for each request. The floor (`bench/floor`) reads a message, parses it with raw values, writes a \
    line of the same length and answers: in the Worker (for stateless calls and `initialize`), in one object (for \
    session calls), in the object of a new session. A whole session of the floor is one request to the Worker and \
    two to an object: a new one, or for `subject` always the same. It is built by `worker-build`. The peers \
    (`bench/peers`) write no lines and are bundled with wrangler, as their users do. Requests to objects and rows are \
    counted in runs of their own, with `bench/counting` around the same bundles.\n";

/// A title and the head of a table.
fn table(title: &str, columns: &[&str]) -> String {
    let mut text = format!("\n## {title}\n\n");
    row(&mut text, columns);
    row(&mut text, columns.iter().map(|_| "---"));
    text
}

fn row<S: AsRef<str>>(text: &mut String, cells: impl IntoIterator<Item = S>) {
    text.push('|');
    for cell in cells {
        let _ = write!(text, " {} |", cell.as_ref());
    }
    text.push('\n');
}

fn spread(spread: Spread) -> String {
    match spread.most {
        0.0 => String::new(),
        _ => format!("{} ({} – {})", short(spread.median), short(spread.least), short(spread.most)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_as_many_rules_as_columns() {
        let mut text = table("T", &["", "a"]);
        row(&mut text, ["x", "1"]);
        assert_eq!(text, "\n## T\n\n|  | a |\n| --- | --- |\n| x | 1 |\n");
    }
}
