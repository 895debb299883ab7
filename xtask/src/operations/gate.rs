//! The gate of a release: whether the new version fails more than the one before.

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::{
    api::Api,
    worker::{is_version, short},
};

/// Outcomes of objects and streams that are failures of the server.
pub const FAILURES: [&str; 6] = [
    "object-failed",
    "object-timed-out",
    "object-overloaded",
    "stream-broke",
    "stream-silent",
    "panicked",
];

/// The rules of a gate.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Requests of the new version that are needed to judge it.
    pub least_requests: f64,
    /// How much larger its share of failures may be, in percent of its requests.
    pub margin: f64,
}

/// The requests of a version.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Counts {
    /// All of them.
    pub requests: f64,
    /// Those that failed: 5xx, and failures of objects and streams.
    pub failed: f64,
}

impl Counts {
    /// The share that failed, in percent.
    pub fn share(self) -> f64 {
        if self.requests > 0.0 { 100.0 * self.failed / self.requests } else { 0.0 }
    }
}

/// What the gate finds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// The new version may go on.
    Good,
    /// It fails more.
    Worse,
    /// There are too few requests to say.
    TooFew,
}

/// Judges a version beside the one before.
pub fn judge(new: Counts, old: Counts, rules: Rules) -> Verdict {
    if new.requests < rules.least_requests {
        return Verdict::TooFew;
    }
    match new.share() > old.share() + rules.margin {
        true => Verdict::Worse,
        false => Verdict::Good,
    }
}

/// The requests of two versions in the last seconds: those of the first, those of the second.
///
/// # Errors
/// Where they cannot be counted.
pub fn counts(api: &Api, dataset: &str, versions: [&str; 2], seconds: u64) -> Result<[Counts; 2]> {
    if !versions.iter().all(|version| is_version(version)) {
        bail!("the id of a version is not as expected");
    }
    if !dataset.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        bail!("the name of the dataset is not as expected: {dataset}");
    }
    let rows = api.rows(&query(dataset, versions, seconds))?;
    let [one, other] = versions.map(|version| of_version(&rows, version));
    Ok([one?, other?])
}

/// A version without a row had no requests. A number that cannot be read is no zero: it would let a version pass.
fn of_version(rows: &[Value], version: &str) -> Result<Counts> {
    let Some(row) = rows.iter().find(|row| row["version"] == version) else {
        return Ok(Counts::default());
    };
    let number = |name: &str| {
        let number = match row.get(name) {
            // Sums of integers may come as texts.
            Some(Value::String(text)) => text.parse().ok(),
            value => value.and_then(Value::as_f64),
        };
        let number = number.filter(|number: &f64| number.is_finite() && *number >= 0.0);
        number.with_context(|| format!("the answer of Analytics Engine has no number of {name}"))
    };
    Ok(Counts { requests: number("requests")?, failed: number("failed")? })
}

fn query(dataset: &str, [one, other]: [&str; 2], seconds: u64) -> String {
    let failures = FAILURES.map(|outcome| format!("'{outcome}'")).join(", ");
    format!(
        "SELECT blob15 AS version, sum(_sample_interval) AS requests, \
         sumIf(_sample_interval, double3 >= 500 OR blob6 IN ({failures})) AS failed FROM {dataset} \
         WHERE blob2 = 'request' AND timestamp > NOW() - INTERVAL '{seconds}' SECOND \
         AND blob15 IN ('{one}', '{other}') GROUP BY version"
    )
}

/// The figures as people read them.
pub fn shown(version: &str, counts: Counts) -> String {
    let Counts { requests, failed } = counts;
    format!("{}: {failed} of {requests} requests failed ({:.2}%)", short(version), counts.share())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_that_cannot_be_read_is_no_zero() {
        let of = |failed: Value| {
            let row = json!({ "version": "a", "requests": "100", "failed": failed });
            of_version(&[row], "a")
        };
        assert_eq!(of(json!("5")).unwrap(), Counts { requests: 100.0, failed: 5.0 });
        assert_eq!(of(json!(0)).unwrap().failed, 0.0);
        for junk in [json!(null), json!("x"), json!("NaN"), json!("inf"), json!(-1), json!([5])] {
            assert!(of(junk.clone()).is_err(), "{junk}");
        }
        assert!(of_version(&[json!({ "version": "a", "requests": 100 })], "a").is_err());
        assert_eq!(of_version(&[], "a").unwrap(), Counts::default());
    }

    #[test]
    fn a_version_is_judged_by_its_share_of_failures_beside_the_one_before() {
        let rules = Rules { least_requests: 20.0, margin: 1.0 };
        let of = |requests, failed| Counts { requests, failed };
        assert_eq!(judge(of(19.0, 19.0), of(0.0, 0.0), rules), Verdict::TooFew);
        assert_eq!(judge(of(100.0, 5.0), of(100.0, 0.0), rules), Verdict::Worse);
        assert_eq!(judge(of(100.0, 1.0), of(100.0, 0.0), rules), Verdict::Good);
        assert_eq!(judge(of(100.0, 5.0), of(100.0, 5.0), rules), Verdict::Good);
        assert_eq!(
            judge(of(0.0, 0.0), of(0.0, 0.0), Rules { least_requests: 0.0, ..rules }),
            Verdict::Good
        );
    }
}
