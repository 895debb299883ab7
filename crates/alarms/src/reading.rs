//! The query of the data points, and its answer.

use serde_json::Value;

use crate::rule::Rule;

/// Minutes that a look goes back.
pub const WINDOW_MINUTES: u32 = 15;
/// Requests without which a share says nothing.
pub const LEAST_REQUESTS: f64 = 20.0;

/// The requests of the last minutes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Reading {
    /// All of them.
    pub requests: f64,
    counts: [f64; 4],
}

impl Reading {
    /// The query. `dataset` has only letters, digits and `_` ([`is_dataset`]).
    pub fn query(dataset: &str) -> String {
        let counts = Rule::ALL.map(|rule| {
            let name = column(rule);
            format!("sumIf(_sample_interval, {}) AS {name}", rule.condition())
        });
        format!(
            "SELECT sum(_sample_interval) AS requests, {} FROM {dataset} WHERE blob2 = 'request' AND \
             timestamp > NOW() - INTERVAL '{WINDOW_MINUTES}' MINUTE FORMAT JSON",
            counts.join(", ")
        )
    }

    /// Reads the answer. None: it is not as expected. Without a request there is no row, or one of zeros.
    pub fn read(answer: &[u8]) -> Option<Self> {
        let answer: Value = serde_json::from_slice(answer).ok()?;
        let rows = answer.get("data")?.as_array()?;
        let Some(row) = rows.first() else { return Some(Self::default()) };
        let number = |name: &str| match row.get(name)? {
            // Sums of integers may come as texts.
            Value::String(text) => text.parse().ok(),
            Value::Null => Some(0.0),
            value => value.as_f64(),
        };
        let mut counts = [0.0; 4];
        for (place, rule) in counts.iter_mut().zip(Rule::ALL) {
            *place = number(column(rule))?;
        }
        Some(Self { requests: number("requests")?, counts })
    }

    /// The share of a rule in percent. None: there are too few requests.
    pub fn share(&self, rule: Rule) -> Option<f64> {
        let place = Rule::ALL.iter().position(|known| *known == rule)?;
        let count = self.counts.get(place)?;
        (self.requests >= LEAST_REQUESTS).then(|| 100.0 * count / self.requests)
    }
}

const fn column(rule: Rule) -> &'static str {
    match rule {
        Rule::RateLimit => "rate_limit",
        Rule::Refused => "refused",
        Rule::Failed => "failed",
        Rule::Objects => "objects",
    }
}

/// Whether a text can be the name of a dataset.
pub fn is_dataset(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 128
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_with_numbers_or_texts_and_junk_is_not() {
        let row = r#"{"requests":"200","rate_limit":"10","refused":4,"failed":null,"objects":0}"#;
        let reading = Reading::read(format!(r#"{{"data":[{row}]}}"#).as_bytes()).unwrap();
        let shares = Rule::ALL.map(|rule| reading.share(rule));
        assert_eq!(shares, [Some(5.0), Some(2.0), Some(0.0), Some(0.0)]);
        assert_eq!(Reading::read(br#"{"data":[]}"#), Some(Reading::default()));
        for junk in ["", "<html>", "{}", r#"{"data":[{}]}"#, r#"{"data":[{"requests":"x"}]}"#] {
            assert_eq!(Reading::read(junk.as_bytes()), None, "{junk}");
        }
    }

    #[test]
    fn few_requests_say_nothing() {
        let few = Reading { requests: LEAST_REQUESTS - 1.0, counts: [19.0; 4] };
        assert_eq!(few.share(Rule::Failed), None);
        let enough = Reading { requests: LEAST_REQUESTS, counts: [10.0; 4] };
        assert_eq!(enough.share(Rule::Failed), Some(50.0));
    }

    #[test]
    fn a_dataset_is_a_word() {
        assert!(is_dataset("sitebay_mcp_staging"));
        for wrong in ["", "a b", "a;b", "a'", "a.b", "é"] {
            assert!(!is_dataset(wrong), "{wrong}");
        }
    }
}
