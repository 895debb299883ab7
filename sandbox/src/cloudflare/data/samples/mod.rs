//! The data that an account begins with.
//!
//! The account has the stages `staging` and `production` of an app `sitebay-mcp`, which differ in
//! every answer, and a Worker `shop` of another app, which calls production.

mod stage;
mod tokens;

use crate::cloudflare::data::{Account, Upload, Worker, Zone};
use crate::cloudflare::ids::Ids;
use crate::engine::clock::{Time, minutes_before};
use serde_json::json;

pub(crate) use tokens::{token_text, tokens};

/// The account with the samples.
pub(crate) const ACCOUNT: &str = "5a9d0c1e2f3b4a5968778695a4b3c2d1";
/// An account that only the token `other` reaches.
pub(crate) const OTHER_ACCOUNT: &str = "0ff1ce0ff1ce0ff1ce0ff1ce0ff1ce00";
/// The zone `example.com` of the first account.
pub(crate) const ZONE: &str = "20fe0123456789abcdef0123456789ab";

/// All accounts.
pub(crate) fn accounts(ids: &mut Ids, filled: bool, now: Time) -> Vec<Account> {
    let now = minutes_before(now, 60);
    let mut main = Account::new(ACCOUNT, "Sandbox", now);
    main.zones.push(Zone {
        id: ZONE.to_owned(),
        name: "example.com".to_owned(),
        routes: Vec::new(),
        hosts: vec!["example.com".to_owned(), "www.example.com".to_owned()],
    });
    if filled {
        for stage in stage::STAGES {
            // Only SQLite in memory can fail here; the stage then has no database.
            let _ = stage::add(&mut main, ids, stage, now);
        }
        main.workers.push(shop(ids, now));
    }
    vec![main, Account::new(OTHER_ACCOUNT, "Other", now)]
}

/// A Worker of another app that calls production's.
fn shop(ids: &mut Ids, now: Time) -> Worker {
    let mut worker = Worker::new(ids, "shop", now);
    let upload = Upload {
        bindings: vec![json!({ "type": "service", "name": "MCP", "service": "sitebay-mcp" })],
        compatibility_date: "2026-11-17".to_owned(),
        handlers: vec!["fetch".to_owned()],
        ..Upload::default()
    };
    let version = worker.add_version(ids, upload, "wrangler", now);
    worker.deploy_whole(ids, &version, "upload", now);
    worker
}
