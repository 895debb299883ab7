//! The tools, one folder per set.

pub mod sitebay;
