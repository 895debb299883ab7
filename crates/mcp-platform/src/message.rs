//! Messages to an object: one type for what it is asked and one for what it answers, as JSON.
//!
//! Invariant: an object answers in the form in which it was asked. In version 0.1.0 a request was a path and
//! lines of text. An object reads that form, too; where an object is of 0.1.0, which does not know
//! these [paths](path) and does nothing there, it is asked again in that form. [`Message`]'s functions for it can be removed
//! once no 0.1.0 runs beside this version.

use super::record::Record;

/// What the paths of requests in JSON begin with.
const PREFIX: &str = "/ask/";

/// The path of a request in JSON: it names the request for whoever looks at the requests of an object.
pub fn path(json: &str) -> String {
    // The first string in the text of a variant is its name.
    format!("{PREFIX}{}", json.split('"').nth(1).unwrap_or_default())
}

/// A request as version 0.1.0 sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldRequest {
    /// Its path.
    pub path: String,
    /// Its body.
    pub body: Option<String>,
}

/// What an object is asked.
pub trait Message: Record {
    /// What it answers.
    type Answer: Record;

    /// The request as version 0.1.0 sends it.
    fn to_0_1_0(&self) -> OldRequest;

    /// Reads a request of version 0.1.0.
    fn read_0_1_0(path: &str, body: &str) -> Option<Self>;

    /// Status and text of an answer as version 0.1.0 gives it.
    fn answer_to_0_1_0(answer: &Self::Answer) -> (u16, String);

    /// Reads what version 0.1.0 answers to this request.
    fn read_answer_of_0_1_0(&self, status: u16, text: &str) -> Option<Self::Answer>;
}

/// The form of a request and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageForm {
    /// JSON.
    Json,
    /// That of version 0.1.0.
    Old,
}

/// Reads a request, and the form of the answer to it.
pub fn read<M: Message>(path: &str, body: &str) -> Option<(M, MessageForm)> {
    match path.starts_with(PREFIX) {
        true => M::from_json(body).map(|message| (message, MessageForm::Json)),
        false => M::read_0_1_0(path, body).map(|message| (message, MessageForm::Old)),
    }
}

/// Status and text of an answer.
pub fn answer<M: Message>(answer: &M::Answer, form: MessageForm) -> (u16, String) {
    match form {
        MessageForm::Json => (200, answer.to_json()),
        MessageForm::Old => M::answer_to_0_1_0(answer),
    }
}

/// Reads the answer to a request in JSON. None: the object does not know such requests.
pub fn read_answer<M: Message>(status: u16, text: &str) -> Option<M::Answer> {
    (status == 200).then(|| serde_json::from_str(text).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::path;

    #[test]
    fn a_path_names_the_request() {
        assert_eq!(path(r#""not_before""#), "/ask/not_before");
        assert_eq!(path(r#"{"watch":{"object":"x"}}"#), "/ask/watch");
        assert_eq!(path(""), "/ask/");
    }
}
