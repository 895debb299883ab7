//! A row for every tool.

mod content;
mod network;
mod services;
mod sites;

use super::row::Row;

/// A site of the sandbox, with a staging site.
const SITE: &str = "site-1.example.com";
/// The sandbox's default team.
const TEAM: &str = "00007ea0-0000-4000-8000-000000000001";
/// The same edit, as it is given and as it is sent.
const SIX: &str = "<<<<<< SEARCH\n    color: #111111;\n======\n    color: #222222;\n>>>>>> REPLACE";
const SEVEN: &str =
    "<<<<<<< SEARCH\n    color: #111111;\n=======\n    color: #222222;\n>>>>>>> REPLACE";

pub fn rows() -> Vec<Row> {
    [sites::rows(), content::rows(), network::rows(), services::rows()].concat()
}
