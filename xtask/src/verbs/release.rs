//! `cargo xtask release`: gives a new version more of the requests, and takes it back where it fails more.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use crate::{
    exec::say,
    operations::{
        api::Api,
        gate::{self, Counts, Rules, Verdict, judge},
        invocations,
        outputs::output,
        served::Served,
        stage::Stage,
        upload,
        worker::{Deployed, Share, age, short},
    },
};

/// At 100 % no version answers beside the new one: the one before is judged by so many seconds.
const BASELINE: u64 = 3_600;
/// Moments of data points are whole seconds.
const SLACK: u64 = 3;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The stage: an environment of `wrangler.toml`, such as staging or production
    #[arg(long)]
    env: String,
    /// Percent of the requests that the new version gets: 0 only tries it, 100 ends the release
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=100))]
    percent: u8,
    /// The version; the newest one where it is missing
    #[arg(long)]
    version: Option<String>,
    /// Also where the version was taken back before
    #[arg(long)]
    again: bool,
    /// The address to try it at; the custom domain or workers.dev where it is missing
    #[arg(long)]
    url: Option<String>,
    /// Requests of the new version that are waited for; 0 judges at once
    #[arg(long, default_value_t = 50)]
    least_requests: u32,
    /// How much larger its share of failures may be, in percent of its requests
    #[arg(long, default_value_t = 1.0, value_parser = percentage)]
    margin: f64,
    /// How long the requests are waited for, in seconds
    #[arg(long, default_value_t = 900)]
    within: u64,
    /// Seconds between two looks
    #[arg(long, default_value_t = 15.0)]
    pause: f64,
}

fn percentage(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| (0.0..=100.0).contains(number));
    number.ok_or_else(|| "expected a number from 0 to 100".to_owned())
}

/// A new version and the one before.
struct Pair {
    new: String,
    old: String,
    /// The share of the new one.
    percentage: f64,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let stage = Stage::load(&arguments.env)?;
    let pause = Duration::try_from_secs_f64(arguments.pause).context("--pause")?;
    let api = Api::from_environment()?;
    let mut deployed = Deployed::look(&api, &stage)?;
    if !deployed.exists {
        bail!("there is no Worker {}: `deploy --env {}` makes it", stage.worker, stage.name);
    }
    let Some(pair) = pair(&deployed, arguments.version.as_deref())? else {
        say("the newest version has all requests already");
        return if arguments.percent == 100 { upload::triggers(&api, &stage) } else { Ok(()) };
    };
    if deployed.was_taken_back(&pair.new) && !arguments.again {
        bail!("{} was taken back: `--again` releases it nevertheless", short(&pair.new));
    }
    let percent = f64::from(arguments.percent);
    if percent < pair.percentage {
        bail!(
            "{} has {}% already, and a share only grows: `rollback --env {}` takes it back",
            short(&pair.new),
            pair.percentage,
            stage.name
        );
    }
    let address = match &arguments.url {
        Some(url) => url.clone(),
        None => deployed
            .reachable()?
            .into_iter()
            .next()
            .context("the Worker has no address: use --url")?,
    };
    let began = Instant::now();
    let shares = shares(&pair, percent);
    if !deployed.is_split(&shares) {
        say(&format!("{} gets {percent}% of the requests of {}", short(&pair.new), stage.worker));
        deployed.deploy(&shares, &format!("{percent}% of {}", short(&pair.new)))?;
    }
    let kept = Served::at(&address).smoke(&stage, &pair.new, pause).and_then(|()| {
        if arguments.percent == 0 {
            Ok(())
        } else {
            pass(arguments, &api, &stage, &pair, began, pause)
        }
    });
    match kept {
        Ok(()) if arguments.percent == 100 => {
            upload::triggers(&api, &stage)?;
            output("released", &pair.new)
        }
        Ok(()) => output("share", &percent.to_string()),
        Err(error) if error.is::<Undecided>() => Err(error),
        Err(error) => {
            let back = deployed.deploy(&[Share::of(&pair.old, 100.0)], "taken back");
            back.with_context(|| {
                format!("{} could not be taken back: {error:#}", short(&pair.new))
            })?;
            Err(error.context(format!("taken back: {} has all requests", short(&pair.old))))
        }
    }
}

/// The share could not be judged: it stays as it is.
#[derive(Debug)]
struct Undecided(String);

impl std::fmt::Display for Undecided {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Undecided {}

/// Which version is released over which. None: the newest one has all requests already.
fn pair(deployed: &Deployed<'_>, wanted: Option<&str>) -> Result<Option<Pair>> {
    let versions = deployed.versions()?;
    let mut shares = deployed.shares().to_vec();
    shares.sort_by_key(|share| age(&versions, &share.version));
    let found = match shares.as_slice() {
        [new, old] => {
            Pair { new: new.version.clone(), old: old.version.clone(), percentage: new.percentage }
        }
        [only] => {
            let new = wanted.or(versions.first().map(String::as_str)).unwrap_or(&only.version);
            if new == only.version {
                return Ok(None);
            }
            if age(&versions, new) > age(&versions, &only.version) {
                bail!(
                    "{} is older than {}: `rollback --to` leads to it",
                    short(new),
                    short(&only.version)
                );
            }
            Pair { new: new.to_owned(), old: only.version.clone(), percentage: 0.0 }
        }
        _ => bail!("nothing is deployed"),
    };
    if let Some(wanted) = wanted.filter(|wanted| *wanted != found.new) {
        bail!("{} is released, and not {}", short(&found.new), short(wanted));
    }
    if !versions.contains(&found.new) {
        bail!("there is no version {} that can be deployed", found.new);
    }
    Ok(Some(found))
}

fn shares(pair: &Pair, percent: f64) -> Vec<Share> {
    let new = Share::of(&pair.new, percent);
    if percent >= 100.0 { vec![new] } else { vec![new, Share::of(&pair.old, 100.0 - percent)] }
}

/// Waits until there are enough requests, and judges them.
fn pass(
    arguments: &Arguments,
    api: &Api,
    stage: &Stage,
    pair: &Pair,
    began: Instant,
    pause: Duration,
) -> Result<()> {
    let dataset =
        stage.dataset().context("the stage has no dataset, by which a release is judged")?;
    let rules =
        Rules { least_requests: f64::from(arguments.least_requests), margin: arguments.margin };
    let versions = [pair.new.as_str(), pair.old.as_str()];
    let mut is_blind = false;
    loop {
        let passed = began.elapsed().as_secs();
        let [new, old] =
            beside(rules, passed, |seconds| gate::counts(api, &dataset, versions, seconds))?;
        // They come later than the data points, so that there may be too few: then those alone decide.
        let ended = beside(rules, passed, |seconds| {
            invocations::counts(api, &stage.worker, versions, seconds)
        });
        match &ended {
            Ok([new, old]) if judge(*new, *old, rules) == Verdict::Worse => {
                report(pair, *new, *old);
                bail!(
                    "the runtime ends more requests of {} than of {}",
                    short(&pair.new),
                    short(&pair.old)
                );
            }
            Ok(_) => {}
            Err(error) if !is_blind => {
                say(&format!("what the runtime ends is not judged: {error:#}"));
                is_blind = true;
            }
            Err(_) => {}
        }
        match judge(new, old, rules) {
            Verdict::Good => {
                report(pair, new, old);
                return Ok(());
            }
            Verdict::Worse => {
                report(pair, new, old);
                bail!("{} fails more than {}", short(&pair.new), short(&pair.old));
            }
            Verdict::TooFew if passed >= arguments.within => {
                report(pair, new, old);
                let text = format!(
                    "too few requests to judge {} after {passed} s: its share stays. Run it again, or with a \
                     smaller --least-requests",
                    short(&pair.new)
                );
                return Err(Undecided(text).into());
            }
            Verdict::TooFew => thread::sleep(pause),
        }
    }
}

/// The new version since its share was set, and the one before: in its last hour, where it had too few requests since.
fn beside(
    rules: Rules,
    passed: u64,
    counts: impl Fn(u64) -> Result<[Counts; 2]>,
) -> Result<[Counts; 2]> {
    let [new, mut old] = counts(passed.saturating_add(SLACK))?;
    if old.requests < rules.least_requests {
        old = counts(passed.saturating_add(BASELINE))?[1];
    }
    Ok([new, old])
}

fn report(pair: &Pair, new: Counts, old: Counts) {
    say(&gate::shown(&pair.new, new));
    say(&gate::shown(&pair.old, old));
}
