//! The ready-made sites a new site can start from.

use serde_json::{Value, json};

use super::{sample_id, user};
use crate::engine::clock;

/// A ready-made site.
#[derive(Debug)]
pub(crate) struct Template {
    number: u64,
    /// The name a new site asks for it by.
    pub(crate) name: &'static str,
    description: &'static str,
    tag: &'static str,
    plugins: &'static str,
    rating: Option<f64>,
}

/// All of them.
pub(crate) const TEMPLATES: [Template; 3] = [
    Template {
        number: 1,
        name: "corner-bakery",
        description: "A small shop with opening hours and a menu",
        tag: "shop",
        plugins: "woocommerce",
        rating: Some(4.5),
    },
    Template {
        number: 2,
        name: "plain-blog",
        description: "A blog and nothing else",
        tag: "blog",
        plugins: "",
        rating: None,
    },
    Template {
        number: 3,
        name: "studio-portfolio",
        description: "Pictures in a grid, with a contact form",
        tag: "portfolio",
        plugins: "contact-form-7",
        rating: Some(4.0),
    },
];

/// A ready-made site as the API shows it.
pub(crate) fn template(template: &Template) -> Value {
    let name = template.name;
    json!({
        "id": sample_id(0x7e3b, template.number),
        "name": name,
        "description": template.description,
        "plugins": template.plugins,
        "is_public": true,
        "tag": template.tag,
        "approved": true,
        "url": format!("https://templates.example.com/{name}.zip"),
        "readme": null,
        "created_at": clock::text(clock::sample(template.number)),
        "user_id": user::owner_id(),
        "preview_image_url": format!("https://templates.example.com/{name}.png"),
        "demo_url": format!("https://{name}.example.com"),
        "download_count": 10,
        "rating": template.rating,
        "difficulty_level": template.rating.map(|_| "beginner"),
        "industry": null,
        "color_scheme": null,
        "features": null,
        "requirements": null,
        "last_updated_at": template.rating.map(|_| clock::text(clock::sample(1_440))),
    })
}
