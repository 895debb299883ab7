//! The JSON of a stored task and of the events that its followers receive, and the audit entry of its end.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::{Status, TaskEvent, TaskRecord, TaskSpec};
use crate::{
    execution::TARGET, registry::FoundTool, telemetry::audit::AuditEntry, toolset::Effect,
};
use mcp_platform::record::Record;
use mcp_protocol::{log_level::LoggingLevel, stateless::mrtr::KeyedRequest};

impl TaskRecord {
    /// The audit entry of its end. `found`: the tool that it runs.
    pub fn entry(&self, found: Option<FoundTool>, status: Status, at_ms: u64) -> AuditEntry {
        let TaskSpec { start, principal, client_name, .. } = &self.order;
        let effect = found.map_or(Effect::Read, |found| found.tool.effect);
        let said = self.step(TARGET).cloned().flatten();
        let site = said.or_else(|| found?.target(start.arguments.as_deref()));
        AuditEntry {
            at_ms,
            subject: principal.subject.to_text(),
            auth_method: principal.auth_method.name(),
            key: principal.client.clone(),
            client: client_name.clone(),
            action: start.tool.clone(),
            site: site.unwrap_or_default(),
            effect: effect.name(),
            outcome: match status {
                Status::Completed => "task-done",
                Status::Cancelled => "task-cancelled",
                _ => "task-failed",
            },
            duration_ms: at_ms.saturating_sub(self.created_ms),
        }
    }
}

/// The fields of a [`TaskEvent`], of which each kind has its own; the end has none.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct ToldFields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<LoggingLevel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logger: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Cow<'a, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    asks: Option<Cow<'a, [KeyedRequest]>>,
}

impl Serialize for TaskEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = ToldFields::default();
        match self {
            Self::Progress(progress, total, message) => {
                fields.progress = Some(*progress);
                fields.total = *total;
                fields.message = message.as_deref().map(Cow::from);
            }
            Self::Log(level, logger, data) => {
                fields.level = Some(*level);
                fields.logger = Some(logger.into());
                fields.data = Some(Cow::Borrowed(data));
            }
            Self::Asks(asked) => fields.asks = Some(asked.into()),
            Self::Over => {}
        }
        fields.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for TaskEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = ToldFields::deserialize(deserializer)?;
        Ok(match (fields.progress, fields.level, fields.asks) {
            (Some(progress), ..) => {
                Self::Progress(progress, fields.total, fields.message.map(Cow::into_owned))
            }
            (_, Some(level), _) => {
                let logger = fields.logger.unwrap_or_default().into_owned();
                Self::Log(level, logger, fields.data.unwrap_or_default().into_owned())
            }
            (_, _, Some(asked)) => Self::Asks(asked.into_owned()),
            (None, None, None) => Self::Over,
        })
    }
}

impl Record for TaskEvent {}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;
    use mcp_auth::{
        principal::Principal,
        request_state::AnsweredInput,
        scope::Scopes,
        subject::{AuthMethod, Subject},
        upstream_scopes::UpstreamScopes,
    };
    use test_support::json::raw;
    use test_support::stored::{lines_of_0_1_0, of_0_1_0, row_of_0_1_0};
    const TASK: &str = "task";
    const ENDED: &str = "ended";
    use crate::tasks::{TaskCall, TaskOutcome};
    use mcp_protocol::{capabilities::ClientCapabilities, input_request::InputRequest};

    pub(in crate::task) fn kept() -> TaskRecord {
        let answered =
            AnsweredInput { key: "k".into(), question: [200; 32], answer: r#"{"a":"\""}"#.into() };
        let start = TaskCall {
            tool: "t".into(),
            arguments: Some(raw(r#"{ "x": 1.0 }"#)),
            answers: vec![answered],
            capabilities: ClientCapabilities::ROOTS,
            can_ask: true,
            trace: Some("t".into()),
            bound: None,
            nonce: Some([255; 16]),
            read_only: false,
        };
        let order = TaskSpec {
            id: "i".into(),
            ends_s: u64::MAX,
            start,
            principal: Principal {
                auth_method: AuthMethod::ApiKey,
                subject: Subject([9; 16]),
                client: "laptop".into(),
                scopes: Scopes::WRITE,
                upstreams: UpstreamScopes::default(),
                own_credential: true,
                expires: Some(9),
                grant: None,
                unverified: None,
            },
            client_name: "n".into(),
            client_version: "v".into(),
        };
        let mut kept = TaskRecord::new(order, Some("sealed".into()), 7);
        kept.status = Status::InputRequired;
        kept.message = Some("half".into());
        kept.asked = vec![KeyedRequest::new("r", InputRequest::Roots)];
        kept.steps = vec![("a".into(), None), ("b".into(), Some("null".into()))];
        kept
    }

    #[test]
    fn a_task_is_due_when_it_slept_and_where_the_clock_went_back() {
        let mut kept = kept();
        kept.status = Status::Working;
        kept.sleeps(9_000_000, 8_990_000);
        let due: Vec<bool> =
            [8_990_000, 8_999_999, 9_000_000, 5_000_000].map(|now| kept.is_due(now)).into();
        assert_eq!(due, [false, false, true, true]);
        kept.sleeps(90_000_000, 9_000_000);
        assert!(!kept.is_due(9_000_001) && kept.is_due(9_600_000), "it looks at the clock");
        kept.status = Status::Completed;
        assert!(!kept.is_due(9_600_000));
    }

    #[test]
    fn the_entry_of_its_end_says_what_its_tool_has_said_that_it_changes() {
        let mut kept = kept();
        kept.record(TARGET, Some("keboola/58/main/ex/7".to_owned()));
        kept.becomes(Status::Completed, 9);
        assert_eq!(kept.entry(None, Status::Completed, 9).site, "keboola/58/main/ex/7");
        assert_eq!(kept.steps.len(), 1, "the others are over");
    }

    #[test]
    fn a_task_is_read_as_it_was_written() {
        let held = TaskRecord { held: Some("why".into()), attempts: 3, ..kept() };
        let stored = TaskRecord::from_json(&of_0_1_0("task", &held.to_json())).unwrap();
        assert_eq!(format!("{stored:?}"), format!("{held:?}"));
        for kept in [kept(), held, TaskRecord { credential: None, message: None, ..kept() }] {
            let again = TaskRecord::from_json(&kept.to_json()).unwrap();
            assert_eq!(format!("{again:?}"), format!("{kept:?}"));
        }
    }

    #[test]
    fn a_task_that_is_cancelled_runs_at_once_and_knows_it_after_a_restart() {
        let mut kept = kept();
        kept.status = Status::Working;
        kept.sleeps(9_000_000, 8_990_000);
        assert!(!kept.to_json().contains("cancelled"), "rows are as they were");
        kept.cancel();
        let mut again = TaskRecord::from_json(&kept.to_json()).unwrap();
        assert!(again.is_cancelled && again.is_due(8_990_001));
        again.becomes(Status::Cancelled, 9);
        assert!(!again.is_cancelled);
    }

    #[test]
    fn a_task_that_was_taken_back_does_not_say_that_its_work_goes_on() {
        for (said, message) in [("it was ended", Some("it was ended")), ("", None)] {
            let mut kept = kept();
            kept.message = Some("the query runs".into());
            kept.has_taken_back(said.into());
            assert_eq!(kept.status_message().as_deref(), message);
        }
    }

    #[test]
    fn a_task_begins_with_what_its_call_was_for() {
        let mut order = kept().order;
        order.start.bound = Some("7".into());
        let order = TaskSpec::from_json(&order.to_json()).unwrap();
        let made = TaskRecord::new(order, None, 7);
        assert_eq!(made.step("bound"), Some(&Some("7".to_owned())));
    }

    #[test]
    fn a_task_that_was_never_held_back_is_read_as_it_was_written_before_there_were_pauses() {
        let old = kept().to_json().replace(r#","attempts":0"#, "");
        assert!(!old.contains("attempts") && !old.contains("held"), "{old}");
        assert_eq!(format!("{:?}", TaskRecord::from_json(&old).unwrap()), format!("{:?}", kept()));
    }

    #[test]
    fn what_followers_are_told_is_read_as_it_was_written() {
        let told = [
            TaskEvent::Progress(0.5, Some(3.0), Some("m".into())),
            TaskEvent::Progress(1.0, None, None),
            TaskEvent::Log(LoggingLevel::Error, "l".into(), json!({ "a": [1] })),
            TaskEvent::Asks(vec![KeyedRequest::new("r", InputRequest::Roots)]),
            TaskEvent::Asks(Vec::new()),
            TaskEvent::Over,
        ];
        let lines =
            lines_of_0_1_0("messages-task-follower", &told.each_ref().map(TaskEvent::to_json));
        for (line, told) in lines.iter().zip(told) {
            assert_eq!(TaskEvent::from_json(line), Some(told));
        }
    }

    #[test]
    fn an_end_is_read_as_it_was_written() {
        let ended = [
            TaskOutcome::Completed("{}".into()),
            TaskOutcome::Failed(-32603, "why".into()),
            TaskOutcome::Cancelled,
        ];
        let lines =
            lines_of_0_1_0("answers-task-ended", &ended.each_ref().map(TaskOutcome::to_json));
        let names = ["completed", "failed", "cancelled"];
        for ((line, ended), name) in lines.iter().zip(ended).zip(names) {
            assert_eq!(row_of_0_1_0(&format!("task-ended-{name}"), ENDED, 9), *line);
            assert_eq!(TaskOutcome::from_json(line), Some(ended));
        }
        assert_eq!(TaskOutcome::from_json(r#"{"failed":"why"}"#), None, "an error has a code");
    }

    #[test]
    fn rows_of_tasks_of_0_1_0_are_read() {
        let asks = kept();
        let mut working = TaskRecord { message: None, status: Status::Working, ..kept() };
        working.asked.clear();
        working.sleeps(5_000, 1_000);
        let mut over = kept();
        over.becomes(Status::Completed, 9);
        for (name, kept) in [("asks", asks), ("sleeps", working), ("over", over)] {
            let stored = row_of_0_1_0(&format!("task-{name}"), TASK, u64::MAX);
            assert_eq!(kept.to_json(), stored, "it is written as it was");
            assert_eq!(
                format!("{:?}", TaskRecord::from_json(&stored).unwrap()),
                format!("{kept:?}")
            );
        }
    }
}
