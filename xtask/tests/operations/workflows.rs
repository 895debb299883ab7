//! The workflows of GitHub Actions: what they may say, and that each verb they call runs.

use std::{collections::BTreeSet, fs, time::Duration};

use xtask::{
    operations::{secrets::NAMES, worker::Share},
    paths,
};
use yaml_rust2::{Yaml, YamlLoader};

use crate::lab::{KEY, Lab, PRODUCTION, STAGING, ended};

/// A step of a job.
#[derive(Debug, Clone)]
struct Step {
    job: String,
    run: String,
    uses: String,
    condition: String,
    /// The names of its variables.
    variables: BTreeSet<String>,
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

fn variables(of: &Yaml) -> BTreeSet<String> {
    let variables = of["env"].as_hash().into_iter().flatten();
    variables.map(|(name, _)| name.as_str().unwrap().to_owned()).collect()
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
                variables: variables(step),
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
                let is_commit = version.bytes().all(|byte| byte.is_ascii_hexdigit());
                assert!(is_commit && version.len() == 40, "{name}: {}", step.uses);
                assert!(step.variables.is_empty(), "{name}: an action sees no secret");
            } else {
                let is_own = step.run == ".ci/run" || step.run.starts_with("cargo xtask ");
                assert!(is_own && !step.run.contains('\n'), "{name}: {}", step.run);
                // What a person or another step says is a variable of the step, and no part of its text.
                assert!(!step.run.contains("${{"), "{name}: {}", step.run);
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
            assert!(variables(content).is_empty(), "{name}: {job:?}: secrets are those of steps");
            let of_job = job.as_str().unwrap();
            let own = steps(&workflow).into_iter().filter(|step| step.job == of_job);
            for step in own.filter(|step| !step.run.is_empty()) {
                assert_eq!(
                    step.variables.contains("CLOUDFLARE_API_TOKEN"),
                    deploys,
                    "{name}: {}",
                    step.run
                );
            }
            // A run by hand may be of any branch.
            let condition = text(content, "if");
            assert_eq!(condition == "github.ref == 'refs/heads/main'", deploys, "{name}: {job:?}");
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
        // A run that is cancelled, or lasts too long, leaves no version with a part of the requests.
        assert!(last.condition.starts_with("(failure() || cancelled()) && "), "{last:?}");
        assert!(last.run.contains(" rollback "));
        let names: BTreeSet<_> = own.iter().map(|step| step.condition.clone()).collect();
        assert_eq!(names.len(), 2, "only the rollback has a condition");
    }
}

/// A secret that the step does not pass on is one that is never uploaded, without a word.
#[test]
fn the_deployments_have_the_secrets_of_the_server() {
    let own = ["CLOUDFLARE_API_TOKEN", "CLOUDFLARE_ACCOUNT_ID"].map(str::to_owned);
    let names = NAMES.iter().map(|(name, _)| (*name).to_owned());
    let wanted: BTreeSet<_> = names.filter(|name| name != "STAGE_UNLOCK_KEY").chain(own).collect();
    let deploys = steps(&workflow("release.yml")).into_iter();
    let deploys: Vec<_> = deploys.filter(|step| step.run.contains(" deploy ")).collect();
    assert_eq!(deploys.len(), 2);
    assert!(deploys.iter().all(|step| step.variables == wanted), "{deploys:#?}");
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
        let values = [("\"$VERSION\"", &**version)];
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
            ("${VERSION:+--to \"$VERSION\"}", ""),
            ("\"$STAGE\"", "production"),
            ("\"$VERSION\"", &*new),
        ];
        let arguments = verb(&step.run, &values).unwrap();
        let words: Vec<_> = arguments.iter().map(String::as_str).collect();
        lab.run(&words).await.good();
        assert_eq!(lab.shares(PRODUCTION).await, [Share::of(&old, 100.0)]);
    }
}
