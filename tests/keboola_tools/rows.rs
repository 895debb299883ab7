//! Rows for every native tool of Keboola: valid calls, and calls that are refused.

mod configurations;
mod jobs;
mod project;
mod storage;

use super::row::Row;

pub fn rows() -> Vec<Row> {
    [project::rows(), storage::rows(), jobs::rows(), configurations::rows()].concat()
}
