//! KV namespaces by their titles.

use super::{client::Client, error::ApiError, lists::id_of_the_only};

impl Client<'_> {
    /// The id of the namespace with this title. None: there is none.
    ///
    /// # Errors
    /// Why that cannot be found out.
    pub async fn namespace_id(&self, title: &str) -> Result<Option<String>, ApiError> {
        let path = self.account("storage/kv/namespaces")?;
        let namespaces = self.pages(&path, "namespaces", &[]).await?;
        id_of_the_only(&namespaces, ("title", title), "id")
    }
}
