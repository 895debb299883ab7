//! Every route of the later generation.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::client::{Api, TEAM, answer, october};

/// Those that have no test of their own, with what they need besides a site.
const READS: &[&str] = &[
    "/site/{fqdn}/usage",
    "/site/{fqdn}/visits",
    "/site/{fqdn}/dashboard",
    "/site/{fqdn}/thumbnail",
    "/site_live/{fqdn}/images",
    "/site/{fqdn}/recovery-jobs",
    "/team/{team_id}/event",
    "/ready_made_site/{name}",
];

async fn routes(api: &Api) -> Vec<Value> {
    let (_, routes) = answer(api.bare("GET", "/__control/routes")).await;
    routes.as_array().unwrap().clone()
}

fn filled(path: &str) -> String {
    let path = path.replace("{fqdn}", "site-1.example.com").replace("{team_id}", TEAM);
    path.replace("{name}", "plain-blog")
}

#[tokio::test]
async fn plain_reads_succeed() {
    let api = Api::with(october()).await;
    for path in READS {
        assert_eq!(api.get(&filled(path)).await.0, 200, "{path}");
    }
    let (_, visits) = api.get("/site/site-1.example.com/visits?hours=3").await;
    assert_eq!(visits["visits"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn signing_on_and_application_passwords_are_made_up() {
    let api = Api::with(october()).await;
    for name in ["wp-admin-sso", "code-server-sso"] {
        let (code, body) = api.post(&format!("/site/site-1.example.com/{name}"), json!({})).await;
        assert_eq!(code, 200);
        assert!(body["url"].as_str().unwrap().starts_with("https://site-1.example.com/"));
    }
    let fqdn = json!({ "fqdn": "site-1.example.com" });
    let (_, made) = api.post("/application_password", fqdn).await;
    let one = "/application_password/site-1.example.com";
    let (_, renewed) = answer(api.request("PUT", one)).await;
    assert_ne!(made["password"], renewed["password"]);
    assert_eq!(api.delete(one).await.0, 200);
}

#[tokio::test]
async fn routes_are_listed_and_all_but_three_want_a_token() {
    let api = Api::with(october()).await;
    let routes = routes(&api).await;
    let mut open = BTreeSet::new();
    let mut retired = 0;
    for route in &routes {
        let (method, path) = (route["method"].as_str().unwrap(), route["path"].as_str().unwrap());
        let path = path.replace("{fqdn}", "site-1.example.com").replace(['{', '}'], "");
        let (status, _) = answer(api.bare(method, &format!("/f/api/v1{path}"))).await;
        retired += usize::from(route["retired"] == true);
        if status != 401 {
            open.insert(path);
        }
    }
    assert_eq!(Vec::from_iter(open), ["/plan/pricing", "/region", "/region/region_id"]);
    assert_eq!(retired, 8);
    assert!(routes.len() > 130, "{}", routes.len());
}

#[tokio::test]
async fn what_only_one_generation_has_is_not_listed_for_the_other() {
    let later = Api::with(october()).await;
    let earlier = Api::start().await;
    let names = async |api: &Api| -> BTreeSet<String> {
        let routes = routes(api).await;
        routes.iter().map(|route| format!("{} {}", route["method"], route["path"])).collect()
    };
    let (later, earlier) = (names(&later).await, names(&earlier).await);
    assert_eq!(earlier.len(), 71);
    let gone: Vec<&String> = earlier.difference(&later).collect();
    assert_eq!(gone.len(), 7, "{gone:?}");
}
