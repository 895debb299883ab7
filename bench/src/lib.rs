//! Figures beside peers and floors in one run, and runs of faults and load.

pub mod behind;
pub mod chart;
pub mod contestant;
pub mod cost;
pub mod counts;
pub mod endure;
pub mod fanout;
pub mod figure;
pub mod growth;
pub mod guard;
pub mod http;
pub mod load;
pub mod machine;
pub mod memory;
pub mod messages;
pub mod profile;
pub mod report;
pub mod results;
pub mod start;
pub mod targets;
pub mod timed;
pub mod workerd;
