//! Incidents of all devices of a tenant: one for each rule and subject.
//!
//! ```text
//!            hold over            15 min, once
//!   held ──────────────► open ──────────────────► open
//!    │  10 devices in 2 min │
//!    ├──────────► in a group │ over: said
//!    │ over: not said        ▼
//!    └──────────────► gone ◄─┘
//! ```
//!
//! Invariant: what was said to have begun is said to be over, also during a silence; what was not, is not. Between two
//! beginnings that are said of one rule and subject is the rule's pause.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    GROUP_MS, LEAST_GROUP,
    notice::{MAX_NAMED, Notice, Word},
    rule::{Rule, Subject},
    silence::Silence,
};

/// Incidents of which the time of the last beginning is known after their end.
const MAX_RECENT: usize = 2_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    /// It is not said yet: others may belong to it.
    Held { until_ms: u64 },
    /// It was said.
    Open { said_ms: u64, is_repeated: bool },
    /// It belongs to the group of its rule.
    Grouped,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Incident {
    since_ms: u64,
    phase: Phase,
}

/// Incidents of one rule that are said as one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Group {
    since_ms: u64,
    /// The last member came then: another one within [`GROUP_MS`] belongs to it.
    joined_ms: u64,
    members: BTreeSet<Subject>,
    /// When it is said, until it was.
    until_ms: u64,
    said_ms: Option<u64>,
    /// Members at that time.
    said: BTreeSet<Subject>,
    /// Devices that ever belonged to it.
    devices: BTreeSet<String>,
}

type Id = (Rule, Subject);

/// All incidents that go on. They are stored between two looks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Incidents {
    #[serde(with = "pairs")]
    open: BTreeMap<Id, Incident>,
    #[serde(with = "pairs")]
    groups: BTreeMap<Rule, Group>,
    #[serde(with = "pairs")]
    recent: BTreeMap<Id, u64>,
    /// What is silent, and until when.
    pub silences: Vec<Silence>,
}

impl Incidents {
    /// Takes what holds for a device now, and notes what begins and what is over. Returns what is to be said at once.
    pub fn update(
        &mut self,
        device: &str,
        holds: &BTreeSet<(Rule, Option<String>)>,
        now_ms: u64,
    ) -> Vec<Notice> {
        let subject =
            |server: &Option<String>| Subject { device: device.to_owned(), server: server.clone() };
        let now: BTreeSet<Id> =
            holds.iter().map(|(rule, server)| (*rule, subject(server))).collect();
        let over = self.open.keys().filter(|id| id.1.device == device && !now.contains(id));
        let over: Vec<Id> = over.cloned().collect();
        let mut notices: Vec<Notice> = over
            .into_iter()
            .filter_map(|(rule, subject)| self.end(rule, &subject, now_ms))
            .collect();
        for (rule, subject) in now {
            self.begin(rule, subject, now_ms);
        }
        notices.extend(self.tick(now_ms));
        notices
    }

    fn begin(&mut self, rule: Rule, subject: Subject, now_ms: u64) {
        let id = (rule, subject);
        if self.open.contains_key(&id) {
            return;
        }
        let pause = self.recent.get(&id).map(|said_ms| said_ms.saturating_add(rule.repeat_ms()));
        let until_ms = now_ms.saturating_add(rule.hold_ms()).max(pause.unwrap_or_default());
        let phase = Phase::Held { until_ms };
        self.open.insert(id, Incident { since_ms: now_ms, phase });
    }

    fn end(&mut self, rule: Rule, subject: &Subject, now_ms: u64) -> Option<Notice> {
        let id = (rule, subject.clone());
        let incident = self.open.remove(&id)?;
        match incident.phase {
            Phase::Held { .. } => None,
            Phase::Open { .. } => Some(single(&id, incident.since_ms, Word::Over, now_ms)),
            Phase::Grouped => {
                let group = self.groups.get_mut(&rule)?;
                group.members.remove(subject);
                if !group.members.is_empty() {
                    return None;
                }
                let group = self.groups.remove(&rule)?;
                group.said_ms.map(|_| group.notice(rule, Word::Over, now_ms))
            }
        }
    }

    /// Says what is due: incidents that were held, groups, and repeats.
    pub fn tick(&mut self, now_ms: u64) -> Vec<Notice> {
        self.silences.retain(|silence| now_ms < silence.until_ms);
        Rule::ALL
            .into_iter()
            .filter(|rule| rule.is_grouped())
            .for_each(|rule| self.group(rule, now_ms));
        let mut notices = Vec::new();
        for (rule, group) in &mut self.groups {
            notices.extend(group.due(*rule, now_ms));
        }
        let silences = &self.silences;
        let is_silent =
            |id: &Id| silences.iter().any(|silence| silence.covers(id.0, &id.1, now_ms));
        for (id, incident) in &mut self.open {
            let (word, is_repeated) = match incident.phase {
                Phase::Held { until_ms } if until_ms <= now_ms => (Word::Begun, false),
                Phase::Open { said_ms, is_repeated: false } if repeats(id.0, said_ms) <= now_ms => {
                    (Word::Still, true)
                }
                _ => continue,
            };
            if is_silent(id) {
                continue;
            }
            incident.phase = Phase::Open { said_ms: now_ms, is_repeated };
            notices.push(single(id, incident.since_ms, word, now_ms));
            self.recent.insert(id.clone(), now_ms);
        }
        self.forget(now_ms);
        notices
    }

    /// Makes a group of the incidents of a rule that are held, or adds them to one.
    fn group(&mut self, rule: Rule, now_ms: u64) {
        let silences = &self.silences;
        let is_silent =
            |id: &Id| silences.iter().any(|silence| silence.covers(id.0, &id.1, now_ms));
        let own = self.open.iter().filter(|(id, _)| id.0 == rule && !is_silent(id));
        let recent = own.filter(|(_, one)| now_ms.saturating_sub(one.since_ms) <= GROUP_MS);
        let recent: Vec<(Id, Incident)> = recent.map(|(id, one)| (id.clone(), *one)).collect();
        let devices: BTreeSet<&str> = recent.iter().map(|(id, _)| id.1.device.as_str()).collect();
        let joins = self
            .groups
            .get(&rule)
            .is_some_and(|group| now_ms.saturating_sub(group.joined_ms) <= GROUP_MS);
        if !joins && devices.len() < LEAST_GROUP {
            return;
        }
        let is_held = |one: &Incident| matches!(one.phase, Phase::Held { .. });
        let held: Vec<&(Id, Incident)> = recent.iter().filter(|(_, one)| is_held(one)).collect();
        let since_ms = held.iter().map(|(_, one)| one.since_ms).min();
        let Some(since_ms) = since_ms else { return };
        let group = self.groups.entry(rule).or_insert_with(|| Group {
            since_ms,
            joined_ms: now_ms,
            members: BTreeSet::new(),
            // As soon as the first of them would have been said.
            until_ms: since_ms.saturating_add(rule.hold_ms()),
            said_ms: None,
            said: BTreeSet::new(),
            devices: BTreeSet::new(),
        });
        for (id, one) in held {
            group.joined_ms = group.joined_ms.max(one.since_ms);
            group.devices.insert(id.1.device.clone());
            group.members.insert(id.1.clone());
            if let Some(incident) = self.open.get_mut(id) {
                incident.phase = Phase::Grouped;
            }
        }
    }

    fn forget(&mut self, now_ms: u64) {
        let open = &self.open;
        self.recent.retain(|id, said_ms| open.contains_key(id) || repeats(id.0, *said_ms) > now_ms);
        while self.recent.len() > MAX_RECENT {
            self.recent.pop_first();
        }
    }

    /// A device that was removed: its incidents are over.
    pub fn remove(&mut self, device: &str, now_ms: u64) -> Vec<Notice> {
        self.update(device, &BTreeSet::new(), now_ms)
    }

    /// When something is to be said next, if nothing changes.
    pub fn next_at(&self, now_ms: u64) -> Option<u64> {
        let incidents = self.open.iter().filter_map(|(id, incident)| match incident.phase {
            Phase::Held { until_ms } => Some(until_ms),
            Phase::Open { said_ms, is_repeated: false } => Some(repeats(id.0, said_ms)),
            _ => None,
        });
        let groups = self.groups.iter().filter_map(|(rule, group)| group.next_at(*rule));
        let silences = self.silences.iter().map(|silence| silence.until_ms);
        incidents.chain(groups).chain(silences).filter(|at| *at > now_ms).min()
    }

    /// What goes on, with the time of its beginning.
    pub fn open(&self) -> impl Iterator<Item = (Rule, &Subject, u64)> {
        self.open.iter().map(|(id, incident)| (id.0, &id.1, incident.since_ms))
    }
}

impl Group {
    fn due(&mut self, rule: Rule, now_ms: u64) -> Option<Notice> {
        let word = match self.said_ms {
            None if self.until_ms <= now_ms => Word::Begun,
            Some(said_ms) if repeats(rule, said_ms) <= now_ms && self.said != self.members => {
                Word::Still
            }
            _ => return None,
        };
        (self.said_ms, self.said) = (Some(now_ms), self.members.clone());
        Some(self.notice(rule, word, now_ms))
    }

    fn next_at(&self, rule: Rule) -> Option<u64> {
        let repeat = self.said_ms.filter(|_| self.said != self.members);
        let repeat = repeat.map(|said_ms| repeats(rule, said_ms));
        if self.said_ms.is_none() { Some(self.until_ms) } else { repeat }
    }

    fn notice(&self, rule: Rule, word: Word, now_ms: u64) -> Notice {
        let incident = format!("device-alert_{}_group_{}", rule.name(), self.since_ms);
        let now: BTreeSet<&str> = self.members.iter().map(|one| one.device.as_str()).collect();
        let devices = if word == Word::Over { self.devices.len() } else { now.len() };
        Notice {
            id: id_of(&incident, word, now_ms),
            incident,
            word,
            rule,
            subjects: self.members.iter().take(MAX_NAMED).cloned().collect(),
            devices: u64::try_from(devices).unwrap_or(u64::MAX),
            since_ms: self.since_ms,
            at_ms: now_ms,
        }
    }
}

fn single(id: &Id, since_ms: u64, word: Word, now_ms: u64) -> Notice {
    let (rule, subject) = id;
    let server = subject.server.as_deref().unwrap_or_default();
    let incident = format!("device-alert_{}_{}_{server}_{since_ms}", rule.name(), subject.device);
    let subjects = vec![subject.clone()];
    let id = id_of(&incident, word, now_ms);
    Notice { id, incident, word, rule: *rule, subjects, devices: 1, since_ms, at_ms: now_ms }
}

fn id_of(incident: &str, word: Word, now_ms: u64) -> String {
    match word {
        Word::Still => format!("{incident}_still_{now_ms}"),
        Word::Over => format!("{incident}_over"),
        Word::Begun | Word::Test => format!("{incident}_begun"),
    }
}

const fn repeats(rule: Rule, said_ms: u64) -> u64 {
    said_ms.saturating_add(rule.repeat_ms())
}

/// A map whose keys are no texts, as a list of pairs.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer, K: Serialize, V: Serialize>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(super) fn deserialize<'de, D, K, V>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        D: Deserializer<'de>,
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
    {
        Vec::<(K, V)>::deserialize(deserializer).map(|pairs| pairs.into_iter().collect())
    }
}

#[cfg(test)]
#[path = "incident_tests.rs"]
mod tests;
