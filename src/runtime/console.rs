//! The runtime's log and its dataset, as [`Out`], and the log of what is no request.
//!
//! Invariant: a line is one JSON object, and none is written below `LOG_LEVEL`.

use std::cell::Cell;

use wasm_bindgen::prelude::wasm_bindgen;
use worker::{AnalyticsEngineDataPointBuilder, AnalyticsEngineDataset};

use crate::{
    protocol::object::Object,
    runtime::machine::Machine,
    server::platform::Platform as _,
    telemetry::{level::Level, line::Point, record::Out},
};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console)]
    fn log(line: &str);

    #[wasm_bindgen(js_namespace = console)]
    fn warn(line: &str);

    #[wasm_bindgen(js_namespace = console)]
    fn error(line: &str);
}

thread_local! {
    static LEVEL: Cell<Level> = const { Cell::new(Level::Info) };
}

fn wants(level: Level) -> bool {
    level >= LEVEL.get() && level != Level::Off
}

fn write(level: Level, line: &str) {
    match level {
        Level::Debug | Level::Info | Level::Off => log(line),
        Level::Warn => warn(line),
        Level::Error => error(line),
    }
}

/// Sets from which level on lines are written.
pub fn set_level(level: Level) {
    LEVEL.set(level);
}

/// Logs what an operator should know, where lines of this level are wanted.
pub fn say(level: Level, message: &str) {
    if wants(level) {
        let line = Object::new().text("level", level.name()).text("event", "fault");
        write(level, &line.text("message", message).end());
    }
}

/// Logs what went wrong. Formats as `format!` does.
#[macro_export]
macro_rules! fault {
    ($($said:tt)*) => {
        $crate::runtime::console::say($crate::telemetry::level::Level::Error, &format!($($said)*))
    };
}

/// Logs what an operator should look at some day. Formats as `format!` does.
#[macro_export]
macro_rules! warning {
    ($($said:tt)*) => {
        $crate::runtime::console::say($crate::telemetry::level::Level::Warn, &format!($($said)*))
    };
}

/// Where this deployment's records go.
pub struct Console {
    dataset: Option<AnalyticsEngineDataset>,
}

impl Console {
    /// Lines from this level on, points into this dataset.
    pub fn new(level: Level, dataset: Option<AnalyticsEngineDataset>) -> Self {
        set_level(level);
        Self { dataset }
    }
}

impl Out for Console {
    fn now_ms(&self) -> u64 {
        Machine.now_ms()
    }

    fn wants(&self, level: Level) -> bool {
        wants(level)
    }

    fn write(&self, level: Level, line: &str) {
        write(level, line);
    }

    fn measure(&self, point: &dyn Fn() -> Point) {
        if let Some(dataset) = &self.dataset {
            let Point { index, blobs, doubles } = point();
            let point = AnalyticsEngineDataPointBuilder::new().indexes([index.as_str()]);
            write_point(dataset, point.blobs(blobs).doubles(doubles));
        }
    }
}

/// Writes a data point. Nothing waits for it, and one that cannot be written is lost.
pub fn write_point(dataset: &AnalyticsEngineDataset, point: AnalyticsEngineDataPointBuilder) {
    if let Err(error) = point.write_to(dataset) {
        crate::fault!("a data point is lost: {error}");
    }
}
