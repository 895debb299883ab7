//! Operations that the API had in another form: which form the service takes, found out by trying.
//!
//! Invariant: another form is tried only after an answer that shows that the first was not carried out.
//! The result is cached in the isolate; after an update of the service it is detected again.

use std::cell::RefCell;

use super::{explain, operations::Operation, service::SitebayService};
use crate::api::ApiError;

thread_local! {
    /// Operations whose first form is not the service's, and the form that is.
    static FOUND: RefCell<Vec<(&'static str, usize)>> = const { RefCell::new(Vec::new()) };
}

/// One form of an operation, and its place among them.
#[derive(Clone, Copy)]
pub(crate) struct Form {
    number: usize,
    /// The form.
    pub(crate) of_operation: catalogue::Form<SitebayService>,
}

/// The forms of an operation, the one that the service is known to take first.
pub(crate) fn forms(operation: &'static Operation) -> impl Iterator<Item = Form> {
    let known = FOUND.with_borrow(|found| {
        found.iter().find(|(name, _)| *name == operation.name).map_or(0, |(_, number)| *number)
    });
    let count = operation.alternatives.len().saturating_add(1);
    let form = move |number: usize| {
        let alternative = number.checked_sub(1).and_then(|at| operation.alternatives.get(at));
        Form { number, of_operation: catalogue::Form { operation, alternative } }
    };
    std::iter::once(known).chain((0..count).filter(move |number| *number != known)).map(form)
}

impl Form {
    /// Notes that the service takes this form.
    pub(crate) fn taken(&self) {
        FOUND.with_borrow_mut(|found| {
            let name = self.of_operation.operation.name;
            found.retain(|(known, _)| *known != name);
            if self.number > 0 {
                found.push((name, self.number));
            }
        });
    }

    /// Whether an error may mean that the service wants another form, and that nothing happened.
    pub(crate) fn is_refused(&self, error: &ApiError) -> bool {
        let alternatives = self.of_operation.operation.alternatives;
        let misplaced = alternatives.iter().any(|other| !other.moved.is_empty());
        let unread = matches!(error, ApiError::Refused { status: 422, .. });
        !alternatives.is_empty() && (explain::is_retired(error) || (misplaced && unread))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::run;
    use mcp_server::testing::{FakePlatform, json};

    #[test]
    fn a_route_that_is_not_there_is_asked_for_in_its_other_form_and_that_is_remembered() {
        let gone = || json(404, json!({"detail": "Not Found"}));
        let diff = || json(200, json!({"tables": []}));
        let fake = FakePlatform::new([gone(), diff(), diff()]);
        for _ in 0..2 {
            let result = run(&fake, "sitebay_dolt_diff", json!({"fqdn": "a.org"}));
            assert!(!result.is_error, "{}", result.text);
        }
        let lines = fake.lines();
        assert!(lines[0].starts_with("Get /site/a.org/database_changes/diff"), "{lines:?}");
        assert!(lines[1..].iter().all(|line| line.starts_with("Get /site/a.org/dolt/diff")));
        assert_eq!(lines.len(), 3);
    }

    #[test]
    fn a_service_that_takes_neither_form_is_told_of_the_first() {
        let fake = FakePlatform::new([
            json(404, json!({"detail": "Not Found"})),
            json(404, json!({"detail": "Not Found"})),
        ]);
        let result = run(&fake, "sitebay_dolt_diff_summary", json!({"fqdn": "a.org"}));
        assert!(result.is_error);
        assert_eq!(fake.lines().len(), 2);
        // The site is missing, not the route: no other form is tried.
        let fake = FakePlatform::new([json(404, json!({"detail": "Site not found"}))]);
        let result = run(&fake, "sitebay_dolt_diff_summary", json!({"fqdn": "b.org"}));
        assert!(result.is_error && fake.lines().len() == 1, "{}", result.text);
    }

    #[test]
    fn a_record_goes_where_the_service_wants_it() {
        let wanted = json!({"detail": [{"loc": ["query", "dns_name"], "msg": "field required"}]});
        let fake = FakePlatform::new([json(422, wanted), json(200, json!({"id": "7"}))]);
        let arguments = json!({"fqdn": "a.org", "dns_name": "www", "dns_content": "192.0.2.1",
            "dns_type": "A"});
        let result = run(&fake, "sitebay_create_dns_record", arguments);
        assert!(!result.is_error, "{}", result.text);
        assert!(fake.body(0).to_string().contains("192.0.2.1"), "{}", fake.body(0));
        assert!(fake.lines()[1].contains("dns_name=www"), "{:?}", fake.lines());
        assert!(fake.requests()[1].body.is_none());
    }
}
