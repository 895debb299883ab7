//! A question to the documentation.

use serde_json::{Value, json};

use crate::{
    api::{Path, Service},
    call::{Call, Outcome},
};

pub(super) async fn run(call: &Call<'_>) -> Outcome {
    let body = json!({ "query": call.required("query") });
    let answer = call.client.ask(Service::Ai, Path::new("docs/question"), &[], &body).await?;
    let urls = answer.get("sourceUrls").and_then(Value::as_array).into_iter().flatten();
    Ok(json!({
        "text": answer.get("text").and_then(Value::as_str).unwrap_or_default(),
        "source_urls": urls.filter(|url| url.is_string()).collect::<Vec<_>>(),
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{FakeKeboola, fails, run};

    const ROUTE: &str = "Post ai /docs/question";

    #[test]
    fn an_answer_comes_with_its_sources() {
        let fake = FakeKeboola::new();
        fake.on(
            ROUTE,
            200,
            json!({"text": "Yes.", "sourceUrls": ["https://help.keboola.com/x", 3]}),
        );
        let answer = run(&fake, "keboola_docs_query", json!({"query": "Can I?"}));
        assert_eq!(answer["source_urls"], json!(["https://help.keboola.com/x"]));
        assert_eq!(fake.body(ROUTE), json!({"query": "Can I?"}));
    }

    #[test]
    fn an_empty_question_is_not_sent_and_a_post_is_sent_once() {
        let fake = FakeKeboola::new();
        let why = fails(&fake, "keboola_docs_query", json!({"query": ""}));
        assert!(why.contains("- query: "), "{why}");
        fake.on(ROUTE, 503, json!({"error": "busy"}));
        let why = fails(&fake, "keboola_docs_query", json!({"query": "Can I?"}));
        assert!(why.contains("503: busy") && fake.count(ROUTE) == 1, "{why}");
    }
}
