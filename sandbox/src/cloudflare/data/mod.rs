//! Everything the stand-in for Cloudflare keeps, and how each kind of thing is shown.

mod account;
mod alert;
mod bucket;
mod database;
mod deployment;
mod namespace;
mod numbers;
mod objects;
mod queue;
mod samples;
mod version;
mod worker;
mod workflow;
mod workflow_run;
mod world;
mod zone;

pub(crate) use account::Account;
pub(crate) use alert::{ALERT_TYPES, Policy, Webhook};
pub(crate) use bucket::{Bucket, Object};
pub(crate) use database::{Database, Moment};
pub(crate) use deployment::{Deployment, Share};
pub(crate) use namespace::{Entry, Namespace};
pub(crate) use objects::{ObjectNamespace, StoredObject};
pub(crate) use queue::{Consumer, Queue};
pub(crate) use samples::{ACCOUNT, OTHER_ACCOUNT, ZONE, token_text};
pub(crate) use version::{Upload, Version};
pub(crate) use worker::{Secret, Worker};
pub(crate) use workflow::Workflow;
pub(crate) use workflow_run::{Instance, Outline};
pub(crate) use world::World;
pub(crate) use zone::{Domain, Zone, ZoneRoute};

pub use numbers::Number;
pub use workflow_run::{WorkflowEnd, WorkflowPlan};
pub use world::DataPoint;
