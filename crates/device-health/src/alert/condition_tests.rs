use super::*;

const T0: u64 = 1_000 * HOUR;

fn online() -> Conditions {
    let mut conditions = Conditions::default();
    conditions.note(&Fact::Connected, T0);
    conditions
}

/// Whether a rule holds, after the conditions were stored and read.
fn holds(conditions: &mut Conditions, rule: Rule, at: u64) -> bool {
    let text = serde_json::to_string(conditions).unwrap();
    *conditions = serde_json::from_str(&text).unwrap();
    conditions.evaluate(at).iter().any(|(one, _)| *one == rule)
}

#[test]
fn a_device_is_offline_after_5_minutes_and_online_after_60_s() {
    let mut device = online();
    let rule = Rule::DeviceOffline;
    assert!(!holds(&mut device, rule, T0 + 5 * M - 1));
    assert_eq!(device.next_at(T0), Some(T0 + 5 * M));
    assert!(holds(&mut device, rule, T0 + 5 * M));
    device.note(&Fact::Connected, T0 + HOUR);
    assert!(holds(&mut device, rule, T0 + HOUR + 59 * S));
    assert_eq!(device.next_at(T0 + HOUR), Some(T0 + HOUR + M));
    assert!(!holds(&mut device, rule, T0 + HOUR + M));
    // A ping that is read late counts for when it was.
    device.note(&Fact::Seen, T0 + 2 * HOUR);
    assert!(!holds(&mut device, rule, T0 + 2 * HOUR + 4 * M));
    assert!(!holds(&mut Conditions::default(), rule, T0), "it was never seen");
}

#[test]
fn a_device_that_says_that_it_leaves_is_not_missed() {
    let rule = Rule::DeviceOffline;
    let mut stopped = online();
    stopped.note(&Fact::Left { is_update: false }, T0 + M);
    assert!(!holds(&mut stopped, rule, T0 + 1_000 * HOUR));
    assert_eq!(stopped.next_at(T0 + HOUR), None);
    let mut updating = online();
    updating.note(&Fact::Left { is_update: true }, T0 + M);
    assert!(!holds(&mut updating, rule, T0 + 11 * M - 1));
    assert_eq!(updating.next_at(T0 + 6 * M), Some(T0 + 11 * M));
    assert!(holds(&mut updating, rule, T0 + 11 * M));
}

#[test]
fn a_crash_loop_is_over_after_5_minutes_ready() {
    let mut device = online();
    device.note(&Fact::Seen, T0 + HOUR);
    let at = |device: &mut Conditions, state: &str, ms: u64| {
        device.note(&Fact::State("a", state), ms);
        device.note(&Fact::Seen, ms);
        holds(device, Rule::CrashLoop, ms)
    };
    assert!(!at(&mut device, "backoff", T0));
    assert!(at(&mut device, "crash_loop", T0 + 1));
    assert!(at(&mut device, "ready", T0 + M), "the quiet probe");
    assert!(at(&mut device, "crash_loop", T0 + 2 * M));
    assert!(at(&mut device, "ready", T0 + 10 * M));
    assert!(at(&mut device, "ready", T0 + 15 * M - 1));
    assert!(!at(&mut device, "ready", T0 + 15 * M));
    assert!(at(&mut device, "crash_loop", T0 + 20 * M));
    assert!(!at(&mut device, "stopped", T0 + 21 * M), "on purpose");
}

#[test]
fn a_server_that_cannot_start_holds_as_long_as_its_state() {
    let mut device = online();
    for (state, expected) in [("unapproved", true), ("misconfigured", true), ("starting", false)] {
        device.note(&Fact::State("a", state), T0);
        assert_eq!(holds(&mut device, Rule::CannotStart, T0), expected, "{state}");
    }
    device.note(&Fact::State("a", "unapproved"), T0);
    assert!(holds(&mut device, Rule::CannotStart, T0));
    device.note(&Fact::Removed("a"), T0);
    assert!(!holds(&mut device, Rule::CannotStart, T0));
}

#[test]
fn five_restarts_in_an_hour_hold_until_an_hour_without_one() {
    let mut device = online();
    for restart in 0..5 {
        device.note(&Fact::Seen, T0 + restart * 10 * M);
        assert!(!holds(&mut device, Rule::Restarts, T0 + restart * 10 * M));
        device.note(&Fact::Restarted("a"), T0 + restart * 10 * M);
    }
    let last = T0 + 40 * M;
    assert!(holds(&mut device, Rule::Restarts, last));
    device.note(&Fact::Seen, last + HOUR);
    assert!(holds(&mut device, Rule::Restarts, last + HOUR - 1));
    assert!(!holds(&mut device, Rule::Restarts, last + HOUR));
}

#[test]
fn the_error_rate_holds_from_a_fifth_of_20_calls_until_it_is_below_5_percent() {
    let mut device = online();
    device.note(&Fact::Seen, T0 + HOUR);
    let rule = Rule::ErrorRate;
    device.note(&Fact::Calls("a", 19, 19), T0);
    assert!(!holds(&mut device, rule, T0), "too few calls");
    device.note(&Fact::Calls("a", 1, 0), T0 + M);
    assert!(holds(&mut device, rule, T0 + M));
    device.note(&Fact::Calls("a", 360, 0), T0 + 2 * M);
    assert!(holds(&mut device, rule, T0 + 2 * M), "exactly 5 %");
    device.note(&Fact::Calls("a", 1, 0), T0 + 3 * M);
    assert!(!holds(&mut device, rule, T0 + 3 * M));
    device.note(&Fact::Calls("a", 200, 200), T0 + 20 * M);
    assert!(holds(&mut device, rule, T0 + 20 * M));
    assert_eq!(device.next_at(T0 + 20 * M), Some(T0 + 21 * M));
    assert!(!holds(&mut device, rule, T0 + 31 * M), "no calls for ten minutes");
}

#[test]
fn what_is_read_from_numbers_holds_from_one_threshold_to_another() {
    let mut device = online();
    for (fact, rule, expected) in [
        (Fact::Missed("a", 2), Rule::Hang, false),
        (Fact::Missed("a", 3), Rule::Hang, true),
        (Fact::Missed("a", 1), Rule::Hang, true),
        (Fact::Missed("a", 0), Rule::Hang, false),
        (Fact::DiskFree(5.0), Rule::Disk, false),
        (Fact::DiskFree(4.9), Rule::Disk, true),
        (Fact::DiskFree(5.5), Rule::Disk, true),
        (Fact::DiskFree(6.0), Rule::Disk, false),
        (Fact::CertificateDays(8), Rule::Certificate, false),
        (Fact::CertificateDays(7), Rule::Certificate, true),
        (Fact::CertificateDays(30), Rule::Certificate, false),
        (Fact::AgentTooOld(true), Rule::AgentTooOld, true),
        (Fact::AgentTooOld(false), Rule::AgentTooOld, false),
        (Fact::Dropped(10_000), Rule::LogStorm, false),
        (Fact::Dropped(1), Rule::LogStorm, true),
        (Fact::Security, Rule::Security, true),
        (Fact::Seen, Rule::Security, true),
        (Fact::Acknowledged, Rule::Security, false),
    ] {
        device.note(&fact, T0);
        assert_eq!(holds(&mut device, rule, T0), expected, "{fact:?}");
    }
    device.note(&Fact::Seen, T0 + 11 * M);
    assert!(holds(&mut device, Rule::LogStorm, T0 + 10 * M));
    assert!(!holds(&mut device, Rule::LogStorm, T0 + 11 * M));
}

#[test]
fn while_a_device_is_offline_nothing_new_is_said_of_its_servers() {
    let mut device = online();
    device.note(&Fact::State("a", "crash_loop"), T0);
    assert!(holds(&mut device, Rule::CrashLoop, T0));
    device.note(&Fact::State("a", "ready"), T0 + 1);
    let both = device.evaluate(T0 + HOUR);
    assert_eq!(both.len(), 2, "{both:?}");
}

#[test]
fn a_device_cannot_make_its_conditions_large() {
    let mut device = online();
    for server in 0..1_000 {
        let id = server.to_string();
        for at in 0..20 {
            device.note(&Fact::Restarted(&id), T0 + at);
            device.note(&Fact::Calls(&id, 1, 1), T0 + at * M);
        }
    }
    assert_eq!(device.servers.len(), MAX_SERVERS);
    assert!(device.servers.values().all(|one| one.restarts.len() <= 5 && one.calls.0.len() <= 12));
}
