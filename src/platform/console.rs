//! The sink of the `log` crate, and of the records of requests ([`TelemetrySink`]): the runtime's log and the
//! deployment's dataset.
//!
//! Invariant: a line is one JSON object, and none is written below `LOG_LEVEL`. Other crates are heard from
//! `warn` on at most: their finer lines may show what they work on.

use log::{LevelFilter, Log, Metadata};
use uuid::Uuid;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::platform::{dataset::Dataset, random, workers::WorkersPlatform};
use mcp_platform::Platform as _;
use mcp_protocol::object::Object;
use mcp_server::telemetry::{level::Level, log_line::DataPoint, record::TelemetrySink};

/// The crates of this server, whose lines carry no target.
const OWN: [&str; 16] = [
    env!("CARGO_CRATE_NAME"),
    "alarms",
    "catalogue",
    "device_health",
    "device_logs",
    "device_protocol",
    "fixtures",
    "gateway",
    "infrastructure",
    "keboola",
    "mcp_auth",
    "mcp_client",
    "mcp_platform",
    "mcp_protocol",
    "mcp_server",
    "sitebay",
];

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console, js_name = log)]
    fn print(line: &str);

    #[wasm_bindgen(js_namespace = console, js_name = warn)]
    fn print_warning(line: &str);

    #[wasm_bindgen(js_namespace = console, js_name = error)]
    fn print_error(line: &str);
}

/// Takes what is logged through `log`.
struct Sink;

impl Log for Sink {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let (level, is_own) = (metadata.level(), is_own(metadata.target()));
        level <= log::max_level() && (is_own || level <= log::Level::Warn)
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            write(Level::from(record.level()), &line(record));
        }
    }

    fn flush(&self) {}
}

fn is_own(target: &str) -> bool {
    let own = target.split("::").next().unwrap_or_default();
    OWN.contains(&own)
}

/// The line of something that is no request. Of another crate it says which.
fn line(record: &log::Record<'_>) -> String {
    let line = Object::new().text("level", Level::from(record.level()).name());
    let line = line.text("event", "fault").text("message", &record.args().to_string());
    match is_own(record.target()) {
        true => line.end(),
        false => line.text("target", record.target()).end(),
    }
}

/// Installs the sink; the runtime calls it once for each instance, before anything else. Until the
/// configuration is read, the level is `info`.
#[wasm_bindgen(start)]
pub fn install() {
    if log::set_logger(&Sink).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
}

fn write(level: Level, line: &str) {
    match level {
        Level::Debug | Level::Info | Level::Off => print(line),
        Level::Warn => print_warning(line),
        Level::Error => print_error(line),
    }
}

/// Sets from which level on lines are written.
pub fn set_level(level: Level) {
    log::set_max_level(level.into());
}

/// Where this deployment's records go.
pub struct Console {
    dataset: Option<Dataset>,
}

impl Console {
    /// Lines from this level on, points into this dataset.
    pub fn new(level: Level, dataset: Option<Dataset>) -> Self {
        set_level(level);
        Self { dataset }
    }
}

impl TelemetrySink for Console {
    fn now_ms(&self) -> u64 {
        WorkersPlatform.now_ms()
    }

    fn uuid(&self) -> Uuid {
        random::name()
    }

    fn wants(&self, level: Level) -> bool {
        level != Level::Off && LevelFilter::from(level) <= log::max_level()
    }

    fn write(&self, level: Level, line: &str) {
        write(level, line);
    }

    fn measure(&self, point: &dyn Fn() -> DataPoint) {
        if let Some(dataset) = &self.dataset {
            dataset.write(point());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn a_line_of_this_crate_has_the_shape_of_a_fault_and_another_says_whose_it_is() {
        let say = |target| {
            let message = format_args!("a \"b\"");
            line(
                &log::Record::builder()
                    .level(log::Level::Warn)
                    .target(target)
                    .args(message)
                    .build(),
            )
        };
        let own = r#"{"level":"warn","event":"fault","message":"a \"b\""}"#;
        assert_eq!(
            (say("mcp_server::call"), say("sitebay_mcp::edge")),
            (own.to_owned(), own.to_owned())
        );
        let other = own.replace('}', r#","target":"sitebay_mcp2"}"#);
        assert_eq!(say("sitebay_mcp2"), other);
    }

    /// Those that run in the Worker are heard at each level.
    #[test]
    fn all_crates_of_this_server_are_its_own() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates");
        let folders = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let crates = folders.filter(|entry| entry.path().join("Cargo.toml").exists());
        let names = crates.map(|entry| entry.file_name().into_string().unwrap().replace('-', "_"));
        let mut names: Vec<String> = names
            .filter(|name| !["catalogue_build", "test_support"].contains(&name.as_str()))
            .collect();
        names.push("sitebay_mcp".to_owned());
        names.sort_unstable();
        let mut own = OWN;
        own.sort_unstable();
        assert_eq!(own.map(str::to_owned).to_vec(), names);
    }

    #[test]
    fn other_crates_are_heard_from_warnings_on_and_no_more_than_configured() {
        let wanted =
            |level, target| Sink.enabled(&Metadata::builder().level(level).target(target).build());
        for (level, own, other) in [
            (Level::Debug, log::Level::Debug, log::Level::Warn),
            (Level::Warn, log::Level::Warn, log::Level::Warn),
            (Level::Error, log::Level::Error, log::Level::Error),
        ] {
            set_level(level);
            for asked in log::Level::iter() {
                assert_eq!(wanted(asked, "sitebay_mcp"), asked <= own, "{level:?} {asked}");
                assert_eq!(wanted(asked, "worker::d1"), asked <= other, "{level:?} {asked}");
            }
        }
        set_level(Level::Off);
        assert!(log::Level::iter().all(|level| !wanted(level, "sitebay_mcp")));
    }
}
