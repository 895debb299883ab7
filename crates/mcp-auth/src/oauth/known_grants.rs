//! An isolate's cache of grants: whether they are live, and their credentials.
//!
//! Invariant: bounded, values only, and nothing is older than 30 s: that is how soon a grant that was
//! taken back ends everywhere.

use super::token::GrantHandle;
use crate::secret::Secret;

/// Grants that one isolate remembers.
const MAX_GRANTS: usize = 1_000;
/// How long a cached answer is used, in seconds.
const FRESH: u64 = 30;

struct Known {
    handle: GrantHandle,
    credential: Option<Secret>,
    asked: u64,
}

/// The cache. Times are seconds since 1970.
#[derive(Default)]
pub struct KnownGrants(Vec<Known>);

impl KnownGrants {
    /// The credential of a grant, or that it is over; None where that must be asked.
    pub fn get(&self, handle: &GrantHandle, now: u64) -> Option<Option<Secret>> {
        let known = self.0.iter().find(|known| known.handle == *handle)?;
        (now.abs_diff(known.asked) < FRESH).then(|| known.credential.clone())
    }

    /// Notes an answer. A grant that is over stays over.
    pub fn note(&mut self, handle: &GrantHandle, credential: Option<Secret>, now: u64) {
        let is_over = |known: &Known| known.credential.is_none();
        if let Some(known) = self.0.iter_mut().find(|known| known.handle == *handle) {
            if !is_over(known) {
                known.credential = credential;
            }
            known.asked = now;
            return;
        }
        let known = Known { handle: handle.clone(), credential, asked: now };
        let full = self.0.len() >= MAX_GRANTS;
        match self.0.iter_mut().min_by_key(|known| known.asked).filter(|_| full) {
            Some(oldest) => *oldest = known,
            None => self.0.push(known),
        }
    }

    /// Has a grant's object asked again.
    pub fn forget(&mut self, handle: &GrantHandle) {
        self.0.retain(|known| known.handle != *handle || known.credential.is_none());
    }

    /// Records that a grant is over, for every secret.
    pub fn note_over(&mut self, grant: &[u8; 16]) {
        for known in self.0.iter_mut().filter(|known| known.handle.grant == *grant) {
            known.credential = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handle(grant: u8) -> GrantHandle {
        GrantHandle::of([grant; 16], [9; 32])
    }

    #[test]
    fn a_grant_is_asked_for_again_after_30_s() {
        let mut known = KnownGrants::default();
        assert_eq!(known.get(&handle(1), 100), None);
        known.note(&handle(1), Some(Secret::new("t")), 100);
        assert_eq!(known.get(&handle(1), 129), Some(Some(Secret::new("t"))));
        assert_eq!(known.get(&handle(1), 130), None);
        assert_eq!(known.get(&GrantHandle::of([1; 16], [8; 32]), 100), None);
    }

    #[test]
    fn a_grant_that_is_over_stays_over() {
        let mut known = KnownGrants::default();
        known.note(&handle(1), Some(Secret::new("t")), 100);
        known.note_over(&[1; 16]);
        assert_eq!(known.get(&handle(1), 101), Some(None));
        known.note(&handle(1), Some(Secret::new("t")), 102);
        assert_eq!(known.get(&handle(1), 103), Some(None));
    }

    #[test]
    fn what_is_forgotten_is_asked_again_but_not_what_is_over() {
        let mut known = KnownGrants::default();
        known.note(&handle(1), Some(Secret::new("t")), 100);
        known.note(&handle(2), None, 100);
        known.forget(&handle(1));
        known.forget(&handle(2));
        assert_eq!((known.get(&handle(1), 101), known.get(&handle(2), 101)), (None, Some(None)));
    }

    #[test]
    fn the_oldest_makes_room() {
        let mut known = KnownGrants::default();
        for at in 0..=u16::try_from(MAX_GRANTS).unwrap() {
            let mut grant = [0; 16];
            grant[..2].copy_from_slice(&at.to_be_bytes());
            known.note(&GrantHandle::of(grant, [0; 32]), None, u64::from(at));
        }
        assert_eq!(known.0.len(), MAX_GRANTS);
        assert_eq!(known.get(&GrantHandle::of([0; 16], [0; 32]), 1), None);
    }
}
