//! Makes a checkout link; without a team it is for the default one.

use serde_json::Value;

use crate::{
    api::{Client, cut},
    call::{Call, CallOutcome, Requests as _, finished},
};
use catalogue::conform;
use mcp_protocol::content::CallToolResult;

pub(super) async fn run(call: &Call<'_>) -> CallOutcome {
    let client = call.client()?;
    let mut call = call.clone();
    if call.arguments.get("team_id").is_none() {
        let team = default_team(&call, &client).await?;
        call.arguments.set("team_id", team);
    }
    let answer = call.send(&client, &call.request(&client)?).await?;
    let given = |name: &str| call.arguments.text(name).unwrap_or_default();
    let (plan, interval, team) = (given("plan_name"), given("interval"), given("team_id"));
    let mut data = answer.json.as_object().cloned().unwrap_or_default();
    for (name, value) in [("plan_name", plan), ("interval", interval), ("team_id", team)] {
        data.insert(name.into(), value.into());
    }
    let mut warnings = Vec::new();
    conform::conform(call.operation.output, &mut data, "", &mut warnings);
    let Some(url) = data.get("url").and_then(Value::as_str) else {
        let came = cut(&answer.json.to_string(), 300);
        let text = format!("SiteBay answered without a checkout link: {came}\nTry again.");
        return Err(CallToolResult::error(text).into());
    };
    let text = format!(
        "Open this link to buy the plan {plan} (per {interval}) for team {team}:\n{url}\n\
         Nothing is charged before it is paid."
    );
    Ok(finished(data, text, warnings))
}

/// The id of the default team, or of the only one.
async fn default_team(call: &Call<'_>, client: &Client<'_>) -> Result<String, CallToolResult> {
    let url = client.address("/team", &[]).map_err(|error| call.explained(&error, false))?;
    let listing = client.list(url, None).await;
    let teams = listing.map_err(|error| call.explained(&error, false))?.items;
    let id = |team: &Value| team.get("id").and_then(Value::as_str).map(str::to_owned);
    let default = teams.iter().find(|team| team.get("is_default") == Some(&Value::Bool(true)));
    match (default.and_then(id), teams.as_slice()) {
        (Some(team), _) => Ok(team),
        (None, [only]) if id(only).is_some() => id(only).ok_or_else(|| which(&teams)),
        (None, _) => Err(which(&teams)),
    }
}

fn which(teams: &[Value]) -> CallToolResult {
    let text = |team: &Value, key: &str| {
        team.get(key).and_then(Value::as_str).unwrap_or("unknown").to_owned()
    };
    let lines: Vec<String> = teams
        .iter()
        .map(|team| format!("\n- {}: {}", text(team, "name"), text(team, "id")))
        .collect();
    let lines = if lines.is_empty() { "\nThere are no teams.".into() } else { lines.concat() };
    CallToolResult::error(format!("No team is the default one; give team_id.{lines}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::run;
    use mcp_server::testing::{FakePlatform, json};

    const TOOL: &str = "sitebay_account_create_checkout";
    const TEAM: &str = "6f1c2b1e-8f0a-4c57-9d0e-0a9b8c7d6e5f";

    #[test]
    fn a_given_team_needs_no_lookup() {
        let fake = FakePlatform::new([json(200, json!({"url": "https://pay.test/1"}))]);
        let result = run(&fake, TOOL, json!({"team_id": TEAM, "plan_name": "Business"}));
        assert_eq!(fake.lines(), ["Post /create_checkout_session"]);
        assert_eq!(
            fake.body(0),
            json!({"for_team_id": TEAM, "plan_name": "business", "interval": "month"})
        );
        assert_eq!(result.data["url"], "https://pay.test/1");
        assert_eq!(result.data["team_id"], TEAM);
    }

    #[test]
    fn the_default_team_is_taken_else_the_only_one() {
        let other = json!({"id": "t1", "name": "One", "is_default": false});
        for teams in [
            json!([other, {"id": TEAM, "name": "Two", "is_default": true}]),
            json!([{"id": TEAM, "name": "Two"}]),
        ] {
            let fake = FakePlatform::new([
                json(200, teams),
                json(200, json!({"url": "https://pay.test/1"})),
            ]);
            run(&fake, TOOL, json!({}));
            assert_eq!(fake.lines(), ["Get /team", "Post /create_checkout_session"]);
            assert_eq!(fake.body(1)["for_team_id"], TEAM);
        }
    }

    #[test]
    fn without_a_default_the_teams_are_listed() {
        let fake =
            FakePlatform::new([json(200, json!([{"id": "t1", "name": "One"}, {"id": "t2"}]))]);
        let result = run(&fake, TOOL, json!({}));
        assert!(result.is_error && result.text.contains("One: t1"), "{}", result.text);
        assert_eq!(fake.requests().len(), 1);
    }

    #[test]
    fn an_answer_without_a_link_is_an_error() {
        let fake = FakePlatform::new([json(200, json!({"id": 1}))]);
        assert!(run(&fake, TOOL, json!({"team_id": TEAM})).is_error);
    }
}
