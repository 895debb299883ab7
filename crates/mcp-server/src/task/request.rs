//! What a task's object is asked, and what it answers. Only the Worker and session objects reach it.

use serde::{Deserialize, Serialize};

use super::TaskSpec;
use crate::tasks::{TaskOutcome, TaskSnapshot};
use mcp_platform::{
    message::{Message, OldRequest},
    record::Record,
};

/// One request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskRequest {
    /// To begin, unless this very task has begun before.
    Start(Box<TaskSpec>),
    /// How it looks.
    Look,
    /// To take the client's answers.
    Update {
        /// The JSON text of `inputResponses`.
        responses: String,
    },
    /// To end.
    Cancel,
    /// How it ended.
    Ended,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskResponse {
    /// There is no such task.
    Unknown,
    /// It was refused before it did anything; the text says why.
    Refused(String),
    /// It has begun, now or before.
    Started(TaskSnapshot),
    /// The JSON text of the task, as `tasks/get` shows it.
    Task(String),
    /// It is done.
    Done,
    /// How it ended.
    Ended(TaskOutcome),
    /// It is not over.
    NotOver,
}

impl Record for TaskRequest {}
impl Record for TaskResponse {}

/// In version 0.1.0 the path says what is asked, and an answer is a status and a text.
impl Message for TaskRequest {
    type Answer = TaskResponse;

    fn to_0_1_0(&self) -> OldRequest {
        let (path, body) = match self {
            Self::Start(order) => ("/start", Some(order.to_json())),
            Self::Look => ("/task", None),
            Self::Update { responses } => ("/update", Some(responses.clone())),
            Self::Cancel => ("/cancel", None),
            Self::Ended => ("/ended", None),
        };
        OldRequest { path: path.to_owned(), body }
    }

    fn read_0_1_0(path: &str, body: &str) -> Option<Self> {
        Some(match path {
            "/start" => Self::Start(Box::new(TaskSpec::from_json(body)?)),
            "/update" => Self::Update { responses: body.to_owned() },
            "/cancel" => Self::Cancel,
            "/ended" => Self::Ended,
            _ => Self::Look,
        })
    }

    fn answer_to_0_1_0(answer: &TaskResponse) -> (u16, String) {
        match answer {
            TaskResponse::Unknown => (404, "no such task".to_owned()),
            TaskResponse::Refused(why) => (400, why.clone()),
            TaskResponse::Started(seen) => (200, format!("{}\n{}", seen.id, seen.task)),
            TaskResponse::Task(task) => (200, task.clone()),
            TaskResponse::Done => (200, String::new()),
            TaskResponse::Ended(ended) => (200, ended.to_json()),
            TaskResponse::NotOver => (409, "not over".to_owned()),
        }
    }

    fn read_answer_of_0_1_0(&self, status: u16, text: &str) -> Option<TaskResponse> {
        match (self, status) {
            (Self::Start(_), 200) => {
                let (id, task) = text.split_once('\n')?;
                Some(TaskResponse::Started(TaskSnapshot {
                    id: id.to_owned(),
                    task: task.to_owned(),
                }))
            }
            (Self::Look, 200) => Some(TaskResponse::Task(text.to_owned())),
            (Self::Update { .. } | Self::Cancel, 200) => Some(TaskResponse::Done),
            (Self::Ended, 200) => TaskOutcome::from_json(text).map(TaskResponse::Ended),
            (_, 400) => Some(TaskResponse::Refused(text.to_owned())),
            (_, 404) => Some(TaskResponse::Unknown),
            (_, 409) => Some(TaskResponse::NotOver),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{TaskRecord, record::tests::kept};
    use mcp_platform::message::{self, MessageForm};
    use test_support::stored::of_0_1_0;

    /// Each kind of request, with its answers.
    fn all() -> Vec<(TaskRequest, Vec<TaskResponse>)> {
        let seen = TaskSnapshot { id: "i".into(), task: r#"{"taskId":"i"}"#.into() };
        let failed = TaskResponse::Ended(TaskOutcome::Failed(-32603, "why".into()));
        let completed = TaskResponse::Ended(TaskOutcome::Completed("{}".into()));
        let task = TaskResponse::Task(seen.task.clone());
        let refused = TaskResponse::Refused("why".into());
        vec![
            (
                TaskRequest::Start(Box::new(kept().order)),
                vec![TaskResponse::Started(seen), refused],
            ),
            (TaskRequest::Look, vec![task, TaskResponse::Unknown]),
            (TaskRequest::Update { responses: r#"{"a":"b"}"#.into() }, vec![TaskResponse::Done]),
            (TaskRequest::Cancel, vec![TaskResponse::Done]),
            (TaskRequest::Ended, vec![completed, failed, TaskResponse::NotOver]),
        ]
    }

    fn text(read: Option<(TaskRequest, MessageForm)>) -> (String, MessageForm) {
        let (ask, form) = read.unwrap();
        (format!("{ask:?}"), form)
    }

    #[test]
    fn requests_and_answers_are_read_in_both_forms() {
        for (ask, answers) in all() {
            let said = format!("{ask:?}");
            let read = message::read("/ask/x", &ask.to_json());
            assert_eq!(text(read), (said.clone(), MessageForm::Json));
            let old = ask.to_0_1_0();
            let read = message::read(&old.path, old.body.as_deref().unwrap_or_default());
            assert_eq!(text(read), (said, MessageForm::Old));
            for answer in answers {
                let (status, text) = message::answer::<TaskRequest>(&answer, MessageForm::Json);
                let read = message::read_answer::<TaskRequest>(status, &text);
                assert_eq!(read.as_ref(), Some(&answer));
                let (status, text) = message::answer::<TaskRequest>(&answer, MessageForm::Old);
                assert_eq!(message::read_answer::<TaskRequest>(status, &text), None, "{text}");
                assert_eq!(ask.read_answer_of_0_1_0(status, &text), Some(answer));
            }
        }
        assert!(message::read::<TaskRequest>("/start", "{}").is_none());
    }

    #[test]
    fn a_start_and_its_answer_are_written_as_0_1_0_wrote_them() {
        let order = TaskSpec { ends_s: 1_800_000_000, ..kept().order };
        let start = TaskRequest::Start(Box::new(order.clone()));
        let body = of_0_1_0("message-task-start", &start.to_0_1_0().body.unwrap());
        assert_eq!(text(message::read("/start", &body)), (format!("{start:?}"), MessageForm::Old));
        let kept = TaskRecord { order, ..kept() };
        let seen = TaskSnapshot { id: "i".into(), task: kept.view(None, 1_000) };
        let answer = TaskResponse::Started(seen);
        let text = of_0_1_0("answer-task-start", &TaskRequest::answer_to_0_1_0(&answer).1);
        assert_eq!(start.read_answer_of_0_1_0(200, &text), Some(answer));
    }

    #[test]
    fn an_answer_is_json() {
        let text: Vec<String> =
            all().iter().flat_map(|(_, answers)| answers).map(Record::to_json).collect();
        insta::assert_snapshot!(text.join("\n"), @r#"
        {"started":{"id":"i","task":"{\"taskId\":\"i\"}"}}
        {"refused":"why"}
        {"task":"{\"taskId\":\"i\"}"}
        "unknown"
        "done"
        "done"
        {"ended":{"completed":"{}"}}
        {"ended":{"failed":"why","code":-32603}}
        "not_over"
        "#);
    }
}
