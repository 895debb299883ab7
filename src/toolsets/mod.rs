//! The tools, one folder per set.
