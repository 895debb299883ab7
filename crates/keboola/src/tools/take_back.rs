//! Ends at Keboola what a cancelled task began there: its query. A job goes on, which only `keboola_stop_job` stops.
//!
//! Invariant: nothing else is changed, and nothing is sent to another project than that of the task.

use std::{pin::pin, time::Duration};

use futures_util::future::{Either, select};
use mcp_server::{
    context::Context, execution::Recorded, remote::KeyError, toolset::TAKE_BACK_WITHIN,
};

use super::query_job::{self, QUERY_END};
use crate::{
    api::{Client, Stack},
    call::{ShortCircuit, sentence},
    connection::{Connection, Connections},
    operations::{Behaviour, Operation},
    resumed::Resumed,
};

/// Pauses before the connection is asked for again, where it could not be had just now.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];

/// How long Keboola has to say which project another credential opens.
const CHECK_WITHIN: Duration = Duration::from_secs(6);
/// How long all of it may take: then the job is named before the server ends this.
const WITHIN: Duration = TAKE_BACK_WITHIN.saturating_sub(Duration::from_secs(1));

/// Whether a cancelled task of this tool has something to end.
pub(crate) fn takes_back(behaviour: Behaviour) -> bool {
    behaviour == Behaviour::QueryData
}

/// Cancels the query of a task. Returns what was done, or why it may go on, for the person.
pub(crate) async fn take_back(
    ctx: &Context,
    connections: &dyn Connections,
    operation: &Operation,
) -> Result<String, String> {
    let is_over = matches!(ctx.execution.recorded(QUERY_END), Recorded::Outcome(_));
    let Some(resumed) = Resumed::of(ctx, operation).filter(|_| !is_over) else {
        return Ok(String::new());
    };
    let Some(job) = resumed.query_job(ctx) else {
        return Err("A query MAY have been submitted, and may go on; it only reads.".to_owned());
    };
    let ended = pin!(end(ctx, connections, &resumed, &job));
    let out_of_time = pin!(async { ctx.platform.sleep(WITHIN).await });
    match select(ended, out_of_time).await {
        Either::Left((ended, _)) => ended,
        Either::Right(_) => {
            Err(format!("The query's job {job} may go on: it was not cancelled in time."))
        }
    }
}

async fn end(
    ctx: &Context,
    connections: &dyn Connections,
    resumed: &Resumed,
    job: &str,
) -> Result<String, String> {
    let may_go_on =
        |why: &str| format!("The query's job {job} may go on: it could not be cancelled. {why}");
    let connection = connection(ctx, connections).await.map_err(|why| may_go_on(&why))?;
    let stack = Stack::parse(&connection.stack).map_err(|why| may_go_on(&why.to_string()))?;
    let client = Client::new(ctx, stack, (connections, connection));
    client.start_over_within(CHECK_WITHIN);
    resumed.check(&client).await.map_err(|reason| match reason {
        ShortCircuit::Failed(why) => why,
        ShortCircuit::Stop(stop) => may_go_on(&stop.into_message()),
    })?;
    let cancelled = query_job::cancel(&client, job, "its task was cancelled").await;
    cancelled.map_err(|error| may_go_on(&sentence(&error)))?;
    Ok(format!("The query's job {job} was cancelled at Keboola."))
}

async fn connection(ctx: &Context, connections: &dyn Connections) -> Result<Connection, String> {
    let mut pauses = PAUSES.into_iter();
    loop {
        match connections.connection(ctx).await {
            Ok(Some(connection)) => return Ok(connection),
            Ok(None) => return Err("No Keboola project is connected any more.".to_owned()),
            Err(KeyError::Lasting(why)) => return Err(why),
            Err(KeyError::Passing(why)) => match pauses.next() {
                Some(pause) => ctx.platform.sleep(pause).await,
                None => return Err(why),
            },
        }
    }
}

#[cfg(test)]
#[path = "take_back_tests.rs"]
mod tests;
