//! Datasets of Analytics Engine: points as `workerd` sends them.
//!
//! Known, from runs of `workerd`: one request for each point, texts as lists of bytes, all twenty doubles and the
//! blobs that were given. The Worker does not wait for the answer. A point beyond a limit is not sent by `workerd`,
//! which logs it and throws nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bindings::world::World;
use crate::cloudflare::DataPoint;
use crate::cloudflare::sql::Points;
use crate::engine::call::Call;
use crate::engine::clock::Time;
use crate::engine::json::Fields as _;
use crate::engine::reply::Reply;

const COLUMNS: usize = 20;

/// A data point as it was written.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Point {
    /// `index1`.
    pub index: String,
    /// `blob1` to `blob20`; empty where none was given.
    pub blobs: Vec<String>,
    /// `double1` to `double20`; 0 where none was given.
    pub doubles: Vec<f64>,
}

/// All datasets, by their names.
#[derive(Debug)]
pub(crate) struct Datasets {
    written: BTreeMap<String, Vec<Point>>,
    tables: Points,
}

impl Datasets {
    /// No datasets; the error is a text.
    pub(crate) fn open() -> Result<Self, String> {
        let tables = Points::open().map_err(|error| error.to_string())?;
        Ok(Self { written: BTreeMap::new(), tables })
    }

    /// The points of a dataset, oldest first.
    pub(crate) fn points(&self, dataset: &str) -> Vec<Point> {
        self.written.get(dataset).cloned().unwrap_or_default()
    }

    /// The datasets that something was written to.
    pub(crate) fn names(&self) -> Vec<&String> {
        self.written.keys().collect()
    }

    /// The rows that a query gives.
    pub(crate) fn query(&self, sql: &str, now: Time) -> Result<Vec<Value>, String> {
        Ok(self.tables.query(sql, now)?.data)
    }

    fn write(&mut self, dataset: &str, point: Point, now: Time) -> Result<(), String> {
        let row = DataPoint {
            index: point.index.clone(),
            blobs: point.blobs.clone(),
            doubles: point.doubles.clone(),
            ..DataPoint::default()
        };
        self.tables.write(dataset, now, &row).map_err(|error| error.to_string())?;
        self.written.entry(dataset.to_owned()).or_default().push(point);
        Ok(())
    }
}

/// Answers a request of the binding.
pub(crate) fn answer(world: &mut World, dataset: &str, call: &Call) -> Reply {
    if (call.method.as_str(), call.path.as_str()) != ("POST", "/") {
        return Reply::empty(405);
    }
    let Ok(event @ Value::Object(_)) = serde_json::from_slice::<Value>(&call.body) else {
        return Reply::empty(400);
    };
    let now = world.clock.now();
    match world.datasets.write(dataset, point(&event), now) {
        Ok(()) => Reply::empty(200),
        Err(text) => Reply::empty(500).saying(text),
    }
}

fn point(event: &Value) -> Point {
    let columns =
        |kind: &'static str| (1..=COLUMNS).map(move |at| event.field(&format!("{kind}{at}")));
    Point {
        index: text(event.field("index1")),
        blobs: columns("blob").map(text).collect(),
        doubles: columns("double").map(double).collect(),
    }
}

/// A text that came as a list of bytes.
fn text(bytes: &Value) -> String {
    let bytes = bytes.as_array().map(Vec::as_slice).unwrap_or_default();
    let bytes = bytes.iter().filter_map(|byte| u8::try_from(byte.as_u64()?).ok());
    String::from_utf8_lossy(&bytes.collect::<Vec<_>>()).into_owned()
}

/// A double; those that JSON does not have come as texts.
fn double(value: &Value) -> f64 {
    let text = value.as_str().and_then(|text| text.parse().ok());
    value.as_f64().or(text).unwrap_or_default()
}
