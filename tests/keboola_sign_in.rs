//! People sign in at a stack of Keboola instead of entering a token, where the operator registered a client there.
//!
//! Keboola's authorization server is that of the stand-in.

use std::collections::BTreeSet;

use bench::http::{Connection, request};
use sandbox::{
    Fault,
    keboola::{self, CLIENT_ID, CLIENT_SECRET, Keboola, token},
};
use serde_json::json;
use xtask::{
    faults::{self, Faults, How},
    server::{Options, Server as Worker},
};

use crate::support::{
    Answer, Client, hasty,
    keboola_native::settings,
    keyed::{Tab, client_of, link_for},
    oauth::get,
    options, start,
    upstream::Upstream,
    wait,
};

const CALLBACK: &str = "/connect/keboola/callback/us?";

struct Signing {
    keboola: Keboola,
    /// What stands at the address of Keboola's MCP server.
    server: Upstream,
    worker: Worker,
}

fn with_client(options: Options) -> Options {
    options.var("KEBOOLA_CLIENT_ID", CLIENT_ID).var("KEBOOLA_CLIENT_SECRET", CLIENT_SECRET)
}

fn native(keboola: &Keboola, server: &Upstream, options: Options) -> Options {
    let upstreams = settings(keboola, server, json!({}));
    options.var("KEBOOLA", "native").var("UPSTREAMS", &upstreams)
}

impl Signing {
    async fn start(options: Options) -> Self {
        let keboola = Keboola::start(keboola::Options::default()).await.unwrap();
        let server = Upstream::start().await;
        let worker = start(native(&keboola, &server, options)).await;
        Self { keboola, server, worker }
    }

    /// Starts the Worker again, whose hubs say nothing to the first request for keys.
    async fn silence_hubs(&mut self) {
        let fault = faults::Fault { class: "HubAgent", path: "/connect", how: How::Hang, times: 1 };
        let faults = Some(Faults { faults: vec![fault], haste: 20 });
        let options = native(&self.keboola, &self.server, with_client(options()));
        self.worker.restart_with(&Options { faults, ..options }).await.unwrap();
    }

    /// Where a person comes back who agreed at the stack, and the tab that left for it.
    async fn back(&self, name: &str) -> (Client, String, Tab) {
        let (client, link, page, mut tab) = self.person(name).await;
        let leaving = tab.submit(&link, &page, &[("stack", "us"), ("do", "leave")]).await;
        let back = agrees(&link_on(&leaving), 101).await;
        (client, back, tab)
    }

    /// A person with the link to which a call leads, its page, and the tab that opened it.
    async fn person(&self, name: &str) -> (Client, String, Answer, Tab) {
        let client = client_of(&self.worker, "/mcp", name).connect().await;
        let link = link_for(&client, "keboola_get_project_info").await;
        let mut tab = Tab::default();
        let page = tab.open(&link).await;
        assert_eq!(page.status, 200, "{page:?}");
        (client, link, page, tab)
    }

    /// The requests that reached Keboola at this end of a path.
    fn asked(&self, end: &str) -> Vec<sandbox::Recorded> {
        self.keboola.requests().into_iter().filter(|sent| sent.path.ends_with(end)).collect()
    }
}

/// Where the link of a page leads.
fn link_on(page: &Answer) -> String {
    assert_eq!(page.status, 200, "{page:?}");
    let (_, rest) = page.text.split_once("<a href=\"").expect("a link");
    rest.split('"').next().unwrap().replace("&amp;", "&")
}

/// Where a person who agrees for this project comes back.
async fn agrees(there: &str, project: u64) -> String {
    let agreed = get(&format!("{there}&project={project}")).await;
    assert_eq!(agreed.status, 302, "{agreed:?}");
    agreed.header("location").to_owned()
}

#[tokio::test]
async fn a_person_signs_in_at_the_stack_and_uses_a_token_that_it_made() {
    let signing = Signing::start(with_client(options())).await;
    let (client, link, page, mut tab) = signing.person("ada").await;
    assert!(page.text.contains("formnovalidate>Sign in at Keboola</button>"), "{page:?}");
    let nowhere = tab.submit(&link, &page, &[("stack", "nowhere"), ("do", "leave")]).await;
    assert!(nowhere.status == 422 && nowhere.text.contains("id=\"stack-error\""), "{nowhere:?}");
    let leaving = tab.submit(&link, &page, &[("stack", "us"), ("do", "leave")]).await;
    let there = link_on(&leaving);
    let begins = format!("{}/oauth/authorize?", signing.keboola.service_url("us", "connection"));
    assert!(there.starts_with(&begins) && !there.contains(CLIENT_SECRET), "{there}");
    let back = agrees(&there, 101).await;
    assert!(back.starts_with(&format!("{}{CALLBACK}", signing.worker.url())), "{back}");
    assert_eq!(Tab::default().open(&back).await.status, 400, "another browser");
    let connected = tab.open(&back).await;
    assert_eq!(connected.status, 200, "{connected:?}");
    assert!(connected.text.contains("keboola is connected"), "{connected:?}");
    assert!(!connected.text.contains("master token"), "{connected:?}");
    assert_eq!(tab.open(&back).await.status, 410, "once");
    let told = client.call("keboola_get_project_info", json!({})).await;
    let project = told.result()["structuredContent"]["project_id"].to_string();
    assert_eq!(project.trim_matches('"'), "101", "{told:?}");
    // The client's secret went to the token endpoint of that stack.
    let [exchange] = &signing.asked("/oauth/token")[..] else { panic!("one exchange") };
    assert!(exchange.path.contains("/us/"), "{exchange:?}");
    let [made] = &signing.asked("/v2/storage/tokens")[..] else { panic!("one token is made") };
    assert_eq!((made.method.as_str(), made.status), ("POST", 201), "{made:?}");
    assert!(made.headers["authorization"].starts_with("Bearer access-"), "{made:?}");
    assert_eq!(made.body.as_ref().unwrap()["expiresIn"], 2_592_000, "{made:?}");
    let requests = signing.keboola.requests();
    let sent = requests.iter().filter_map(|sent| sent.headers.get("x-storageapi-token"));
    let sent: BTreeSet<&String> = sent.collect();
    assert_eq!(sent.len(), 1, "the token that was made, and no other");
    let log = signing.worker.log();
    for secret in [CLIENT_SECRET, "access-", "refresh-", sent.first().unwrap().as_str()] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

#[tokio::test]
async fn a_code_that_is_not_keboolas_keeps_nothing_and_a_token_can_be_entered_instead() {
    let signing = Signing::start(with_client(options())).await;
    let (client, link, page, mut tab) = signing.person("ada").await;
    let leave = [("stack", "us"), ("do", "leave")];
    for (from, to, status) in [
        ("code=", "code=x", 422),
        ("code=", "error=access_denied&none=", 400),
        ("state=", "state=A", 400),
    ] {
        let there = link_on(&tab.submit(&link, &page, &leave).await);
        let back = agrees(&there, 101).await.replace(from, to);
        let refused = tab.open(&back).await;
        assert_eq!(refused.status, status, "{refused:?}");
    }
    assert!(signing.asked("/v2/storage/tokens").is_empty(), "none was made");
    link_for(&client, "keboola_get_project_info").await;
    let entered = [("stack", "us"), ("key", &*token(101, "master")), ("do", "connect")];
    assert_eq!(tab.submit(&link, &page, &entered).await.status, 200);
}

#[tokio::test]
async fn a_code_comes_back_to_its_own_stack_on_its_own_way_or_goes_nowhere() {
    let signing = Signing::start(with_client(options())).await;
    let (_, link, page, mut tab) = signing.person("ada").await;
    let leave = [("stack", "us"), ("do", "leave")];
    let first = agrees(&link_on(&tab.submit(&link, &page, &leave).await), 101).await;
    for (to, status) in [("/callback/eu?", 400), ("/callback?", 400), ("/callback/us/x?", 404)] {
        let elsewhere = tab.open(&first.replace("/callback/us?", to)).await;
        assert_eq!(elsewhere.status, status, "{elsewhere:?}");
    }
    let second = agrees(&link_on(&tab.submit(&link, &page, &leave).await), 101).await;
    assert_eq!(tab.open(&first).await.status, 400, "the state of another way");
    assert_eq!(tab.open(&second).await.status, 410, "that way is over");
    let third = agrees(&link_on(&tab.submit(&link, &page, &leave).await), 101).await;
    let refused = tab.open(&third.replace("code=", "error=invalid_scope&none=")).await;
    assert!(refused.status == 400 && refused.text.contains("invalid_scope"), "{refused:?}");
    assert!(signing.asked("/oauth/token").is_empty(), "no code was exchanged");
}

/// The stack takes longer for this than the Worker waits.
fn silent(path: &str) -> Fault {
    let (method, path) = (Some("POST".into()), Some(path.into()));
    Fault { method, path, delay_ms: Some(600_000), times: Some(1), ..Fault::default() }
}

#[tokio::test]
async fn a_stack_that_says_nothing_at_sign_in_is_given_up_and_nothing_is_kept() {
    let signing = Signing::start(with_client(hasty(options()))).await;
    for (path, says) in [
        ("/connection/oauth/token", "keboola gave out no token for you"),
        ("/connection/v2/storage/tokens", "Keboola did not answer"),
    ] {
        let (client, back, mut tab) = signing.back("ada").await;
        signing.keboola.inject(silent(path));
        let page = tab.open(&back).await;
        assert_eq!(page.status, 422, "{path}: {page:?}");
        assert!(page.text.contains(says) && page.text.contains("Nothing was kept"), "{page:?}");
        assert_eq!(tab.open(&back).await.status, 410, "once");
        link_for(&client, "keboola_get_project_info").await;
    }
}

#[tokio::test]
async fn a_hub_that_says_nothing_on_the_way_back_keeps_nothing_and_the_way_is_still_open() {
    let mut signing = Signing::start(with_client(options())).await;
    let (_, back, mut tab) = signing.back("ada").await;
    signing.silence_hubs().await;
    let busy = tab.open(&back).await;
    assert_eq!(busy.status, 503, "{busy:?}");
    assert!(busy.text.contains("Try again in a minute"), "{busy:?}");
    assert!(signing.asked("/oauth/token").is_empty(), "the code is good for another time");
    let connected = tab.open(&back).await;
    assert_eq!(connected.status, 200, "{connected:?}");
    assert_eq!(signing.asked("/v2/storage/tokens").len(), 1);
}

#[tokio::test]
async fn a_person_who_leaves_on_the_way_back_is_connected_all_the_same() {
    let signing = Signing::start(with_client(options())).await;
    let (client, back, tab) = signing.back("ada").await;
    let (method, path) = (Some("POST".into()), Some("/connection/v2/storage/tokens".into()));
    signing.keboola.inject(Fault { method, path, delay_ms: Some(1_000), ..Fault::default() });
    let (origin, path) = back.split_at(signing.worker.url().len());
    let host = origin.strip_prefix("http://").unwrap();
    let port = host.rsplit(':').next().unwrap().parse().unwrap();
    let mut connection = Connection::open(port).await.unwrap();
    let sent = String::from_utf8(request("GET", path, &[("cookie", &tab.cookie())], "")).unwrap();
    let sent = sent.replace("host: localhost", &format!("host: {host}"));
    connection.send(sent.as_bytes()).await.unwrap();
    wait::holds("a token is made", || !signing.asked("/v2/storage/tokens").is_empty()).await;
    connection.reset().unwrap();
    wait::until("the token is kept", async || {
        let told = client.call("keboola_get_project_info", json!({})).await.result();
        if told["isError"] == true { Err(told) } else { Ok(()) }
    })
    .await;
    assert_eq!(signing.asked("/v2/storage/tokens").len(), 1, "neither another one nor none");
    let deleted = signing.keboola.requests().into_iter().filter(|sent| sent.method == "DELETE");
    assert_eq!(deleted.count(), 0, "it is used");
}

#[tokio::test]
async fn without_a_client_people_enter_tokens() {
    let signing = Signing::start(options().var("KEBOOLA_CLIENT_ID", CLIENT_ID)).await;
    let (_, link, page, mut tab) = signing.person("ada").await;
    assert!(!page.text.contains("Sign in at Keboola"), "{page:?}");
    let refused = tab.submit(&link, &page, &[("stack", "us"), ("do", "leave")]).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    let callback = format!("{}{CALLBACK}code=x&state=y", signing.worker.url());
    assert_eq!(tab.open(&callback).await.status, 404);
    assert!(signing.asked("/oauth/token").is_empty());
}
