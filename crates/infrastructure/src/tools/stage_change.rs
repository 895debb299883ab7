//! Deploys and destroys a stage: from the arguments to [`operate`](crate::operate).

use catalogue::{CallOutcome, ShortCircuit};
use serde_json::Value;

use crate::{
    call::Call,
    operate::{Asked, Operate, Rest, Wish},
    operations::Behaviour,
};

pub(super) async fn run(call: &Call<'_>) -> CallOutcome {
    let (wish, asked) = asked(call);
    let (state, client) = (&call.state, call.state.client(call.ctx));
    let own = state.host.own_stage().and_then(|own| state.manifest.stage(&own).ok());
    let operate = Operate {
        ctx: call.ctx,
        manifest: state.manifest,
        cloud: &Rest(&client),
        own_worker: own.as_ref().and_then(|own| own.worker()),
        wish,
        asked: &asked,
    };
    operate.run().await.map_err(ShortCircuit::Stop)
}

/// A destroy without a word of the person's agreement only shows the plan.
fn asked(call: &Call<'_>) -> (Wish, Asked) {
    let plan_id = call.arguments.text("plan_id").map(str::to_owned);
    let confirm = call.arguments.flag("confirm");
    let (wish, is_preview) = match call.operation.behaviour {
        Behaviour::Destroy => (Wish::Destroy, !confirm && plan_id.is_none()),
        _ => (Wish::Deploy, call.arguments.flag("dryRun")),
    };
    let empty = call.arguments.get("empty").and_then(Value::as_array);
    let asked = Asked {
        stage: call.arguments.text("stage").unwrap_or_default().to_owned(),
        is_preview,
        confirm,
        plan_id,
        adopt: call.arguments.flag("adopt"),
        empty: empty
            .into_iter()
            .flatten()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect(),
    };
    (wish, asked)
}
