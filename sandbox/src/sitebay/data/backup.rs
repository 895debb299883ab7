//! The backups a site can be put back to: one a minute, made up when they are asked for.

use serde_json::{Value, json};
use uuid::Uuid;

use super::derived;
use super::place::{Files, Place};
use super::site::Site;
use crate::engine::clock::{self, Time};

/// More than anyone shows, few enough to make up at once.
const MOST: u64 = 1_000;

/// The latest backups up to a moment, newest first; none from before the site could be restored.
/// The same minute always has the same backup.
pub(crate) fn backups(site: &Site, place: &Place, up_to: Time, count: u64) -> Vec<Value> {
    let latest = up_to.min(clock::now());
    let earliest = site.min_restore_point();
    let second = latest.timestamp().rem_euclid(60);
    let minute = latest.timestamp().saturating_sub(second);
    let Some(minute) = Time::from_timestamp(minute, 0) else {
        return Vec::new();
    };
    (0..count.min(MOST))
        .map(|back| clock::minutes_before(minute, back))
        .take_while(|time| *time >= earliest)
        .map(|time| backup(site, place, time))
        .collect()
}

fn backup(site: &Site, place: &Place, time: Time) -> Value {
    let number = u128::try_from(time.timestamp()).unwrap_or_default() & 0xffff_ffff_ffff;
    let id = Uuid::from_u128(site.id.as_u128() ^ number);
    let commit = place.commit_at(time);
    let time = clock::text(time);
    json!({
        "id": id,
        "site_live_id": site.id,
        "is_init_commit": false,
        "tables_saved": place.tables().keys().collect::<Vec<_>>(),
        "commit_hash": commit.map(|commit| commit.hash),
        "tables_skipped": ["wp_actionscheduler_logs"],
        "failed_reason": null,
        "created_at": time,
        "finished_at": time,
        "s3_snapshot_at": time,
        "last_verified_at": null,
        "verification_failed": false,
    })
}

/// The files of a backup as the API lists them.
pub(crate) fn backup_files(site: &Site, files: &Files) -> Vec<Value> {
    let entry = |(path, text): (&String, &String)| {
        json!({
            "key": format!("wp-content/{path}"),
            "version_id": version(site.id, path, text),
            "size": text.len(),
            "last_modified": clock::text(site.created_at),
        })
    };
    files.iter().map(entry).collect()
}

/// The name of a text's version: another text of the same file has another.
pub(crate) fn version(site: Uuid, path: &str, text: &str) -> String {
    let mix = |sum: u128, byte: u8| sum.wrapping_mul(0x0100_0193).wrapping_add(u128::from(byte));
    let sum = path.bytes().chain(text.bytes()).fold(0x811c_9dc5, mix);
    derived(site, sum).simple().to_string()
}
