//! What is watched, and from which share of the requests on it is an incident.

use thiserror::Error;

/// What is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// 429.
    RateLimit,
    /// 401 and 403, but for apps that ask without a credential first or whose token is over.
    Refused,
    /// 5xx.
    Failed,
    /// Objects and streams that failed.
    Objects,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::RateLimit, Self::Refused, Self::Failed, Self::Objects];

    /// Its name, in the setting and in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RateLimit => "rate-limit",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Objects => "objects",
        }
    }

    /// The share in percent that is an incident where the setting does not say.
    const fn usual(self) -> f64 {
        match self {
            Self::RateLimit => 5.0,
            Self::Refused => 25.0,
            Self::Failed => 1.0,
            Self::Objects => 0.5,
        }
    }

    /// The condition of a data point (`docs/OPERATIONS.md`, "Data points").
    pub(crate) const fn condition(self) -> &'static str {
        match self {
            Self::RateLimit => "double3 = 429",
            Self::Refused => {
                "double3 IN (401, 403) AND blob6 NOT IN ('no-credential', 'access-over')"
            }
            Self::Failed => "double3 >= 500",
            Self::Objects => {
                "blob6 IN ('object-failed', 'object-timed-out', 'object-overloaded', 'stream-broke', \
                 'stream-silent')"
            }
        }
    }
}

/// From which share on each is an incident, in percent. None: it is not watched.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds([(Rule, Option<f64>); 4]);

impl Default for Thresholds {
    fn default() -> Self {
        Self(Rule::ALL.map(|rule| (rule, Some(rule.usual()))))
    }
}

/// A setting of thresholds that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "expected names and percentages such as `rate-limit=5, failed=off`, with the names rate-limit, refused, failed and objects"
)]
pub struct ThresholdsError;

impl Thresholds {
    /// Reads `rate-limit=5, failed=0.5, refused=off`. What is not named keeps its usual threshold.
    ///
    /// # Errors
    /// Where a name or a percentage is wrong, or a name is there twice.
    pub fn parse(text: &str) -> Result<Self, ThresholdsError> {
        let mut thresholds = Self::default();
        let mut seen = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').ok_or(ThresholdsError)?;
            let (name, value) = (name.trim(), value.trim());
            let mut places = thresholds.0.iter_mut();
            let place = places.find(|(rule, _)| rule.name() == name).ok_or(ThresholdsError)?;
            if seen.contains(&place.0) {
                return Err(ThresholdsError);
            }
            seen.push(place.0);
            place.1 = match value {
                "off" => None,
                value => {
                    let percent: f64 = value.parse().map_err(|_| ThresholdsError)?;
                    Some(percent).filter(|percent| *percent > 0.0 && *percent <= 100.0)
                }
            };
            if value != "off" && place.1.is_none() {
                return Err(ThresholdsError);
            }
        }
        Ok(thresholds)
    }

    /// Of one rule.
    pub fn of(&self, rule: Rule) -> Option<f64> {
        self.0.iter().find(|(known, _)| *known == rule).and_then(|(_, percent)| *percent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_read_by_name_and_the_others_keep_theirs() {
        let read = Thresholds::parse(" rate-limit = 7.5 ,refused=off,").unwrap();
        let all = Rule::ALL.map(|rule| read.of(rule));
        assert_eq!(all, [Some(7.5), None, Some(1.0), Some(0.5)]);
        assert_eq!(Thresholds::parse("").unwrap(), Thresholds::default());
        for wrong in [
            "x=1",
            "failed",
            "failed=0",
            "failed=-1",
            "failed=101",
            "failed=NaN",
            "failed=1,failed=2",
            "failed=",
        ] {
            assert_eq!(Thresholds::parse(wrong), Err(ThresholdsError), "{wrong}");
        }
    }
}
