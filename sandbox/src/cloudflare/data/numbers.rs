//! Numbers that the GraphQL API gives: requests, sizes, latencies. Tests write them; nothing counts.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A row of a dataset of the GraphQL API.
#[derive(Serialize, Deserialize, Clone, Debug, Default)]
#[serde(default)]
pub struct Number {
    /// The dataset, such as `kvOperationsAdaptiveGroups`.
    pub dataset: String,
    /// What a filter is compared with: `namespaceId`, `scriptName`, `bucketName`, `date`, `datetime`.
    pub dimensions: Map<String, Value>,
    /// What `sum` has.
    pub sum: Map<String, Value>,
    /// What `max` has.
    pub max: Map<String, Value>,
    /// What `quantiles` has.
    pub quantiles: Map<String, Value>,
}
