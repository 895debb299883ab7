//! The index of a device's objects: which of them a question needs, without a list of the bucket.

use serde::{Deserialize, Serialize};

use crate::{
    compact::Plan,
    key::{ObjectKey, Owner, Retention},
    row::Row,
};

/// Bytes of the names of servers in a row; with more, the row has none and fits every server.
const MAX_SERVERS: usize = 2 * 1024;

/// One object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexRow {
    /// Its first sequence number.
    pub first: u64,
    /// Its last.
    pub last: u64,
    /// The earliest time in it, by the device's clock or of receipt, in milliseconds since the epoch.
    pub t0: u64,
    /// The latest.
    pub t1: u64,
    /// Its records.
    pub lines: u64,
    /// The servers whose lines it has. Empty: they are too many.
    pub servers: Vec<String>,
    /// Its bytes.
    pub bytes: u64,
    /// Bytes of its records before they were compressed.
    #[serde(default)]
    pub raw: u64,
    /// Its key.
    pub key: ObjectKey,
}

impl IndexRow {
    pub(crate) fn of(plan: &Plan, rows: &[Row]) -> Self {
        let key = plan.key.clone();
        let mut index = Self {
            first: key.first,
            last: key.last,
            t0: u64::MAX,
            t1: 0,
            lines: 0,
            servers: Vec::new(),
            bytes: plan.bytes,
            raw: 0,
            key,
        };
        for Row { head, received_ms, .. } in rows {
            // Clocks of devices lie: a question by either time finds the object.
            index.t0 = index.t0.min(head.t0).min(*received_ms);
            index.t1 = index.t1.max(head.t1).max(*received_ms);
            index.lines = index.lines.saturating_add(head.lines);
            index.raw = index.raw.saturating_add(head.raw);
            for server in &head.servers {
                if !index.servers.contains(server) {
                    index.servers.push(server.clone());
                }
            }
        }
        let bytes = index.servers.iter().fold(0_usize, |sum, id| sum.saturating_add(id.len()));
        if bytes > MAX_SERVERS {
            index.servers.clear();
        }
        index
    }

    /// Whether it may have lines of this time and server. Both ends of the time are included.
    pub fn may_have(&self, from_ms: u64, to_ms: u64, server: Option<&str>) -> bool {
        let has =
            |server: &str| self.servers.is_empty() || self.servers.iter().any(|id| id == server);
        self.t0 <= to_ms && self.t1 >= from_ms && server.is_none_or(has)
    }

    /// What the object says of itself in its metadata, by name. The bucket adds its own digest.
    pub fn metadata(&self) -> [(&'static str, String); 6] {
        [
            ("codec", "gzip".to_owned()),
            ("lines", self.lines.to_string()),
            ("raw", self.raw.to_string()),
            ("t0", self.t0.to_string()),
            ("t1", self.t1.to_string()),
            ("servers", self.servers.join(" ")),
        ]
    }

    /// Whether its object is over, so that its row is deleted: the bucket's lifecycle deletes the object.
    pub fn is_over(&self, now_ms: u64) -> bool {
        self.key.class.is_over(self.key.received_ms, now_ms)
    }
}

/// What is done to erase all logs of a device, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Erase {
    /// Deletes the rows, the plan and the index of the device's object.
    Rows,
    /// Lists what begins like this and deletes it, again and again until the list is empty.
    Prefix(String),
}

/// The steps that erase the logs of a device. Objects are found by lists and not by the index: a put whose row was not
/// written is found, too.
pub fn erase(owner: &Owner) -> Vec<Erase> {
    let prefixes = Retention::ALL.map(|class| Erase::Prefix(owner.prefix(class)));
    std::iter::once(Erase::Rows).chain(prefixes).collect()
}

/// What was erased, for the audit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// Rows of the device's object.
    pub rows: u64,
    /// Objects.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::BatchHead;

    fn index(servers: &[String]) -> IndexRow {
        let owner = Owner::new("main", "d").unwrap();
        let key = ObjectKey { owner, class: Retention::R7, received_ms: 1_000, first: 1, last: 9 };
        let plan = Plan { key, rows: 1, bytes: 10 };
        let head = BatchHead {
            first: 1,
            last: 9,
            lines: 9,
            raw: 70,
            t0: 500,
            t1: 600,
            servers: servers.to_vec(),
        };
        IndexRow::of(&plan, &[Row { head, received_ms: 1_000, file: Vec::new() }])
    }

    #[test]
    fn an_object_is_asked_when_its_time_and_servers_fit() {
        let row = index(&["a".to_owned()]);
        assert!(row.may_have(0, 500, None) && row.may_have(600, 700, Some("a")));
        assert!(row.may_have(900, 1_000, None), "by the time of receipt");
        assert!(!row.may_have(0, 499, None) && !row.may_have(1_001, 2_000, None));
        assert!(!row.may_have(500, 600, Some("b")));
        let many: Vec<String> = (0..100).map(|at| format!("{at:030}")).collect();
        assert!(index(&many).may_have(500, 600, Some("b")), "they are not all named");
        let metadata = row.metadata().map(|(name, value)| format!("{name}={value}"));
        assert_eq!(metadata.join(" "), "codec=gzip lines=9 raw=70 t0=500 t1=1000 servers=a");
        assert!(!row.is_over(1_000) && row.is_over(1_000 + 7 * 86_400_000));
    }

    #[test]
    fn an_erase_forgets_the_rows_first_and_lists_every_class() {
        let steps = erase(&Owner::new("main", "d").unwrap());
        assert_eq!(steps[0], Erase::Rows);
        let last = Erase::Prefix("logs/v1/r365/main/d/".to_owned());
        assert_eq!((steps.len(), &steps[4]), (5, &last));
    }
}
