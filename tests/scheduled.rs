//! The alarms under `wrangler dev`, where a cron can be started by a request and KV keeps the incidents.

use sandbox::cloudflare::{ACCOUNT, Cloudflare, DataPoint, Options, token};
use serde_json::Value;

use crate::support::{
    upstream::{Reply, Upstream, http},
    wrangler::Wrangler,
};

const HOOK: &str = "/alarms-of-this-test";
const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn write(cloudflare: &Cloudflare, status: f64, outcome: &str) {
    let mut blobs = vec![String::new(); 15];
    (blobs[1], blobs[5]) = ("request".to_owned(), outcome.to_owned());
    let doubles = vec![1.0, 1.0, status];
    let point = DataPoint { blobs, doubles, count: 500, ..DataPoint::default() };
    cloudflare.write_points("sitebay_mcp", &[point]).unwrap();
}

async fn cron(server: &Wrangler) {
    let url = format!("{}/cdn-cgi/local/scheduled?cron=*/5+*+*+*+*", server.url());
    let answer = reqwest::get(url).await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
}

#[tokio::test]
async fn a_cron_posts_an_incident_once_and_asks_nothing_while_the_alarms_are_off() {
    let cloudflare = Cloudflare::start(Options::default()).await.unwrap();
    write(&cloudflare, 200.0, "done");
    write(&cloudflare, 429.0, "rate-limit");
    let receiver = Upstream::start().await;
    receiver.on(http("POST"), |_| Reply::status(204));
    let (hook, api) = (format!("{}{HOOK}", receiver.origin()), cloudflare.api_url());
    let analytics = token("analytics");
    let vars = [
        ("ENVIRONMENT", "development"),
        ("SESSION_KEY", "a-session-key-of-this-test-with-enough-characters"),
        ("CLOUDFLARE_API_URL", &*api),
        ("CLOUDFLARE_ACCOUNT_ID", ACCOUNT),
        ("ALARM_WEBHOOK_SECRET", KEY),
        ("ALARM_API_TOKEN", &*analytics),
    ];
    let server = Wrangler::start(&vars).await;
    let health = reqwest::get(format!("{}/health", server.url())).await.unwrap();
    let health: Value = serde_json::from_str(&health.text().await.unwrap()).unwrap();
    assert!(health["versionId"].is_string(), "{health}");
    cron(&server).await;
    assert!(cloudflare.requests().is_empty(), "alarms are off");
    let on: Vec<_> = vars.into_iter().chain([("ALARM_WEBHOOK_URL", &*hook)]).collect();
    let server = server.restart(&on).await;
    for _ in 0..3 {
        cron(&server).await;
    }
    let posted = receiver.requests(&http("POST"));
    assert_eq!((posted.len(), posted[0].target.as_str()), (1, HOOK), "{}", server.log());
    let body: Value = serde_json::from_slice(&posted[0].body).unwrap();
    assert_eq!(
        (&body["type"], &body["data"]["alarm"]),
        (&"alarm.begun".into(), &"rate-limit".into())
    );
    assert!(posted[0].values("webhook-signature")[0].starts_with(b"v1,"));
    assert_eq!(cloudflare.requests().len(), 3);
    // wrangler itself may list the variables.
    let log = server.log();
    for line in log.lines().filter(|line| line.contains("\"event\"")) {
        for secret in [HOOK, KEY, &analytics, ACCOUNT] {
            assert!(!line.contains(secret), "{secret} is in the log: {line}");
        }
    }
    server.end().await;
}
