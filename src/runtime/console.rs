//! The runtime's log and its dataset, as [`Out`].

use wasm_bindgen::prelude::wasm_bindgen;

use crate::{
    runtime::{binding::Dataset, machine::Machine},
    server::platform::Platform as _,
    telemetry::{
        level::Level,
        record::{Out, Point},
    },
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

/// Where this deployment's records go.
pub struct Console {
    level: Level,
    dataset: Option<Dataset>,
}

impl Console {
    /// Lines from this level on, points into this dataset.
    pub fn new(level: Level, dataset: Option<Dataset>) -> Self {
        Self { level, dataset }
    }
}

impl Out for Console {
    fn now_ms(&self) -> u64 {
        Machine.now_ms()
    }

    fn wants(&self, level: Level) -> bool {
        level >= self.level && level != Level::Off
    }

    fn write(&self, level: Level, line: &str) {
        match level {
            Level::Debug | Level::Info | Level::Off => log(line),
            Level::Warn => warn(line),
            Level::Error => error(line),
        }
    }

    fn measure(&self, point: &dyn Fn() -> Point) {
        if let Some(dataset) = &self.dataset {
            let Point { index, blobs, doubles } = point();
            let blobs: Vec<&str> = blobs.iter().map(String::as_str).collect();
            dataset.write(&index, &blobs, &doubles);
        }
    }
}
