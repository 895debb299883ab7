//! Descriptions of buckets, tables and columns. The columns of a table are described together.
//!
//! Invariant: a call in a development branch changes what that branch has of its own, never main's.

use mcp_platform::Method;
use mcp_server::execution::Begun;
use serde_json::{Map, Value, json};

use super::{buckets, tables};
use crate::{
    api::{Path, Service},
    call::{Call, Outcome, POSSIBLE, ShortCircuit, all, failed, id_of, sentence},
    configuration::{ids::ItemId, printable::foreign},
    metadata::{self, DESCRIPTION},
    moment,
};

/// One thing to describe.
struct Update {
    id: ItemId,
    given: String,
    description: String,
}

/// The updates whose ids can be read, and the results of the others.
fn updates(call: &Call<'_>) -> (Vec<Update>, Vec<Value>) {
    let (mut readable, mut wrong) = (Vec::<Update>::new(), Vec::new());
    for item in call.get("updates").and_then(Value::as_array).into_iter().flatten() {
        let text =
            |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (given, description) = (text("item_id"), text("description"));
        match ItemId::parse(&given) {
            Ok(id) => {
                // The last one counts.
                readable.retain(|known| known.id != id);
                readable.push(Update { id, given, description });
            }
            Err(why) => wrong.push(result(&given, None, Some(&why.to_string()))),
        }
    }
    (readable, wrong)
}

fn result(id: &str, timestamp: Option<&str>, error: Option<&str>) -> Value {
    json!({"item_id": id, "success": error.is_none(), "error": error, "timestamp": timestamp.map(moment::iso)})
}

/// The bucket or table of an item as the API has it.
struct Target {
    record: Value,
    path: Path,
}

/// Where the description of an item is written, or why it is not.
async fn target(call: &Call<'_>, id: &ItemId) -> Result<Target, String> {
    let found = match id {
        ItemId::Bucket { bucket } => buckets::find(call, bucket)
            .await
            .map(|found| found.map(|found| (found.is_of(call), found.path(), found.bucket))),
        ItemId::Table { table } | ItemId::Column { table, .. } => tables::find(call, table)
            .await
            .map(|found| found.map(|found| (found.is_of(call), found.path(), found.record))),
    };
    match found {
        Ok(Some((true, path, record))) => Ok(Target { record, path }),
        Ok(Some((false, ..))) => {
            Err("Only the main branch has it, and a call in a development branch \
             changes nothing there."
                .to_owned())
        }
        Ok(None) => Err("There is none of this id.".to_owned()),
        Err(error) => Err(sentence(&error)),
    }
}

/// The present and the new descriptions.
pub(super) async fn plan(call: &Call<'_>) -> Result<String, ShortCircuit> {
    let (updates, _) = updates(call);
    if updates.is_empty() {
        return failed("Nothing was changed: none of the item ids can be read.");
    }
    let shown: Vec<&Update> = updates.iter().take(20).collect();
    let lines = all(shown, async |update: &Update| Ok(line(call, update).await)).await?;
    let more = updates.len().saturating_sub(lines.len());
    let is_vain = more == 0 && lines.iter().all(Result::is_err);
    let mut lines: Vec<String> =
        lines.into_iter().map(|line| line.unwrap_or_else(|why| why)).collect();
    if is_vain {
        return failed(format!("Nothing was changed.\n{}", lines.join("\n")));
    }
    if more > 0 {
        lines.push(format!("- and {more} more"));
    }
    Ok(lines.join("\n"))
}

/// The line of an item; an error, where it is not changed.
async fn line(call: &Call<'_>, update: &Update) -> Result<String, String> {
    let given = foreign(&update.given);
    let target = target(call, &update.id).await;
    let unchanged = |why: String| format!("- {given} is not changed: {}", foreign(&why));
    let record = target.map_err(unchanged)?.record;
    let (metadata, place) = match &update.id {
        ItemId::Bucket { bucket } => (record.get("metadata"), bucket),
        ItemId::Table { table } => (record.get("metadata"), table),
        ItemId::Column { table, column } => {
            (record.get("columnMetadata").and_then(|all| all.get(column)), table)
        }
    };
    let id = id_of(&record);
    let stored = if id == *place { String::new() } else { format!(" (in {})", foreign(&id)) };
    let present = metadata::property(metadata, DESCRIPTION, None);
    let present = present.map_or_else(|| "no description".to_owned(), foreign);
    Ok(format!("- {given}{stored}: {present} → {}", foreign(&update.description)))
}

pub(super) async fn run(call: &Call<'_>) -> Outcome {
    let (updates, mut results) = updates(call);
    if !updates.is_empty() {
        let requests = requests(&updates);
        let firsts = requests.iter().filter_map(|request| Some(request.first()?.id.clone()));
        let firsts: Vec<ItemId> = firsts.collect();
        let targets = all(firsts, async |id: ItemId| Ok(target(call, &id).await)).await?;
        call.client.start_over();
        let begun = call.ctx.begin_idempotent().await?;
        for (request, target) in requests.iter().zip(targets) {
            match target {
                Ok(target) => results.extend(sent(call, &begun, request, target.path).await),
                Err(why) => results
                    .extend(request.iter().map(|update| result(&update.given, None, Some(&why)))),
            }
        }
    }
    let successful = results.iter().filter(|result| result.get("success") == Some(&json!(true)));
    let (total, successful) = (results.len(), successful.count());
    Ok(json!({
        "results": results,
        "total_processed": total,
        "successful": successful,
        "failed": total.saturating_sub(successful),
    }))
}

/// One request for each bucket and table, and one for all columns of a table.
fn requests(updates: &[Update]) -> Vec<Vec<&Update>> {
    let mut requests: Vec<Vec<&Update>> = Vec::new();
    for update in updates {
        let same = |one: &&mut Vec<&Update>| match (one.first().map(|first| &first.id), &update.id)
        {
            (Some(ItemId::Column { table, .. }), ItemId::Column { table: own, .. }) => table == own,
            _ => false,
        };
        match requests.iter_mut().find(same) {
            Some(one) => one.push(update),
            None => requests.push(vec![update]),
        }
    }
    requests
}

async fn sent(call: &Call<'_>, begun: &Begun, updates: &[&Update], path: Path) -> Vec<Value> {
    let item = |description: &str| json!({"key": DESCRIPTION, "value": description});
    let (mut metadata, mut columns) = (Vec::new(), Map::new());
    for update in updates {
        match &update.id {
            ItemId::Bucket { .. } | ItemId::Table { .. } => {
                metadata.push(item(&update.description));
            }
            ItemId::Column { column, .. } => {
                let value =
                    json!({"key": DESCRIPTION, "value": update.description, "columnName": column});
                columns.insert(column.clone(), json!([value]));
            }
        }
    }
    let mut body = json!({"provider": "user"});
    let parts = [("metadata", json!(metadata)), ("columnsMetadata", Value::Object(columns))];
    if let Some(body) = body.as_object_mut() {
        let filled = parts.into_iter().filter(|(_, part)| *part != json!([]) && *part != json!({}));
        body.extend(filled.map(|(name, part)| (name.to_owned(), part)));
    }
    let path = path.then("metadata");
    let answer =
        call.client.change(begun, Method::Post, Service::Storage, path, &[], Some(&body)).await;
    let outcome = |update: &&Update| match &answer {
        Ok(answer) => match stamp(answer, &update.id) {
            Some(stamp) => result(&update.given, Some(stamp), None),
            None => result(&update.given, None, Some("Keboola did not confirm the description.")),
        },
        Err(error) => {
            let why = error.told("", POSSIBLE, call.look_up());
            result(&update.given, None, Some(&why))
        }
    };
    updates.iter().map(outcome).collect()
}

/// When the description was set, as the answer says.
fn stamp<'a>(answer: &'a Value, id: &ItemId) -> Option<&'a str> {
    let metadata = match id {
        ItemId::Bucket { .. } => answer,
        ItemId::Table { .. } => answer.get("metadata")?,
        ItemId::Column { column, .. } => answer.get("columnsMetadata")?.get(column)?,
    };
    let mut items = metadata.as_array()?.iter();
    let found = items.rfind(|item| item.get("key").and_then(Value::as_str) == Some(DESCRIPTION))?;
    Some(found.get("timestamp").and_then(Value::as_str).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeKeboola, fails, run};

    const TOOL: &str = "keboola_update_descriptions";
    const TABLE: &str = "Post connection /v2/storage/tables/in.c-a.t/metadata";
    const MAIN: &str = "Get connection /v2/storage/branch/default";

    /// One with the bucket `in.c-a` and its table `t`.
    fn fake() -> std::rc::Rc<FakeKeboola> {
        there(FakeKeboola::new())
    }

    fn there(fake: std::rc::Rc<FakeKeboola>) -> std::rc::Rc<FakeKeboola> {
        fake.on(&format!("{MAIN}/buckets/in.c-a"), 200, json!({"id": "in.c-a", "metadata": []}));
        let record =
            json!({"id": "in.c-a.t", "metadata": [{"key": "KBC.description", "value": "old"}]});
        fake.on(&format!("{MAIN}/tables/in.c-a.t"), 200, record);
        fake
    }

    fn writes(fake: &FakeKeboola) -> Vec<String> {
        fake.lines().into_iter().filter(|line| !line.starts_with("Get ")).collect()
    }

    fn metadata() -> Value {
        json!([{"key": "KBC.description", "value": "x", "timestamp": "2026-11-20T09:00:00+0100"}])
    }

    #[test]
    fn the_columns_of_a_table_go_in_one_request() {
        let fake = fake();
        fake.on("Post connection /v2/storage/buckets/in.c-a/metadata", 201, metadata());
        fake.on(TABLE, 201, json!({"metadata": [], "columnsMetadata": {"id": metadata()}}));
        let done = run(
            &fake,
            TOOL,
            json!({"confirm": true, "updates": [
                {"item_id": "in.c-a", "description": "the bucket"},
                {"item_id": "in.c-a.t.id", "description": "the id"},
                {"item_id": "in.c-a.t.gone", "description": "nothing"},
                {"item_id": "in.c-a.t.x.y", "description": "five parts"},
            ]}),
        );
        assert_eq!((&done["total_processed"], &done["successful"]), (&json!(4), &json!(2)));
        assert_eq!(done["results"][0]["item_id"], "in.c-a.t.x.y");
        assert_eq!(done["results"][1]["timestamp"], "2026-11-20T09:00:00+01:00");
        let body = fake.body(TABLE);
        assert_eq!(body["provider"], "user");
        assert_eq!(body["columnsMetadata"]["id"][0]["columnName"], "id");
        assert!(body.get("metadata").is_none(), "{body}");
    }

    #[test]
    fn without_consent_the_person_is_shown_old_and_new() {
        let fake = fake();
        let arguments = json!({"updates": [{"item_id": "in.c-a.t", "description": "new"}]});
        let why = fails(&fake, TOOL, arguments);
        for part in
            ["\"Sales\" (58)", "Branch: main", "\"in.c-a.t\": \"old\" → \"new\"", "confirm: true"]
        {
            assert!(why.contains(part), "{part}: {why}");
        }
        assert_eq!(fake.count(TABLE), 0);
        let arguments = json!({"updates": [{"item_id": "a.b", "description": "new"}]});
        assert!(fails(&fake, TOOL, arguments).contains("none of the item ids"));
    }

    #[test]
    fn a_lost_answer_is_doubt_and_a_refusal_is_not() {
        let fake = fake();
        fake.breaks(TABLE);
        fake.on(TABLE, 403, json!({"error": "no", "code": "accessDenied"}));
        let arguments =
            json!({"confirm": true, "updates": [{"item_id": "in.c-a.t", "description": "new"}]});
        let lost = run(&fake, TOOL, arguments.clone());
        assert!(lost["results"][0]["error"].as_str().unwrap().contains("MAY"), "{lost}");
        assert_eq!(fake.count(TABLE), 1);
        let refused = run(&fake, TOOL, arguments);
        let why = refused["results"][0]["error"].as_str().unwrap();
        assert!(why.contains("403: no") && !why.contains("MAY"), "{why}");
    }

    #[test]
    fn in_a_branch_of_an_older_project_the_branchs_own_is_described_and_mains_is_not() {
        let fake = fake();
        let own = json!([{"key": "KBC.createdBy.branch.id", "value": "9"}]);
        let bucket = json!({"id": "in.c-9-a", "metadata": own});
        fake.on(&format!("{MAIN}/buckets/in.c-9-a"), 200, bucket);
        let written = "Post connection /v2/storage/buckets/in.c-9-a/metadata";
        fake.on(written, 201, metadata());
        let mut arguments = json!({"branch_id": "9", "updates": [
            {"item_id": "in.c-a", "description": "new"},
            {"item_id": "in.c-a.t", "description": "new"},
        ]});
        let why = fails(&fake, TOOL, arguments.clone());
        for part in [
            "- Branch: \"Trial\" (development branch 9)",
            "- \"in.c-a\" (in \"in.c-9-a\"): no description → \"new\"",
            "- \"in.c-a.t\" is not changed: \"Only the main branch has it",
        ] {
            assert!(why.contains(part), "{part}: {why}");
        }
        arguments["confirm"] = json!(true);
        let done = run(&fake, TOOL, arguments);
        assert_eq!(writes(&fake), [written]);
        assert_eq!((&done["successful"], &done["failed"]), (&json!(1), &json!(1)));
        let why = done["results"][1]["error"].as_str().unwrap();
        assert!(why.contains("Only the main branch has it"), "{why}");
        let arguments = json!({"branch_id": "9", "updates": [
            {"item_id": "in.c-a.t", "description": "new"},
        ]});
        assert!(fails(&fake, TOOL, arguments).starts_with("Nothing was changed."));
    }

    #[test]
    fn in_a_branch_of_storage_the_branchs_own_is_described_under_its_path() {
        let fake = there(FakeKeboola::with_project(json!({"features": ["storage-branches"]})));
        let own = "connection /v2/storage/branch/9/tables/in.c-a.t";
        fake.on(&format!("Get {own}"), 200, json!({"id": "in.c-a.t", "metadata": []}));
        let written = format!("Post {own}/metadata");
        fake.on(&written, 201, json!({"metadata": metadata(), "columnsMetadata": {}}));
        let done = run(
            &fake,
            TOOL,
            json!({"branch_id": "9", "confirm": true, "updates": [
                {"item_id": "in.c-a", "description": "new"},
                {"item_id": "in.c-a.t", "description": "new"},
            ]}),
        );
        assert_eq!(writes(&fake), [written]);
        assert_eq!((&done["successful"], &done["failed"]), (&json!(1), &json!(1)));
    }

    #[test]
    fn what_is_not_there_and_what_is_another_branchs_is_refused() {
        let fake = FakeKeboola::new();
        let other = json!([{"key": "KBC.createdBy.branch.id", "value": "10"}]);
        let bucket = json!({"id": "in.c-10-a", "metadata": other});
        fake.on(&format!("{MAIN}/buckets/in.c-10-a"), 200, bucket);
        let done = run(
            &fake,
            TOOL,
            json!({"confirm": true, "updates": [
                {"item_id": "in.c-10-a", "description": "new"},
                {"item_id": "in.c-gone", "description": "new"},
            ]}),
        );
        assert!(writes(&fake).is_empty() && done["failed"] == 2, "{done}");
    }

    #[test]
    fn a_readonly_person_changes_nothing() {
        let fake = FakeKeboola::new();
        let verify = "Get connection /v2/storage/tokens/verify";
        fake.clear(verify);
        fake.on(
            verify,
            200,
            json!({"id": "1", "owner": {"id": 58, "name": "S"}, "admin": {"role": "readonly"}}),
        );
        let arguments =
            json!({"confirm": true, "updates": [{"item_id": "in.c-a", "description": "x"}]});
        assert!(fails(&fake, TOOL, arguments).contains("readonly"));
        assert!(fake.lines().is_empty());
    }
}
