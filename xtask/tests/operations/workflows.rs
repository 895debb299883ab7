//! The workflows of GitHub Actions: what they may say, and that each verb they call runs.

use std::{collections::BTreeSet, fs, time::Duration};

use xtask::{operations::worker::Share, paths};
use yaml_rust2::{Yaml, YamlLoader};

use crate::lab::{KEY, Lab, PRODUCTION, STAGING, ended};

/// A step of a job.
#[derive(Debug, Clone)]
struct Step {
    job: String,
    run: String,
    uses: String,
    condition: String,
}

fn workflow(name: &str) -> Yaml {
    let file = paths::root().join(".github/workflows").join(name);
    let text = fs::read_to_string(&file).unwrap_or_else(|_| panic!("{}", file.display()));
    YamlLoader::load_from_str(&text).unwrap().remove(0)
}

fn names() -> Vec<String> {
    let folder = fs::read_dir(paths::root().join(".github/workflows")).unwrap();
    let mut names: Vec<_> =
        folder.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn text(yaml: &Yaml, name: &str) -> String {
    yaml[name].as_str().unwrap_or_default().to_owned()
}

fn steps(workflow: &Yaml) -> Vec<Step> {
    let mut found = Vec::new();
    for (job, content) in workflow["jobs"].as_hash().unwrap() {
        for step in content["steps"].as_vec().into_iter().flatten() {
            found.push(Step {
                job: job.as_str().unwrap().to_owned(),
                run: text(step, "run"),
                uses: text(step, "uses"),
                condition: text(step, "if"),
            });
        }
    }
    found
}

/// The arguments of a verb that a step runs, with the values that its expressions have.
fn verb(run: &str, values: &[(&str, &str)]) -> Option<Vec<String>> {
    let mut line = run.strip_prefix("cargo xtask ")?.to_owned();
    for (name, value) in values {
        line = line.replace(name, value);
    }
    assert!(!line.contains(['$', '{', '"']), "{run}: a value is missing");
    Some(line.split_whitespace().map(str::to_owned).collect())
}

#[test]
fn workflows_pin_actions_ask_for_few_rights_and_run_only_this_repositorys_commands() {
    for name in names() {
        let workflow = workflow(&name);
        assert_eq!(text(&workflow["permissions"], "contents"), "read", "{name}");
        for step in steps(&workflow) {
            if let Some((action, version)) = step.uses.split_once('@') {
                assert!(action.starts_with("actions/"), "{name}: {}", step.uses);
                let is_major =
                    version.strip_prefix('v').is_some_and(|it| it.parse::<u32>().is_ok());
                assert!(is_major || version.len() == 40, "{name}: {}", step.uses);
            } else {
                let is_own = step.run == ".ci/run" || step.run.starts_with("cargo xtask ");
                assert!(is_own && !step.run.contains('\n'), "{name}: {}", step.run);
                // An input of a person is a variable of the step, and no part of its text.
                assert!(!step.run.contains("inputs."), "{name}: {}", step.run);
                let verb = step.run.strip_prefix("cargo xtask ").unwrap_or(" --env ");
                assert!(verb.contains(" --env "), "{name}: the stage is not named: {}", step.run);
            }
        }
        for (job, content) in workflow["jobs"].as_hash().unwrap() {
            let deploys = !content["environment"].is_badvalue();
            let group = text(&content["concurrency"], "group");
            assert_eq!(group.starts_with("deploy-"), deploys, "{name}: {job:?}");
            let cancels = content["concurrency"]["cancel-in-progress"].as_bool();
            assert_eq!(cancels, deploys.then_some(false), "{name}: {job:?}");
            let has_token = !content["env"]["CLOUDFLARE_API_TOKEN"].is_badvalue();
            assert_eq!(has_token, deploys, "{name}: {job:?}");
        }
    }
}

#[test]
fn production_comes_after_staging_and_staging_after_the_tests() {
    let release = workflow("release.yml");
    let jobs = &release["jobs"];
    assert_eq!(text(&jobs["test"], "uses"), "./.github/workflows/test.yml");
    assert_eq!(text(&jobs["staging"], "needs"), "test");
    assert_eq!(text(&jobs["production"], "needs"), "staging");
    for job in ["staging", "production"] {
        assert_eq!(text(&jobs[job]["environment"], "name"), job);
        let own: Vec<_> = steps(&release).into_iter().filter(|step| step.job == job).collect();
        let mut verbs = own.iter().filter(|step| !step.run.is_empty());
        assert!(verbs.clone().all(|step| step.run.contains(&format!("--env {job}"))));
        let last = verbs.next_back().unwrap();
        assert!(last.condition.starts_with("failure()") && last.run.contains(" rollback "));
        let names: BTreeSet<_> = own.iter().map(|step| step.condition.clone()).collect();
        assert_eq!(names.len(), 2, "only the rollback has a condition");
    }
}

/// All steps of a release, in their order, against the stand-in.
#[tokio::test]
async fn the_verbs_of_the_release_run_in_their_order() {
    let lab = Lab::start().await;
    let old = lab.shares(PRODUCTION).await[0].version.clone();
    let (staged, new) = (lab.version(STAGING).await, lab.version(PRODUCTION).await);
    let page = lab.page.url().to_owned();
    let mut ran = BTreeSet::new();
    for step in steps(&workflow("release.yml")) {
        let is_staging = step.job == "staging";
        let version = if is_staging { &staged } else { &new };
        let values = [("${{ steps.deploy.outputs.version }}", &**version)];
        let Some(mut arguments) = verb(&step.run, &values).filter(|_| step.condition.is_empty())
        else {
            continue;
        };
        ran.insert(format!("{} {}", step.job, arguments[0]));
        match arguments[0].as_str() {
            "deploy" if is_staging => lab.uploads("deploy", STAGING, version),
            "deploy" => lab.uploads("version-upload", PRODUCTION, version),
            // Its points are tested one by one; here it need not pass.
            "checklist" => {
                arguments.extend(["--url".to_owned(), page.clone()]);
                let words: Vec<_> = arguments.iter().map(String::as_str).collect();
                let ended = lab.run(&words).await;
                assert!(ended.out.contains("ok     worker: "), "{ended:?}");
                continue;
            }
            _ => arguments.extend(["--url", &page, "--pause", "0.05"].map(str::to_owned)),
        }
        let words: Vec<_> = arguments.iter().map(String::as_str).collect();
        let secrets = [("SESSION_KEY", KEY), ("MCP_ADMIN_KEY", KEY)];
        let mut command = lab.command(&words, &secrets);
        let running = tokio::spawn(async move { command.output().await.unwrap() });
        while !running.is_finished() {
            lab.write_requests("sitebay_mcp", &new, 60, 0);
            lab.write_requests("sitebay_mcp", &old, 60, 0);
            // Real time: between two batches of requests.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        ended(&running.await.unwrap()).good();
    }
    let expected = [
        "production checklist",
        "production deploy",
        "production release",
        "staging checklist",
        "staging deploy",
    ];
    assert_eq!(ran.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    assert_eq!(lab.shares(PRODUCTION).await, [Share::of(&new, 100.0)]);
}

/// The step of a failed release, and the workflow of its own.
#[tokio::test]
async fn the_verbs_of_a_rollback_run() {
    let lab = Lab::start().await;
    let old = lab.shares(PRODUCTION).await[0].version.clone();
    let new = lab.version(PRODUCTION).await;
    let failed = steps(&workflow("release.yml")).into_iter();
    let failed = failed.filter(|step| step.job == "production" && !step.condition.is_empty());
    let by_hand = steps(&workflow("rollback.yml")).into_iter().filter(|step| !step.run.is_empty());
    for step in failed.chain(by_hand) {
        let shares = [(&new, 10), (&old, 90)].map(|(version, percentage)| {
            serde_json::json!({ "version_id": version, "percentage": percentage })
        });
        let body = serde_json::json!({ "strategy": "percentage", "versions": shares });
        lab.api("POST", &format!("workers/scripts/{PRODUCTION}/deployments"), Some(body)).await;
        let values = [
            ("${{ steps.deploy.outputs.version }}", &*new),
            ("\"$STAGE\"", "production"),
            ("${VERSION:+--to \"$VERSION\"}", ""),
        ];
        let arguments = verb(&step.run, &values).unwrap();
        let words: Vec<_> = arguments.iter().map(String::as_str).collect();
        lab.run(&words).await.good();
        assert_eq!(lab.shares(PRODUCTION).await, [Share::of(&old, 100.0)]);
    }
}
