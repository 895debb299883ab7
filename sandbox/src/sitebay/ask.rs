//! A request that has found its operation.

use uuid::Uuid;

use crate::engine::call::Call;
use crate::engine::reply::Reply;
use crate::sitebay::check::{uuid4, whole};
use crate::sitebay::form::Form;
use crate::sitebay::options::Options;

/// A request, with the parameters of its path.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    /// The request as received.
    pub(crate) call: &'a Call,
    /// The sandbox's options.
    pub(crate) options: &'a Options,
    arguments: Vec<(&'static str, String)>,
}

impl<'a> Ask<'a> {
    /// A request with the parameters of its path.
    pub(crate) fn new(
        call: &'a Call,
        options: &'a Options,
        arguments: Vec<(&'static str, String)>,
    ) -> Self {
        Self { call, options, arguments }
    }

    /// A parameter of the path; empty where the path has none of that name.
    pub(crate) fn argument(&self, name: &str) -> &str {
        let found = self.arguments.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// The site's name.
    pub(crate) fn fqdn(&self) -> &str {
        self.argument("fqdn")
    }

    /// A parameter of the path that is a UUID.
    pub(crate) fn uuid(&self, name: &str) -> Result<Uuid, Reply> {
        let mut form = Form::path(name, self.argument(name));
        let id = form.required(name, uuid4);
        form.finish()?;
        Ok(id)
    }

    /// A parameter of the path that is a whole number.
    pub(crate) fn number(&self, name: &str) -> Result<i64, Reply> {
        let mut form = Form::path(name, self.argument(name));
        let number = form.required(name, whole);
        form.finish()?;
        Ok(number)
    }

    /// The query.
    pub(crate) fn query(&self) -> Form {
        Form::query(self.call)
    }

    /// The body.
    pub(crate) fn body(&self) -> Result<Form, Reply> {
        Form::body(self.call)
    }

    /// The body, where none at all is as good as an empty object.
    pub(crate) fn body_if_any(&self) -> Result<Form, Reply> {
        if self.call.body.is_empty() { Ok(Form::empty()) } else { Form::body(self.call) }
    }
}
