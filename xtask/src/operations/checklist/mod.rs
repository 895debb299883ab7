//! The checklist: what must be so before callers are let in, checked by a program.
//!
//! Invariant: a point that cannot be checked has failed; nothing is changed.

mod alarms;
mod deployed;
mod limited;
mod notified;
mod served;

use std::fmt;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::{api::Api, stage::Stage, worker::Deployed};

/// What a run is asked.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Where the Worker answers; empty: where Cloudflare says.
    pub addresses: Vec<String>,
    /// The percentage of subjects that is to be let in.
    pub rollout: Option<u8>,
    /// Whether notifications are to be there.
    pub alerts: bool,
    /// Whether requests are sent until one is refused.
    pub limit: bool,
}

/// What a point is about.
#[derive(Debug)]
struct Scene<'a> {
    api: &'a Api,
    stage: &'a Stage,
    worker: &'a Deployed<'a>,
    settings: Value,
    addresses: Vec<String>,
    rollout: Option<u8>,
}

impl Scene<'_> {
    /// The bindings of the version that answers, variables and secrets among them.
    fn bindings(&self) -> &[Value] {
        self.settings.get("bindings").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    fn binding(&self, name: &str) -> Option<&Value> {
        self.bindings().iter().find(|binding| binding["name"] == name)
    }

    /// A variable as it is deployed.
    fn variable(&self, name: &str) -> Option<&str> {
        self.binding(name)?.get("text")?.as_str().filter(|text| !text.is_empty())
    }

    fn has_secret(&self, name: &str) -> bool {
        self.binding(name).is_some_and(|binding| binding["type"] == "secret_text")
    }
}

/// A point: what is found, or what is wrong.
type Check = fn(&Scene<'_>) -> Result<String>;

/// A point that was checked.
#[derive(Debug)]
pub struct Point {
    name: &'static str,
    passed: bool,
    detail: String,
}

/// The points.
#[derive(Debug, Default)]
pub struct Report {
    points: Vec<Point>,
}

impl Report {
    fn add(&mut self, name: &'static str, outcome: Result<String>) {
        let (passed, detail) = match outcome {
            Ok(detail) => (true, detail),
            Err(error) => (false, format!("{error:#}")),
        };
        self.points.push(Point { name, passed, detail });
    }

    /// How many points failed.
    pub fn failed(&self) -> usize {
        self.points.iter().filter(|point| !point.passed).count()
    }

    /// As a document.
    pub fn json(&self, stage: &Stage) -> Value {
        let points = self.points.iter().map(
            |point| json!({ "name": point.name, "passed": point.passed, "detail": point.detail }),
        );
        json!({
            "stage": stage.name,
            "worker": stage.worker,
            "passed": self.failed() == 0,
            "points": points.collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Point { name, passed, detail } in &self.points {
            writeln!(f, "{} {name}: {detail}", if *passed { "ok    " } else { "FAILED" })?;
        }
        Ok(())
    }
}

/// The points, in the order of the report.
const POINTS: [(&str, Check); 14] = [
    ("environment", deployed::environment),
    ("variables", deployed::variables),
    ("keys", deployed::keys),
    ("ways in", deployed::ways_in),
    ("bindings", deployed::bindings),
    ("classes", deployed::classes),
    ("tables", deployed::tables),
    ("deployment", deployed::deployment),
    ("domains", deployed::domains),
    ("alarms", alarms::alarms),
    ("health", served::health),
    ("rollout", served::rollout),
    ("closed door", served::closed_door),
    ("pages", served::preflight),
];

/// Checks a stage.
pub fn run(api: &Api, stage: &Stage, asked: &Asked) -> Report {
    let mut report = Report::default();
    report.add("token", token(api));
    let looked = Deployed::look(api, stage).and_then(|worker| match worker.exists {
        true => Ok(worker),
        false => bail!("there is no Worker {}", stage.worker),
    });
    let worker = match looked {
        Ok(worker) => worker,
        Err(error) => {
            report.add("worker", Err(error));
            return report;
        }
    };
    report.add("worker", Ok(stage.worker.clone()));
    let scene = worker.settings().and_then(|settings| {
        let addresses = match asked.addresses.as_slice() {
            [] => worker.addresses()?,
            given => given.to_vec(),
        };
        Ok(Scene { api, stage, worker: &worker, settings, addresses, rollout: asked.rollout })
    });
    match scene {
        Ok(scene) => {
            for (name, check) in POINTS {
                report.add(name, check(&scene));
            }
            if asked.alerts {
                report.add("notifications", notified::notifications(&scene));
            }
            // Last: after it the caller is refused for a while.
            if asked.limit {
                report.add("limit", limited::limit(&scene));
            }
        }
        Err(error) => report.add("settings", Err(error)),
    }
    report
}

/// Cloudflare takes the token.
fn token(api: &Api) -> Result<String> {
    let own = api.get("tokens/verify").or_else(|_| api.get_whole("user/tokens/verify"))?;
    match own["status"].as_str() {
        Some("active") => Ok("active".to_owned()),
        status => bail!("the token is {}", status.unwrap_or("unknown")),
    }
}
