//! A change without a success.
//!
//! Invariant: what became of a change is said in one way. One that was refused is denied; one whose answer
//! was lost is said to be possible, with the way to look it up. No other text is made of it.

use super::error::ApiError;

/// Why a change has no success.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Unconfirmed {
    error: ApiError,
    was_sent: bool,
}

impl Unconfirmed {
    /// A change that was not sent.
    pub(super) fn unsent(error: ApiError) -> Self {
        Self { error, was_sent: false }
    }

    /// A change that was sent.
    pub(super) fn sent(error: ApiError) -> Self {
        Self { error, was_sent: true }
    }

    /// Whether it may have been carried out all the same.
    pub(crate) fn leaves_doubt(&self) -> bool {
        self.was_sent && self.error.leaves_doubt()
    }

    /// The error, with what can be done about it.
    pub(crate) fn reason(&self) -> String {
        self.error.sentence()
    }

    /// What became of it: `denied` where it was refused; where that is not known `possible`, and how to
    /// look it up.
    pub(crate) fn told(&self, denied: &str, possible: &str, look_up: &str) -> String {
        let why = self.reason();
        let text = match self.leaves_doubt() {
            true => format!("{why} {possible} {look_up}"),
            false => format!("{denied} {why}"),
        };
        text.trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use mcp_platform::NetworkFailure;

    use super::*;

    #[test]
    fn only_a_change_that_was_sent_and_not_refused_is_possible() {
        let lost = || ApiError::NoAnswer {
            service: "Storage",
            failure: NetworkFailure::Broken("reset".into()),
        };
        let told =
            |change: Unconfirmed| change.told("It was not made.", "It MAY be made.", "Look.");
        let text = told(Unconfirmed::sent(lost()));
        assert!(text.ends_with("It MAY be made. Look.") && !text.contains("not made"), "{text}");
        for denied in [
            Unconfirmed::unsent(lost()),
            Unconfirmed::sent(ApiError::Redirected("Storage")),
            Unconfirmed::sent(ApiError::OutOfTime),
        ] {
            assert!(told(denied.clone()).starts_with("It was not made."), "{denied:?}");
        }
    }
}
