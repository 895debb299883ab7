//! The initial content of a site.

use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};

use super::place::{Content, Files, Table, Tables};

/// The start of every site, made once.
pub(crate) static STOCK: LazyLock<Stock> = LazyLock::new(Stock::new);

/// The start of a site.
#[derive(Debug)]
pub(crate) struct Stock {
    /// Files and database.
    pub(crate) content: Content,
    /// The database one commit earlier.
    pub(crate) first: Arc<Tables>,
}

const FILES: &[(&str, &str)] = &[
    ("index.php", "<?php\n// Silence is golden.\n"),
    (
        "plugins/akismet/akismet.php",
        "<?php\n/*\nPlugin Name: Akismet Anti-spam\nVersion: 5.5\n*/\n",
    ),
    (
        "plugins/hello.php",
        "<?php\n/*\nPlugin Name: Hello Dolly\nVersion: 1.7.2\n*/\n\n\
         function hello_dolly() {\n    return 'Hello, Dolly';\n}\n",
    ),
    ("plugins/index.php", "<?php\n// Silence is golden.\n"),
    (
        "themes/twentytwentyfive/functions.php",
        "<?php\nadd_action( 'after_setup_theme', function () {\n    \
         add_theme_support( 'post-formats' );\n} );\n",
    ),
    (
        "themes/twentytwentyfive/style.css",
        "/*\nTheme Name: Twenty Twenty-Five\nVersion: 1.3\n*/\n\n\
         body {\n    color: #111111;\n    background: #ffffff;\n}\n",
    ),
    (
        "themes/twentytwentyfive/templates/index.html",
        "<!-- wp:query -->\n<div class=\"wp-block-query\"></div>\n<!-- /wp:query -->\n",
    ),
    ("uploads/2025/01/readme.txt", "Pictures go here.\n"),
];

impl Stock {
    fn new() -> Self {
        let files: Files =
            FILES.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        let mut first = Tables::new();
        first.insert("wp_options".to_owned(), options());
        first.insert("wp_users".to_owned(), users());
        first.insert("wp_posts".to_owned(), posts());
        let mut tables = first.clone();
        if let Some(posts) = tables.get_mut("wp_posts") {
            posts.insert("2".to_owned(), post(2, "post"));
        }
        Self {
            content: Content { files: Arc::new(files), tables: Arc::new(tables) },
            first: Arc::new(first),
        }
    }
}

fn options() -> Table {
    let options = [
        ("active_plugins", "[\"hello.php\"]"),
        ("admin_email", "jane@example.com"),
        ("blogdescription", "Just another WordPress site"),
        ("permalink_structure", "/%postname%/"),
        ("posts_per_page", "10"),
        ("stylesheet", "twentytwentyfive"),
        ("timezone_string", "UTC"),
    ];
    let row = |(name, value): (&str, &str)| {
        (name.to_owned(), json!({ "option_name": name, "option_value": value }))
    };
    options.into_iter().map(row).collect()
}

fn users() -> Table {
    let user = json!({
        "ID": 1,
        "user_login": "jane",
        "user_email": "jane@example.com",
        "display_name": "Jane Smith",
        "role": "administrator",
    });
    Table::from([("1".to_owned(), user)])
}

fn posts() -> Table {
    let rows = [(1, "post"), (3, "page"), (4, "page")];
    rows.into_iter().map(|(id, kind)| (id.to_string(), post(id, kind))).collect()
}

fn post(id: u64, kind: &str) -> Value {
    json!({
        "ID": id,
        "post_type": kind,
        "post_status": "publish",
        "post_name": format!("{kind}-{id}"),
        "post_title": format!("A {kind} numbered {id}"),
        "post_content": "<p>Some text.</p>",
    })
}
