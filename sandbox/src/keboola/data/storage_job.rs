//! Storage's own jobs, which make what takes the backend a while.

use serde_json::{Value, json};

use crate::engine::clock::Time;
use crate::keboola::data::{Branch, Bucket, Workspace};
use crate::keboola::time;

/// A job of Storage.
#[derive(Debug, Clone)]
pub(crate) struct StorageJob {
    pub(crate) id: u64,
    /// Such as `workspaceCreate`.
    pub(crate) operation: &'static str,
    pub(crate) params: Value,
    pub(crate) created: Time,
    /// When it is done.
    pub(crate) due: Time,
    /// What happens when it is done; none once it has.
    pub(crate) effect: Option<Effect>,
    pub(crate) results: Value,
    /// The id and the description of the token that asked for it.
    pub(crate) creator: (u64, String),
}

/// What a job of Storage does.
#[derive(Debug, Clone)]
pub(crate) enum Effect {
    /// Makes a workspace.
    AddWorkspace(Workspace),
    /// Makes a branch.
    AddBranch(Branch),
    /// Removes a branch with all that is in it.
    DropBranch(u64),
    /// Makes a bucket; the second is how it is shown.
    AddBucket(Box<Bucket>, Value),
    /// Removes a bucket with its tables.
    DropBucket(String),
    /// Nothing but results.
    Results(Value),
}

impl StorageJob {
    /// As the API shows it. Half of its time it waits.
    pub(crate) fn view(&self, storage: &str, now: Time) -> Value {
        let is_done = self.effect.is_none();
        let whole = self.due.signed_duration_since(self.created);
        let began = self.created.checked_add_signed(whole.checked_div(2).unwrap_or_default());
        let began = began.filter(|began| is_done || *began <= now);
        let status = match began {
            _ if is_done => "success",
            Some(_) => "processing",
            None => "waiting",
        };
        let (token, description) = &self.creator;
        json!({
            "id": self.id,
            "status": status,
            "url": format!("{storage}/v2/storage/jobs/{}", self.id),
            "tableId": null,
            "operationName": self.operation,
            "operationParams": self.params,
            "createdTime": time::text(self.created),
            "startTime": time::text_if(began),
            "endTime": is_done.then(|| time::text(self.due)),
            "runId": null,
            "results": if is_done { self.results.clone() } else { Value::Null },
            "creatorToken": { "id": token.to_string(), "description": description },
            "metrics": {
                "inCompressed": false, "inBytes": 0, "inBytesUncompressed": 0,
                "outCompressed": false, "outBytes": 0, "outBytesUncompressed": 0,
            },
        })
    }
}
