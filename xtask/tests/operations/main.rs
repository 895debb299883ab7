//! The verbs that operate deployed Workers, run as a pipeline runs them, against the stand-in for Cloudflare.

mod alarming;
mod alerting;
mod checking;
mod configured;
mod lab;
mod page;
mod releasing;
mod uploading;
mod workflows;
