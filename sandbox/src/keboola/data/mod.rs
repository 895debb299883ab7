//! Everything the stand-in for Keboola keeps, and how each kind of thing is shown.

mod branch;
mod bucket;
mod component;
mod config;
mod config_lookup;
mod event;
mod metadata;
mod oauth;
mod project;
mod query_job;
mod queue_job;
mod samples;
mod schedule;
mod storage_job;
mod table;
mod token;
mod workspace;
mod world;

pub(crate) use branch::Branch;
pub(crate) use bucket::{Bucket, Shown, bucket_view};
pub(crate) use component::{COMPONENTS, Component, component};
pub(crate) use config::{Config, Row, Snapshot};
pub(crate) use event::Event;
pub(crate) use metadata::{Meta, set_metadata, views};
pub(crate) use oauth::{CLIENT_ID, CLIENT_SECRET, Code, Grants};
pub(crate) use project::{App, Backend, Object, Project};
pub(crate) use query_job::{QueryJob, Statement, plain};
pub(crate) use queue_job::{QueueJob, Wanted};
pub(crate) use samples::token_text;
pub(crate) use schedule::Schedule;
pub(crate) use storage_job::{Effect, StorageJob};
pub(crate) use table::{Cells, Column, Definition, Table};
pub(crate) use token::{Admin, Token};
pub(crate) use workspace::Workspace;
pub(crate) use world::World;

pub use query_job::SqlRule;
pub use queue_job::{JobEnd, JobPlan};
