//! Shopify shops, as far as their themes go.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::place::Files;
use crate::reply::Reply;

/// The theme every shop starts with.
const FIRST: i64 = 1;

/// A shop's theme.
#[derive(Debug, Clone)]
pub(crate) struct Theme {
    /// Its name.
    pub(crate) name: String,
    /// Its files by key.
    pub(crate) assets: Files,
    main: bool,
}

impl Theme {
    fn stock() -> Self {
        let assets = [
            ("config/settings_data.json", "{\n  \"current\": \"Default\"\n}\n"),
            ("layout/theme.liquid", "<html>\n<body>{{ content_for_layout }}</body>\n</html>\n"),
            ("sections/hero.liquid", "<section class=\"hero\">\n  <h1>Welcome</h1>\n</section>\n"),
        ];
        let assets = assets.map(|(key, text)| (key.to_owned(), text.to_owned()));
        Self { name: "Dawn".to_owned(), assets: assets.into_iter().collect(), main: true }
    }

    /// The theme as Shopify shows it.
    pub(crate) fn view(&self, id: i64) -> Value {
        json!({
            "id": id,
            "name": self.name,
            "role": if self.main { "main" } else { "unpublished" },
        })
    }
}

type Themes = BTreeMap<i64, Theme>;

/// The shops somebody has changed. Every shop is connected but those whose name starts with
/// `unknown`.
#[derive(Debug, Default)]
pub(crate) struct Shops {
    changed: BTreeMap<String, Themes>,
}

impl Shops {
    /// Fails for a shop that is not connected.
    pub(crate) fn require(name: &str) -> Result<(), Reply> {
        if name.is_empty() || name.starts_with("unknown") {
            return Err(Reply::detail(404, "Shopify store not found"));
        }
        Ok(())
    }

    /// A shop's themes.
    pub(crate) fn themes(&self, shop: &str) -> Themes {
        let known = self.changed.get(key(shop)).cloned();
        known.unwrap_or_else(|| Themes::from([(FIRST, Theme::stock())]))
    }

    /// One of a shop's themes, to change it.
    pub(crate) fn theme_mut(&mut self, shop: &str, id: i64) -> Result<&mut Theme, Reply> {
        Self::require(shop)?;
        let themes = self.themes(shop);
        let themes = self.changed.entry(key(shop).to_owned()).or_insert(themes);
        themes.get_mut(&id).ok_or_else(|| Reply::detail(404, "Theme not found"))
    }

    /// Copies a theme and answers the copy's id and the copy.
    pub(crate) fn duplicate(
        &mut self,
        shop: &str,
        id: i64,
        name: String,
    ) -> Result<(i64, Theme), Reply> {
        let copy = Theme { name, main: false, ..self.theme_mut(shop, id)?.clone() };
        let themes = self.changed.entry(key(shop).to_owned()).or_default();
        let new = themes.keys().max().copied().unwrap_or_default().saturating_add(1);
        themes.insert(new, copy.clone());
        Ok((new, copy))
    }
}

/// A shop is known by its name with and without Shopify's domain.
fn key(shop: &str) -> &str {
    shop.strip_suffix(".myshopify.com").unwrap_or(shop)
}
