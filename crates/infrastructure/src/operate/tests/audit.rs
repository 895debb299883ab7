//! What the audit has of the two tools.

use mcp_server::telemetry::audit::{Audit, AuditEntry};

use super::*;
use crate::{
    apply::FailureKind,
    state::{Answer, UnlockRequest},
    testing::{deployed, stage as sample},
};

/// An audit whose entries are kept.
#[derive(Default)]
struct Kept(RefCell<Vec<AuditEntry>>);

impl Audit for Kept {
    fn wants_reads(&self) -> bool {
        false
    }

    fn note(&self, entry: AuditEntry) {
        self.0.borrow_mut().push(entry);
    }
}

/// Calls, and gives the entries as `action, what it is about, effect, outcome`.
fn audited(caller: &Caller, wish: Wish, asked: &Asked) -> Vec<String> {
    let kept = Rc::new(Kept::default());
    let ctx = Context { audit: kept.clone(), ..caller.context() };
    poll_once(called(ctx, caller.world.clone(), wish, asked.clone())).unwrap().unwrap();
    let entries = kept.0.take();
    let shown = format!("{entries:?}");
    let ids: Vec<String> = caller.world.account.borrow().iter().map(|it| it.id.clone()).collect();
    assert!(!shown.contains("id-0") && ids.iter().all(|id| !shown.contains(id)), "{shown}");
    let line =
        |it: AuditEntry| format!("{}, {}, {}, {}", it.action, it.site, it.effect, it.outcome);
    entries.into_iter().map(line).collect()
}

/// Statements 22 and 26.
#[test]
fn every_step_is_in_the_audit_with_its_name_and_code_and_without_an_id() {
    let world = World::new("preview-1");
    world.upload(&sample("preview-1"));
    let world = Rc::new(world);
    world.failures.borrow_mut().insert("shop-preview-1-uploads".into(), FailureKind::Refused);
    let caller = Caller::of(&world);
    let asked = caller.agreed(Wish::Deploy, &stage("preview-1"));
    let plan_id = asked.plan_id.clone().unwrap();
    assert_eq!(
        audited(&caller, Wish::Deploy, &asked),
        [
            format!("stage.begin, {plan_id}, write, done"),
            "stage.create, preview-1/db shop-preview-1, write, done".to_owned(),
            "stage.create, preview-1/uploads shop-preview-1-uploads code 10001, write, failed"
                .to_owned(),
            "stage.create, preview-1/cache shop-preview-1-cache, write, done".to_owned(),
            "stage.create, preview-1/jobs shop-preview-1-jobs, write, done".to_owned(),
            "stage.adopt, preview-1/worker shop-preview-1, write, done".to_owned(),
            "stage.create, preview-1/onboarding shop-preview-1-onboarding, write, done".to_owned(),
        ]
    );
    let world = Rc::new(deployed(&sample("preview-1")));
    world.failures.borrow_mut().insert("shop-preview-1-onboarding".into(), FailureKind::Refused);
    let caller = Caller::of(&world);
    let asked = caller.agreed(Wish::Destroy, &stage("preview-1"));
    let lines = audited(&caller, Wish::Destroy, &asked);
    let failed = "stage.delete, preview-1/onboarding shop-preview-1-onboarding code 10001, destructive, failed";
    let blocked = "stage.delete, preview-1/worker shop-preview-1, destructive, blocked";
    assert_eq!(lines[1..3], [failed, blocked]);
    // The rest of it is a continuation.
    let asked = caller.agreed(Wish::Destroy, &stage("preview-1"));
    let lines = audited(&caller, Wish::Destroy, &asked);
    assert!(lines[0].starts_with("stage.continue, preview-1."), "{lines:?}");
    let deleted = lines.iter().filter(|line| line.ends_with(", destructive, done")).count();
    assert_eq!((lines.len(), deleted), (7, 7), "{lines:?}");
}

#[test]
fn what_is_only_looked_at_or_refused_begins_nothing_in_the_audit_and_what_is_retained_is_no_deletion()
 {
    let world = Rc::new(deployed(&sample("production")));
    let caller = Caller::of(&world);
    let preview = Asked { is_preview: true, ..stage("production") };
    let asked = caller.agreed(Wish::Destroy, &stage("production"));
    for asked in [&preview, &asked] {
        assert_eq!(audited(&caller, Wish::Destroy, asked), [""; 0], "{asked:?}");
    }
    let plan_id = asked.plan_id.clone().unwrap();
    let unlocked = world.unlock(UnlockRequest { plan_id, minutes: 15, by: "root".into() });
    assert!(matches!(unlocked, Answer::Unlocked { .. }));
    let lines = audited(&caller, Wish::Destroy, &asked);
    let retained = "stage.retain, production/db shop-production, write, done";
    assert!(lines.iter().any(|line| line == retained), "{lines:?}");
    let deleted = lines.iter().filter(|line| line.starts_with("stage.delete, ")).count();
    assert_eq!(deleted, 5, "{lines:?}");
}
