//! The large results that a hub keeps: a row for each page, and one that lists them.

use std::rc::Rc;

use uuid::Uuid;
use worker::Result;

use crate::{objects::rows::Rows, platform::clock::now_s};
use mcp_platform::record::Record as _;
use mcp_server::{
    hub::{Page, StoredResult, StoredResults},
    result_store::pages,
};

/// The row that lists what is kept.
const LIST: &str = "results";
/// Seconds that a result is kept.
const KEPT_FOR: u64 = 3_600;

/// The kept results of one hub.
pub struct ResultPages {
    /// Its rows.
    pub rows: Rc<Rows>,
}

impl ResultPages {
    /// Keeps a text in pages.
    pub async fn keep(&self, id: Uuid, text: &str) -> Result<()> {
        let until = now_s().saturating_add(KEPT_FOR);
        let mut count = 0_usize;
        for page in pages(text) {
            count = count.saturating_add(1);
            self.rows.write(&key(id, count), page, until).await?;
        }
        let mut results = self.list().await?;
        let new = StoredResult { id, pages: count, bytes: text.len(), until };
        let gone = results.add(new, now_s());
        self.rows.put(LIST, &results.to_json(), until).await?;
        let keys = gone.iter().flat_map(|one| (1..=one.pages).map(|page| key(one.id, page)));
        self.rows.remove(keys.collect()).await.map(drop)
    }

    /// One of the pages.
    pub async fn page(&self, id: Uuid, page: usize) -> Result<Option<Page>> {
        let count = self.list().await?.find(id).map(|one| one.pages);
        let text = self.rows.get(&key(id, page)).await?;
        Ok(count.zip(text).map(|(pages, text)| Page { pages, text }))
    }

    async fn list(&self) -> Result<StoredResults> {
        let kept = self.rows.get(LIST).await?;
        Ok(kept.as_deref().and_then(StoredResults::from_json).unwrap_or_default())
    }
}

fn key(id: Uuid, page: usize) -> String {
    format!("result:{}:{page}", id.simple())
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_support::stored::row_of_0_1_0;

    const UNTIL: u64 = 1_800_000_000;

    #[test]
    fn rows_of_large_results_of_0_1_0_are_read() {
        let mut results = StoredResults::default();
        let id = Uuid::from_u128(7);
        results.add(StoredResult { id, pages: 2, bytes: 70_000, until: UNTIL }, 0);
        let list = row_of_0_1_0("hub-results", LIST, UNTIL);
        assert_eq!(StoredResults::from_json(&list), Some(results));
        assert_eq!(row_of_0_1_0("hub-result", &key(id, 1), UNTIL), "a page\nwith ü");
    }
}
