//! What is wrong with what a person entered. It is shown beside the field that it is about, or above the form.
//!
//! Invariant: it repeats nothing of what was entered.

use std::borrow::Cow;

use maud::{Markup, html};

/// An error of the last submission of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InputError {
    /// The name of the field. Empty: it is about the form as a whole.
    field: String,
    why: Cow<'static, str>,
}

impl InputError {
    /// One of the form as a whole.
    pub(super) fn of_form(why: impl Into<Cow<'static, str>>) -> Self {
        Self { field: String::new(), why: why.into() }
    }

    /// One of a field.
    pub(super) fn of_field(field: impl Into<String>, why: impl Into<Cow<'static, str>>) -> Self {
        Self { field: field.into(), why: why.into() }
    }

    /// What stands above the form.
    pub(super) fn above(error: Option<&Self>) -> Markup {
        html! {
            @if let Some(error) = error.filter(|error| error.field.is_empty()) {
                p.wrong role="alert" { (error.why) }
            }
        }
    }

    /// What a field and its surroundings have of an error.
    pub(super) fn at<'a>(error: Option<&'a Self>, field: &'a str) -> FieldError<'a> {
        let why = error.filter(|error| error.field == field).map(|error| &*error.why);
        FieldError { field, why }
    }
}

/// The error of one field, where it has one.
pub(super) struct FieldError<'a> {
    field: &'a str,
    why: Option<&'a str>,
}

impl FieldError<'_> {
    /// Whether the field has one.
    pub(super) const fn is_there(&self) -> bool {
        self.why.is_some()
    }

    /// The value of `aria-invalid`.
    pub(super) fn invalid(&self) -> Option<&'static str> {
        self.why.map(|_| "true")
    }

    /// The value of `aria-describedby`, with what else describes the field.
    pub(super) fn described_by(&self, hint: Option<&str>) -> Option<String> {
        let error = self.why.map(|_| self.id());
        let ids: Vec<String> = error.into_iter().chain(hint.map(str::to_owned)).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }

    /// The text beside the field.
    pub(super) fn text(&self) -> Markup {
        html! {
            @if let Some(why) = self.why { p.wrong role="alert" id=(self.id()) { (why) } }
        }
    }

    fn id(&self) -> String {
        format!("{}-error", self.field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_shown_once_where_it_belongs() {
        let of_key = InputError::of_field("key", "<no>");
        assert_eq!(InputError::above(Some(&of_key)).0, "");
        let at_key = InputError::at(Some(&of_key), "key");
        let text = "<p class=\"wrong\" role=\"alert\" id=\"key-error\">&lt;no&gt;</p>";
        assert_eq!(at_key.text().0, text);
        assert_eq!(at_key.described_by(Some("hint")).as_deref(), Some("key-error hint"));
        assert_eq!((at_key.invalid(), at_key.is_there()), (Some("true"), true));
        for (error, field) in [(Some(&of_key), "stack"), (None, "key")] {
            let at = InputError::at(error, field);
            assert_eq!(
                (at.text().0.as_str(), at.described_by(None), at.invalid()),
                ("", None, None)
            );
        }
        let of_form = InputError::of_form("no");
        assert!(!InputError::at(Some(&of_form), "key").is_there());
        assert_eq!(InputError::above(Some(&of_form)).0, "<p class=\"wrong\" role=\"alert\">no</p>");
    }
}
