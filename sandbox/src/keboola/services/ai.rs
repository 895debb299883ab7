//! The AI service: documentation of components, questions, suggestions.
//!
//! Chosen: a suggestion scores the words that prompt and component share, an answer names the
//! question; both come as one event of a stream unless JSON is asked for.

use serde_json::{Value, json};

use crate::engine::reply::Reply;
use crate::keboola::ask::Ask;
use crate::keboola::data::{COMPONENTS, Component, World, component};
use crate::keboola::problem::Problem;
use crate::keboola::route::{Outcome, Route, get, post};

pub(crate) const ROUTES: &[Route] = &[
    get("docs/components/{component}", documentation),
    post("docs/question", question).reads(),
    post("suggest/component", suggest).reads(),
];

fn documentation(_: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.argument("component");
    let found = component(&id);
    let found = found.ok_or_else(|| Problem::missing(format!("Component \"{id}\" not found")))?;
    Ok(Reply::ok(&found.documented()))
}

/// A text of the body that must have something in it.
fn text(ask: &Ask<'_>, name: &str) -> Result<String, Problem> {
    let text = ask.body()?.text(name)?.filter(|text| !text.trim().is_empty());
    text.ok_or_else(|| Problem::new(422, "", format!("{name}: must not be empty")))
}

fn question(_: &mut World, ask: &Ask<'_>) -> Outcome {
    let question = text(ask, "query")?;
    let view = json!({
        "text": format!("The sandbox knows no answer to: {question}"),
        "sourceUrls": ["https://help.keboola.test/"],
    });
    Ok(streamed(ask, &view))
}

fn suggest(_: &mut World, ask: &Ask<'_>) -> Outcome {
    let prompt = text(ask, "prompt")?.to_lowercase();
    let mut scored: Vec<(usize, &Component)> =
        COMPONENTS.iter().map(|one| (score(one, &prompt), one)).collect();
    scored.retain(|(score, _)| *score > 0);
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    let components = scored.into_iter().take(5).map(|(score, one)| {
        let score = u32::try_from(score).map_or(1.0, |score| f64::from(score.min(5)) / 5.0);
        json!({ "componentId": one.id, "score": score, "source": "sandbox" })
    });
    Ok(streamed(ask, &json!({ "components": components.collect::<Value>() })))
}

/// How many of a prompt's words a component has.
fn score(component: &Component, prompt: &str) -> usize {
    let known = format!("{} {} {}", component.id, component.name, component.about).to_lowercase();
    let words = prompt.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 2);
    words.filter(|word| known.contains(word)).count()
}

fn streamed(ask: &Ask<'_>, view: &Value) -> Reply {
    let accepts = ask.call.header("accept").unwrap_or_default();
    if accepts.contains("application/json") {
        return Reply::ok(view);
    }
    let content_type = "text/event-stream".to_owned();
    let body = format!("data: {view}\n\n");
    Reply::of(200, content_type, body)
}
