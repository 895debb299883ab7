//! The branches of the project.

use serde_json::{Value, json};

use crate::call::{Call, Outcome, id_of};

pub(super) async fn run(call: &Call<'_>) -> Outcome {
    let branches = call.branches().await?;
    let text =
        |branch: &Value, name: &str| branch.get(name).and_then(Value::as_str).map(str::to_owned);
    let shown: Vec<Value> = branches
        .iter()
        .map(|branch| {
            json!({
                "id": id_of(branch),
                "name": text(branch, "name").unwrap_or_default(),
                "description": text(branch, "description"),
                "created": text(branch, "created"),
                "is_default": branch.get("isDefault") == Some(&Value::Bool(true)),
            })
        })
        .collect();
    Ok(json!({ "branches": shown, "links": [call.links().project()] }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{FakeKeboola, run};

    #[test]
    fn every_branch_is_listed_with_its_id_as_text() {
        let fake = FakeKeboola::new();
        let listed = run(&fake, "keboola_list_branches", json!({}));
        assert_eq!(listed["branches"][0]["id"], "5");
        assert_eq!(listed["branches"][1]["is_default"], false);
        assert_eq!(fake.lines(), ["Get connection /v2/storage/dev-branches"]);
    }
}
