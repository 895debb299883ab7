//! The tools, one folder per set.

#[cfg(feature = "fixtures")]
pub mod fixtures;
pub mod sitebay;
