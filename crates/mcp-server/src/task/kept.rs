//! A task as text: how its object is told what to do, keeps it, and tells its followers.

use serde_json::value::RawValue;

use super::{Kept, Order, Status, Told};
use crate::{
    registry::Registry,
    tasks::{Seen, Start},
    telemetry::audit::Entry,
    toolset::Effect,
};
use mcp_auth::principal::Principal;
use mcp_protocol::{
    fields::fields,
    implementation::Implementation,
    log_level::LogLevel,
    object::{Object, array, quoted},
    raw,
    stateless::input::Keyed,
};

impl Order {
    /// The JSON text that [`Self::from_json`] reads.
    pub fn to_json(&self) -> String {
        Object::new()
            .text("id", &self.id)
            .number("ends", self.ends_s)
            .raw("start", &self.start.to_json())
            .raw("principal", &self.principal.to_json())
            .text("client", &self.client.name)
            .text("version", &self.client.version)
            .end()
    }

    /// Reads it back.
    pub fn from_json(json: &str) -> Option<Self> {
        let names = ["id", "ends", "start", "principal", "client", "version"];
        let [id, ends, start, principal, client, version] = fields(json, names).ok()?;
        Some(Self {
            id: raw::string(id?)?,
            ends_s: raw::number(ends?)?,
            start: Start::from_json(start?.get())?,
            principal: Principal::from_json(principal?.get())?,
            client: Implementation { name: raw::string(client?)?, version: raw::string(version?)? },
        })
    }
}

impl Kept {
    /// What the audit notes of its end.
    pub fn entry(&self, registry: &Registry, status: Status, at_ms: u64) -> Entry {
        let Order { start, principal, client, .. } = &self.order;
        let found = registry.find(&start.tool);
        let effect = found.map_or(Effect::Read, |found| found.tool.effect);
        let site = found.and_then(|found| found.target(start.arguments.as_deref()));
        Entry {
            at_ms,
            subject: principal.subject.to_text(),
            way: principal.way.name(),
            key: principal.client.clone(),
            client: client.name.clone(),
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

    /// The JSON text that [`Self::from_json`] reads.
    pub fn to_json(&self) -> String {
        let steps: Vec<String> = self.steps.iter().map(step_to_json).collect();
        Object::new()
            .raw("order", &self.order.to_json())
            .text_if("credential", self.credential.as_deref())
            .text("status", self.status.as_str())
            .text_if("message", self.message.as_deref())
            .number("created", self.created_ms)
            .number("updated", self.updated_ms)
            .number("wake", self.wake_ms)
            .raw("asked", &asked_to_json(&self.asked))
            .raw("steps", &array(&steps))
            .text_if("held", self.held.as_deref())
            .number("attempts", self.attempts.into())
            .end()
    }

    /// Reads it back.
    pub fn from_json(json: &str) -> Option<Self> {
        let names = [
            "order",
            "credential",
            "status",
            "message",
            "created",
            "updated",
            "wake",
            "asked",
            "steps",
            "held",
            "attempts",
        ];
        let found = fields(json, names).ok()?;
        let [
            order,
            credential,
            status,
            message,
            created,
            updated,
            wake,
            asked,
            steps,
            held,
            attempts,
        ] = found;
        let steps = raw::elements(steps?.get()).ok()?;
        Some(Self {
            order: Order::from_json(order?.get())?,
            credential: credential.and_then(raw::string),
            status: Status::parse(&raw::text(status?)?)?,
            message: message.and_then(raw::string),
            created_ms: raw::number(created?)?,
            updated_ms: raw::number(updated?)?,
            wake_ms: raw::number(wake?)?,
            asked: asked_from_json(asked?)?,
            steps: steps.into_iter().map(step_from_json).collect::<Option<_>>()?,
            held: held.and_then(raw::string),
            attempts: attempts.and_then(raw::number).unwrap_or_default(),
        })
    }
}

fn step_to_json((key, outcome): &(String, Option<String>)) -> String {
    array(&[quoted(key), outcome.as_deref().map_or_else(|| "null".to_owned(), quoted)])
}

fn step_from_json(json: &RawValue) -> Option<(String, Option<String>)> {
    let [key, outcome] = raw::elements(json.get()).ok()?.try_into().ok()?;
    Some((raw::string(key)?, raw::string(outcome)))
}

fn asked_to_json(asked: &[Keyed]) -> String {
    array(&asked.iter().map(Keyed::to_json).collect::<Vec<_>>())
}

fn asked_from_json(json: &RawValue) -> Option<Vec<Keyed>> {
    raw::elements(json.get()).ok()?.iter().map(|one| Keyed::from_json(one.get())).collect()
}

impl Told {
    /// The JSON text that [`Self::from_json`] reads.
    pub fn to_json(&self) -> String {
        match self {
            Self::Progress(progress, total, message) => {
                let told = Object::new().float("progress", *progress);
                let told = match total {
                    Some(total) => told.float("total", *total),
                    None => told,
                };
                told.text_if("message", message.as_deref())
            }
            Self::Log(level, logger, data) => Object::new()
                .text("level", level.as_str())
                .text("logger", logger)
                .raw("data", &data.to_string()),
            Self::Asks(asked) => Object::new().raw("asks", &asked_to_json(asked)),
            Self::Over => Object::new(),
        }
        .end()
    }

    /// Reads it back.
    pub fn from_json(json: &str) -> Option<Self> {
        let names = ["progress", "total", "message", "level", "logger", "data", "asks"];
        let [progress, total, message, level, logger, data, asks] = fields(json, names).ok()?;
        if let Some(progress) = progress {
            let (total, message) = (total.and_then(raw::float), message.and_then(raw::string));
            return Some(Self::Progress(raw::float(progress)?, total, message));
        }
        if let Some(level) = level {
            let data = data.and_then(|data| raw::value(data.get()).ok()).unwrap_or_default();
            return Some(Self::Log(
                LogLevel::parse(&raw::text(level)?)?,
                raw::string(logger?)?,
                data,
            ));
        }
        asks.map_or(Some(Self::Over), |asks| asked_from_json(asks).map(Self::Asks))
    }
}

/// The answer to a start: the task's id and how it looks.
pub fn started(id: &str, view: &str) -> String {
    format!("{id}\n{view}")
}

/// Reads it back.
pub fn read_started(text: &str) -> Option<Seen> {
    let (id, task) = text.split_once('\n')?;
    Some(Seen { id: id.to_owned(), task: task.to_owned() })
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;
    use mcp_auth::{
        request_state::Answered,
        scope::Scopes,
        subject::{Subject, Way},
    };
    use test_support::json::raw;
    use test_support::stored::{lines_of_0_1_0, of_0_1_0, row_of_0_1_0};
    const TASK: &str = "task";
    const ENDED: &str = "ended";
    use crate::tasks::Ended;
    use mcp_protocol::{capabilities::ClientCapabilities, question::Question};

    pub(in crate::task) fn kept() -> Kept {
        let answered =
            Answered { key: "k".into(), question: [200; 32], answer: r#"{"a":"\""}"#.into() };
        let start = Start {
            tool: "t".into(),
            arguments: Some(raw(r#"{ "x": 1.0 }"#)),
            answers: vec![answered],
            capabilities: ClientCapabilities::ROOTS,
            can_ask: true,
            trace: Some("t".into()),
            nonce: Some([255; 16]),
        };
        let order = Order {
            id: "i".into(),
            ends_s: u64::MAX,
            start,
            principal: Principal {
                way: Way::ApiKey,
                subject: Subject([9; 16]),
                client: "laptop".into(),
                scopes: Scopes::WRITE,
                own_credential: true,
                expires: Some(9),
                grant: None,
                unverified: None,
            },
            client: Implementation { name: "n".into(), version: "v".into() },
        };
        let mut kept = Kept::new(order, Some("sealed".into()), 7);
        kept.status = Status::InputRequired;
        kept.message = Some("half".into());
        kept.asked = vec![Keyed::new("r", Question::Roots)];
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
    fn a_task_is_read_as_it_was_written() {
        let held = Kept { held: Some("why".into()), attempts: 3, ..kept() };
        let stored = Kept::from_json(&of_0_1_0("task", &held.to_json())).unwrap();
        assert_eq!(format!("{stored:?}"), format!("{held:?}"));
        for kept in [kept(), held, Kept { credential: None, message: None, ..kept() }] {
            let again = Kept::from_json(&kept.to_json()).unwrap();
            assert_eq!(format!("{again:?}"), format!("{kept:?}"));
        }
    }

    #[test]
    fn a_task_that_was_never_held_back_is_read_as_it_was_written_before_there_were_pauses() {
        let old = kept().to_json().replace(r#","attempts":0"#, "");
        assert!(!old.contains("attempts") && !old.contains("held"), "{old}");
        assert_eq!(format!("{:?}", Kept::from_json(&old).unwrap()), format!("{:?}", kept()));
    }

    #[test]
    fn what_followers_are_told_is_read_as_it_was_written() {
        let told = [
            Told::Progress(0.5, Some(3.0), Some("m".into())),
            Told::Progress(1.0, None, None),
            Told::Log(LogLevel::Error, "l".into(), json!({ "a": [1] })),
            Told::Asks(vec![Keyed::new("r", Question::Roots)]),
            Told::Asks(Vec::new()),
            Told::Over,
        ];
        let lines = lines_of_0_1_0("messages-task-follower", &told.each_ref().map(Told::to_json));
        for (line, told) in lines.iter().zip(told) {
            assert_eq!(Told::from_json(line), Some(told));
        }
    }

    #[test]
    fn an_end_is_read_as_it_was_written() {
        let ended =
            [Ended::Completed("{}".into()), Ended::Failed(-32603, "why".into()), Ended::Cancelled];
        let lines = lines_of_0_1_0("answers-task-ended", &ended.each_ref().map(Ended::to_json));
        for (line, ended) in lines.iter().zip(ended) {
            assert_eq!(
                row_of_0_1_0(&format!("task-ended-{}", word(&ended)), ENDED, line, 9),
                *line
            );
            assert_eq!(Ended::from_json(line), Some(ended));
        }
    }

    fn word(ended: &Ended) -> &'static str {
        match ended {
            Ended::Completed(_) => "completed",
            Ended::Failed(..) => "failed",
            Ended::Cancelled => "cancelled",
        }
    }

    #[test]
    fn rows_of_tasks_are_read_as_they_were_written() {
        let asks = kept();
        let mut working = Kept { message: None, status: Status::Working, ..kept() };
        working.asked.clear();
        working.sleeps(5_000, 1_000);
        let mut over = kept();
        over.becomes(Status::Completed, 9);
        for (name, kept) in [("asks", asks), ("sleeps", working), ("over", over)] {
            let stored = row_of_0_1_0(&format!("task-{name}"), TASK, &kept.to_json(), u64::MAX);
            assert_eq!(format!("{:?}", Kept::from_json(&stored).unwrap()), format!("{kept:?}"));
        }
    }

    #[test]
    fn a_start_and_its_answer_are_read_as_they_were_written() {
        let order = Order { ends_s: 1_800_000_000, ..kept().order };
        let stored = of_0_1_0("message-task-start", &order.to_json());
        assert_eq!(format!("{:?}", Order::from_json(&stored).unwrap()), format!("{order:?}"));
        let kept = Kept { order, ..kept() };
        let view = kept.view(None, 1_000);
        let answer = of_0_1_0("answer-task-start", &started("i", &view));
        assert_eq!(read_started(&answer), Some(Seen { id: "i".into(), task: view }));
    }
}
