//! The usual conversation with the tools of this server, where the person is asked before a job runs and before a
//! configuration changes: in a session, in rounds, and for clients that follow tasks.

use std::time::Duration;

use sandbox::keboola::token;
use serde_json::{Value, json};

use crate::support::{
    Client,
    keboola::{Discovered, Keboola, PROJECT},
    talk::{Era, Talk},
    wait,
};

const DOORS: [(&str, &str); 2] = [("/mcp", "keboola_"), ("/u/keboola/mcp", "")];
const COMPONENT: &str = "keboola.ex-http";
const ALL: [&str; 3] = ["read", "write", "upstream:keboola"];
/// What a person would not like to read anywhere.
const SECRET: &str = "password-of-the-download";

/// A person who talks at a door.
struct Person<'a> {
    keboola: &'a Keboola,
    talk: Talk,
    prefix: &'a str,
}

impl Person<'_> {
    /// The data of a call that succeeds.
    async fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let result = self.talk.call(&format!("{}{tool}", self.prefix), arguments).await;
        assert_ne!(result["isError"], true, "{tool}: {result}");
        assert!(!result.to_string().contains(SECRET), "{tool}: {result}");
        result["structuredContent"].clone()
    }

    /// From a look at the project to a configuration that is changed.
    async fn converses(&mut self) {
        let project = self.call("get_project_info", json!({})).await;
        assert_eq!(
            (&project["project_name"], &project["user_role"]),
            (&json!("Shop"), &json!("admin"))
        );
        let found = self.call("search", json!({ "patterns": ["orders"] })).await;
        let hits = found["hits"].as_array().unwrap();
        assert!(hits.iter().any(|hit| hit["table_id"] == "in.c-main.orders"), "{found}");
        let tables = self.call("get_tables", json!({ "table_ids": ["in.c-main.orders"] })).await;
        let name = tables["tables"][0]["fully_qualified_name"].as_str().expect("a name");
        let sql = format!("SELECT * FROM {name} LIMIT 1");
        let rows = self.call("query_data", json!({ "sql_query": sql, "query_name": "One" })).await;
        assert_eq!(rows["csv_data"], "id,name,amount\r\n1,Tea,4.50\r\n", "{rows}");
        let received = self.keboola.received();
        let config = self.creates().await;
        self.runs(&config).await;
        self.changes(&config).await;
        let configs =
            format!("connection /v2/storage/branch/default/components/{COMPONENT}/configs");
        let written = self.keboola.writes_since(received);
        let places: Vec<&str> = written.iter().map(|(place, _)| place.as_str()).collect();
        let expected = [
            "POST encryption /encrypt".to_owned(),
            format!("POST {configs}"),
            format!("POST {configs}/{config}/metadata"),
            "POST queue /jobs".to_owned(),
            format!("PUT {configs}/{config}"),
            format!("POST {configs}/{config}/metadata"),
        ];
        assert_eq!(places, expected);
    }

    /// Makes a configuration, without a question; its id.
    async fn creates(&mut self) -> String {
        let made = json!({
            "name": "Prices", "description": "Prices of every day", "component_id": COMPONENT,
            "parameters": { "path": "b.csv", "#password": SECRET },
        });
        let made = self.call("create_config", made).await;
        assert_eq!(self.talk.asked, [""; 0]);
        made["configuration_id"].as_str().expect("an id").to_owned()
    }

    /// Runs it to the end of its job, to which the person agrees.
    async fn runs(&mut self, config: &str) {
        let keboola = self.keboola;
        let started = keboola.apis.requests().len();
        let ends = async {
            let is_start =
                |one: &sandbox::Recorded| one.method == "POST" && one.path.ends_with("/queue/jobs");
            let sent = || keboola.apis.requests().iter().skip(started).any(is_start);
            wait::holds("the job was started", sent).await;
            keboola.apis.advance(Duration::from_secs(3));
        };
        let run = json!({ "component_id": COMPONENT, "configuration_id": config, "wait": true });
        let (job, ()) = tokio::join!(self.call("run_job", run), ends);
        assert_eq!(
            (&job["status"], &job["is_finished"]),
            (&json!("success"), &json!(true)),
            "{job}"
        );
        let logs = json!({ "job_ids": [job["id"]], "include_logs": true });
        let logs = self.call("get_jobs", logs).await["result"]["jobs"][0]["logs"].to_string();
        assert!(logs.contains("Component processing finished."), "{logs}");
        let [asked] = &self.talk.asked[..] else { panic!("{:?}", self.talk.asked) };
        for part in ["- Project: \"Shop\" (101)", "- Branch: main", "\"Prices\"", config] {
            assert!(asked.contains(part), "{part}: {asked}");
        }
    }

    /// Changes it, to which the person agrees.
    async fn changes(&mut self, config: &str) {
        let changed = json!({
            "component_id": COMPONENT, "configuration_id": config, "change_description": "Another file",
            "parameter_updates": [{ "op": "set", "path": "path", "value": "c.csv" }],
        });
        let changed = self.call("update_config", changed).await;
        assert_eq!(changed["version"], 2, "{changed}");
        let [_, asked] = &self.talk.asked[..] else { panic!("{:?}", self.talk.asked) };
        for part in ["parameters.path", "b.csv", "c.csv", "- Why: \"Another file\"", config] {
            assert!(asked.contains(part), "{part}: {asked}");
        }
        assert!(!asked.contains(SECRET) && !asked.contains("KBC::"), "{asked}");
        let one = json!({ "configs": [{ "component_id": COMPONENT, "configuration_id": config }] });
        let seen = self.call("get_configs", one).await["result"]["configs"][0].clone();
        assert_eq!(seen["configuration_root"]["parameters"]["path"], "c.csv", "{seen}");
    }
}

#[tokio::test]
async fn a_person_who_signed_in_is_asked_in_the_usual_conversation_in_each_era() {
    let keboola = Keboola::native().await;
    let worker = keboola.before(json!({})).await;
    let discovered = Discovered::at(&worker, "/mcp").await;
    let (_, tokens) = discovered.sign_in(&ALL, &token(PROJECT, "master")).await;
    let bearer = format!("Bearer {}", tokens.access);
    let [common, own] = DOORS;
    for ((path, prefix), era) in [(common, Era::Session), (own, Era::Rounds), (common, Era::Tasks)]
    {
        let client = Client::at(&worker.url(), path).with("authorization", &bearer);
        let talk = Talk::new(client, era).await;
        Person { keboola: &keboola, talk, prefix }.converses().await;
    }
    assert!(!worker.log().contains(SECRET));
}
