//! Ten thousand sites: they are listed as far as they fit, the result says how to read on, and the
//! server does not grow.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use xtask::server::{Options, Server};

use crate::support::{
    Answer, Client,
    memory::{bounded, resident},
    pages::whole,
    production, start,
    stateless::ask,
};

const SITES: usize = 10_000;
/// As many as one call reads.
const FIT: usize = 2_500;
const TOOL: &str = "sitebay_list_sites";

/// A server before a SiteBay with many sites, so many of them on a page where none is named.
async fn many(page_size: usize) -> Server {
    let sandbox = sandbox::Options { sites: SITES, page_size, ..sandbox::Options::default() };
    start(Options { sandbox: Some(sandbox), ..Options::new(production().folder) }).await
}

/// The sites that a call read, with the pages of what was too large for one answer, and where to read
/// on.
async fn read(client: &Client, answer: &Answer) -> (Vec<String>, Option<Value>) {
    let result = answer.result();
    let text = result["content"][0]["text"].as_str().unwrap();
    assert_eq!(result["isError"], Value::Null, "{text}");
    let data = match result["content"][1]["uri"].as_str() {
        Some(first) => serde_json::from_str(&whole(client, first).await).unwrap(),
        None => result["structuredContent"].clone(),
    };
    assert_eq!(data["total"], SITES);
    let sites = data["sites"].as_array().unwrap().iter();
    let sites: Vec<_> = sites.map(|site| site["fqdn"].as_str().unwrap().to_owned()).collect();
    assert_eq!(data["count"], sites.len());
    let next = next(text);
    assert_eq!(data["truncated"], next.is_some());
    assert!(
        next.is_none() || text.contains(&format!("{} of {SITES} sites are shown", sites.len()))
    );
    (sites, next)
}

/// The arguments that a model takes from `Read on with page: 26, size: 100.`
fn next(text: &str) -> Option<Value> {
    let words = text.split_once("there are more. Read on with ")?.1.strip_suffix('.')?;
    let number = |word: &str| words.split_once(word)?.1.split(',').next()?.parse::<u64>().ok();
    Some(json!({ "page": number("page: ")?, "size": number("size: ")? }))
}

#[tokio::test]
async fn what_fits_is_listed_and_a_model_that_reads_on_gets_all_of_them() {
    for page_size in [50, 100] {
        let server = many(page_size).await;
        let client = Client::new(&server.url()).connect().await;
        let first = client.call_with_progress(TOOL, json!({})).await;
        let (mut sites, mut more) = read(&client, &first).await;
        assert_eq!((sites.len(), &more), (FIT, &Some(json!({ "page": 26, "size": 100 }))));
        while let Some(arguments) = more {
            let (page, next) = read(&client, &client.call(TOOL, arguments).await).await;
            assert_eq!(page.len(), 100);
            sites.extend(page);
            more = next;
        }
        assert_eq!(sites.len(), SITES);
        assert_eq!(sites.into_iter().collect::<BTreeSet<_>>().len(), SITES);
    }
}

/// Checks that as much was read as one call reads, and that its answer is not too large.
fn long(answer: &Answer) {
    let (end, size) = (format!("{FIT} of {SITES} sites are shown"), answer.text.len());
    assert!(answer.text.contains(&end) && (200 << 10..2 << 20).contains(&size), "{size} bytes");
    assert!(answer.text.contains("sitebay://result/"));
}

/// Calls until the process has what it needs for one.
const WARM_UP: usize = 3;

#[tokio::test]
async fn twenty_long_lists_in_a_session_leave_the_server_as_it_was() {
    let server = many(100).await;
    let client = Client::new(&server.url()).connect().await;
    let mut before = None;
    for call in 0..WARM_UP + 20 {
        if call == WARM_UP {
            before = resident(&server);
        }
        long(&client.call(TOOL, json!({})).await);
    }
    // Each list of 7 MB is kept on disk for an hour, as many as are allowed, and the runtime collects
    // when it likes.
    bounded(&server, before, 120 << 20);
}

#[tokio::test]
async fn twenty_long_lists_outside_of_sessions_leave_the_server_as_it_was() {
    let server = many(100).await;
    let client = Client::new(&server.url());
    let mut before = None;
    for call in 0..WARM_UP + 20 {
        if call == WARM_UP {
            before = resident(&server);
        }
        let params = json!({ "name": TOOL, "arguments": {} });
        long(&ask(&client, "tools/call", params, json!({})).await);
    }
    // They are 140 MB in all, and the runtime collects when it likes.
    bounded(&server, before, 120 << 20);
}
