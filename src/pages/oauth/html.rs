//! The common layout of the HTML pages.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::input_error::InputError;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem;\
color:#1d2329;background:#fff}h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}fieldset,section{border:1px \
solid #c8ced4;border-radius:6px;padding:.75rem 1rem;margin:1rem 0}label{display:block;margin:.25rem 0}\
input[type=password],select{box-sizing:border-box;width:100%;font:inherit;padding:.5rem;margin:.25rem 0}button{font:\
inherit;padding:.5rem 1rem;margin:.5rem .5rem .5rem 0;border-radius:6px;border:1px solid #5a6672;background:#fff;\
color:#1d2329}button.yes{background:#0b5cad;border-color:#0b5cad;color:#fff}.wrong{border-left:4px solid #b3261e;\
padding-left:.75rem}dt{font-weight:600}.hint{color:#49535d}@media(prefers-color-scheme:dark){body{color:#e4e7ea;background:#14181c}\
button{background:#1f252b;color:#e4e7ea}.hint{color:#a9b3bd}a{color:#7db7ff}}";

/// A page.
pub(super) fn page(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { main { h1 { (title) } (body) } }
        }
    }
}

/// A page that says why a person cannot go on.
pub(super) fn error_page(why: &str) -> Markup {
    let body = html! {
        p role="alert" { (why) }
        p { "Nothing was changed. Go back to the app you came from, and connect again." }
    };
    page("This page cannot continue", &body)
}

/// The field of a SiteBay token.
pub(super) const TOKEN: &str = "token";

/// The field for a SiteBay token.
pub(super) fn token_field(required: bool, error: Option<&InputError>) -> Markup {
    let error = InputError::at(error, TOKEN);
    html! {
        label for=(TOKEN) { "Your SiteBay API token" @if !required { " (optional: without it, the \
                                                                      app sends one itself)" } }
        input id=(TOKEN) name=(TOKEN) type="password" autocomplete="off" spellcheck="false"
            required[required] autofocus[error.is_there()] aria-invalid=[error.invalid()]
            aria-describedby=[error.described_by(Some("token-hint"))];
        (error.text())
        p.hint id="token-hint" {
            "You find it at SiteBay under Settings → API Tokens. It is kept encrypted; the app never sees it."
        }
    }
}
