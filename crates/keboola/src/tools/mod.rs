//! The tools: one file each.

mod add_config_row;
mod all_configs;
mod buckets;
mod component;
mod components;
mod config_view;
mod config_write;
mod configs;
mod create_config;
mod create_sql_transformation;
mod docs_query;
mod events;
mod flow_view;
mod flows;
mod hits;
mod job_view;
mod jobs;
mod list_branches;
mod lookup;
mod preview_table;
mod project_info;
mod query_data;
mod query_job;
mod rollback_config;
mod run_job;
mod search;
mod search_global;
mod search_matches;
mod stop_job;
mod tables;
mod take_back;
mod update_config;
mod update_config_row;
mod update_descriptions;
mod update_sql_transformation;
mod usage;
mod variables;
mod workspace;

use mcp_server::cold::cold;

use crate::{
    call::{Call, Outcome, ShortCircuit},
    operations::Behaviour,
};

pub(crate) use take_back::{take_back, takes_back};

/// What a call would change, in lines for the person who is asked.
pub(crate) async fn plan(call: &Call<'_>) -> Result<String, ShortCircuit> {
    match call.operation.behaviour {
        Behaviour::UpdateDescriptions => cold(update_descriptions::plan(call)).await,
        Behaviour::RunJob => cold(run_job::plan(call)).await,
        Behaviour::StopJob => cold(stop_job::plan(call)).await,
        Behaviour::UpdateConfig => cold(update_config::plan(call)).await,
        Behaviour::UpdateConfigRow => cold(update_config_row::plan(call)).await,
        Behaviour::RollbackConfig => cold(rollback_config::plan(call)).await,
        Behaviour::UpdateSqlTransformation => cold(update_sql_transformation::plan(call)).await,
        _ => Ok(String::new()),
    }
}

/// Runs a call.
pub(crate) async fn run(call: &Call<'_>) -> Outcome {
    let tool = match call.operation.behaviour {
        Behaviour::ProjectInfo => cold(project_info::run(call)),
        Behaviour::ListBranches => cold(list_branches::run(call)),
        Behaviour::DocsQuery => cold(docs_query::run(call)),
        Behaviour::Search => cold(search::run(call)),
        Behaviour::Buckets => cold(buckets::run(call)),
        Behaviour::Tables => cold(tables::run(call)),
        Behaviour::PreviewTable => cold(preview_table::run(call)),
        Behaviour::UpdateDescriptions => cold(update_descriptions::run(call)),
        Behaviour::QueryData => cold(query_data::run(call)),
        Behaviour::Jobs => cold(jobs::run(call)),
        Behaviour::RunJob => cold(run_job::run(call)),
        Behaviour::StopJob => cold(stop_job::run(call)),
        Behaviour::Events => cold(events::run(call)),
        Behaviour::Components => cold(components::run(call)),
        Behaviour::Configs => cold(configs::run(call)),
        Behaviour::Flows => cold(flows::run(call)),
        Behaviour::CreateConfig => cold(create_config::run(call)),
        Behaviour::AddConfigRow => cold(add_config_row::run(call)),
        Behaviour::UpdateConfig => cold(update_config::run(call)),
        Behaviour::UpdateConfigRow => cold(update_config_row::run(call)),
        Behaviour::RollbackConfig => cold(rollback_config::run(call)),
        Behaviour::CreateSqlTransformation => cold(create_sql_transformation::run(call)),
        Behaviour::UpdateSqlTransformation => cold(update_sql_transformation::run(call)),
    };
    tool.await
}
