//! Invalid input: it is refused or accepted, and never causes a failure.

use sandbox::{Generation, Options, Recorded};
use serde_json::{Map, Value, json};

use crate::client::{Api, answer, swift};
use crate::contract::Contract;
use crate::operations;

/// Every name of a field or a parameter that an operation reads.
const NAMES: &[&str] = &[
    "at_date",
    "auto_track_dir",
    "blog_url",
    "body",
    "cmd",
    "content",
    "conversation",
    "cwd",
    "date_from",
    "delete_extra_files",
    "dev_mode",
    "dns_content",
    "dns_name",
    "dns_type",
    "dolt_restore_hash",
    "edits",
    "email",
    "enable",
    "enabled",
    "end_line",
    "external_name",
    "file_edit_using_search_replace_blocks",
    "file_path",
    "for_team_id",
    "fqdn",
    "from",
    "from_commit",
    "full_page",
    "git_url",
    "hostname",
    "hours",
    "ip",
    "is_dry_run",
    "js",
    "key",
    "keys",
    "level",
    "limit",
    "lines",
    "log_type",
    "max_depth",
    "metadata_json",
    "method",
    "mode",
    "name",
    "new_fqdn",
    "number_to_fetch",
    "offset",
    "page",
    "path",
    "permission",
    "proxied",
    "query",
    "query_params_json",
    "restore_point",
    "selector",
    "shop_name",
    "since",
    "site_live_id",
    "site_stage_id",
    "size",
    "source",
    "source_url",
    "start_line",
    "subdomain",
    "subject",
    "table",
    "target",
    "team_id",
    "to",
    "type",
    "url",
    "value",
    "version_ids",
];

fn odd() -> Vec<Value> {
    vec![
        json!(""),
        json!("🦀\u{0}../%2e%2e/\"'"),
        json!("site-1.example.com"),
        json!("/wp-json/wp/v2/posts?page=99999999999999999999&per_page=-1"),
        json!("<<<<<<< SEARCH\n=======\n>>>>>>> REPLACE"),
        json!("wp post create --post_title='a | b && > c"),
        json!("9223372036854775807"),
        json!("+262142-12-31T23:59:59Z"),
        json!("-9223372036854775808d"),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1e308),
        json!([[], {}, null, "a"]),
        json!({ "a": { "b": [1] } }),
        json!(true),
        Value::Null,
    ]
}

fn object(value: &Value) -> Value {
    NAMES.iter().map(|name| ((*name).to_owned(), value.clone())).collect::<Map<_, _>>().into()
}

/// A query with one value for all names; its text where it has one.
fn query(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(NAMES.iter().map(|name| (name, &text)));
    query.finish()
}

async fn check(generation: Generation) {
    let api = Api::with(Options { generation, ..swift() }).await;
    let (_, routes) = answer(api.bare("GET", "/__control/routes")).await;
    let odd = odd();
    for route in routes.as_array().unwrap() {
        let (method, path) = (route["method"].as_str().unwrap(), route["path"].as_str().unwrap());
        for value in &odd {
            let mut path = path.replace("{fqdn}", "site-1.example.com");
            path = path.replace("{shop_name}", "my-shop").replace("{theme_id}", "1");
            path = path.replace("{", "").replace("}", "");
            let path = format!("{path}?{}", query(value));
            for body in [object(value), value.clone()] {
                let sent = api.request(method, &path).json(&body).send().await;
                let status =
                    sent.unwrap_or_else(|e| panic!("{method} {path} {body}: {e}")).status();
                assert!(!status.is_server_error(), "{method} {path} {body}: {status}");
            }
        }
        api.sandbox.reset();
        let switch = json!({ "generation": generation });
        answer(api.bare("POST", "/__control/generation").json(&switch)).await;
    }
}

/// Sends what was once accepted with one field or parameter replaced.
async fn vary(api: &Api, good: &Recorded, value: &Value) {
    let send = async |query: &str, body: Option<&Value>| {
        let request = api.bare(&good.method, &format!("{}?{query}", good.path)).bearer_auth("key");
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let at = format!("{} {}?{query} {body:?}", good.method, good.path);
        let sent = request.send().await.unwrap_or_else(|e| panic!("{at}: {e}"));
        assert!(!sent.status().is_server_error(), "{at}: {}", sent.status());
    };
    let fields = good.body.iter().filter_map(Value::as_object).flat_map(Map::keys);
    for name in fields {
        let mut body = good.body.clone().unwrap();
        body[name] = value.clone();
        send(&good.query, Some(&body)).await;
    }
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let pairs: Vec<_> = form_urlencoded::parse(good.query.as_bytes()).into_owned().collect();
    for (index, _) in pairs.iter().enumerate() {
        let mut pairs = pairs.clone();
        pairs[index].1.clone_from(&text);
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        send(&query, good.body.as_ref()).await;
    }
}

#[tokio::test]
async fn no_single_field_makes_an_operation_fail() {
    let Some(mut contract) = Contract::read(swift()).await else {
        return;
    };
    operations::call_all(&mut contract).await;
    let api = contract.api;
    let odd = odd();
    for good in api.sandbox.requests() {
        for value in &odd {
            api.sandbox.reset();
            vary(&api, &good, value).await;
        }
    }
}

#[tokio::test]
async fn no_input_makes_the_earlier_generation_fail() {
    check(Generation::March).await;
}

#[tokio::test]
async fn no_input_makes_the_later_generation_fail() {
    check(Generation::October).await;
}
