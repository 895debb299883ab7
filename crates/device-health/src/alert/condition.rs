//! Which rules hold for a device, by what is reported of it.
//!
//! Invariant: a condition is entered at its threshold and left at another, later one, so that a value on the edge does not
//! raise an alert again and again. It is a pure function of the facts and the time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::rule::Rule;

const S: u64 = 1_000;
const M: u64 = 60 * S;
const HOUR: u64 = 60 * M;
/// How long a device is not heard of before it is offline.
const OFFLINE_MS: u64 = 5 * M;
/// How long it is back before it is online.
const ONLINE_MS: u64 = 60 * S;
/// How long an update of the agent may take.
const UPDATE_MS: u64 = 10 * M;
/// How long a server is ready before its crash loop is over.
const STABLE_MS: u64 = 5 * M;
const RESTARTS: usize = 5;
const WINDOW_MS: u64 = 10 * M;
const LEAST_CALLS: u64 = 20;
const HANG_MISSES: u32 = 3;
const DROPPED_LINES: u64 = 10_000;
/// Servers of a device for which conditions are kept.
const MAX_SERVERS: usize = 64;

/// Something that is reported of a device.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact<'a> {
    /// It connected.
    Connected,
    /// It was heard of: a ping at this time, which may be past.
    Seen,
    /// It said that it leaves. None: not for an update, so for as long as it likes.
    Left {
        /// Whether it leaves for an update.
        is_update: bool,
    },
    /// A server is in this state.
    State(&'a str, &'a str),
    /// A server was restarted, and not on request.
    Restarted(&'a str),
    /// Calls of a server that ended, and how many of them failed.
    Calls(&'a str, u64, u64),
    /// A server did not answer so many checks in a row; 0: it answered.
    Missed(&'a str, u32),
    /// Lines of the device's logs were dropped.
    Dropped(u64),
    /// The share of the disk that is free, in percent.
    DiskFree(f64),
    /// Whether the agent is older than this Worker supports.
    AgentTooOld(bool),
    /// Days until the certificate ends.
    CertificateDays(u32),
    /// Two machines have one identity, a command was refused, or a definition was changed on the device.
    Security,
    /// A person saw what concerns the security.
    Acknowledged,
    /// A server is not defined any more.
    Removed(&'a str),
}

/// Counts by time, of the last minutes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct Window(VecDeque<(u64, u64, u64)>);

impl Window {
    /// Adds to the minute; there are no more entries than minutes.
    fn add(&mut self, now_ms: u64, one: u64, other: u64) {
        let minute = now_ms.saturating_sub(now_ms % M);
        match self.0.back_mut().filter(|last| last.0 == minute) {
            Some(last) => {
                (last.1, last.2) = (last.1.saturating_add(one), last.2.saturating_add(other));
            }
            None => self.0.push_back((minute, one, other)),
        }
        self.sum(now_ms);
    }

    /// What is not older than the window.
    fn sum(&mut self, now_ms: u64) -> (u64, u64) {
        let begin = now_ms.saturating_sub(WINDOW_MS);
        self.0.retain(|(minute, ..)| minute.saturating_add(M) > begin);
        let add = |sum: (u64, u64), (_, one, other): &(u64, u64, u64)| {
            (sum.0.saturating_add(*one), sum.1.saturating_add(*other))
        };
        self.0.iter().fold((0, 0), add)
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Server {
    state: String,
    state_since_ms: u64,
    restarts: VecDeque<u64>,
    calls: Window,
    misses: u32,
    holds: BTreeSet<Rule>,
}

/// What is known of a device, and which rules hold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Conditions {
    seen_ms: u64,
    connected_ms: Option<u64>,
    left: Option<(u64, bool)>,
    dropped: Window,
    disk_free: Option<f64>,
    is_too_old: bool,
    certificate_days: Option<u32>,
    needs_attention: bool,
    servers: BTreeMap<String, Server>,
    holds: BTreeSet<Rule>,
}

impl Conditions {
    /// Notes a fact.
    pub fn note(&mut self, fact: &Fact<'_>, now_ms: u64) {
        match *fact {
            Fact::Connected => {
                (self.connected_ms, self.left) = (Some(now_ms), None);
                self.seen_ms = self.seen_ms.max(now_ms);
            }
            Fact::Seen => self.seen_ms = self.seen_ms.max(now_ms),
            Fact::Left { is_update } => {
                (self.connected_ms, self.left) = (None, Some((now_ms, is_update)));
            }
            Fact::Dropped(lines) => self.dropped.add(now_ms, lines, 0),
            Fact::DiskFree(percent) => self.disk_free = Some(percent),
            Fact::AgentTooOld(is_too_old) => self.is_too_old = is_too_old,
            Fact::CertificateDays(days) => self.certificate_days = Some(days),
            Fact::Security => self.needs_attention = true,
            Fact::Acknowledged => self.needs_attention = false,
            Fact::Removed(server) => drop(self.servers.remove(server)),
            Fact::State(server, state) => {
                if let Some(server) = self.server(server).filter(|server| server.state != state) {
                    (server.state, server.state_since_ms) = (state.to_owned(), now_ms);
                }
            }
            Fact::Restarted(server) => {
                if let Some(server) = self.server(server) {
                    server.restarts.push_back(now_ms);
                    if server.restarts.len() > RESTARTS {
                        server.restarts.pop_front();
                    }
                }
            }
            Fact::Calls(server, calls, failed) => {
                if let Some(server) = self.server(server) {
                    server.calls.add(now_ms, calls, failed);
                }
            }
            Fact::Missed(server, misses) => {
                if let Some(server) = self.server(server) {
                    server.misses = misses;
                }
            }
        }
    }

    fn server(&mut self, id: &str) -> Option<&mut Server> {
        if self.servers.len() >= MAX_SERVERS && !self.servers.contains_key(id) {
            return None;
        }
        Some(self.servers.entry(id.to_owned()).or_default())
    }

    /// The rules that hold now, with the server. Those of servers hold on while the device is offline: nothing is known of them.
    pub fn evaluate(&mut self, now_ms: u64) -> BTreeSet<(Rule, Option<String>)> {
        let device = [
            (Rule::DeviceOffline, self.offline(now_ms)),
            (Rule::LogStorm, self.log_storm(now_ms)),
            (Rule::Disk, self.disk_free.and_then(|free| between(free < 5.0, free >= 6.0))),
            (Rule::AgentTooOld, Some(self.is_too_old)),
            (Rule::Certificate, self.certificate_days.map(|days| days <= 7)),
            (Rule::Security, Some(self.needs_attention)),
        ];
        update(&mut self.holds, device);
        let is_offline = self.holds.contains(&Rule::DeviceOffline);
        let mut all: BTreeSet<_> = self.holds.iter().map(|rule| (*rule, None)).collect();
        for (id, server) in &mut self.servers {
            if !is_offline {
                server.evaluate(now_ms);
            }
            all.extend(server.holds.iter().map(|rule| (*rule, Some(id.clone()))));
        }
        all
    }

    fn offline(&self, now_ms: u64) -> Option<bool> {
        let is_silent = now_ms.saturating_sub(self.seen_ms) >= OFFLINE_MS;
        let is_excused = self.left.is_some_and(|(left_ms, is_update)| {
            !is_update || now_ms.saturating_sub(left_ms) < UPDATE_MS
        });
        let is_back = self.connected_ms.is_some_and(|connected_ms| {
            self.seen_ms.saturating_sub(connected_ms) >= ONLINE_MS
                || now_ms.saturating_sub(connected_ms) >= ONLINE_MS
        });
        // A device that was never seen is not offline: it was enrolled and has yet to come.
        between(self.seen_ms > 0 && is_silent && !is_excused, !is_silent && is_back)
    }

    fn log_storm(&mut self, now_ms: u64) -> Option<bool> {
        let (dropped, _) = self.dropped.sum(now_ms);
        between(dropped > DROPPED_LINES, dropped == 0)
    }

    /// When a rule may begin or cease to hold though nothing is reported: the time to evaluate at.
    pub fn next_at(&self, now_ms: u64) -> Option<u64> {
        let mut times = Vec::new();
        if self.seen_ms > 0 && !self.holds.contains(&Rule::DeviceOffline) {
            let update = self.left.filter(|(_, is_update)| *is_update);
            let excused_ms = update.map(|(left_ms, _)| left_ms.saturating_add(UPDATE_MS));
            if self.left.is_none() || update.is_some() {
                let silent_ms = self.seen_ms.saturating_add(OFFLINE_MS);
                times.push(silent_ms.max(excused_ms.unwrap_or_default()));
            }
        }
        if self.holds.contains(&Rule::DeviceOffline) {
            times.extend(self.connected_ms.map(|connected| connected.saturating_add(ONLINE_MS)));
        }
        // What is counted by windows changes by the minute.
        let is_waiting = |holds: &BTreeSet<Rule>| holds.iter().any(|rule| rule.leaves_by_time());
        if is_waiting(&self.holds) || self.servers.values().any(|one| is_waiting(&one.holds)) {
            times.push(now_ms.saturating_add(M));
        }
        times.into_iter().filter(|at| *at > now_ms).min()
    }
}

impl Rule {
    const fn leaves_by_time(self) -> bool {
        matches!(self, Self::CrashLoop | Self::Restarts | Self::ErrorRate | Self::LogStorm)
    }
}

impl Server {
    fn evaluate(&mut self, now_ms: u64) {
        let is = |state: &str| self.state == state;
        let ready_ms = if is("ready") { now_ms.saturating_sub(self.state_since_ms) } else { 0 };
        let is_over = ready_ms >= STABLE_MS || is("stopped") || is("disabled");
        let recent = |ms: &&u64| now_ms.saturating_sub(**ms) < HOUR;
        let restarts = self.restarts.iter().filter(recent).count();
        let (calls, failed) = self.calls.sum(now_ms);
        let share = |percent: u64| failed.saturating_mul(100) >= calls.saturating_mul(percent);
        let rules = [
            (Rule::CrashLoop, between(is("crash_loop"), is_over)),
            (Rule::CannotStart, Some(is("misconfigured") || is("unapproved"))),
            (Rule::Restarts, between(restarts >= RESTARTS, restarts == 0)),
            (Rule::ErrorRate, between(calls >= LEAST_CALLS && share(20), calls == 0 || !share(5))),
            (Rule::Hang, between(self.misses >= HANG_MISSES, self.misses == 0)),
        ];
        update(&mut self.holds, rules);
    }
}

/// True at the one threshold, false at the other, none between them.
fn between(begins: bool, ends: bool) -> Option<bool> {
    if begins { Some(true) } else { ends.then_some(false) }
}

fn update<const N: usize>(holds: &mut BTreeSet<Rule>, rules: [(Rule, Option<bool>); N]) {
    for (rule, now) in rules {
        match now {
            Some(true) => drop(holds.insert(rule)),
            Some(false) => drop(holds.remove(&rule)),
            None => {}
        }
    }
}

#[cfg(test)]
#[path = "condition_tests.rs"]
mod tests;
