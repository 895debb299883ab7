//! The sandbox against the published contract, where a copy of it is at hand.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sandbox::Options;
use serde_json::{Value, json};

use crate::client::{Api, answer, swift};
use crate::operations;
use crate::schema::check;

const CONTRACT: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/facts/sitebay-openapi-2026-03.json");
const PREFIX: &str = "/f/api/v1";

/// A contract, what departed from it so far, and which of its operations were called.
pub(crate) struct Contract {
    pub(crate) api: Api,
    root: Value,
    errors: Vec<String>,
    called: BTreeSet<String>,
}

impl Contract {
    /// Reads the contract; `None`, and a note, where there is no copy of it.
    pub(crate) async fn read(options: Options) -> Option<Self> {
        if !Path::new(CONTRACT).exists() {
            xtask::skips::skip("contract", "there is no copy of the API's specification");
            return None;
        }
        let root = serde_json::from_str(&fs::read_to_string(CONTRACT).unwrap()).unwrap();
        let api = Api::with(options).await;
        Some(Self { api, root, errors: Vec::new(), called: BTreeSet::new() })
    }

    /// The operations, each as its method and its path after the prefix.
    fn operations(&self) -> Vec<(String, String, Value)> {
        let paths = self.root["paths"].as_object().unwrap().iter();
        let operations = paths.flat_map(|(path, methods)| {
            let path = path.strip_prefix(PREFIX).unwrap();
            let methods = methods.as_object().unwrap().iter();
            methods.map(move |(method, operation)| {
                (method.to_uppercase(), path.to_owned(), operation.clone())
            })
        });
        operations.collect()
    }

    /// Makes a call that must succeed, and checks its answer. `operation` is a method and a path
    /// as the contract has it; `values` go where the path has braces, `{fqdn}` being the first
    /// site.
    pub(crate) async fn call(
        &mut self,
        operation: &str,
        values: &[&str],
        query: &str,
        body: Option<Value>,
    ) -> Value {
        let (method, template) = operation.split_once(' ').unwrap();
        let path = filled(template, values) + query;
        let request = self.api.request(method, &path);
        let request = match &body {
            Some(body) => request.json(body),
            None => request,
        };
        let (status, answer) = answer(request).await;
        let at = format!("{operation} {status}");
        assert!((200..300).contains(&status), "{at}: {answer}");
        let responses = &self.root["paths"][format!("{PREFIX}{template}")][method.to_lowercase()];
        let responses = &responses["responses"][status.to_string()];
        let schema = &responses["content"]["application/json"]["schema"];
        assert!(schema.is_object(), "{at} is not in the contract");
        check(&self.root, schema, &answer, &at, &mut self.errors);
        self.called.insert(operation.to_owned());
        answer
    }

    /// Checks a value that the contract leaves open against one of its schemas.
    pub(crate) fn fits(&mut self, value: &Value, schema: &str) {
        let schema = json!({ "$ref": format!("#/components/schemas/{schema}") });
        check(&self.root, &schema, value, "an open answer", &mut self.errors);
    }
}

/// A template with its braces filled in.
fn filled(template: &str, values: &[&str]) -> String {
    let mut values = values.iter();
    let parts = template.split('/').map(|part| match part {
        "{fqdn}" => "site-1.example.com",
        _ if part.starts_with('{') => values.next().unwrap(),
        _ => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn every_operation_succeeds_and_its_answer_fits_the_contract() {
    let Some(mut contract) = Contract::read(swift()).await else {
        return;
    };
    operations::call_all(&mut contract).await;
    assert_eq!(contract.errors, Vec::<String>::new());
    let all = contract.operations().into_iter();
    let all: BTreeSet<String> = all.map(|(method, path, _)| format!("{method} {path}")).collect();
    assert_eq!(all.len(), 71);
    let missing: Vec<&String> = all.difference(&contract.called).collect();
    assert!(missing.is_empty(), "never called: {missing:?}");
    assert!(contract.called.is_subset(&all));
}

#[tokio::test]
async fn every_operation_wants_a_token() {
    let Some(contract) = Contract::read(swift()).await else {
        return;
    };
    for (method, path, _) in contract.operations() {
        let path = format!("{PREFIX}{}", filled(&path, &["1", "1"]));
        let (status, _) = answer(contract.api.bare(&method, &path)).await;
        assert_eq!(status, 401, "{method} {path}");
    }
}

#[tokio::test]
async fn a_readonly_token_does_what_only_reads() {
    let Some(contract) = Contract::read(swift()).await else {
        return;
    };
    let mut reads = Vec::new();
    for (method, path, _) in contract.operations() {
        let filled = format!("{PREFIX}{}", filled(&path, &["1", "1"]));
        let request = contract.api.bare(&method, &filled).bearer_auth("key-readonly-1");
        let (status, _) = answer(request).await;
        if status != 403 && method != "GET" {
            reads.push(path);
        }
        assert!(status != 403 || method != "GET", "{filled}");
    }
    reads.sort();
    let expected = [
        "/grafana-proxy",
        "/posthog-proxy",
        "/shopify-proxy",
        "/site/{fqdn}/browser/goto",
        "/site/{fqdn}/browser/screenshot",
        "/site/{fqdn}/browser/text",
        "/site/{fqdn}/get_download_urls",
        "/site/{fqdn}/wpfile/read",
        "/site/{fqdn}/wpfile/tree",
        "/wp-proxy",
    ];
    assert_eq!(reads, expected);
}

#[tokio::test]
async fn every_body_is_checked_and_the_complaint_fits_the_contract() {
    let Some(contract) = Contract::read(swift()).await else {
        return;
    };
    let mut errors = Vec::new();
    let complaint = json!({ "$ref": "#/components/schemas/HTTPValidationError" });
    let mut checked = 0;
    for (method, path, operation) in contract.operations() {
        if operation["requestBody"].is_null() {
            continue;
        }
        let at = format!("{method} {path}");
        let path = filled(&path, &["1", "1"]);
        let (status, body) = answer(contract.api.request(&method, &path).json(&json!([]))).await;
        assert_eq!(status, 422, "{at}: {body}");
        for entry in body["detail"].as_array().unwrap() {
            let mut entry = entry.clone();
            entry.as_object_mut().unwrap().entry("ctx").or_insert_with(|| json!({}));
            let body = json!({ "detail": [entry] });
            check(&contract.root, &complaint, &body, &at, &mut errors);
        }
        checked += 1;
    }
    assert_eq!(errors, Vec::<String>::new());
    assert_eq!(checked, 33);
}

#[tokio::test]
async fn every_operation_on_a_site_wants_one_that_exists() {
    let Some(contract) = Contract::read(swift()).await else {
        return;
    };
    for (method, path, operation) in contract.operations() {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let wants_query =
            parameters.into_iter().any(|one| one["in"] == "query" && one["required"] == true);
        if !path.contains("{fqdn}") || !operation["requestBody"].is_null() || wants_query {
            continue;
        }
        let path = path.replace("{fqdn}", "no.example.com");
        let path = filled(&path, &["00000000-0000-4000-8000-000000000000"]);
        let (status, body) = answer(contract.api.request(&method, &path)).await;
        assert_eq!((status, &body["detail"]), (404, &json!("Site not found")), "{method} {path}");
    }
}
