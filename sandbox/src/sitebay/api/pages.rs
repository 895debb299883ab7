//! A site's pages, as a browser shows them.

use serde_json::Value;

use crate::engine::json::Fields as _;
use crate::engine::reply::Reply;
use crate::sitebay::data::{Site, option, posts};

/// A page.
pub(super) struct Page {
    /// Its whole address.
    pub(super) url: String,
    /// Its title.
    pub(super) title: String,
    /// The status it came with.
    pub(super) status: u16,
    /// Its text.
    pub(super) text: String,
    heading: String,
    elements: Vec<String>,
    links: Vec<(String, String)>,
}

/// The content of every page.
const EVERYWHERE: [&str; 7] = ["html", "head", "body", "header", "main", "footer", "h1"];

impl Page {
    /// The page of a path.
    pub(super) fn at(site: &Site, path: &str) -> Self {
        let tables = site.live.tables();
        let blog = option(tables, &site.fqdn, "blogname").unwrap_or_default();
        let clean = path.split(['?', '#']).next().unwrap_or_default();
        let slug = clean.trim_matches('/');
        let mut page = Self {
            url: format!("https://{}{path}", site.fqdn),
            title: blog.clone(),
            status: 200,
            text: String::new(),
            heading: blog.clone(),
            elements: EVERYWHERE.map(str::to_owned).to_vec(),
            links: vec![("a.home".to_owned(), "/".to_owned())],
        };
        let published = ["post", "page"].map(|kind| posts(tables, kind, Some("publish")));
        let mut entries = published.iter().flatten();
        match slug {
            "" => page.front(published.first().map(Vec::as_slice).unwrap_or_default()),
            "wp-login.php" => page.form("Log In", &["#user_login", "#user_pass", "#wp-submit"]),
            _ if slug.starts_with("wp-admin") => {
                page.form("Dashboard", &["#wpadminbar", "#adminmenu", "#wpcontent"]);
            }
            _ => match entries.find(|row| row.field("post_name") == slug) {
                Some(row) => page.entry(row),
                None => {
                    page.status = 404;
                    page.heading = "Page not found".to_owned();
                }
            },
        }
        if page.heading != blog {
            page.title = format!("{} – {blog}", page.heading);
        }
        page.text = format!("{}\n{}", page.heading, page.text).trim_end().to_owned();
        page
    }

    fn front(&mut self, posts: &[&Value]) {
        let titles = posts.iter().filter_map(|row| row.field("post_title").as_str());
        self.text = titles.collect::<Vec<_>>().join("\n");
        self.elements.extend(["article", "h2", "#s", "input[name=s]"].map(str::to_owned));
        let newest = posts.first().and_then(|row| row.field("post_name").as_str());
        let links = ["a", "article a", "h2 a"].into_iter().zip(std::iter::repeat(newest));
        self.links.extend(
            links.filter_map(|(name, slug)| Some((name.to_owned(), format!("/{}/", slug?)))),
        );
    }

    fn form(&mut self, heading: &str, elements: &[&str]) {
        self.heading = heading.to_owned();
        self.elements.extend(elements.iter().map(|name| (*name).to_owned()));
        self.elements.extend(["form", "input", "button", "label"].map(str::to_owned));
    }

    fn entry(&mut self, row: &Value) {
        let field = |name: &str| row.field(name).as_str().unwrap_or_default();
        self.heading = field("post_title").to_owned();
        self.text = without_tags(field("post_content"));
        self.elements.extend(["article", "p", "#comment", "#submit"].map(str::to_owned));
    }

    /// Fails for an element that the page does not have.
    pub(super) fn require(&self, selector: &str) -> Result<(), Reply> {
        let known = self.elements.iter().chain(self.links.iter().map(|(name, _)| name));
        if known.into_iter().any(|name| name == selector) {
            return Ok(());
        }
        Err(Reply::detail(404, &format!("No element matches selector: {selector}")))
    }

    /// Where an element leads.
    pub(super) fn link(&self, selector: &str) -> Option<String> {
        let found = self.links.iter().find(|(name, _)| name == selector);
        found.map(|(_, target)| target.clone())
    }

    /// An element's text.
    pub(super) fn text_of(&self, selector: &str) -> &str {
        match selector {
            "h1" | "header" => &self.heading,
            "html" | "body" | "main" | "article" => &self.text,
            _ => "",
        }
    }
}

fn without_tags(html: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' => inside = false,
            _ if !inside => text.push(c),
            _ => {}
        }
    }
    text.trim().to_owned()
}
