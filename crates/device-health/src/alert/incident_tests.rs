use proptest::prelude::*;

use super::*;

const S: u64 = 1_000;
const M: u64 = 60 * S;

/// Incidents as they are stored between two looks, and what was said.
#[derive(Default)]
struct Tenant {
    incidents: Incidents,
    said: Vec<Notice>,
}

impl Tenant {
    fn device(&mut self, device: &str, holds: &[(Rule, Option<&str>)], now_ms: u64) -> Vec<Word> {
        let holds = holds.iter().map(|(rule, server)| (*rule, server.map(str::to_owned))).collect();
        let notices = self.incidents.update(device, &holds, now_ms);
        self.keep(notices)
    }

    fn tick(&mut self, now_ms: u64) -> Vec<Word> {
        let notices = self.incidents.tick(now_ms);
        self.keep(notices)
    }

    fn keep(&mut self, notices: Vec<Notice>) -> Vec<Word> {
        let text = serde_json::to_string(&self.incidents).unwrap();
        self.incidents = serde_json::from_str(&text).unwrap();
        let words = notices.iter().map(|notice| notice.word).collect();
        self.said.extend(notices);
        words
    }

    /// Looks at each time at which something may be due.
    fn run(&mut self, from: u64, to: u64) {
        let mut now = from;
        while let Some(next) = self.incidents.next_at(now).filter(|next| *next <= to) {
            now = next;
            self.tick(now);
        }
    }
}

const OFFLINE: &[(Rule, Option<&str>)] = &[(Rule::DeviceOffline, None)];
const LOOP: &[(Rule, Option<&str>)] = &[(Rule::CrashLoop, Some("echo"))];

/// 50 devices go away in one minute, and come back in another.
#[test]
fn statement_27_an_alert_storm_is_one_grouped_alert_and_one_recovery() {
    let mut tenant = Tenant::default();
    for device in 0..50 {
        tenant.device(&format!("d{device}"), OFFLINE, M + device * S);
    }
    tenant.run(2 * M, 9 * M);
    assert_eq!(tenant.said.len(), 1, "{:?}", tenant.said);
    let alert = tenant.said[0].clone();
    assert_eq!((alert.word, alert.devices, alert.subjects.len()), (Word::Begun, 50, 50));
    for device in 0..50 {
        tenant.run(9 * M, 9 * M + device * S);
        tenant.device(&format!("d{device}"), &[], 9 * M + device * S);
    }
    tenant.run(10 * M, 100 * M);
    assert_eq!(tenant.said.len(), 2, "{:?}", tenant.said);
    let recovery = &tenant.said[1];
    assert_eq!((recovery.word, recovery.devices), (Word::Over, 50));
    assert_eq!(recovery.incident, alert.incident);
    assert_eq!(tenant.incidents.open().count(), 0);
}

#[test]
fn nine_devices_are_nine_alerts_and_ten_are_one() {
    for (devices, alerts) in [(9, 9), (10, 1)] {
        let mut tenant = Tenant::default();
        (0..devices).for_each(|device| drop(tenant.device(&format!("d{device}"), OFFLINE, 0)));
        tenant.run(0, 10 * M);
        assert_eq!(tenant.said.len(), alerts);
    }
    // Ten servers of one device are no ten devices.
    let servers: Vec<String> = (0..10).map(|server| server.to_string()).collect();
    let holds: Vec<_> = servers.iter().map(|id| (Rule::CrashLoop, Some(id.as_str()))).collect();
    let mut tenant = Tenant::default();
    tenant.device("d", &holds, 0);
    tenant.run(0, M);
    assert_eq!(tenant.said.len(), 10);
}

#[test]
fn a_group_that_changes_is_said_again_after_15_minutes_and_then_on_change_only() {
    let mut tenant = Tenant::default();
    (0..12).for_each(|device| drop(tenant.device(&format!("d{device}"), OFFLINE, 0)));
    tenant.run(0, 2 * M);
    tenant.device("d0", &[], 3 * M);
    tenant.run(3 * M, 16 * M);
    assert_eq!(tenant.said.len(), 1);
    tenant.run(16 * M, 300 * M);
    let words: Vec<_> = tenant.said.iter().map(|one| (one.word, one.devices)).collect();
    assert_eq!(words, [(Word::Begun, 12), (Word::Still, 11)]);
    // A device that goes away an hour later is an incident of its own.
    tenant.device("late", OFFLINE, 400 * M);
    tenant.run(400 * M, 403 * M);
    assert_eq!(tenant.said.last().unwrap().subjects, [Subject::device("late")]);
}

#[test]
fn a_second_storm_joins_a_group_of_which_one_device_is_left() {
    let mut tenant = Tenant::default();
    (0..12).for_each(|device| drop(tenant.device(&format!("d{device}"), OFFLINE, 0)));
    tenant.run(0, 2 * M);
    (1..12).for_each(|device| drop(tenant.device(&format!("d{device}"), &[], 3 * M)));
    tenant.run(3 * M, 100 * M);
    let before = tenant.said.len();
    (20..40).for_each(|device| drop(tenant.device(&format!("d{device}"), OFFLINE, 200 * M)));
    tenant.run(200 * M, 300 * M);
    let said: Vec<_> = tenant.said[before..].iter().map(|one| (one.word, one.devices)).collect();
    assert!(said.iter().all(|one| one.0 == Word::Still) && said.len() <= 2, "{said:?}");
    assert_eq!(said.last().unwrap().1, 21);
}

/// Statement 4: a crash loop is said within 10 s.
#[test]
fn an_incident_is_said_after_its_hold_repeated_once_and_said_to_be_over() {
    let mut tenant = Tenant::default();
    assert!(tenant.device("d", LOOP, 0).is_empty());
    assert_eq!(tenant.incidents.next_at(0), Some(5 * S));
    tenant.run(0, 10 * 60 * M);
    assert_eq!(tenant.device("d", &[], 11 * 60 * M), [Word::Over]);
    let said: Vec<_> = tenant.said.iter().map(|one| (one.word, one.at_ms, one.since_ms)).collect();
    let (begun, still) = ((Word::Begun, 5 * S, 0), (Word::Still, 15 * M + 5 * S, 0));
    assert_eq!(said, [begun, still, (Word::Over, 660 * M, 0)]);
    assert_eq!(tenant.said[0].id, "device-alert_crash-loop_d_echo_0_begun");
    assert_eq!(tenant.said[2].id, "device-alert_crash-loop_d_echo_0_over");
    assert!(tenant.said[2].text().starts_with("d/echo: over since"), "{}", tenant.said[2].text());
}

#[test]
fn what_flaps_is_said_once_in_15_minutes_and_what_is_short_not_at_all() {
    let mut tenant = Tenant::default();
    for minute in 0..30 {
        tenant.device("d", LOOP, minute * M);
        tenant.run(minute * M, minute * M + 30 * S);
        tenant.device("d", &[], minute * M + 30 * S);
    }
    let begun = tenant.said.iter().filter(|one| one.word == Word::Begun).count();
    let over = tenant.said.iter().filter(|one| one.word == Word::Over).count();
    assert_eq!((begun, over), (2, 2));
    let mut short = Tenant::default();
    short.device("d", LOOP, 0);
    assert!(short.device("d", &[], 4 * S).is_empty());
    short.run(0, 100 * M);
    assert!(short.said.is_empty());
}

#[test]
fn what_concerns_the_security_is_said_at_once_each_by_itself_also_in_a_silence() {
    let mut tenant = Tenant::default();
    let silence = Silence {
        rule: None,
        device: None,
        server: None,
        until_ms: 1_000 * M,
        with_security: false,
    };
    tenant.incidents.silences.push(silence);
    for device in 0..20 {
        let holds = [(Rule::Security, None), (Rule::Disk, None)];
        assert_eq!(tenant.device(&format!("d{device}"), &holds, 5), [Word::Begun]);
    }
    assert_eq!(tenant.said.len(), 20);
}

#[test]
fn a_silence_ends_and_what_goes_on_is_said_then() {
    let silence = |until_ms| Silence {
        rule: Some(Rule::CrashLoop),
        device: Some("d".to_owned()),
        server: None,
        until_ms,
        with_security: false,
    };
    let mut tenant = Tenant::default();
    tenant.incidents.silences.push(silence(60 * M));
    tenant.device("d", LOOP, 0);
    tenant.device("e", LOOP, 0);
    tenant.run(0, 10 * M);
    assert_eq!(tenant.said.len(), 1);
    tenant.run(10 * M, 61 * M);
    let last = tenant.said.last().unwrap();
    assert_eq!((last.word, last.at_ms, last.since_ms), (Word::Begun, 60 * M, 0));
    // Recovery is said also in a silence.
    tenant.incidents.silences.push(silence(200 * M));
    assert_eq!(tenant.device("d", &[], 100 * M), [Word::Over]);
    assert_eq!(tenant.incidents.remove("e", 101 * M).len(), 1);
}

proptest! {
    #[test]
    fn of_every_beginning_that_is_said_the_end_is_said_once(
        steps in proptest::collection::vec((0_u64..14, any::<bool>(), 0_usize..3, 0_u64..200), 1..120),
    ) {
        let rules = [Rule::DeviceOffline, Rule::Disk, Rule::Security];
        let (mut tenant, mut now) = (Tenant::default(), 0);
        for (device, holds, rule, pause) in steps {
            let before = now;
            now += pause * S;
            tenant.run(before, now);
            let one = [(rules[rule], None)];
            tenant.device(&device.to_string(), if holds { &one } else { &[] }, now);
        }
        for device in 0..14 {
            tenant.device(&device.to_string(), &[], now + M);
        }
        prop_assert_eq!(tenant.incidents.open().count(), 0);
        prop_assert!(tenant.incidents.groups.is_empty());
        let of = |word: Word| {
            let mut ids: Vec<_> = tenant.said.iter().filter(|one| one.word == word).map(|one| one.incident.clone()).collect();
            ids.sort_unstable();
            ids
        };
        prop_assert_eq!(of(Word::Begun), of(Word::Over));
        let mut unique: Vec<_> = tenant.said.iter().map(|one| one.id.as_str()).collect();
        unique.sort_unstable();
        let all = unique.len();
        unique.dedup();
        prop_assert_eq!(unique.len(), all, "no id twice");
    }
}
