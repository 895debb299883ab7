//! A page of another origin, in Chromium, with the official TypeScript client.

use std::{path::PathBuf, time::Duration};

use tokio::{process::Command, time::timeout};
use xtask::{paths, server::Server, skips::skip};

use crate::{
    storage::objects,
    support::{browser::Browser, client::LATEST, options, process::succeeded, site::Site, start},
};

const KEY: &str = "the-key-of-this-page";

/// The page and its client as one script.
async fn site() -> Site {
    let clients = paths::root().join("tests/clients");
    let page = std::fs::read_to_string(clients.join("page.html")).unwrap();
    let mut bundle = Command::new(paths::npm_bin("esbuild"));
    bundle.arg(clients.join("page.js")).args(["--bundle", "--format=esm", "--log-level=warning"]);
    Site::start(page, succeeded("esbuild", bundle).await).await
}

/// A server as it is deployed, for pages of one origin.
async fn server_for(site: &Site) -> Server {
    let options = options().var("ENVIRONMENT", "production").var("MCP_API_KEY", KEY);
    start(options.var("MCP_ALLOWED_ORIGINS", &site.origin("127.0.0.1"))).await
}

/// The page's last message. The server is restarted whenever the page asks for it.
async fn outcome(browser: PathBuf, site: &mut Site, host: &str, server: &mut Server) -> String {
    let endpoint = format!("{}/mcp", server.url());
    let url = format!("{}/?endpoint={endpoint}&key={KEY}", site.origin(host));
    let browser = Browser::open(browser, &url);
    let ended = timeout(Duration::from_secs(90), async {
        loop {
            let said = site.said().await;
            if said.path == "/done" {
                return said.body;
            }
            server.restart().await.unwrap();
            said.answer();
        }
    });
    let said = ended.await.expect("the page ends in time");
    browser.close().await;
    said
}

#[tokio::test]
async fn a_page_of_another_origin_uses_everything_and_reconnects() {
    let Some(browser) = Browser::find() else {
        return skip("browser", "there is no Chromium (CHROMIUM)");
    };
    let mut site = site().await;
    let mut server = server_for(&site).await;
    let said = outcome(browser, &mut site, "127.0.0.1", &mut server).await;
    assert_eq!(said, format!("ok {LATEST}"));
}

#[tokio::test]
async fn a_page_of_an_origin_that_is_not_allowed_gets_nothing() {
    let Some(browser) = Browser::find() else {
        return skip("browser, foreign origin", "there is no Chromium (CHROMIUM)");
    };
    let mut site = site().await;
    let mut server = server_for(&site).await;
    let said = outcome(browser, &mut site, "localhost", &mut server).await;
    assert!(said.starts_with("failed: ") && said.contains("fetch"), "{said}");
    assert_eq!(objects(&server), 0);
}
