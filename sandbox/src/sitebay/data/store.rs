//! Shopify stores linked to the account.

use uuid::Uuid;

use super::sample_id;
use crate::engine::clock::{self, Time};

/// A store.
#[derive(Debug)]
pub(crate) struct Store {
    /// Its id.
    pub(crate) id: i64,
    /// Its address at Shopify.
    pub(crate) shop_url: String,
    /// Where its blog is.
    pub(crate) blog_url: Option<String>,
    /// The site that is its blog.
    pub(crate) site_id: Option<Uuid>,
    /// Whether the blog shows the shop's header.
    pub(crate) inject_header: bool,
    /// When it was linked.
    pub(crate) created_at: Time,
}

impl Store {
    /// The stores of the sample data: the first has the first site as its blog.
    pub(crate) fn samples() -> Vec<Self> {
        let store = |id: i64, name: &str, site_id: Option<Uuid>| Self {
            id,
            shop_url: format!("{name}.myshopify.com"),
            blog_url: site_id.map(|_| "/blog".to_owned()),
            site_id,
            inject_header: true,
            created_at: clock::sample(7),
        };
        vec![store(1, "my-shop", Some(sample_id(0x0517, 1))), store(2, "second-shop", None)]
    }
}
