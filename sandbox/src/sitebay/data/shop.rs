//! Shopify shops, as far as their themes and products go.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::place::Files;
use crate::engine::json::Fields as _;
use crate::engine::reply::Reply;

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
type Products = BTreeMap<u64, Value>;

/// A shop.
#[derive(Debug, Clone)]
pub(crate) struct Shop {
    /// Its themes by id.
    pub(crate) themes: Themes,
    /// Its products by id.
    pub(crate) products: Products,
}

impl Shop {
    fn stock() -> Self {
        let product = |id: u64| {
            let fields = json!({
                "id": id,
                "title": format!("Product {id}"),
                "status": "active",
                "variants": [{ "id": id, "price": "9.50" }],
            });
            (id, fields)
        };
        Self {
            themes: Themes::from([(FIRST, Theme::stock())]),
            products: Products::from([product(1), product(2)]),
        }
    }

    /// Makes a product of the fields given.
    pub(crate) fn add_product(&mut self, given: &Value) -> Value {
        let id = self.products.keys().max().copied().unwrap_or_default().saturating_add(1);
        let mut product = json!({ "id": id, "title": "", "status": "active", "variants": [] });
        lay_over(&mut product, given);
        self.products.insert(id, product.clone());
        product
    }

    /// Changes a product's fields.
    pub(crate) fn set_product(&mut self, id: u64, given: &Value) -> Option<Value> {
        let product = self.products.get_mut(&id)?;
        lay_over(product, given);
        Some(product.clone())
    }
}

/// Sets the fields given, but for the id.
fn lay_over(product: &mut Value, given: &Value) {
    for (name, value) in given.as_object().into_iter().flatten() {
        if name != "id" {
            product.set(name, value.clone());
        }
    }
}

/// The shops that were changed. Every shop is connected but those whose name starts with
/// `unknown`.
#[derive(Debug, Default)]
pub(crate) struct Shops {
    changed: BTreeMap<String, Shop>,
}

impl Shops {
    fn require(name: &str) -> Result<(), Reply> {
        if name.is_empty() || name.starts_with("unknown") {
            return Err(Reply::detail(404, "Shopify store not found"));
        }
        Ok(())
    }

    /// A shop as it is.
    pub(crate) fn shop(&self, name: &str) -> Result<Shop, Reply> {
        Self::require(name)?;
        Ok(self.changed.get(key(name)).cloned().unwrap_or_else(Shop::stock))
    }

    /// A shop, to change it.
    pub(crate) fn shop_mut(&mut self, name: &str) -> Result<&mut Shop, Reply> {
        Self::require(name)?;
        Ok(self.changed.entry(key(name).to_owned()).or_insert_with(Shop::stock))
    }

    /// One of a shop's themes, to change it.
    pub(crate) fn theme_mut(&mut self, shop: &str, id: i64) -> Result<&mut Theme, Reply> {
        let theme = self.shop_mut(shop)?.themes.get_mut(&id);
        theme.ok_or_else(|| Reply::detail(404, "Theme not found"))
    }

    /// Copies a theme and answers the copy's id and the copy.
    pub(crate) fn duplicate(
        &mut self,
        shop: &str,
        id: i64,
        name: String,
    ) -> Result<(i64, Theme), Reply> {
        let copy = Theme { name, main: false, ..self.theme_mut(shop, id)?.clone() };
        let themes = &mut self.shop_mut(shop)?.themes;
        let new = themes.keys().max().copied().unwrap_or_default().saturating_add(1);
        themes.insert(new, copy.clone());
        Ok((new, copy))
    }
}

/// A shop is known by its name with and without Shopify's domain.
fn key(shop: &str) -> &str {
    shop.strip_suffix(".myshopify.com").unwrap_or(shop)
}
