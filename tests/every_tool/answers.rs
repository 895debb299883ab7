//! Invalid responses of SiteBay: the result says what came, fits the schema that
//! the tool promised, and reveals no secret.

use futures_util::future::join_all;
use sandbox::{Fault, Generation};
use serde_json::Value;

use super::{
    odd::{Odd, answers},
    row::Row,
    rows::rows,
    schema::assert_fits,
    setup::Setup,
};
use crate::support::Answer;

/// Servers that share the rows: most of the time is the server's, which pauses before it asks again.
const SERVERS: usize = 4;

#[tokio::test]
async fn an_odd_answer_is_a_result_that_says_what_came() {
    join_all((0..SERVERS).map(try_rows)).await;
}

/// Every so-many-th row, from this one on.
async fn try_rows(first: usize) {
    let setup = Setup::new(Generation::March).await;
    let tools = setup.tools().await;
    for row in rows().into_iter().skip(first).step_by(SERVERS) {
        let tool = tools.iter().find(|tool| tool["name"] == row.tool).unwrap();
        let output = &tool["outputSchema"];
        let odd = answers(output);
        try_each(&setup, &row, output, &odd).await;
        if row.arguments["page"].is_number() {
            try_each(&setup, &row.whole(), output, &odd).await;
        }
    }
}

async fn try_each(setup: &Setup, row: &Row, output: &Value, answers: &[Odd]) {
    for odd in answers {
        let row = setup.ready(row).await;
        setup.sandbox().inject(fault(odd));
        let (answer, received) = setup.call(row.tool, row.arguments.clone()).await;
        let shown: String = odd.body.chars().take(100).collect();
        let case = format!("{} {} {shown}: {answer:?}", row.tool, odd.status);
        check(output, &answer, &case);
        // Where more was asked, the last response is reported; and no change is made twice.
        match received.as_slice() {
            [_] => assert!(odd.is_told(&answer.text), "{case}"),
            [_, more @ ..] if odd.status < 300 => {
                assert!(more.iter().all(|one| one.method == "GET"), "{case}");
            }
            [_, ..] => assert_eq!(odd.status, 422, "{case}"),
            [] => panic!("nothing was sent: {case}"),
        }
    }
}

/// SiteBay does what it was asked, once, and then answers like this.
fn fault(odd: &Odd) -> Fault {
    Fault {
        status: Some(odd.status),
        body: Some(odd.body.clone()),
        content_type: Some(odd.kind.to_owned()),
        latin1: odd.latin1,
        times: Some(1),
        after: true,
        ..Fault::default()
    }
}

/// It is a result for a reader, which fits what was promised, and has no secret in it.
fn check(output: &Value, answer: &Answer, case: &str) {
    let (result, text) = (answer.result(), answer.tool_text());
    assert!(!text.trim().is_empty(), "{case}");
    assert!(!answer.text.contains("secret-"), "{case}");
    assert!(!text.contains("<h1>") && !text.contains("DOCTYPE"), "{case}");
    if result["isError"] == true {
        assert!(text.contains("SiteBay"), "{case}");
    } else {
        assert_fits(output, &result["structuredContent"], case);
    }
}
