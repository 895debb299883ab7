//! Named keys, gradual rollout, audit and the admin API, where there are KV and D1: one instance of
//! `wrangler dev` for all of it.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    guide,
    support::{
        Answer, Client,
        events::Live,
        fuzzer::fuzz,
        issuer::{claims, hs256},
        options, start, wait,
        wrangler::Wrangler,
    },
};

const ADMIN: &str = "the-admin-key-of-this-test";
const SECRET: &str = "a-secret-of-this-test-with-enough-characters";

struct Admin<'a>(&'a str);

impl Admin<'_> {
    async fn ask(&self, method: Method, path: &str, body: Value) -> Answer {
        ask(self.0, ADMIN, method, path, body).await
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.ask(Method::GET, path, Value::Null).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    async fn key(&self, body: Value) -> Value {
        let answer = self.ask(Method::POST, "/admin/keys", body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()
    }

    async fn roll_out(&self, percentage: u8) {
        let body = json!({ "percentage": percentage });
        let answer = self.ask(Method::PUT, "/admin/dark-launch", body).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["percentage"]),
            (200, &json!(percentage))
        );
    }

    /// Entries of the audit, once there is one of them.
    async fn audit(&self, query: &str) -> Vec<Value> {
        wait::until(query, async || {
            let page = self.get(&format!("/admin/audit?{query}")).await;
            let entries = page["entries"].as_array().unwrap().clone();
            if entries.is_empty() { Err(page) } else { Ok(entries) }
        })
        .await
    }
}

async fn ask(url: &str, key: &str, method: Method, path: &str, body: Value) -> Answer {
    let client = Client::at(url, path).with("authorization", &format!("Bearer {key}"));
    let body = if body.is_null() { String::new() } else { body.to_string() };
    Answer::of(client.send(method).body(body).send().await.unwrap()).await
}

fn bearer(url: &str, key: &str) -> Client {
    Client::new(url).with("authorization", &format!("Bearer {key}"))
}

fn jwt(url: &str, sub: &str) -> Client {
    bearer(url, &hs256(SECRET, claims(json!({ "sub": sub }))))
}

#[tokio::test]
async fn keys_rollout_audit_and_the_admin_api() {
    let server = Wrangler::start(&[
        ("ENVIRONMENT", "development"),
        ("SESSION_KEY", "a-session-key-of-this-test-with-enough-characters"),
        ("MCP_ADMIN_KEY", ADMIN),
        ("MCP_API_KEY", "a-plain-key-of-this-test"),
        ("MCP_JWT_SECRET", SECRET),
        ("ROLLOUT_ALLOW", "always-in"),
        ("AUDIT_READS", "1"),
    ])
    .await;
    let admin = Admin(server.url());
    nobody_else_administers(&admin).await;
    let (made, mut stream) = named_keys_open_as_far_as_their_scopes(&admin).await;
    a_share_of_the_subjects_is_let_in(&admin).await;
    guide::rolls_out(admin.0, ADMIN, SECRET).await;
    what_happened_is_in_the_audit(&admin).await;
    sessions_end_and_quotas_are_seen(&admin).await;
    the_description_is_true(&admin).await;
    nothing_that_a_fuzzer_sends_is_answered_otherwise_than_described(&admin, 8).await;
    // It ends with its next comment, 20 s after it began.
    stream.until("the key was revoked").await;
    for secret in [ADMIN, SECRET, made.as_str(), "a-plain-key-of-this-test", "a-password"] {
        let log = server.log();
        // wrangler itself shows the beginnings of variables.
        let log: Vec<&str> = log.lines().filter(|line| !line.contains("env.")).collect();
        assert!(!log.iter().any(|line| line.contains(secret)), "{secret}: {log:?}");
    }
    server.end().await;
}

async fn nobody_else_administers(admin: &Admin<'_>) {
    for (key, status) in [("wrong", 401), ("a-plain-key-of-this-test", 403)] {
        let answer = ask(admin.0, key, Method::GET, "/admin/keys", Value::Null).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
    let challenge = "Bearer error=\"insufficient_scope\", scope=\"read write admin\"";
    let refused =
        ask(admin.0, "a-plain-key-of-this-test", Method::GET, "/admin/audit", Value::Null).await;
    assert_eq!(refused.header("www-authenticate"), challenge);
    assert_eq!(admin.get("/admin/keys").await, json!({ "keys": [] }));
    let health = reqwest::get(format!("{}/health", admin.0)).await.unwrap();
    let health: Value = serde_json::from_str(&health.text().await.unwrap()).unwrap();
    assert_eq!(health["rollout"], json!({ "percentage": 100, "on": true }));
    let health = admin.get("/admin/health").await;
    assert_eq!((&health["namedKeys"], &health["audit"]), (&json!(true), &json!(true)));
}

/// A key that was revoked, and a stream that was opened with it.
async fn named_keys_open_as_far_as_their_scopes(admin: &Admin<'_>) -> (String, Live) {
    let made = admin.key(json!({ "name": "reader" })).await;
    let key = made["key"].as_str().unwrap().to_owned();
    assert_eq!((made["scopes"].as_str(), key.len()), (Some("read"), 60));
    let client = bearer(admin.0, &key).connect().await;
    let who = client.call("whoami", json!({})).await.result()["structuredContent"].clone();
    assert_eq!((&who["authMethod"], &who["cameAs"]), (&json!("named-key"), &json!("reader")));
    let change = json!({ "fqdn": "a.example.org", "confirm": true, "note": "a-password" });
    client.call("sitebay_delete_site", change).await.refused(403, -32000);
    // Another key is another subject; a wrong secret with a right id is wrong.
    let other = admin.key(json!({ "name": "other", "scopes": ["write"] })).await;
    let other_key = other["key"].as_str().unwrap();
    let foreign = client.clone().with("authorization", &format!("Bearer {other_key}"));
    foreign.request("ping", json!({})).await.refused(404, -32001);
    let forged = format!("{}{}", &key[..17], &other_key[17..]);
    assert_eq!(bearer(admin.0, &forged).initialize("2025-11-25").await.status, 401);
    let brief = admin.key(json!({ "name": "brief", "expiresIn": 4 })).await;
    let brief = bearer(admin.0, brief["key"].as_str().unwrap());
    assert_eq!(brief.initialize("2025-11-25").await.status, 200);
    wait::until("a key that is good for 4 s expired", async || {
        let answer = brief.initialize("2025-11-25").await;
        if answer.text.contains("expired") { Ok(()) } else { Err(answer) }
    })
    .await;
    // After so many invented keys the good ones are read as a list, and still open.
    for number in 0..25 {
        let invented = format!("sbk_{number:012x}_{}", "A".repeat(43));
        assert_eq!(bearer(admin.0, &invented).initialize("2025-11-25").await.status, 401);
    }
    let newest = admin.key(json!({ "name": "newest", "expiresIn": 3_600 })).await;
    for key in [key.as_str(), newest["key"].as_str().unwrap()] {
        assert_eq!(bearer(admin.0, key).initialize("2025-11-25").await.status, 200);
    }
    // Neither list nor audit shows a key.
    let listed = admin.get("/admin/keys").await;
    assert_eq!(listed["keys"].as_array().unwrap().len(), 4);
    assert!(!listed.to_string().contains(&key[17..]));
    let stream = Live::new(client.get().await);
    let path = format!("/admin/keys/{}", made["id"].as_str().unwrap());
    assert_eq!(admin.ask(Method::DELETE, &path, Value::Null).await.status, 204);
    assert_eq!(admin.ask(Method::DELETE, &path, Value::Null).await.status, 404);
    let revoked = client.request("ping", json!({})).await;
    assert!(revoked.status == 401 && revoked.text.contains("revoked"), "{revoked:?}");
    (key, stream)
}

async fn a_share_of_the_subjects_is_let_in(admin: &Admin<'_>) {
    let inside = async || {
        let mut inside = Vec::new();
        for number in 0..40 {
            let answer = jwt(admin.0, &format!("user-{number}")).initialize("2025-11-25").await;
            inside.push(answer.status == 200);
        }
        inside
    };
    admin.roll_out(0).await;
    let refused = jwt(admin.0, "user-0").initialize("2025-11-25").await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (503, "60"));
    let told = refused.json();
    assert_eq!((&told["error"], &told["percentage"]), (&json!("Not available yet"), &json!(0)));
    let subject = told["subject"].as_str().unwrap();
    assert_eq!(subject.len(), 22);
    let named = hs256(SECRET, claims(json!({ "client_id": "always-in" })));
    assert_eq!(bearer(admin.0, &named).initialize("2025-11-25").await.status, 200);
    admin.roll_out(50).await;
    let half = inside().await;
    let count = half.iter().filter(|inside| **inside).count();
    assert!((5..=35).contains(&count), "{count} of 40");
    assert_eq!(inside().await, half, "whoever is in stays in");
    admin.roll_out(90).await;
    let most = inside().await;
    assert!(half.iter().zip(&most).all(|(before, after)| !before || *after));
    for wrong in [json!({}), json!({ "percentage": 101 }), json!({ "percentage": "50" }), json!([])]
    {
        let answer = admin.ask(Method::PUT, "/admin/dark-launch", wrong).await;
        assert_eq!(answer.status, 400, "{answer:?}");
    }
    admin.roll_out(100).await;
}

async fn what_happened_is_in_the_audit(admin: &Admin<'_>) {
    let refused = &admin.audit("action=sitebay_delete_site").await[0];
    let expected = json!(["reader", "named-key", "a.example.org", "destructive", "beyond-scope"]);
    let shown =
        ["key", "authMethod", "site", "effect", "outcome"].map(|name| refused[name].clone());
    assert_eq!(json!(shown), expected);
    assert_eq!(refused["client"], "test client");
    assert!(!refused.to_string().contains("a-password"), "{refused}");
    assert_eq!(admin.audit("action=whoami").await[0]["effect"], "read");
    for outcome in ["wrong-credential", "rollout", "done"] {
        admin.audit(&format!("outcome={outcome}")).await;
    }
    let changed = admin.audit("action=PUT%20/admin/dark-launch").await;
    assert_eq!((&changed[0]["key"], &changed[0]["effect"]), (&json!("admin"), &json!("write")));
    // Pages lead to the end, and no entry comes twice.
    let (mut ids, mut next) = (Vec::new(), json!(""));
    while !next.is_null() {
        let before = if next == "" { String::new() } else { format!("&before={next}") };
        let page = admin.get(&format!("/admin/audit?limit=7{before}")).await;
        ids.extend(
            page["entries"].as_array().unwrap().iter().map(|one| one["id"].as_u64().unwrap()),
        );
        next = page["next"].clone();
    }
    assert!(ids.len() > 20 && ids.is_sorted_by(|a, b| a > b), "{ids:?}");
    let wrong = admin.ask(Method::GET, "/admin/audit?limit=0", Value::Null).await;
    assert_eq!(wrong.status, 400);
}

async fn sessions_end_and_quotas_are_seen(admin: &Admin<'_>) {
    let client = jwt(admin.0, "ada").connect().await;
    client.call("whoami", json!({})).await;
    let is_hers = |entry: &&Value| entry["authMethod"] == "jwt";
    let subject = wait::until("her call is in the audit", async || {
        let entries = admin.audit("action=whoami&outcome=done").await;
        let hers = entries.iter().find(is_hers).and_then(|entry| entry["subject"].as_str());
        hers.map(str::to_owned).ok_or(entries)
    })
    .await;
    let quota = admin.get(&format!("/admin/subjects/{subject}/quota")).await;
    assert_eq!((&quota["limit"], &quota["acceptedTokens"]), (&json!(1_000), &json!(0)));
    assert!(quota["leased"].as_u64().unwrap() >= 100, "{quota}");
    let stream = client.get().await;
    let path = format!("/admin/subjects/{subject}/sessions");
    let held = admin.get(&path).await;
    assert_eq!(held["sessions"].as_array().unwrap().len(), 1, "{held}");
    assert_eq!(admin.ask(Method::DELETE, &path, Value::Null).await.status, 204);
    client.request("ping", json!({})).await.refused(404, -32001);
    assert!(stream.text().await.unwrap().contains("ended"));
    let nobody = admin.ask(Method::DELETE, "/admin/subjects/x/sessions", Value::Null).await;
    assert_eq!(nobody.status, 404);
}

async fn the_description_is_true(admin: &Admin<'_>) {
    let found = reqwest::get(format!("{}/admin/openapi.json", admin.0)).await.unwrap();
    let found: Value = serde_json::from_str(&found.text().await.unwrap()).unwrap();
    for (path, operations) in found["paths"].as_object().unwrap() {
        let path = path.replace("{subject}", &"A".repeat(22)).replace("{id}", "000000000000");
        let path = path.replace("{name}", "none");
        for method in ["get", "post", "put", "delete", "patch"] {
            let known = operations.get(method).is_some();
            let method: Method = method.to_uppercase().parse().unwrap();
            for body in ["", "{", "[]", "{\"name\":{}}", "null", "\u{0}"] {
                let client =
                    Client::at(admin.0, &path).with("authorization", &format!("Bearer {ADMIN}"));
                let sent = client.send(method.clone()).body(body).send().await.unwrap();
                let status = sent.status().as_u16();
                assert!(status < 500, "{method} {path} {body}: {status}");
                assert_eq!(status == 405, !known, "{method} {path}: {status}");
            }
        }
    }
}

async fn nothing_that_a_fuzzer_sends_is_answered_otherwise_than_described(
    admin: &Admin<'_>,
    examples: u32,
) {
    let key = format!("Bearer {ADMIN}");
    // With a token it is a subject of its own, with a limit of its own.
    let headers = [("Authorization", key.as_str()), ("X-SiteBay-Token", "token-of-the-fuzzer")];
    let document = format!("{}/admin/openapi.json", admin.0);
    fuzz("admin API, fuzzer", &document, &headers, examples).await;
}

#[tokio::test]
#[ignore = "long: sends thousands of requests"]
async fn whatever_a_fuzzer_sends_for_minutes_is_answered_as_described() {
    let server = Wrangler::start(&[("ENVIRONMENT", "development"), ("MCP_ADMIN_KEY", ADMIN)]).await;
    nothing_that_a_fuzzer_sends_is_answered_otherwise_than_described(&Admin(server.url()), 50)
        .await;
    server.end().await;
}

/// The contents of the scanners' card.
async fn needs_authentication(url: &str) -> Value {
    let card = reqwest::get(format!("{url}/.well-known/mcp/server-card.json")).await.unwrap();
    let card: Value = serde_json::from_str(&card.text().await.unwrap()).unwrap();
    card["authentication"]["required"].clone()
}

#[tokio::test]
async fn development_is_open_until_a_named_key_was_made() {
    let development = ("ENVIRONMENT", "development");
    let server = Wrangler::start(&[development]).await;
    let open = Client::new(server.url()).initialize("2025-11-25").await;
    assert_eq!(open.status, 200, "{open:?}");
    assert_eq!(needs_authentication(server.url()).await, false);
    let server = server.restart(&[development, ("MCP_ADMIN_KEY", ADMIN)]).await;
    let made = Admin(server.url()).key(json!({ "name": "reader" })).await;
    // The way in by which it was made is taken away: the key stays one.
    let server = server.restart(&[development]).await;
    let client = Client::new(server.url());
    client.initialize("2025-11-25").await.refused(401, -32000);
    assert_eq!(needs_authentication(server.url()).await, true);
    let absent = Client::at(server.url(), "/register").post("{}").await;
    assert!(absent.text.contains("Authorization: Bearer"), "{absent:?}");
    let key = made["key"].as_str().unwrap();
    assert_eq!(bearer(server.url(), key).initialize("2025-11-25").await.status, 200);
    // The named key is the only way in, wherever the server runs.
    let production = [("ENVIRONMENT", "production"), ("RATE_LIMIT", "1000")];
    let server = server.restart(&production).await;
    let health = reqwest::get(format!("{}/health", server.url())).await.unwrap();
    assert_eq!(health.status(), 200);
    let opened = bearer(server.url(), key).initialize("2025-11-25").await;
    assert_eq!(opened.status, 200, "{opened:?}");
    // Guesses at the same time are no more than guesses one after another.
    let guesses: Vec<Client> = (0..100)
        .map(|number| format!("sbk_{number:012x}_{}", "A".repeat(43)))
        .map(|guess| bearer(server.url(), &guess).with("cf-connecting-ip", "192.0.2.77"))
        .collect();
    let answers = join_all(guesses.iter().map(|guess| guess.initialize("2025-11-25"))).await;
    let count = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(401), count(429)), (60, 40), "{answers:?}");
    server.end().await;
}

#[tokio::test]
async fn without_kv_and_d1_they_are_off_and_health_says_so() {
    let server = start(options().var("MCP_ADMIN_KEY", ADMIN)).await;
    let url = server.url();
    let admin = Admin(&url);
    let health = reqwest::get(format!("{url}/health")).await.unwrap();
    let health: Value = serde_json::from_str(&health.text().await.unwrap()).unwrap();
    assert_eq!(health["rollout"], json!({ "percentage": null, "on": false }));
    let health = admin.get("/admin/health").await;
    assert_eq!((&health["namedKeys"], &health["audit"]), (&json!(false), &json!(false)));
    for path in ["/admin/keys", "/admin/audit"] {
        assert_eq!(admin.ask(Method::GET, path, Value::Null).await.status, 501, "{path}");
    }
    assert_eq!(admin.get("/admin/dark-launch").await["percentage"], Value::Null);
    let set = admin.ask(Method::PUT, "/admin/dark-launch", json!({ "percentage": 5 })).await;
    assert_eq!(set.status, 501);
    bearer(&server.url(), ADMIN).connect().await;
}
