//! Deploys and destroys a stage.

use catalogue::CallOutcome;

use crate::call::{Call, error};

pub(super) async fn run(call: &Call<'_>) -> CallOutcome {
    let stage = call.state.stage()?;
    Err(error(format!(
        "Nothing was done: this server cannot make plans yet. Stage `{}` can be read with get_resource_status.",
        stage.name
    )))
}
