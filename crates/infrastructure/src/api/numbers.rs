//! Numbers that Cloudflare counts, by its GraphQL API.

use serde_json::{Value, json};

use super::{client::Client, error::ApiError};

/// Requests to and contents of a namespace. Days are dates in UTC.
const CACHE: &str = "query ($account: string!, $namespace: string!, $from: Date!, $to: Date!) { \
    viewer { accounts(filter: { accountTag: $account }) { \
    operations: kvOperationsAdaptiveGroups(limit: 1000, filter: { namespaceId: $namespace, date_geq: $from, date_leq: $to }) \
    { sum { requests } dimensions { actionType } quantiles { latencyMsP50 latencyMsP99 } } \
    storage: kvStorageAdaptiveGroups(limit: 100, filter: { namespaceId: $namespace, date_geq: $from, date_leq: $to }) \
    { max { keyCount byteCount } dimensions { date } } } } }";

/// Invocations of a Worker.
const WORKER: &str = "query ($account: string!, $worker: string!, $from: Time!, $to: Time!) { \
    viewer { accounts(filter: { accountTag: $account }) { \
    whole: workersInvocationsAdaptive(limit: 1, filter: { scriptName: $worker, datetime_geq: $from, datetime_leq: $to }) \
    { sum { requests errors } quantiles { cpuTimeP50 cpuTimeP99 } } \
    statuses: workersInvocationsAdaptive(limit: 1000, filter: { scriptName: $worker, datetime_geq: $from, datetime_leq: $to }) \
    { sum { requests errors } dimensions { status } } } } }";

/// Requests of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct CacheOperation {
    /// `read`, `write`, `list` or `delete`.
    pub action: String,
    /// How many.
    pub requests: u64,
    /// Half of them took no longer, in milliseconds.
    pub latency_p50: Option<f64>,
    /// 99 of 100 took no longer.
    pub latency_p99: Option<f64>,
}

/// Numbers of a namespace.
#[derive(Debug, Clone, PartialEq)]
pub struct CacheNumbers {
    /// Requests by kind.
    pub operations: Vec<CacheOperation>,
    /// The latest day with numbers of the contents, the keys and the bytes.
    pub storage: Option<(String, u64, u64)>,
}

/// Numbers of a Worker.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkerNumbers {
    /// Requests.
    pub requests: u64,
    /// Those that ended in an error.
    pub errors: u64,
    /// Requests by how they ended.
    pub statuses: Vec<(String, u64)>,
    /// CPU time in microseconds.
    pub cpu_p50: Option<f64>,
    /// The same of 99 in 100.
    pub cpu_p99: Option<f64>,
}

impl Client<'_> {
    /// The numbers of a namespace from one day to another, such as `2026-11-20`.
    ///
    /// # Errors
    /// Why they cannot be had.
    pub async fn cache_numbers(
        &self,
        namespace: &str,
        (from, to): (&str, &str),
    ) -> Result<CacheNumbers, ApiError> {
        let account = self.account_id()?;
        let variables =
            json!({ "account": account, "namespace": namespace, "from": from, "to": to });
        let data = self.numbers(CACHE, &variables).await?;
        let operation = |group: &Value| {
            let latency = |name: &str| group.get("quantiles")?.get(name)?.as_f64();
            Some(CacheOperation {
                action: group.get("dimensions")?.get("actionType")?.as_str()?.to_owned(),
                requests: sum(group, "requests")?,
                latency_p50: latency("latencyMsP50"),
                latency_p99: latency("latencyMsP99"),
            })
        };
        let operations: Option<Vec<_>> =
            groups(&data, "operations")?.iter().map(operation).collect();
        let storage = |group: &Value| {
            let most = group.get("max")?;
            let date = group.get("dimensions")?.get("date")?.as_str()?.to_owned();
            Some((date, whole(most.get("keyCount")?)?, whole(most.get("byteCount")?)?))
        };
        let days: Option<Vec<_>> = groups(&data, "storage")?.iter().map(storage).collect();
        let incomplete = ApiError::Incomplete("numbers of the namespace");
        Ok(CacheNumbers {
            operations: operations.ok_or_else(|| incomplete.clone())?,
            storage: days.ok_or(incomplete)?.into_iter().max_by(|one, two| one.0.cmp(&two.0)),
        })
    }

    /// The numbers of a Worker from one time to another, in RFC 3339.
    ///
    /// # Errors
    /// Why they cannot be had.
    pub async fn worker_numbers(
        &self,
        worker: &str,
        (from, to): (&str, &str),
    ) -> Result<WorkerNumbers, ApiError> {
        let account = self.account_id()?;
        let variables = json!({ "account": account, "worker": worker, "from": from, "to": to });
        let data = self.numbers(WORKER, &variables).await?;
        let whole = groups(&data, "whole")?.first();
        let counted = |name: &str| match whole {
            Some(group) => sum(group, name).ok_or(ApiError::Incomplete("numbers of the Worker")),
            None => Ok(0),
        };
        let quantile = |name: &str| whole?.get("quantiles")?.get(name)?.as_f64();
        let status = |group: &Value| {
            let status = group.get("dimensions")?.get("status")?.as_str()?.to_owned();
            Some((status, sum(group, "requests")?))
        };
        let statuses: Option<Vec<_>> = groups(&data, "statuses")?.iter().map(status).collect();
        Ok(WorkerNumbers {
            requests: counted("requests")?,
            errors: counted("errors")?,
            statuses: statuses.ok_or(ApiError::Incomplete("numbers of the Worker"))?,
            cpu_p50: quantile("cpuTimeP50"),
            cpu_p99: quantile("cpuTimeP99"),
        })
    }
}

/// The groups of an alias, of the only account.
fn groups<'a>(data: &'a Value, alias: &str) -> Result<&'a Vec<Value>, ApiError> {
    let accounts = data.get("viewer").and_then(|viewer| viewer.get("accounts")?.as_array());
    let groups = accounts.and_then(|accounts| accounts.first()?.get(alias)?.as_array());
    groups.ok_or(ApiError::Incomplete("numbers of the account"))
}

fn sum(group: &Value, name: &str) -> Option<u64> {
    whole(group.get("sum")?.get(name)?)
}

/// A count, which may come as `12.0`.
fn whole(value: &Value) -> Option<u64> {
    let float = || value.as_f64().filter(|number| number.fract() == 0.0 && *number >= 0.0);
    value.as_u64().or_else(|| float().map(|number| number as u64))
}
