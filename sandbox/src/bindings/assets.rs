//! Static assets: files of a folder, with `html_handling = "auto-trailing-slash"` and
//! `not_found_handling = "none"`, which are the defaults.
//!
//! Known, from the Worker that serves assets locally: which path is which file and where it is redirected, the
//! headers, 304 for an `etag` that is known, 404 without a body, 405 for what is neither GET nor HEAD.
//! Inferred: the content types, by the ends of names; the form of an `etag`.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use bytes::Bytes;

use crate::bindings::world::World;
use crate::cloudflare::digest;
use crate::engine::call::{Call, decoded};
use crate::engine::reply::Reply;

/// Files that say how to serve the others, and are not served.
const RULES: [&str; 3] = ["/_headers", "/_redirects", "/.assetsignore"];

/// The assets of one binding: path, with a slash before it, and content.
#[derive(Debug, Default)]
pub(crate) struct Site {
    files: BTreeMap<String, Bytes>,
}

/// What a path leads to.
enum Found<'a> {
    File(&'a str, &'a Bytes),
    Elsewhere(String),
}

impl Site {
    /// All files of a folder.
    pub(crate) fn of(folder: &Path) -> io::Result<Self> {
        let mut site = Self::default();
        site.add(folder, "")?;
        Ok(site)
    }

    fn add(&mut self, folder: &Path, below: &str) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let path = format!("{below}/{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                self.add(&entry.path(), &path)?;
            } else if !RULES.contains(&path.as_str()) {
                self.put(&path, fs::read(entry.path())?.into());
            }
        }
        Ok(())
    }

    /// Adds a file.
    pub(crate) fn put(&mut self, path: &str, content: Bytes) {
        self.files.insert(path.to_owned(), content);
    }

    fn file(&self, path: &str) -> Option<Found<'_>> {
        self.files.get_key_value(path).map(|(path, content)| Found::File(path, content))
    }

    /// A page has one address: `/a.html` is `/a`, and `/a/index.html` is `/a/`.
    fn find(&self, path: &str) -> Option<Found<'_>> {
        let elsewhere = |file: &str, to: &str| {
            let is_there = self.files.contains_key(file);
            is_there.then(|| Found::Elsewhere(to.to_owned()))
        };
        if let Some(folder) = path.strip_suffix("index.html").filter(|it| it.ends_with('/')) {
            return elsewhere(path, folder);
        }
        if let Some(page) = path.strip_suffix(".html") {
            return elsewhere(path, page);
        }
        if let Some(page) = path.strip_suffix('/') {
            let index = self.file(&format!("{path}index.html"));
            return index.or_else(|| elsewhere(&format!("{page}.html"), page));
        }
        let page = self.file(path).or_else(|| self.file(&format!("{path}.html")));
        page.or_else(|| elsewhere(&format!("{path}/index.html"), &format!("{path}/")))
    }
}

/// Answers a request of the binding.
pub(crate) fn answer(world: &World, name: &str, call: &Call) -> Reply {
    let path = decoded(&call.path);
    let Some(found) = world.sites.get(name).and_then(|site| site.find(&path)) else {
        return Reply::empty(404);
    };
    if !["GET", "HEAD"].contains(&call.method.as_str()) {
        return Reply::empty(405);
    }
    match found {
        Found::Elsewhere(path) => {
            let query =
                if call.query.is_empty() { String::new() } else { format!("?{}", call.query) };
            Reply::redirect(format!("{path}{query}"))
        }
        Found::File(path, content) => file(path, content, call),
    }
}

fn file(path: &str, content: &Bytes, call: &Call) -> Reply {
    let etag = format!("\"{}\"", digest(content));
    let known = call.header("if-none-match").unwrap_or_default();
    let known = known.strip_prefix("W/").unwrap_or(known) == etag;
    let reply = match known {
        true => Reply::of(304, content_type(path), Bytes::new()),
        false => Reply::of(200, content_type(path), content.clone()),
    };
    let reply = reply.with("etag", etag).with("cf-cache-status", "HIT");
    if call.header("authorization").is_some() || call.header("range").is_some() {
        return reply;
    }
    reply.with("cache-control", "public, max-age=0, must-revalidate")
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, end)| end) {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "txt" => "text/plain; charset=utf-8",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "wasm" => "application/wasm",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}
