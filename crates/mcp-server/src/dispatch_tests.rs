use std::cell::RefCell;

use super::*;
use crate::{telemetry::audit::Audit, testing::FakePlatform};

/// An audit whose entries are kept, of calls that only read where it wants them.
#[derive(Default)]
struct Kept {
    reads: bool,
    outcomes: RefCell<Vec<&'static str>>,
}

impl Audit for Kept {
    fn wants_reads(&self) -> bool {
        self.reads
    }

    fn note(&self, entry: AuditEntry) {
        self.outcomes.borrow_mut().push(entry.outcome);
    }
}

/// What the audit and the record say of a call that is dropped after it did this.
fn dropped(
    effect: Effect,
    reads: bool,
    did: fn(&Changes),
) -> (Vec<&'static str>, Option<&'static str>) {
    let kept = Rc::new(Kept { reads, ..Kept::default() });
    let ctx = Context { audit: kept.clone(), ..FakePlatform::new([]).context() };
    let call = AuditedCall::begin(&ctx, "tool", effect, || None);
    did(&ctx.changes);
    drop(call);
    let outcome = Some(ctx.record.outcome()).filter(|outcome| !outcome.is_empty());
    (kept.outcomes.take(), outcome)
}

#[test]
fn a_call_that_is_given_up_with_work_elsewhere_does_not_say_that_nothing_goes_on() {
    assert_eq!(dropped(Effect::Write, false, |_| {}), (vec![LEFT], None));
    let left_running = dropped(Effect::Write, false, Changes::outlive_client);
    assert_eq!(left_running, (vec![LEFT_RUNNING], Some(LEFT_RUNNING)));
    assert_eq!(dropped(Effect::Write, false, Changes::begin), (vec![UNKNOWN], Some(UNKNOWN)));
}

#[test]
fn the_log_says_the_same_of_a_call_that_is_not_audited() {
    assert_eq!(dropped(Effect::Read, false, |_| {}), (vec![], None));
    assert_eq!(dropped(Effect::Read, true, |_| {}), (vec![LEFT], None));
    let left_running = dropped(Effect::Read, false, Changes::outlive_client);
    assert_eq!(left_running, (vec![], Some(LEFT_RUNNING)));
    assert_eq!(dropped(Effect::Read, false, Changes::begin), (vec![], Some(UNKNOWN)));
}
