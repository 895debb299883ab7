//! Queries in a D1 database, with the token that reads, and why they have no rows.

use mcp_protocol::raw;
use serde_json::json;

use super::{client::Client, error::ApiError, lists::id_of_the_only};
use crate::{
    host::BindingError,
    query::{Answer, AnswerError, Statement},
};

/// Why a query has no rows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseError {
    /// The request failed; code 7500 is an error in the SQL.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The answer cannot be used.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// The database that is bound gave no answer.
    #[error(transparent)]
    Bound(#[from] BindingError),
}

impl Client<'_> {
    /// The id of the database with this name. None: there is none.
    ///
    /// # Errors
    /// Why that cannot be found out.
    pub async fn database_id(&self, name: &str) -> Result<Option<String>, ApiError> {
        let path = self.account("d1/database")?;
        let databases = self.pages(&path, "databases", &[("name", name.to_owned())]).await?;
        id_of_the_only(&databases, ("name", name), "uuid")
    }

    /// Runs a statement in the database with this id.
    ///
    /// # Errors
    /// Why there are no rows.
    pub async fn query(&self, id: &str, statement: &Statement) -> Result<Answer, DatabaseError> {
        let path = self.account("d1/database")?.part(id).then("raw");
        let body = json!({ "sql": statement.sql, "params": statement.params });
        let result = self.ask(&path, &body).await?;
        let results = raw::elements(result.get()).ok();
        let Some([only]) = results.as_deref() else {
            return Err(ApiError::Incomplete("result of one statement").into());
        };
        Ok(Answer::read(only.get(), statement.limits)?)
    }
}
