//! The dataset of Analytics Engine: data points of requests, tasks and grants.
//!
//! Invariant: the version that writes a point is in the same place of each (`docs/OPERATIONS.md`, "Data points").

use worker::{AnalyticsEngineDataPointBuilder, AnalyticsEngineDataset, Env};

use crate::platform::{stores::DATASET, version};
use mcp_server::telemetry::log_line::DataPoint;

/// The place of the version among the text fields.
const VERSION: usize = 14;

/// The dataset of this deployment.
pub struct Dataset {
    dataset: AnalyticsEngineDataset,
    version: String,
}

impl Dataset {
    /// The one that is bound.
    pub fn of(env: &Env) -> Option<Self> {
        let dataset = env.analytics_engine(DATASET).ok()?;
        Some(Self { dataset, version: version::id(env).unwrap_or_default() })
    }

    /// Writes a point. Nothing waits for it, and one that cannot be written is lost.
    pub fn write(&self, point: DataPoint) {
        let DataPoint { index, blobs, doubles } = point;
        let blobs = with_version(blobs, &self.version);
        let point = AnalyticsEngineDataPointBuilder::new().indexes([index.as_str()]);
        if let Err(error) = point.blobs(blobs).doubles(doubles).write_to(&self.dataset) {
            log::error!("a data point is lost: {error}");
        }
    }
}

/// The text fields with the version in its place.
fn with_version(mut blobs: Vec<String>, version: &str) -> Vec<String> {
    blobs.resize(VERSION, String::new());
    blobs.push(version.to_owned());
    blobs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_in_the_same_place_of_each_point() {
        for count in [0, 9, 14] {
            let blobs = with_version(vec!["x".to_owned(); count], "v");
            assert_eq!((blobs.len(), &*blobs[14]), (15, "v"), "{count}");
            assert_eq!(blobs.iter().filter(|blob| *blob == "x").count(), count);
        }
    }
}
