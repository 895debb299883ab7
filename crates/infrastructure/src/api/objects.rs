//! One page of the objects in a bucket.

use serde_json::Value;

use super::{client::Client, error::ApiError, lists};

/// Which objects are listed.
#[derive(Debug, Clone, Copy)]
pub struct ObjectQuery<'a> {
    /// The bucket's name.
    pub bucket: &'a str,
    /// What keys begin with.
    pub prefix: &'a str,
    /// The character up to which keys are grouped.
    pub delimiter: Option<&'a str>,
    /// At most so many.
    pub limit: u64,
    /// Where the page before ended.
    pub cursor: Option<&'a str>,
}

/// A page.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectPage {
    /// The objects as Cloudflare shows them.
    pub objects: Vec<Value>,
    /// The parts of keys up to the delimiter.
    pub prefixes: Vec<String>,
    /// Where it goes on. None: this is the end.
    pub cursor: Option<String>,
}

impl Client<'_> {
    /// Lists objects of a bucket.
    ///
    /// # Errors
    /// Why they cannot be had.
    pub async fn object_page(&self, asked: ObjectQuery<'_>) -> Result<ObjectPage, ApiError> {
        let path = self.account("r2/buckets")?.part(asked.bucket).then("objects");
        let mut query = vec![("per_page", asked.limit.to_string())];
        if !asked.prefix.is_empty() {
            query.push(("prefix", asked.prefix.to_owned()));
        }
        query.extend(asked.delimiter.map(|delimiter| ("delimiter", delimiter.to_owned())));
        query.extend(asked.cursor.map(|cursor| ("cursor", cursor.to_owned())));
        let envelope = self.get(&path, &query).await?;
        let Value::Array(objects) = envelope.result else {
            return Err(ApiError::Incomplete("objects"));
        };
        let cursor = lists::cursor(&envelope.info, "objects")?;
        if cursor.is_some() && cursor.as_deref() == asked.cursor {
            return Err(ApiError::Endless("objects"));
        }
        let prefixes = envelope.info.get("delimited").and_then(Value::as_array);
        let prefixes = prefixes.into_iter().flatten().filter_map(Value::as_str);
        Ok(ObjectPage { objects, prefixes: prefixes.map(str::to_owned).collect(), cursor })
    }
}
